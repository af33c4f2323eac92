//! `tracing` without a subscriber: the cost of disabled spans.
//!
//! Settings: the macro names parent and fields, so that a span whose level is
//! off is one read of a static. Nothing in this process sets a subscriber, but
//! the program contains code that could: otherwise the optimizer would remove
//! the spans.

use picojaeger_workloads::spans::{self, Spans};
use picojaeger_workloads::{CHILD, COMPONENT, Drained, Library, ROOT, Workload};
use tracing::{Span, info_span};

/// The macros as a library under measure.
pub(crate) struct NoSubscriber;

impl Spans for NoSubscriber {
    type Root = Span;
    type Parent = Span;
    type Child = Span;

    fn root(&self) -> Span {
        info_span!(parent: None, ROOT)
    }

    fn parent(&self) -> Span {
        info_span!(parent: None, ROOT, component = COMPONENT.1, item.index = 0)
    }

    fn unsampled_parent(&self) -> Span {
        self.parent()
    }

    #[inline]
    fn child(&self, parent: &Span, index: usize) -> Span {
        info_span!(parent: parent, CHILD, component = COMPONENT.1, item.index = index as i64)
    }
}

impl Library for NoSubscriber {
    fn name(&self) -> &'static str {
        "tracing-no-subscriber"
    }

    fn package(&self) -> &'static str {
        "tracing"
    }

    fn workloads(&self) -> &'static [Workload] {
        &[Workload::UnsampledChild]
    }

    fn burst(&mut self, workload: Workload) {
        spans::burst(self, workload);
    }

    /// Nothing comes out.
    fn drain(&mut self) -> Drained {
        Drained::default()
    }
}
