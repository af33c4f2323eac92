//! The order of the spans of one trace: parents before children, siblings by start.

use std::collections::HashMap;

use picojaeger_core::SpanId;

use crate::collector::CollectedSpan;
use crate::collector::store::end_us;
use crate::model::{RefKind, Span};

/// A line of the tree: a span, or the placeholder of a parent that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// The span's place in the trace; none for a placeholder.
    pub(crate) span: Option<usize>,
    pub(crate) id: SpanId,
    /// The node above, by its place in the tree.
    pub(crate) above: Option<usize>,
    pub(crate) depth: usize,
    /// Nodes below, at any depth; they follow this one.
    pub(crate) descendants: usize,
    pub(crate) start_us: i64,
    pub(crate) end_us: i64,
    /// Whether the node above caused this one and did not wait for it.
    pub(crate) follows: bool,
    /// Whether it stands at the top because its parents form a cycle.
    pub(crate) in_cycle: bool,
}

impl Node {
    /// The span among those of the trace.
    pub(crate) fn span_of<'a>(&self, spans: &'a [CollectedSpan]) -> Option<&'a CollectedSpan> {
        spans.get(self.span?)
    }
}

/// Builds the tree. Of several spans with one id, the first takes the children. Spans of a cycle stand at the end, below
/// the first of them.
pub(crate) fn tree(spans: &[CollectedSpan]) -> Vec<Node> {
    let mut walk = Walk::of(spans);
    let tops = std::mem::take(&mut walk.tops);
    for top in tops {
        walk.descend(top, false);
    }
    for item in 0..spans.len() {
        walk.descend(item, true);
    }
    count_descendants(&mut walk.nodes);
    walk.nodes
}

/// An item of the tree. Spans are sorted by start and id, with the placeholders behind them.
struct Item {
    node: Node,
    children: Vec<usize>,
    placed: bool,
}

/// Depth-first, on a stack of its own: a hostile trace may be as deep as it is long.
struct Walk {
    items: Vec<Item>,
    tops: Vec<usize>,
    nodes: Vec<Node>,
}

impl Walk {
    fn of(spans: &[CollectedSpan]) -> Self {
        let mut order: Vec<usize> = (0..spans.len()).collect();
        let key = |&at: &usize| {
            spans
                .get(at)
                .map(|it| (it.span.start_time_us, it.span.span_id))
        };
        order.sort_by_key(key);
        let sorted = order
            .iter()
            .filter_map(|&at| Some((at, &*spans.get(at)?.span)));
        let mut walk = Self {
            items: sorted
                .clone()
                .map(|(at, span)| Item::of_span(at, span))
                .collect(),
            tops: Vec::new(),
            nodes: Vec::with_capacity(spans.len()),
        };
        let mut known = HashMap::with_capacity(spans.len());
        for (item, (_, span)) in sorted.clone().enumerate() {
            known.entry(span.span_id).or_insert(item);
        }
        for (item, (_, span)) in sorted.enumerate() {
            walk.link(item, span, &mut known);
        }
        let items = &walk.items;
        let start = |&top: &usize| items.get(top).map(|it| (it.node.start_us, it.node.id));
        walk.tops.sort_by_key(start);
        walk
    }

    /// Puts an item below its parent, or at the top. A parent that is missing gets a placeholder.
    fn link(&mut self, item: usize, span: &Span, known: &mut HashMap<SpanId, usize>) {
        let Some(parent) = span.parent() else {
            self.tops.push(item);
            return;
        };
        if parent == span.span_id {
            return;
        }
        let above = *known.entry(parent).or_insert_with(|| {
            self.tops.push(self.items.len());
            self.items.push(Item::placeholder(parent, span));
            self.items.len() - 1
        });
        if let Some(above) = self.items.get_mut(above) {
            above.add_child(item, span);
        }
    }

    fn descend(&mut self, top: usize, in_cycle: bool) {
        let mut stack = vec![(top, None, 0)];
        while let Some((item, above, depth)) = stack.pop() {
            let Some(item) = self.items.get_mut(item).filter(|item| !item.placed) else {
                continue;
            };
            item.placed = true;
            let place = self.nodes.len();
            let children = std::mem::take(&mut item.children);
            let in_cycle = in_cycle && above.is_none();
            self.nodes.push(Node {
                above,
                depth,
                in_cycle,
                ..item.node.clone()
            });
            let children = children.into_iter().rev();
            stack.extend(children.map(|child| (child, Some(place), depth + 1)));
        }
    }
}

impl Item {
    fn of_span(at: usize, span: &Span) -> Self {
        Self::new(Some(at), span.span_id, span)
    }

    /// The placeholder of a parent; it lasts as long as its children.
    fn placeholder(id: SpanId, child: &Span) -> Self {
        Self::new(None, id, child)
    }

    fn new(at: Option<usize>, id: SpanId, span: &Span) -> Self {
        Self {
            node: Node {
                span: at,
                id,
                above: None,
                depth: 0,
                descendants: 0,
                start_us: span.start_time_us,
                end_us: end_us(span),
                follows: at.is_some() && follows(span),
                in_cycle: false,
            },
            children: Vec::new(),
            placed: false,
        }
    }

    fn add_child(&mut self, child: usize, span: &Span) {
        self.children.push(child);
        if self.node.span.is_none() {
            self.node.start_us = self.node.start_us.min(span.start_time_us);
            self.node.end_us = self.node.end_us.max(end_us(span));
        }
    }
}

/// Whether a span follows from its parent, which does not depend on it.
fn follows(span: &Span) -> bool {
    let Some(parent) = span.parent() else {
        return false;
    };
    let mut found = false;
    for it in &span.references {
        if it.span_id == parent && it.trace_id == span.trace_id {
            match it.kind {
                RefKind::ChildOf => return false,
                RefKind::FollowsFrom => found = true,
            }
        }
    }
    found
}

/// From the end: each node is complete before it counts for the one above.
fn count_descendants(nodes: &mut [Node]) {
    for at in (0..nodes.len()).rev() {
        let Some((below, Some(above))) = nodes.get(at).map(|it| (it.descendants + 1, it.above))
        else {
            continue;
        };
        if let Some(above) = nodes.get_mut(above) {
            above.descendants += below;
        }
    }
}
