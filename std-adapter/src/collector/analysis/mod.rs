//! The analysis of one trace: pure functions that the terminal and the page share.

mod critical_path;
mod service_map;
#[cfg(test)]
mod tests;
mod tree;
mod warnings;

pub(crate) use critical_path::Sections;
pub(crate) use service_map::{Call, CallMap, calls};
pub(crate) use tree::Node;
pub(crate) use warnings::Warnings;

use crate::collector::CollectedSpan;

/// Tree, critical path and warnings of one trace. The lists run parallel.
#[derive(Debug)]
pub(crate) struct Analysis {
    pub(crate) nodes: Vec<Node>,
    pub(crate) critical: Vec<Sections>,
    pub(crate) warnings: Warnings,
}

impl Analysis {
    /// Analyses the spans of one trace, in time proportional to their number and its logarithm.
    pub(crate) fn of(spans: &[CollectedSpan]) -> Self {
        let nodes = tree::tree(spans);
        Self {
            critical: critical_path::critical_path(&nodes),
            warnings: Warnings::of(spans, &nodes),
            nodes,
        }
    }

    /// Returns the number of warnings, without the critical path.
    pub(crate) fn count_warnings(spans: &[CollectedSpan]) -> usize {
        Warnings::of(spans, &tree::tree(spans)).count()
    }
}
