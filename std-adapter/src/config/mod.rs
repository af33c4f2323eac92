//! Configuration from a YAML file, from the environment, and in code.
//!
//! A [`Config`] keeps the settings of each of the three. Code wins over the environment, the
//! environment over the file, the file over the defaults, in whatever order they were read. Within
//! the environment Jaeger's variables win over OpenTelemetry's.
//! [`Config::resolve`] decides, and gives the [`Settings`] with which a tracer runs.
//!
//! - A value that would make tracing wrong is an error. All errors of file, environment and code
//!   are reported together, by what makes the tracer. Only a wrong variable of OpenTelemetry is
//!   ignored with a warning, since a whole pod may share it.
//! - What is accepted without effect is a [warning](Config::warnings), which the tracer logs once.
//! - What belongs to another program, or asks for nothing, is neither.
//! - If tracing is disabled, nothing else counts: no error, no warning, not even a missing file.
//!
#![cfg_attr(feature = "yaml", doc = "```")]
#![cfg_attr(not(feature = "yaml"), doc = "```ignore")]
//! use picojaeger_std::config::{Config, Sampler};
//!
//! let text = "
//! service_name: shop
//! sampler:
//!     type: const
//!     param: 1
//! ";
//! let config = Config::from_yaml_str("jaeger.yaml", text)?
//!     .with_variables([("JAEGER_AGENT_PORT", "7000")])?
//!     .agent_host("tracing.internal");
//! let settings = config.resolve()?;
//! assert_eq!(settings.process.service_name, "shop");
//! assert_eq!(settings.sampler, Sampler::Const(true));
//! assert_eq!(settings.agent.port, 7000);
//! assert_eq!(settings.agent.host, "tracing.internal");
//! # Ok::<(), picojaeger_std::config::ConfigError>(())
//! ```
//!
//! # Keys of the file
//!
//! The spellings of the Python, Go, C++ and Node clients are accepted besides our own; the unit
//! belongs to the spelling. All may also stand below one top-level key `config`. A key without a
//! value, or with an empty one, is unset. Blanks and new lines at the ends of values do not count.
//! Booleans are those of YAML 1.1, as PyYAML reads them, 0 and 1; numbers and booleans may be
//! quoted. Unknown keys are errors.
//!
//! A value may refer to environment variables: `${NAME}`, or `${NAME:default}` for one that may be
//! unset or empty. `$${` stands for `${`. They are those of the process, or of
//! [`Config::with_variables`].
//!
//! | Setting | Ours | Python | Go, C++ | Node |
//! |---|---|---|---|---|
//! | service name | `service_name` | same | `serviceName` | `serviceName` |
//! | disabled | `disabled` | `enabled` | `disabled` | `disable` |
//! | sampler: `const` (0, 1), `probabilistic` (0 to 1), `ratelimiting`, `rate_limiting` or `ratelimit` (traces per second), `remote` (0 to 1 until the first answer; the default, with 0.001), in any case | `sampler.type`, `sampler.param` | same | same | same |
//! | sampling server: a URL, or `host:port` | `sampler.server_url` | `local_agent.sampling_port` | `sampler.samplingServerURL` | `sampler.hostPort`, or `….host`, `….port`; `….samplingPath` |
//! | how often it is asked | `sampler.refresh_interval` (`60s`) | `sampling_refresh_interval` (seconds) | `sampler.samplingRefreshInterval` (`1m`; a bare number is seconds, up to one day) | `sampler.refreshIntervalMs` |
//! | operations with a rate of their own | `sampler.max_operations` | `max_operations` | `sampler.maxOperations` | |
//! | decision by the final operation name | `sampler.late_binding` | | `sampler.operationNameLateBinding` | |
//! | start waits for the first answer | `sampler.first_fetch_timeout` (`2s`) | | | |
//! | agent | `agent_host`, `agent_port` | `local_agent.reporting_host`, `….reporting_port` | `reporter.localAgentHostPort` | `reporter.agentHost`, `….agentPort` |
//! | protocol to the agent: `compact`, `binary` | `agent_protocol` | | | |
//! | IPv4 or IPv6 only: `udp4`, `udp6` | `agent_socket_type` | | | `reporter.agentSocketType` |
//! | packet limit | `max_packet_size` (bytes) | | | |
//! | flush interval | `flush_interval` (`1s`) | `reporter_flush_interval` (seconds) | `reporter.bufferFlushInterval` (`1s`; a bare number is seconds, up to one day) | `reporter.flushIntervalMs` |
//! | memory | `memory_limit` (bytes, or `16MiB`) | `reporter_queue_size` (spans) | `reporter.queueSize` (spans) | |
//! | log each span | `log_spans` | `logging` | `reporter.logSpans` | `reporter.logSpans` |
//! | process tags | `tags` | same | same, or a list of `key` and `value` | |
//! | 128-bit trace ids | `trace_id_128bit` | `generate_128bit_trace_id` | `traceid_128bit` | `traceId128bit` |
//! | longest tag value | `max_tag_value_length` (bytes) | same | | |
//! | most entries of a span | `max_tags_per_span`, `max_references_per_span`, `max_logs_per_span`, `max_fields_per_log` | | | |
//! | headers | `headers.trace_context`, `….baggage_prefix`, `….debug_id`, `….baggage` | `trace_id_header`, `baggage_header_prefix`, `debug_id_header` | `headers.TraceContextHeaderName`, `….traceBaggageHeaderPrefix`, `….jaegerDebugHeader`, `….jaegerBaggageHeader` | |
//! | propagation: `w3c`, `jaeger`, `b3`, …, in order | `propagation` (list or text) | `propagation` | `propagation_format` (C++) | |
//! | `jaeger-debug-id` and `jaeger-baggage` are not read | `public_entrance` | | | |
//! | traces that begin here say that their ids are random | `w3c_random_flag` | | | |
//! | server of credits for forced traces: a URL, or `host:port`; or `throttler: true` | `throttler.server_url` | `throttler.port` | `throttler.hostPort` | `throttler.host`, `….port` |
//! | how often it is asked | `throttler.refresh_interval` (`5s`) | same (seconds) | `throttler.refreshInterval` (`5s`) | `throttler.refreshIntervalMs` |
//! | an operation's first forced trace waits for it | `throttler.synchronous` | | `throttler.synchronousInitialization` | |
//! | server of baggage restrictions; or `baggage_restrictions: true` | `baggage_restrictions.server_url` | | `baggage_restrictions.hostPort` | |
//! | how often it is asked | `baggage_restrictions.refresh_interval` (`60s`) | | `baggage_restrictions.refreshInterval` (`60s`) | |
//! | no baggage until it has answered | `baggage_restrictions.deny_until_answered` | | `baggage_restrictions.denyBaggageOnInitializationFailure` | |
//! | baggage of a context, as injected | `max_baggage_size` (bytes) | | | |
//! | clock: `auto`, `tsc`, `system` | `clock` | | | |
//! | spans that are active can be sent | `flush_open` | | | |
//! | spans that are open at the close are sent | `unfinished_at_close` | | | |
//! | metrics of requests | `rpc_metrics` | | `rpc_metrics` | |
//! | list of an error's causes | `max_traceback_length` (bytes) | same | | |
//! | flush at exit | `flush_at_exit` | | | |
//! | look the agent's name up again | `resolve_interval` (`30s`) | | `reporter.attemptReconnectInterval`, `….disableAttemptReconnecting` | |
//! | collector, in place of the agent | `collector.otlp_endpoint` (OTLP), `collector.endpoint` (Thrift) | | `reporter.collectorEndpoint` | `reporter.collectorEndpoint` |
//! | user and password, or token | `collector.user`, `….password`, `….auth_token` | | `reporter.user`, `….password` | `reporter.username`, `….password` |
//! | headers of requests | `collector.headers` (a map) | | `reporter.http_headers` | |
//! | longest part of a request | `collector.timeout` (`10s`; 0: no limit) | | | `reporter.timeoutMs` |
//! | time for attempts | `collector.retry_time` (`30s`) | | | |
//! | roots; the client's certificate and key: PEM files | `collector.certificate`; `….client_certificate`, `….client_key` | | | |
//! | largest batch | `collector.max_batch_spans`, `….max_batch_bytes`, `….gzip` | | | |
//! | further receivers | `also_send_to`: a list of maps, each with the keys of an agent or a collector | | | |
//!
//! Ours of agent, socket type, packet limit, flush interval, memory and log may stand below
//! `reporter` too. A queue of n spans means a `memory_limit` of 2,340 bytes for each and 2 MiB
//! besides: that keeps a burst of n finished spans of 512 bytes whole, on whatever threads; over HTTP
//! up to three sixteenths of the memory are buffers of batches instead. At Go's keys of queue and
//! intervals zero means the default. The agent is sent Thrift compact, but at Node's usual `agentPort`
//! 6832 Thrift binary, as agents read it there; `agent_protocol` decides it for any port.
//!
//! Of the clients' keys for what does not exist here:
//! - Errors: `local_agent.enabled: false`.
//! - Warnings, unless the value is off, zero or empty: credentials without a collector,
//!   `sampler.options`, metrics, `reporter_batch_size`.
//!
//! Formats are `w3c` (`tracecontext` and `baggage`, which may be named apart), `jaeger`, `b3`
//! (`b3multi`: written as several headers, like Jaeger's clients), `b3single` (written as one), and
//! `none` alone. All are read in their order and written; both forms of B3 are read.
//!
//! # Environment variables
//!
//! Each begins with `JAEGER_`; an empty or blank one is unset.
//!
//! | Variable | Value |
//! |---|---|
//! | `SERVICE_NAME` | text |
//! | `DISABLED`, `REPORTER_LOG_SPANS`, `RPC_METRICS`, `TRACEID_128BIT` | `1`, `t`, `true`, `yes`, `on`, or `0`, `f`, `false`, `no`, `off`, in either case |
//! | `AGENT_HOST`, `AGENT_PORT` | name or address; 1 to 65535. A service link of Kubernetes (`tcp://…`) in the port is ignored with a warning |
//! | `AGENT_SOCKET_TYPE` | `udp4` or `udp6` |
//! | `REPORTER_MAX_QUEUE_SIZE` | spans |
//! | `REPORTER_FLUSH_INTERVAL`, `REPORTER_ATTEMPT_RECONNECT_INTERVAL` | milliseconds, or `1s`, `500ms`, `1m1s` |
//! | `REPORTER_ATTEMPT_RECONNECTING_DISABLED` | as `DISABLED` |
//! | `SAMPLER_TYPE`, `SAMPLER_PARAM` | as in the file; a type without a parameter discards the file's parameter |
//! | `SAMPLING_ENDPOINT`, or the older `SAMPLER_MANAGER_HOST_PORT` | the sampling server's URL, or `host:port` |
//! | `SAMPLER_HOST`, `SAMPLER_PORT`, `SAMPLER_SAMPLING_PATH` | its parts, Node's old names |
//! | `SAMPLER_REFRESH_INTERVAL`, `SAMPLER_MAX_OPERATIONS` | milliseconds or `1m`; a number |
//! | `ENDPOINT` | `http://` or `https://`, host, port and path of a collector; wins over the agent |
//! | `USER` and `PASSWORD`, or `AUTH_TOKEN` | sent to the collector |
//! | `REPORTER_TIMEOUT` | milliseconds, or `1s`: longest part of a request |
//! | `PROPAGATION` | formats as in the file, separated by commas |
//! | `TAGS` | `key=value,…`, each in place of the file's tag of this key; a value `${VARIABLE:default}` is that variable's |
//!
//! Node's old names `DISABLE`, `REPORTER_AGENT_HOST` and `REPORTER_AGENT_PORT` work with a warning.
//! Other variables of the clients are warnings, as their keys are. So are names that suggest a wish (`ENABLED`, `HOST`, a bare number
//! in `PORT`, `AGENT_ENDPOINT`), and names of six or more characters that differ from a known one in
//! up to two. Any other with this prefix is ignored, since it may belong to another program.
//!
//! # OpenTelemetry's variables
//!
//! Each begins with `OTEL_`; an empty or blank one is unset, and so is a wrong one, which gets a
//! warning. Only `true`, in any case, is true. Durations are whole milliseconds. Defaults are
//! OpenTelemetry's where such a variable chooses, and ours where it is unset.
//!
//! | Variable | Value |
//! |---|---|
//! | `SDK_DISABLED` | makes no spans; contexts are passed on, which [`Config::disabled`] does not |
//! | `SERVICE_NAME` | text; wins over `service.name` of the next |
//! | `RESOURCE_ATTRIBUTES` | `key=value,…`, percent-encoded: process tags, each in place of the file's of this key. Any error discards the whole value |
//! | `TRACES_SAMPLER`, `TRACES_SAMPLER_ARG` | `always_on`, `always_off`, `traceidratio` with 0 to 1 (default: 1), `jaeger_remote` with `endpoint=…,pollingIntervalMs=…,initialSamplingRate=…`, or these with `parentbased_`. Default: `parentbased_always_on` where only such variables choose the receiver. The decision of an incoming request is followed in any case |
//! | `TRACES_EXPORTER` | a list of `otlp` (HTTP, by default to `localhost:4318`), `jaeger` (the agent, or the collector of `EXPORTER_JAEGER_ENDPOINT`), `console` (a line for each span on standard output), `none`. Of `otlp` and `jaeger` the first is the account, the other gets all spans too |
//! | `EXPORTER_OTLP_TRACES_ENDPOINT`, or `EXPORTER_OTLP_ENDPOINT` | URL of a collector: as it is (without a path it is `/`), or the base of `v1/traces`. Without a scheme it is `http://`. Not read where another exporter is chosen |
//! | `EXPORTER_OTLP_TRACES_HEADERS`, `…_TIMEOUT`, `…_COMPRESSION`, `…_PROTOCOL`, or these without `TRACES_` | `key=value,…`, percent-encoded; milliseconds of a request, 0 for no limit; `gzip` or `none`; `http/protobuf` |
//! | `EXPORTER_OTLP_TRACES_CERTIFICATE`, `…_CLIENT_CERTIFICATE`, `…_CLIENT_KEY`, or these without `TRACES_` | paths of PEM files |
//! | `EXPORTER_JAEGER_ENDPOINT`, `…_USER`, `…_PASSWORD` | as `JAEGER_ENDPOINT` and so on |
//! | `PROPAGATORS` | a list of `tracecontext`, `baggage`, `b3` (writes one header, reads both forms), `b3multi`, `jaeger`, or `none` |
//! | `EXPORTER_JAEGER_AGENT_HOST`, `EXPORTER_JAEGER_AGENT_PORT` | as `JAEGER_AGENT_HOST` and `_PORT` |
//! | `SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`, or `ATTRIBUTE_…` | the longest tag value in bytes, 1 to 65,000 |
//! | `SPAN_ATTRIBUTE_COUNT_LIMIT`, or `ATTRIBUTE_…`; `SPAN_LINK_COUNT_LIMIT`; `SPAN_EVENT_COUNT_LIMIT`; `EVENT_ATTRIBUTE_COUNT_LIMIT`, or `ATTRIBUTE_…` | the most tags, references and logs of a span, and fields of a log |
//! | `BSP_SCHEDULE_DELAY` | the flush interval |
//! | `BSP_MAX_QUEUE_SIZE` | spans |
//! | `BSP_MAX_EXPORT_BATCH_SIZE`, `BSP_EXPORT_TIMEOUT` | spans of a batch to a collector; milliseconds until one that finds no answer is lost |
//!
//! `CONFIG_FILE` is not read, and says so.
//!
//! # The receiver
//!
//! Code, Jaeger's variables, OpenTelemetry's and the file: the first of them that names an agent or a
//! collector chooses where spans go; where it names both, the collector. Headers and credentials of
//! OpenTelemetry's variables go to their own endpoint only, and the file's never there.

#![cfg_attr(
    not(feature = "yaml"),
    allow(dead_code, reason = "keys and the types of their values are for files")
)]

mod error;
mod settings;
mod source;
#[cfg(test)]
mod tests;
mod warning;

/// YAML of other files than a configuration: the tree, errors with their places, suggestions.
#[cfg(feature = "collector")]
pub(crate) mod yaml {
    pub(crate) use super::error::clean;
    pub(crate) use super::source::{Fault, KeyText, Node, Value, nearest, parse};
}

#[cfg(feature = "yaml")]
use std::path::Path;

pub use crate::model::TagValue;
pub use crate::sys::clock::ClockSource;
pub use crate::sys::net::IpVersion;
pub use error::{ConfigError, Origin};
pub(crate) use settings::set_tag;
pub use settings::{
    AgentProtocol, AgentSettings, CollectorSettings, Endpoint, HeaderNames, LimitSettings, Pem,
    ProcessSettings, PropagationSettings, Protocol, ReceiverSettings, ReporterSettings,
    RestrictionSettings, Sampler, SamplingSettings, Secret, Settings, SpanSettings,
    ThrottlerSettings,
};

pub use warning::ConfigWarning;

use settings::Layer;

/// Size in bytes of the largest file that is read: 1 MiB.
pub const MAX_FILE_SIZE: usize = 1 << 20;

/// The settings that file, environment and code make for a tracer, before they are decided.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let config = Config::new("your-app-name").sampler(Sampler::Const(true));
/// assert_eq!(config.resolve()?.process.service_name, "your-app-name");
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Config {
    // Boxed: a method in code moves the configuration, and a layer takes some KiB.
    file: Box<Layer>,
    /// The file's text, if its values refer to variables.
    #[cfg(feature = "yaml")]
    template: Option<source::FileText>,
    environment: Box<Layer>,
    otel: Box<Layer>,
    code: Box<Layer>,
}

impl Config {
    /// A configuration in code, for a service of this name.
    pub fn new(service_name: impl Into<String>) -> Self {
        Self::default().service_name(service_name)
    }

    /// Reads a YAML file.
    ///
    /// Unknown keys and wrong values stay in the configuration: what makes the tracer reports all
    /// of them together, or none if tracing is disabled. Needs the feature `yaml`, which is on by
    /// default.
    ///
    /// # Errors
    /// The file cannot be read, is larger than [`MAX_FILE_SIZE`], or is not a YAML map. If the
    /// environment disables tracing (`JAEGER_DISABLED`), the configuration is a disabled one
    /// instead.
    #[cfg(feature = "yaml")]
    #[cfg_attr(docsrs, doc(cfg(feature = "yaml")))]
    pub fn from_yaml_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let read = source::read_file(path.as_ref());
        Self::of_file(read, source::environment_disables)
    }

    /// Reads YAML text; `name` stands for the file in messages.
    ///
    /// Needs the feature `yaml`, which is on by default.
    ///
    /// # Errors
    /// The same as for [`from_yaml_file`](Self::from_yaml_file).
    #[cfg(feature = "yaml")]
    #[cfg_attr(docsrs, doc(cfg(feature = "yaml")))]
    pub fn from_yaml_str(name: &str, text: &str) -> Result<Self, ConfigError> {
        let read = source::read_text(&name.into(), text);
        Self::of_file(read, source::environment_disables)
    }

    /// The configuration of a file; a disabled one if it cannot be read where tracing is disabled,
    /// which keeps the fault for a program that enables it after all.
    #[cfg(feature = "yaml")]
    fn of_file(
        read: Result<source::FileText, ConfigError>,
        disables: impl FnOnce() -> bool,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        match read {
            Ok(text) if text.has_references() => {
                *config.file = text.layer(&source::process_variables());
                config.template = Some(text);
            }
            Ok(text) => *config.file = text.layer(&source::Variables::new()),
            Err(fault) if disables() => *config.file = Layer::disabled(fault),
            Err(fault) => return Err(fault),
        }
        Ok(config)
    }

    /// Reads the process's environment, and no file.
    ///
    /// # Errors
    /// The same as for [`with_env`](Self::with_env).
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self::of_process_environment())
    }

    /// Reads the process's environment over the file, whose values may refer to it.
    ///
    /// # Errors
    /// None: wrong values stay in the configuration, like those of a file, for what makes the tracer.
    pub fn with_env(mut self) -> Result<Self, ConfigError> {
        self.set_environment(source::Environment::of_process(std::env::vars_os()));
        Ok(self)
    }

    /// Reads these variables, in place of the process's, over the file, whose values may refer to
    /// them.
    ///
    /// # Errors
    /// The same as for [`with_env`](Self::with_env).
    pub fn with_variables<N, V>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, ConfigError>
    where
        N: Into<String>,
        V: Into<String>,
    {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        self.set_environment(source::Environment::of(variables));
        Ok(self)
    }

    /// The process's environment alone.
    fn of_process_environment() -> Self {
        let mut config = Self::default();
        config.set_environment(source::Environment::of_process(std::env::vars_os()));
        config
    }

    fn set_environment(&mut self, environment: source::Environment) {
        #[cfg(feature = "yaml")]
        if let Some(template) = &self.template {
            *self.file = template.layer(&environment.variables);
        }
        *self.environment = environment.jaeger;
        *self.otel = environment.otel;
    }
}
