//! Destinations of spans: Jaeger, or the terminal.

mod lane;
mod printer;
mod record;
mod sender;

use std::io::Write;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use picojaeger_core::wire::{Otlp, ThriftCompact};

use crate::config::{Config, ConfigError, Sampler, Settings};
use crate::model::{Process, Span};
use crate::transport::{Closing, HttpTransport, UdpTransport};
use crate::worker::spawn_helper;
pub(super) use printer::Printer;
pub(super) use sender::Sender;

/// A destination of spans.
pub(super) trait Output {
    /// Takes a span.
    fn take(&mut self, process: &Arc<Process>, span: Span);

    /// Sends what is due; with `flush` all that can be sent now. `now` is a time that does not step
    /// back.
    fn step(&mut self, now: Duration, flush: bool);

    /// Returns whether there is room for a frame's spans.
    fn has_room(&mut self) -> bool;

    /// Returns the spans that were passed on, and those that were lost.
    fn counts(&self) -> OutputCounts;

    /// Returns the last error, with its remedy.
    fn last_error(&self) -> Option<String>;
}

/// The counts of an output.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct OutputCounts {
    pub(super) delivered: u64,
    pub(super) lost: u64,
    /// Spans that wait.
    pub(super) queued: u64,
}

/// Makes an output to Jaeger's agent.
pub(super) fn agent(host: &str, port: u16) -> Result<Box<dyn Output>, ConfigError> {
    let settings = settings(|config| config.agent_host(host).agent_port(port))?;
    let agent = &settings.agent;
    let transport = UdpTransport::new(
        agent.host.clone(),
        agent.port,
        agent.ip_version,
        agent.resolve_interval,
        Waker::noop().clone(),
    );
    let limit = settings.packet_limit();
    Ok(Box::new(Sender::new(
        Box::new(transport),
        limit,
        ThriftCompact::new,
    )))
}

/// Makes an output to a collector's OTLP endpoint.
pub(super) fn otlp(url: &str) -> Result<Box<dyn Output>, ConfigError> {
    let settings = settings(|config| config.otlp(url))?;
    let limit = settings.packet_limit();
    let Some(collector) = &settings.collector else {
        return agent(&settings.agent.host, settings.agent.port);
    };
    let closing = Arc::new(Closing::default());
    let transport = HttpTransport::new(collector, closing, Waker::noop().clone(), spawn_helper);
    Ok(Box::new(Sender::new(Box::new(transport), limit, Otlp::new)))
}

/// Makes an output that prints waterfalls.
pub(super) fn print(to: impl Write + 'static) -> Box<dyn Output> {
    Box::new(Printer::new(to))
}

fn settings(configure: impl FnOnce(Config) -> Config) -> Result<Settings, ConfigError> {
    configure(Config::new("picojaeger-relay").sampler(Sampler::Const(true))).resolve()
}
