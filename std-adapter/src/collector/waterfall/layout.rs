//! The place of each span: depth in the tree, and bar on the time line.

use std::collections::{HashMap, HashSet};

use picojaeger_core::SpanId;

use crate::collector::CollectedSpan;

/// A span's place in the picture.
pub(super) struct PlacedSpan<'a> {
    pub(super) collected: &'a CollectedSpan,
    pub(super) depth: usize,
    pub(super) note: String,
}

/// Puts parents before children and siblings in their order. Spans without a known parent stand at
/// the top, then those of cycles.
pub(super) fn tree(spans: &[CollectedSpan]) -> Vec<PlacedSpan<'_>> {
    let mut sorted: Vec<&CollectedSpan> = spans.iter().collect();
    sorted.sort_by_key(|it| (it.span.start_time_us, it.span.span_id));
    let Links { tops, children } = Links::of(&sorted);
    let mut walk = Walk {
        placed: vec![false; sorted.len()],
        sorted,
        children,
        places: Vec::with_capacity(spans.len()),
    };
    for (at, note) in tops {
        walk.descend(at, note);
    }
    for at in 0..spans.len() {
        walk.descend(at, " (its parents form a cycle)".to_owned());
    }
    walk.places
}

/// The spans that stand at the top, each with a note, and the children of each span id.
struct Links {
    tops: Vec<(usize, String)>,
    children: HashMap<SpanId, Vec<usize>>,
}

impl Links {
    fn of(sorted: &[&CollectedSpan]) -> Self {
        let ids: HashSet<SpanId> = sorted.iter().map(|it| it.span.span_id).collect();
        let mut tops = Vec::new();
        let mut children: HashMap<SpanId, Vec<usize>> = HashMap::new();
        for (at, CollectedSpan { span, .. }) in sorted.iter().enumerate() {
            match span.parent() {
                Some(parent) if parent == span.span_id => {}
                Some(parent) if ids.contains(&parent) => {
                    children.entry(parent).or_default().push(at);
                }
                Some(parent) => tops.push((at, format!(" (parent {parent} is missing)"))),
                None => tops.push((at, String::new())),
            }
        }
        Self { tops, children }
    }
}

/// Depth-first, on a stack of its own: a hostile trace may be as deep as it is long.
struct Walk<'a> {
    sorted: Vec<&'a CollectedSpan>,
    children: HashMap<SpanId, Vec<usize>>,
    placed: Vec<bool>,
    places: Vec<PlacedSpan<'a>>,
}

impl Walk<'_> {
    fn descend(&mut self, top: usize, note: String) {
        let mut stack = vec![(top, 0, note)];
        while let Some((at, depth, note)) = stack.pop() {
            if std::mem::replace(&mut self.placed[at], true) {
                continue;
            }
            let collected = self.sorted[at];
            self.places.push(PlacedSpan {
                collected,
                depth,
                note,
            });
            // Of several spans with one id, the first takes the children.
            let children = self
                .children
                .remove(&collected.span.span_id)
                .unwrap_or_default();
            let children = children.into_iter().rev();
            stack.extend(children.map(|child| (child, depth + 1, String::new())));
        }
    }
}

/// Start and length of the whole trace, and the scale of its bars.
pub(super) struct TimeLine {
    pub(super) start: i128,
    pub(super) total: i128,
    width: usize,
}

impl TimeLine {
    pub(super) fn of(spans: &[CollectedSpan], width: usize) -> Self {
        let spans = || spans.iter().map(|collected| &collected.span);
        let start = spans().map(|span| i128::from(span.start_time_us)).min();
        let start = start.unwrap_or(0);
        let end = spans()
            .map(|span| i128::from(span.start_time_us) + i128::from(span.duration_us).max(0))
            .max();
        Self {
            start,
            total: end.unwrap_or(start) - start,
            width,
        }
    }

    /// At least one character wide, and always within the width.
    pub(super) fn bar(&self, start: i128, duration: i128) -> String {
        let (from, to) = self.columns(start, duration);
        let mut bar = " ".repeat(from);
        bar.push_str(&"=".repeat(to - from));
        bar.push_str(&" ".repeat(self.width - to));
        bar
    }

    /// The number of columns.
    #[cfg(feature = "collector")]
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// First column of a bar, and the one behind its last.
    pub(super) fn columns(&self, start: i128, duration: i128) -> (usize, usize) {
        let column = |micros: i128| {
            let scaled = micros.saturating_mul(self.width as i128) / self.total.max(1);
            usize::try_from(scaled).unwrap_or(0)
        };
        let from = column(start).min(self.width - 1);
        (
            from,
            column(start + duration.max(0)).clamp(from + 1, self.width),
        )
    }
}
