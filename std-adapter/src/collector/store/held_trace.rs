//! One trace in the store.

use std::sync::Arc;

use super::CollectedSpan;
use super::cost::{TRACE_COST, process_bytes, span_bytes};
#[cfg(feature = "collector")]
use super::summary::Summary;

/// One trace in the store, with the memory it is estimated to take.
#[derive(Debug, Default)]
pub(super) struct HeldTrace {
    pub(super) spans: Vec<CollectedSpan>,
    pub(super) bytes: usize,
    /// Time of the last arrival in microseconds since 1970; zero in a store that keeps none.
    #[cfg(feature = "collector")]
    pub(super) updated_us: i64,
    /// The summary of the spans that were there at the last search.
    #[cfg(feature = "collector")]
    pub(super) summary: Option<Arc<Summary>>,
}

impl HeldTrace {
    /// Appends a span, and returns the memory that it adds.
    pub(super) fn push(&mut self, span: CollectedSpan) -> usize {
        let last = self.spans.last();
        let mut bytes = span_bytes(&span.span);
        if !last.is_some_and(|last| Arc::ptr_eq(&last.process, &span.process)) {
            bytes += TRACE_COST + process_bytes(&span.process);
        }
        // By doubling at first, but never by more than 4,096 spans: a vector's own growth could
        // exceed what a datagram may cost.
        if self.spans.len() == self.spans.capacity() {
            self.spans.reserve_exact(self.spans.len().clamp(1, 4096));
        }
        self.spans.push(span);
        self.bytes += bytes;
        bytes
    }
}
