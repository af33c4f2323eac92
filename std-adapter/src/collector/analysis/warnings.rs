//! Oddities of a trace, in words.

use std::collections::HashMap;
use std::sync::Arc;

use picojaeger_core::SpanId;

use super::tree::Node;
use crate::collector::CollectedSpan;
use crate::collector::store::is_open;
use crate::collector::waterfall::text::Micros;

/// Warnings of each node, and of the trace.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    pub(crate) nodes: Vec<Vec<String>>,
    pub(crate) trace: Vec<String>,
    counts: Counts,
}

/// Nodes by kind of warning.
#[derive(Debug, Default)]
struct Counts {
    missing: usize,
    cycles: usize,
    duplicates: usize,
    skewed: usize,
    negative: usize,
}

impl Warnings {
    pub(crate) fn of(spans: &[CollectedSpan], nodes: &[Node]) -> Self {
        let mut warnings = Self::default();
        let copies = copies(spans);
        for node in nodes {
            let list = warnings.of_node(spans, nodes, node, &copies);
            warnings.nodes.push(list);
        }
        warnings.trace = warnings.counts.lines();
        warnings
    }

    /// The number of all warnings of nodes.
    pub(crate) fn count(&self) -> usize {
        self.nodes.iter().map(Vec::len).sum()
    }

    fn of_node(
        &mut self,
        spans: &[CollectedSpan],
        nodes: &[Node],
        node: &Node,
        copies: &HashMap<SpanId, usize>,
    ) -> Vec<String> {
        let mut list = Vec::new();
        let Some(it) = node.span.and_then(|at| spans.get(at)) else {
            self.counts.missing += 1;
            list.push("this span did not arrive: its children name it as their parent".to_owned());
            return list;
        };
        if node.in_cycle {
            self.counts.cycles += 1;
            list.push("its parents form a cycle".to_owned());
        }
        if let Some(count) = copies.get(&node.id) {
            self.counts.duplicates += 1;
            list.push(format!("{count} spans have this id"));
        }
        if it.span.duration_us < 0 {
            self.counts.negative += 1;
            list.push(format!(
                "the duration is negative: {}us",
                it.span.duration_us
            ));
        }
        let above = node.above.and_then(|above| nodes.get(above));
        if let Some(skew) = above.and_then(|above| skew(spans, above, node, it)) {
            self.counts.skewed += 1;
            list.push(skew);
        }
        list
    }
}

impl Counts {
    fn lines(&self) -> Vec<String> {
        let kinds = [
            (self.missing, "1 parent is missing", "parents are missing"),
            (
                self.cycles,
                "1 span is in a cycle of parents",
                "spans are in cycles of parents",
            ),
            (
                self.duplicates,
                "1 span has an id twice",
                "spans share their id with another one",
            ),
            (
                self.skewed,
                "1 span lies outside its parent: the clocks of processes differ",
                "spans lie outside their parents: the clocks of processes differ",
            ),
            (
                self.negative,
                "1 duration is negative",
                "durations are negative",
            ),
        ];
        let some = kinds.into_iter().filter(|kind| kind.0 > 0);
        let line = |(count, one, many): (usize, &str, &str)| match count {
            1 => one.to_owned(),
            _ => format!("{count} {many}"),
        };
        some.map(line).collect()
    }
}

/// The ids that several spans have, each with their number. Two services may share an id, as Zipkin's clients do.
fn copies(spans: &[CollectedSpan]) -> HashMap<SpanId, usize> {
    let mut counts: HashMap<SpanId, usize> = HashMap::with_capacity(spans.len());
    for it in spans {
        *counts.entry(it.span.span_id).or_default() += 1;
    }
    counts.retain(|_, count| *count > 1);
    counts
}

/// The time that a span of another process lies outside its parent, in words.
fn skew(spans: &[CollectedSpan], above: &Node, node: &Node, it: &CollectedSpan) -> Option<String> {
    let parent = above.span.and_then(|at| spans.get(at))?;
    let same = Arc::ptr_eq(&parent.process, &it.process) || parent.process == it.process;
    if same || node.follows {
        return None;
    }
    let gap = |late: i64, early: i64| i128::from(late) - i128::from(early);
    let before = gap(above.start_us, node.start_us);
    let behind = gap(node.end_us, above.end_us);
    if before > 0 {
        let amount = Micros(before);
        Some(format!(
            "starts {amount} before its parent in another process: their clocks differ"
        ))
    } else if behind > 0 && !is_open(&parent.span) && !is_open(&it.span) {
        let amount = Micros(behind);
        Some(format!(
            "ends {amount} after its parent in another process: their clocks differ, or nobody waited"
        ))
    } else {
        None
    }
}
