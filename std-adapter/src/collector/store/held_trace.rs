//! One trace in the store.

#[cfg(feature = "collector")]
use std::sync::Arc;

use super::CollectedSpan;
use super::cost::{process_bytes, span_bytes};
#[cfg(feature = "collector")]
use super::open_spans::is_open;
#[cfg(feature = "collector")]
use super::summary::Summary;
#[cfg(feature = "collector")]
use crate::collector::analysis::Call;

/// One trace in the store, with the memory it is estimated to take.
#[derive(Debug, Default)]
pub(super) struct HeldTrace {
    pub(super) spans: Vec<CollectedSpan>,
    pub(super) bytes: usize,
    #[cfg(feature = "collector")]
    pub(super) known: Known,
}

/// Facts of a trace that the program's store keeps beside the spans.
#[cfg(feature = "collector")]
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The number of the last arrival among all spans: what was computed from an older one is out of date.
    pub(super) version: u64,
    /// Time of the last arrival in microseconds since 1970.
    pub(super) updated_us: i64,
    /// Whether a root that has ended is there.
    pub(super) is_rooted: bool,
    /// The summary of the spans that were there at the last search.
    pub(super) summary: Option<Arc<Summary>>,
    /// The calls between services, if a map was asked for since the last arrival.
    pub(super) calls: Option<Arc<[Call]>>,
}

impl HeldTrace {
    /// Appends a span, and returns the memory that it adds, `reserve` included.
    pub(super) fn push(&mut self, span: CollectedSpan, reserve: usize) -> usize {
        let bytes = reserve + span_bytes(&span.span) + process_bytes(self.spans.last(), &span);
        // By doubling at first, but never by more than 4,096 spans: a vector's own growth could
        // exceed what a datagram may cost.
        if self.spans.len() == self.spans.capacity() {
            self.spans.reserve_exact(self.spans.len().clamp(1, 4096));
        }
        self.spans.push(span);
        self.bytes += bytes;
        bytes
    }

    /// Takes the last span out, and returns it with the memory that its trace takes less without it. The list itself keeps its
    /// memory, and what was reserved goes with the trace.
    pub(super) fn pop(&mut self) -> Option<(CollectedSpan, usize)> {
        let span = self.spans.pop()?;
        let listed = span_bytes(&span.span) + process_bytes(self.spans.last(), &span);
        let bytes = (listed - size_of::<CollectedSpan>()).min(self.bytes);
        self.bytes -= bytes;
        Some((span, bytes))
    }
}

#[cfg(feature = "collector")]
impl HeldTrace {
    /// Puts a span in the place of another one, and returns that one with the memory that the trace took before.
    pub(super) fn replace(
        &mut self,
        index: usize,
        span: CollectedSpan,
    ) -> Option<(CollectedSpan, usize)> {
        let before = self.bytes;
        let old = self.place_bytes(index);
        let known = self.spans.get_mut(index)?;
        let replaced = std::mem::replace(known, span);
        self.bytes = before + self.place_bytes(index) - old;
        self.known.summary = None;
        Some((replaced, before))
    }

    /// The memory of a span and of its process. The one behind it may share that process, or not any more.
    fn place_bytes(&self, index: usize) -> usize {
        let at = |index: usize| self.spans.get(index);
        let before = index.checked_sub(1).and_then(at);
        let Some(it) = at(index) else {
            return 0;
        };
        let next = at(index + 1).map_or(0, |next| process_bytes(Some(it), next));
        span_bytes(&it.span) + process_bytes(before, it) + next
    }

    /// Notes the arrival of a span in the trace.
    pub(super) fn note(&mut self, version: u64, time_us: i64, span: SpanKind) {
        let Known {
            version: last,
            updated_us,
            is_rooted,
            calls,
            ..
        } = &mut self.known;
        (*last, *updated_us, *calls) = (version, time_us, None);
        *is_rooted |= span.is_root && !span.is_open;
    }
}

/// The place of a span in the life of its trace.
#[cfg(feature = "collector")]
#[derive(Clone, Copy, Debug)]
pub(super) struct SpanKind {
    pub(super) is_root: bool,
    pub(super) is_open: bool,
}

#[cfg(feature = "collector")]
impl SpanKind {
    pub(super) fn of(it: &CollectedSpan) -> Self {
        Self {
            is_root: it.span.parent().is_none(),
            is_open: is_open(&it.span),
        }
    }
}
