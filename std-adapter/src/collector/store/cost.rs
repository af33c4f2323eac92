//! The memory that spans and processes take, by estimate.

use super::CollectedSpan;
use crate::model::{Log, Process, Span, SpanRef, Tag, TagValue};

/// Memory for the entries of one trace in map and queue, and for its summary, at worst. A further process in a trace
/// costs less: an entry in the summary.
pub(super) const TRACE_COST: usize = 384;

/// Memory for the place of an open span, at worst: two entries of a map that is half full.
#[cfg(feature = "collector")]
pub(super) const OPEN_COST: usize = 96;

/// Memory of one span, without its process.
pub(super) fn span_bytes(span: &Span) -> usize {
    let logs: usize = span
        .logs
        .iter()
        .map(|log| size_of::<Log>() + tags_bytes(&log.fields))
        .sum();
    size_of::<CollectedSpan>()
        + size_of::<Span>()
        + span.operation_name.len()
        + span.references.len() * size_of::<SpanRef>()
        + tags_bytes(&span.tags)
        + logs
}

/// Memory of one process.
pub(super) fn process_bytes(process: &Process) -> usize {
    size_of::<Process>() + process.service_name.len() + tags_bytes(&process.tags)
}

fn tags_bytes(tags: &[Tag]) -> usize {
    let tag = |tag: &Tag| {
        let value = match &tag.value {
            TagValue::String(text) => text.len(),
            TagValue::Binary(bytes) => bytes.len(),
            TagValue::Double(_) | TagValue::Bool(_) | TagValue::Long(_) => 0,
        };
        size_of::<Tag>() + tag.key.len() + value
    };
    tags.iter().map(tag).sum()
}
