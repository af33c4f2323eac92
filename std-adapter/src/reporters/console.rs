//! Finished spans as lines of standard output.

use std::io::{Write as _, stdout};

use super::{FinishedSpan, Reporter};

/// Reporter that writes one line for each span to standard output, for trying out.
///
/// The line is that of [`LoggingReporter`](super::LoggingReporter). The exporter `console` of
/// `OTEL_TRACES_EXPORTER` adds this reporter. A line that cannot be written is left out: the
/// spans still go to their agent.
///
/// ```
/// use picojaeger_std::Config;
/// use picojaeger_std::config::Sampler;
/// use picojaeger_std::reporters::ConsoleReporter;
///
/// // finished span: query 000000000000002a:0000000000000007 250µs rows=3
/// let config = Config::new("shop").sampler(Sampler::Const(true)).agent(false);
/// let tracer = config.reporter(ConsoleReporter).build()?;
/// tracer.start("query").tag("rows", 3);
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Copy, Default, Debug)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing to set")]
pub struct ConsoleReporter;

impl Reporter for ConsoleReporter {
    fn report(&self, span: &FinishedSpan<'_>) {
        // A closed standard output is no reason to stop a program, as `println!` would.
        let _closed = writeln!(stdout(), "finished span: {span}");
    }
}
