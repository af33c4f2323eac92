//! Finished spans in memory, for tests.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{FinishedSpan, Reporter};
use crate::model::Span;
use crate::sys::per_process::PerProcess;

/// Keeps the spans that it sees, up to a limit; a handle, whose clones share what is kept.
///
/// Each span is kept as a [`Span`], the type in which the collector gives them too. Spans
/// beyond the limit are counted and not kept. The child of a fork has a store of its own,
/// which begins empty.
///
/// ```
/// # use picojaeger_core::adapter::Timeline;
/// # use picojaeger_core::{Flags, SpanContext, SpanId, TraceId, adapter::record::Open, wire::EncodeContext};
/// use picojaeger_std::model::TagValue;
/// use picojaeger_std::reporters::{FinishedSpan, InMemoryReporter, Reporter};
///
/// let reporter = InMemoryReporter::new();
/// # let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
/// # let mut open = Open::<[picojaeger_core::ring::Word; 32]>::new("query", context, SpanId::default(), 0);
/// # open.tag("rows".into(), 3.into());
/// # open.finish(1);
/// # let context = EncodeContext::new(Timeline::new(&[]), &|_| None);
/// # let span = FinishedSpan::new("shop", open.record(), &context);
/// reporter.report(&span); // as the tracer does
///
/// let spans = reporter.spans();
/// assert_eq!(spans[0].operation_name, "query");
/// assert_eq!(spans[0].tag("rows"), Some(&TagValue::Long(3)));
/// ```
#[derive(Clone)]
pub struct InMemoryReporter {
    limit: usize,
    kept: Arc<PerProcess<Mutex<Kept>>>,
}

#[derive(Debug, Default)]
struct Kept {
    spans: Vec<Span>,
    missed: u64,
}

impl InMemoryReporter {
    /// Keeps up to 10,000 spans.
    pub fn new() -> Self {
        Self::with_limit(10_000)
    }

    /// Keeps up to `limit` spans; each takes its own memory when it is kept.
    pub fn with_limit(limit: usize) -> Self {
        InMemoryReporter {
            limit,
            kept: Arc::new(PerProcess::new(Mutex::default())),
        }
    }

    /// Copies of the spans that are kept, in the order in which they were seen.
    pub fn spans(&self) -> Vec<Span> {
        self.kept().spans.clone()
    }

    /// How many spans are kept.
    pub fn len(&self) -> usize {
        self.kept().spans.len()
    }

    /// Whether no span is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many spans were not kept since the limit was reached.
    pub fn missed(&self) -> u64 {
        self.kept().missed
    }

    /// Forgets the spans, and how many were missed.
    pub fn clear(&self) {
        let mut kept = self.kept();
        kept.spans.clear();
        kept.missed = 0;
    }

    /// Nothing that panics runs under the lock.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        let kept = self.kept.get().lock();
        kept.unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for InMemoryReporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryReporter")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl Default for InMemoryReporter {
    fn default() -> Self {
        Self::new()
    }
}

impl Reporter for InMemoryReporter {
    fn report(&self, span: &FinishedSpan<'_>) {
        let mut kept = self.kept();
        if kept.spans.len() < self.limit {
            kept.spans.push(span.to_span());
        } else {
            kept.missed += 1;
        }
    }
}
