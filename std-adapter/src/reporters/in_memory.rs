//! Finished spans in memory, for tests.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use super::{FinishedSpan, Reporter};
use crate::model::Span;
use crate::sys::per_process::PerProcess;
use crate::sys::sync::lock;

/// Reporter that keeps spans up to a limit; a handle, whose clones share the spans.
///
/// Each span is kept as a [`Span`], the type that the collector returns too. Spans beyond the
/// limit are counted and not kept. A forked child has a store of its own, which begins empty.
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
    /// Makes a reporter that keeps up to 10,000 spans.
    pub fn new() -> Self {
        Self::with_limit(10_000)
    }

    /// Makes a reporter that keeps up to `limit` spans; memory is allocated for each as it is kept.
    pub fn with_limit(limit: usize) -> Self {
        InMemoryReporter {
            limit,
            kept: Arc::new(PerProcess::new(Mutex::default())),
        }
    }

    /// Returns copies of the kept spans, in the order in which they were reported.
    pub fn spans(&self) -> Vec<Span> {
        self.kept().spans.clone()
    }

    /// Returns the number of kept spans.
    pub fn len(&self) -> usize {
        self.kept().spans.len()
    }

    /// Returns whether no span is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of spans that were not kept since the limit was reached.
    pub fn missed(&self) -> u64 {
        self.kept().missed
    }

    /// Drops the kept spans, and sets the number of missed ones to zero.
    pub fn clear(&self) {
        let mut kept = self.kept();
        kept.spans.clear();
        kept.missed = 0;
    }

    /// Locks the store, poisoned or not: no panic under the lock can leave it half changed.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(self.kept.get())
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
