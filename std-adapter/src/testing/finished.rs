//! Sources of finished spans.

use crate::collector::{Collector, Trace};
use crate::model::Span;
use crate::reporters::InMemoryReporter;

/// A source of finished spans, for [`assert_trace!`](crate::assert_trace) and [`TraceTree::of`](super::TraceTree::of).
///
/// ```
/// use picojaeger_std::assert_trace;
/// use picojaeger_std::model::Span;
///
/// assert_trace!([Span::new(1, 2, "order")], "order");
/// ```
pub trait FinishedSpans {
    /// Returns the spans that have finished, in the order of their ends.
    fn finished_spans(&self) -> Vec<Span>;

    /// Returns how many spans are open, where that is known.
    fn open_spans(&self) -> u64 {
        0
    }
}

impl<S: FinishedSpans + ?Sized> FinishedSpans for &S {
    fn finished_spans(&self) -> Vec<Span> {
        (**self).finished_spans()
    }

    fn open_spans(&self) -> u64 {
        (**self).open_spans()
    }
}

impl FinishedSpans for [Span] {
    fn finished_spans(&self) -> Vec<Span> {
        self.to_vec()
    }
}

impl<const N: usize> FinishedSpans for [Span; N] {
    fn finished_spans(&self) -> Vec<Span> {
        self.to_vec()
    }
}

impl FinishedSpans for Vec<Span> {
    fn finished_spans(&self) -> Vec<Span> {
        self.clone()
    }
}

impl FinishedSpans for InMemoryReporter {
    fn finished_spans(&self) -> Vec<Span> {
        self.spans()
    }
}

impl FinishedSpans for Trace {
    fn finished_spans(&self) -> Vec<Span> {
        self.spans().iter().map(|it| (*it.span).clone()).collect()
    }
}

impl FinishedSpans for Collector {
    fn finished_spans(&self) -> Vec<Span> {
        let spans = self.spans();
        spans.iter().map(|it| (*it.span).clone()).collect()
    }
}
