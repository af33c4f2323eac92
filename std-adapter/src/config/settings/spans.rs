//! What is recorded and measured of each span.

use super::layer::Names;
use super::resolver::Resolver;
use super::setting::{Setting, Violation, require};
use crate::config::Config;
use crate::config::source::Entry;

/// Default in bytes: that of the Python client.
const MAX_TRACEBACK_LENGTH: usize = 4_096;

/// What is recorded and measured of each span.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let config = Config::new("shop").sampler(Sampler::Const(true)).rpc_metrics(true);
/// assert!(config.resolve()?.spans.rpc_metrics);
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanSettings {
    /// Spans of the kind `server` are counted and timed by operation, sampled or not; see
    /// [`metrics`](crate::metrics). Default: no.
    pub rpc_metrics: bool,
    /// Active spans can be sent before they finish, by
    /// [`Tracer::flush_open`](crate::Tracer::flush_open). Default: no.
    pub flush_open: bool,
    /// Spans that are open when the tracer closes are sent, with the tag `picojaeger.unfinished`. Default: no.
    pub unfinished_at_close: bool,
    /// Longest list of an error's causes, as [`Span::record_error`](crate::Span::record_error) logs
    /// it, in bytes, 1 to 65,000. Default: 4,096.
    pub max_traceback_length: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct SpanLayer {
    rpc_metrics: Setting<bool>,
    flush_open: Setting<bool>,
    unfinished_at_close: Setting<bool>,
    max_traceback_length: Setting<usize>,
}

impl Default for SpanLayer {
    fn default() -> Self {
        Self {
            rpc_metrics: Setting::default(),
            flush_open: Setting::default(),
            unfinished_at_close: Setting::default(),
            max_traceback_length: Setting::checked(max_traceback_length),
        }
    }
}

pub(crate) static NAMES: Names = Names {
    keys: &[
        (&["rpc_metrics"], |layer, entry| {
            layer.spans.rpc_metrics.read(entry, Entry::boolean)
        }),
        (&["flush_open"], |layer, entry| {
            layer.spans.flush_open.read(entry, Entry::boolean)
        }),
        (&["unfinished_at_close"], |layer, entry| {
            let setting = &mut layer.spans.unfinished_at_close;
            setting.read(entry, Entry::boolean)
        }),
        (&["max_traceback_length"], |layer, entry| {
            let setting = &mut layer.spans.max_traceback_length;
            setting.read(entry, Entry::bytes)
        }),
    ],
    variables: &[
        ("JAEGER_RPC_METRICS", |layer, entry| {
            layer.spans.rpc_metrics.read(entry, Entry::boolean)
        }),
        ("JAEGER_UNFINISHED_AT_CLOSE", |layer, entry| {
            let setting = &mut layer.spans.unfinished_at_close;
            setting.read(entry, Entry::boolean)
        }),
    ],
};

impl SpanSettings {
    pub(super) fn resolve(resolver: &mut Resolver<'_>) -> Self {
        Self {
            rpc_metrics: resolver.pick_or(|layer| &layer.spans.rpc_metrics, false),
            flush_open: resolver.pick_or(|layer| &layer.spans.flush_open, false),
            unfinished_at_close: resolver.pick_or(|layer| &layer.spans.unfinished_at_close, false),
            max_traceback_length: resolver.pick_or(
                |layer| &layer.spans.max_traceback_length,
                MAX_TRACEBACK_LENGTH,
            ),
        }
    }
}

/// What is recorded and measured of each span. A value out of range is reported by
/// [`Config::resolve`].
impl Config {
    /// Sets whether spans of the kind `server` are counted and timed by operation, sampled or not;
    /// see [`metrics`](crate::metrics).
    ///
    /// Spans are then timed by the system's clock, and each start and end takes a longer path.
    #[must_use]
    pub fn rpc_metrics(mut self, on: bool) -> Self {
        self.code.spans.rpc_metrics.put("rpc_metrics", on);
        self
    }

    /// Sets whether active spans can be sent before they finish, by
    /// [`Tracer::flush_open`](crate::Tracer::flush_open). Each [`Span::activate`](crate::Span::activate) then copies the span.
    #[must_use]
    pub fn flush_open(mut self, on: bool) -> Self {
        self.code.spans.flush_open.put("flush_open", on);
        self
    }

    /// Sets whether spans that are open when the tracer closes, by [`Tracer::drain`](crate::Tracer::drain),
    /// [`Tracer::close`](crate::Tracer::close) or with its last handle, are sent with the tag `picojaeger.unfinished`.
    ///
    /// A span belongs to the thread or future that holds it, so only what others may read of it is sent:
    /// name (32 bytes of one that was copied), ids, and start; it ends at the close. No tags, logs, baggage or
    /// links, and no span that started while the memory for open spans was scarce. Each counts as a span of its own, and in
    /// [`Stats::unfinished`](crate::Stats::unfinished); the span itself is lost as `closed` when it ends. Each start of a sampled
    /// span takes a longer path, and 56 bytes more.
    ///
    /// ```
    /// use std::time::Duration;
    /// use picojaeger_std::config::{Config, Sampler};
    ///
    /// let config = Config::new("shop").sampler(Sampler::Const(true)).unfinished_at_close(true);
    /// let tracer = config.agent(false).new_tracer()?;
    /// let stuck = tracer.start("stuck");
    /// let report = tracer.drain_blocking(Duration::from_secs(1));
    /// assert_eq!((report.sent(), report.unfinished(), report.open().total()), (1, 1, 1));
    /// # drop(stuck);
    /// # Ok::<(), picojaeger_std::config::ConfigError>(())
    /// ```
    #[must_use]
    pub fn unfinished_at_close(mut self, on: bool) -> Self {
        let setting = &mut self.code.spans.unfinished_at_close;
        setting.put("unfinished_at_close", on);
        self
    }

    /// Sets the longest list of an error's causes in a log, in bytes, 1 to 65,000.
    #[must_use]
    pub fn max_traceback_length(mut self, bytes: usize) -> Self {
        let setting = &mut self.code.spans.max_traceback_length;
        setting.put("max_traceback_length", bytes);
        self
    }
}

fn max_traceback_length(length: &usize) -> Result<(), Violation> {
    let fits = (1..=65_000).contains(length);
    require(fits, "out of range", "1 to 65000 bytes")
}
