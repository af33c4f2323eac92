//! Finished spans as lines of the program's log.

use super::{FinishedSpan, Reporter};

/// Reporter that writes one line for each span through the [`log`] crate: target `picojaeger`,
/// level info.
///
/// The line has operation, trace id and span id, duration, and tags, with text escaped. It costs
/// only a test if that level is disabled.
///
/// ```
/// use picojaeger_std::reporters::{LoggingReporter, Reporter};
///
/// // finished span: query 000000000000002a:0000000000000007 250µs rows=3
/// let reporter: Box<dyn Reporter> = Box::new(LoggingReporter);
/// ```
#[derive(Clone, Copy, Default, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the `log` crate holds its settings"
)]
pub struct LoggingReporter;

impl Reporter for LoggingReporter {
    fn report(&self, span: &FinishedSpan<'_>) {
        log::info!(target: "picojaeger", "finished span: {span}");
    }
}
