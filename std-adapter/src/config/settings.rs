//! The resolved settings, and the types of their values.

use std::time::Duration;

use super::{ClockSource, IpVersion, TagValue};

/// Which local root spans are kept.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let config = Config::new("shop").sampler(Sampler::Probabilistic(0.01));
/// assert_eq!(config.resolve()?.sampler, Sampler::Probabilistic(0.01));
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Sampler {
    /// All traces, or none.
    Const(bool),
    /// A share of the traces, from 0 to 1, decided by the trace id.
    Probabilistic(f64),
    /// At most so many traces per second, 0 or more; fractions are allowed, 0 means never.
    RateLimiting(f64),
}

/// The names of the headers that carry a context between processes, in lower case.
///
/// ```
/// use picojaeger_std::config::HeaderNames;
///
/// assert_eq!(HeaderNames::default().trace_context, "uber-trace-id");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeaderNames {
    /// Carries trace id, span id, parent and flags (`uber-trace-id`).
    pub trace_context: String,
    /// Stands before each baggage key (`uberctx-`).
    pub baggage_prefix: String,
    /// Forces a trace, and names it (`jaeger-debug-id`).
    pub debug_id: String,
    /// Carries baggage without a trace, `k1=v1, k2=v2` (`jaeger-baggage`).
    pub baggage: String,
}

/// A configuration in which everything is decided: what the runtime reads.
///
/// Made by [`Config::resolve`](super::Config::resolve), and valid: each field lies in the range
/// that its documentation names.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let settings = Config::new("shop").sampler(Sampler::Const(true)).resolve()?;
/// assert_eq!(settings.agent_port, 6831);
/// assert_eq!(settings.memory_limit, 16 << 20);
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// The service that the spans belong to; empty only if `disabled`.
    pub service_name: String,
    /// The tracer makes only spans that record nothing. Default: no.
    pub disabled: bool,
    /// `Sampler::Const(false)` if `disabled`.
    pub sampler: Sampler,
    /// Name or address of the agent, without brackets; not looked up yet. Default: `localhost`.
    pub agent_host: String,
    /// UDP port at which the agent reads Thrift compact, not 0. Default: 6831.
    pub agent_port: u16,
    /// Which addresses of the agent's name are used. Default: any.
    pub ip_version: IpVersion,
    /// Largest UDP payload in bytes, 512 to 65,000. Default: 65,000.
    pub max_packet_size: usize,
    /// A finished span leaves the process after at most this time, 1 ms to 1 day. Default: 1 s.
    pub flush_interval: Duration,
    /// Memory for open and finished spans in bytes, 1 MiB to 1 GiB. Default: 16 MiB.
    pub memory_limit: usize,
    /// Each finished span is also written through the `log` crate. Default: no.
    pub log_spans: bool,
    /// Process tags by the user, each key once, in the order in which they were first named.
    pub tags: Vec<(String, TagValue)>,
    /// New trace ids have 128 random bits instead of 64. Default: no.
    pub trace_id_128bit: bool,
    /// Longest value of a tag or log field, and longest copied operation name, in bytes,
    /// 1 to 65,000. Default: 1,024.
    pub max_tag_value_length: usize,
    /// The names of the headers. Default: those of Jaeger's clients, see [`HeaderNames`].
    pub headers: HeaderNames,
    /// Where time stamps come from. Default: auto.
    pub clock: ClockSource,
    /// What is held when the process exits is flushed, for at most 500 ms. Default: yes.
    pub flush_at_exit: bool,
    /// Whether spans are sent to the agent; without it only the reporters get them. Default: yes.
    pub agent: bool,
    /// Whether a worker thread sends spans by itself; without it only a flush does. Default: yes.
    pub background: bool,
    /// The agent's name is looked up again at the first send after this time, 1 ms to 1 day;
    /// `None`: never. Default: 30 s.
    pub resolve_interval: Option<Duration>,
}

impl Default for HeaderNames {
    fn default() -> Self {
        Self {
            trace_context: "uber-trace-id".into(),
            baggage_prefix: "uberctx-".into(),
            debug_id: "jaeger-debug-id".into(),
            baggage: "jaeger-baggage".into(),
        }
    }
}
