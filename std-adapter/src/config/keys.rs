//! The keys of the file: all spellings, and how each is read.

use super::entry::Entry;
use super::error::ConfigError;
use super::layer::{Layer, SamplerType};
use super::nearest::nearest;
use super::{ClockSource, IpVersion};

/// Reads a value into its slot.
pub(super) type Apply = fn(&mut Layer, &Entry<'_>) -> Result<(), ConfigError>;

/// What a setting is called, by us, Python, Go and Node in this order, and how it is read. Points
/// separate the levels of maps. The unit belongs to the spelling.
static KEYS: &[(&[&str], Apply)] = &[
    (&["service_name", "serviceName"], |layer, entry| {
        layer.service_name.set(entry, entry.text()?)
    }),
    (&["disabled", "disable"], |layer, entry| {
        layer.disabled.set(entry, entry.boolean()?)
    }),
    (&["enabled"], |layer, entry| {
        layer.disabled.set(entry, !entry.boolean()?)
    }),
    (&["sampler.type"], |layer, entry| {
        layer.sampler_type.set(entry, sampler_type(entry)?)
    }),
    (&["sampler.param"], |layer, entry| {
        layer.sampler_param.set(entry, entry.sampler_param()?)
    }),
    (
        &[
            "agent_host",
            "reporter.agent_host",
            "local_agent.reporting_host",
            "reporter.agentHost",
        ],
        |layer, entry| layer.agent_host.set(entry, entry.host()?),
    ),
    (
        &[
            "agent_port",
            "reporter.agent_port",
            "local_agent.reporting_port",
            "reporter.agentPort",
        ],
        |layer, entry| layer.agent_port.set(entry, entry.port()?),
    ),
    (&["reporter.localAgentHostPort"], |layer, entry| {
        let (host, port) = entry.host_port()?;
        layer.agent_host.set(entry, host)?;
        layer.agent_port.set(entry, port)
    }),
    (
        &[
            "agent_socket_type",
            "reporter.agent_socket_type",
            "reporter.agentSocketType",
        ],
        |layer, entry| layer.ip_version.set(entry, ip_version(entry)?),
    ),
    (
        &["max_packet_size", "reporter.max_packet_size"],
        |layer, entry| layer.max_packet_size.set(entry, entry.bytes()?),
    ),
    (
        &[
            "flush_interval",
            "reporter.flush_interval",
            "reporter.bufferFlushInterval",
            "reporter.bufferflushinterval",
        ],
        |layer, entry| layer.flush_interval.set(entry, entry.duration()?),
    ),
    (&["reporter_flush_interval"], |layer, entry| {
        layer.flush_interval.set(entry, entry.seconds()?)
    }),
    (&["reporter.flushIntervalMs"], |layer, entry| {
        layer.flush_interval.set(entry, entry.milliseconds()?)
    }),
    (
        &["memory_limit", "reporter.memory_limit"],
        |layer, entry| layer.memory_limit.set(entry, entry.memory()?),
    ),
    (
        &[
            "reporter_queue_size",
            "reporter.queue_size",
            "reporter.queueSize",
        ],
        |layer, entry| layer.memory_limit.set(entry, entry.queue()?),
    ),
    (
        &[
            "log_spans",
            "reporter.log_spans",
            "logging",
            "reporter.logSpans",
        ],
        |layer, entry| layer.log_spans.set(entry, entry.boolean()?),
    ),
    (&["tags"], |layer, entry| {
        layer.tags.set(entry, entry.tags()?)
    }),
    (
        &[
            "trace_id_128bit",
            "generate_128bit_trace_id",
            "traceid_128bit",
            "traceId128bit",
        ],
        |layer, entry| layer.trace_id_128bit.set(entry, entry.boolean()?),
    ),
    (&["max_tag_value_length"], |layer, entry| {
        layer.max_tag_value_length.set(entry, entry.bytes()?)
    }),
    (
        &[
            "headers.trace_context",
            "trace_id_header",
            "headers.TraceContextHeaderName",
        ],
        |layer, entry| layer.trace_context_header.set(entry, entry.header()?),
    ),
    (
        &[
            "headers.baggage_prefix",
            "baggage_header_prefix",
            "headers.traceBaggageHeaderPrefix",
        ],
        |layer, entry| layer.baggage_prefix.set(entry, entry.header()?),
    ),
    (
        &[
            "headers.debug_id",
            "debug_id_header",
            "headers.jaegerDebugHeader",
        ],
        |layer, entry| layer.debug_id_header.set(entry, entry.header()?),
    ),
    (
        &["headers.baggage", "headers.jaegerBaggageHeader"],
        |layer, entry| layer.baggage_header.set(entry, entry.header()?),
    ),
    (&["clock"], |layer, entry| {
        layer.clock.set(entry, clock(entry)?)
    }),
    (&["flush_at_exit"], |layer, entry| {
        layer.flush_at_exit.set(entry, entry.boolean()?)
    }),
    (&["reporter.disableAttemptReconnecting"], |layer, entry| {
        layer.resolve_once.set(entry, entry.boolean()?)
    }),
    (
        &[
            "resolve_interval",
            "reporter.attemptReconnectInterval",
            "reporter.attemptreconnectinterval",
        ],
        |layer, entry| layer.resolve_interval.set(entry, entry.duration()?),
    ),
];

/// What belongs to features that do not exist: refused, unless the value says that the feature is
/// not wanted.
static REFUSED: &[(&[&str], Apply)] = &[
    (&["propagation"], |_, entry| propagation(entry)),
    (&["local_agent.enabled"], |_, entry| {
        match entry.boolean()? {
            true => Ok(()),
            false => Err(entry.unsupported(
                "sending without an agent is not supported yet; use `disabled: true` to send \
                 nothing",
            )),
        }
    }),
    (
        &[
            "sampling_refresh_interval",
            "max_operations",
            "local_agent.sampling_port",
            "sampler.samplingServerURL",
            "sampler.samplingRefreshInterval",
            "sampler.samplingrefreshinterval",
            "sampler.maxOperations",
            "sampler.hostPort",
            "sampler.host",
            "sampler.port",
            "sampler.samplingPath",
            "sampler.refreshIntervalMs",
        ],
        |_, entry| entry.off(REMOTE_SAMPLING),
    ),
    (&["sampler.operationNameLateBinding"], |_, entry| {
        entry.off("late binding of operation names is not supported yet; remove the key")
    }),
    (
        &[
            "reporter.collectorEndpoint",
            "reporter.user",
            "reporter.username",
            "reporter.password",
            "reporter.http_headers",
            "reporter.timeoutMs",
        ],
        |_, entry| entry.off(HTTP_COLLECTOR),
    ),
    (&["reporter_batch_size"], |_, entry| {
        Err(entry.unsupported(
            "packets are filled by size and not by a number of spans; use `max_packet_size` \
             (bytes)",
        ))
    }),
    (&["throttler"], |_, entry| {
        entry.off("the debug throttler is not supported yet; remove the key")
    }),
    (&["baggage_restrictions"], |_, entry| {
        entry.off("baggage restrictions are not supported yet; remove the key")
    }),
    (&["rpc_metrics"], |_, entry| entry.off(RPC_METRICS)),
    (&["metrics"], |_, entry| {
        entry.off("metrics are not supported yet; use `metrics: false`, or remove the key")
    }),
    (&["max_traceback_length"], |_, entry| {
        Err(entry.unsupported("logs of tracebacks are not supported yet; remove the key"))
    }),
];

pub(super) const REMOTE_SAMPLING: &str = "remote sampling is not supported yet; remove it, and use a const, probabilistic or \
     ratelimiting sampler";
pub(super) const HTTP_COLLECTOR: &str =
    "sending to a collector over HTTP is not supported yet; remove it, and send to an agent";
pub(super) const RPC_METRICS: &str = "RPC metrics are not supported yet; remove it, or use false";

/// How the key with this path is read, if there is such a key.
pub(super) fn find(path: &str) -> Option<Apply> {
    KEYS.iter()
        .chain(REFUSED)
        .find(|(names, _)| names.contains(&path))
        .map(|(_, apply)| *apply)
}

/// Whether keys stand below this path.
pub(super) fn is_group(path: &str) -> bool {
    let mut all = spellings(KEYS).chain(spellings(REFUSED));
    all.any(|full| below(path, full).is_some())
}

/// The nearest key that has a meaning: the same one at another level, a neighbour, or one whose
/// whole path is near.
pub(super) fn suggestion(path: &str, key: &str) -> Option<&'static str> {
    let limit = 1 + key.len().min(40) / 4;
    let neighbours = || spellings(KEYS).filter_map(|full| below(path, full));
    spellings(KEYS)
        .find(|full| full.rsplit('.').next() == Some(key))
        .or_else(|| nearest(key, limit, neighbours()))
        .or_else(|| nearest(&join(path, key), limit, spellings(KEYS)))
}

/// A key below those of `path`.
pub(super) fn join(path: &str, key: &str) -> String {
    match path {
        "" => key.into(),
        path => format!("{path}.{key}"),
    }
}

pub(super) fn sampler_type(entry: &Entry<'_>) -> Result<SamplerType, ConfigError> {
    entry.choice(
        &[
            ("const", SamplerType::Const),
            ("probabilistic", SamplerType::Probabilistic),
            ("ratelimiting", SamplerType::RateLimiting),
            ("rate_limiting", SamplerType::RateLimiting),
            ("remote", SamplerType::Remote),
        ],
        "const, probabilistic or ratelimiting",
    )
}

pub(super) fn ip_version(entry: &Entry<'_>) -> Result<IpVersion, ConfigError> {
    let choices = [("udp4", IpVersion::V4), ("udp6", IpVersion::V6)];
    entry.choice(&choices, "udp4 or udp6, or leave it out for either")
}

pub(super) fn propagation(entry: &Entry<'_>) -> Result<(), ConfigError> {
    match entry.text()?.as_str() {
        "jaeger" => Ok(()),
        _ => {
            Err(entry.unsupported("propagation other than jaeger is not supported yet; use jaeger"))
        }
    }
}

fn clock(entry: &Entry<'_>) -> Result<ClockSource, ConfigError> {
    let choices = [
        ("auto", ClockSource::Auto),
        ("tsc", ClockSource::Tsc),
        ("system", ClockSource::System),
    ];
    entry.choice(&choices, "auto, tsc or system")
}

fn spellings(table: &'static [(&[&str], Apply)]) -> impl Iterator<Item = &'static str> {
    table.iter().flat_map(|(names, _)| names.iter().copied())
}

/// What stands directly below `path` on the way to `full`: a key, or a group of keys.
fn below(path: &str, full: &'static str) -> Option<&'static str> {
    let rest = match path {
        "" => full,
        path => full.strip_prefix(path)?.strip_prefix('.')?,
    };
    rest.split('.').next()
}
