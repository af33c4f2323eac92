//! Reporters: receivers of finished spans beside the agent.
//!
//! A reporter gets each sampled span once, when it leaves its ring on the way to the agent. The
//! spans of one ring come in the order in which they finished; a thread whose spans fill its ring
//! goes on in another, and between rings there is no order. A reporter's handling of a span is not
//! counted as delivered or lost.

mod composite;
mod console;
mod finished_span;
mod in_memory;
mod logging;

pub use composite::{CompositeReporter, NullReporter};
pub use console::ConsoleReporter;
pub use finished_span::{FinishedLog, FinishedSpan};
pub use in_memory::InMemoryReporter;
pub use logging::LoggingReporter;
pub use picojaeger_core::adapter::record::{Reference, Tag};

use std::sync::Arc;

/// Receiver of finished spans.
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
    /// Handles one span.
    ///
    /// Called on the tracer's worker thread, or without one on a thread that flushes. Nothing is
    /// sent meanwhile, and no time-out ends the call: it should return soon, and not panic. Spans
    /// of one thread come in the order in which they finished, but for those that were in different
    /// rings: a burst takes several. Spans that it starts are discarded; a flush or close that it
    /// calls is requested and not waited for. A forked child calls the same reporter: a lock of it that
    /// another thread held at the fork stays held there for good.
    fn report(&self, span: &FinishedSpan<'_>);
}

impl<R: Reporter + ?Sized> Reporter for Arc<R> {
    fn report(&self, span: &FinishedSpan<'_>) {
        (**self).report(span);
    }
}

#[cfg(test)]
mod tests;
