//! The memory that spans and processes take, by estimate.

use super::CollectedSpan;
#[cfg(feature = "collector")]
use crate::collector::analysis::Call;
use crate::model::{Log, Process, Span, SpanRef, Tag, TagValue};

/// Counts in front of a value that is shared.
const SHARED: usize = 2 * size_of::<usize>();

/// Memory for the entries of one trace in map and queue, and for its summary, at worst.
pub(super) const TRACE_COST: usize = 512;

/// Memory for a further process in a trace: its entry in the summary.
const PROCESS_COST: usize = 48;

/// Memory for the place of an open span, at worst: four entries of maps that are half full.
#[cfg(feature = "collector")]
pub(super) const OPEN_COST: usize = 176;

/// Memory for the call that a span may be, in what is kept for maps. It is reserved at arrival, so that no question
/// makes a trace leave.
#[cfg(feature = "collector")]
pub(super) const CALL_COST: usize = size_of::<Call>();

/// Memory for a service's entry among the names, and for the first node of its operations, at worst.
#[cfg(feature = "collector")]
pub(super) const SERVICE_COST: usize = 448;

/// Memory for an operation's entry among the names, at worst.
#[cfg(feature = "collector")]
pub(super) const NAME_COST: usize = 64;

/// Memory of one span, without its process.
pub(super) fn span_bytes(span: &Span) -> usize {
    let logs: usize = span
        .logs
        .iter()
        .map(|log| size_of::<Log>() + tags_bytes(&log.fields))
        .sum();
    size_of::<CollectedSpan>()
        + SHARED
        + size_of::<Span>()
        + span.operation_name.len()
        + span.references.len() * size_of::<SpanRef>()
        + tags_bytes(&span.tags)
        + logs
}

/// Memory that a span's process adds behind the span before it: nothing if both share it.
pub(super) fn process_bytes(before: Option<&CollectedSpan>, it: &CollectedSpan) -> usize {
    let entries = match before {
        Some(before) if std::sync::Arc::ptr_eq(&before.process, &it.process) => return 0,
        Some(_) => PROCESS_COST,
        None => TRACE_COST,
    };
    let Process {
        service_name, tags, ..
    } = &*it.process;
    entries + SHARED + size_of::<Process>() + service_name.len() + tags_bytes(tags)
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
