//! Reporters: what else sees the finished spans, beside the one that sends them.
//!
//! A reporter sees each sampled span once, when it leaves its thread's ring on the way to the
//! agent. What becomes of a span in a reporter does not count as delivered or lost.

mod composite;
mod finished_span;
mod in_memory;
mod logging;

pub use composite::{CompositeReporter, NullReporter};
pub use finished_span::{FinishedLog, FinishedSpan};
pub use in_memory::InMemoryReporter;
pub use logging::LoggingReporter;
pub use picojaeger_core::adapter::record::{Reference, Tag};

use std::sync::Arc;

/// Sees finished spans.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use picojaeger_std::reporters::{FinishedSpan, Reporter};
///
/// /// The time spent in spans of one operation.
/// #[derive(Default)]
/// struct Busy(AtomicU64);
/// impl Reporter for Busy {
///     fn report(&self, span: &FinishedSpan<'_>) {
///         if span.operation() == "query" {
///             let micros = span.duration().as_micros() as u64;
///             self.0.fetch_add(micros, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait Reporter: Send + Sync {
    /// Sees one span.
    ///
    /// Called on the tracer's worker thread, which sends nothing meanwhile: it should return
    /// soon, and not panic. Spans that it starts itself are discarded, and a flush or close
    /// is only asked for. The child of a fork calls the same reporter: a lock of it that another
    /// thread held at the fork is held there for good.
    fn report(&self, span: &FinishedSpan<'_>);
}

impl<R: Reporter + ?Sized> Reporter for Arc<R> {
    fn report(&self, span: &FinishedSpan<'_>) {
        (**self).report(span);
    }
}

#[cfg(test)]
mod tests;
