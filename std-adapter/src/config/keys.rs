//! The keys of the file: all spellings, and how each is read.

use std::collections::HashMap;
use std::sync::Arc;

use serde_saphyr::{Location, Spanned};

use super::entry::Entry;
use super::error::{ConfigError, Origin};
use super::layer::{Layer, SamplerType};
use super::nearest::nearest;
use super::settings::{ClockSource, IpVersion};
use super::yaml::{Node, Value, parse};

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
    // What does not exist: refused, unless the value says that it is not wanted.
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
        |_, entry| Err(entry.unsupported(REMOTE_SAMPLING)),
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

/// Reads a whole file.
pub(super) fn read_file(file: &Arc<str>, text: &str) -> Result<Layer, ConfigError> {
    let root = parse(file, text)?;
    let mut reader = Reader {
        file,
        layer: Layer::default(),
    };
    reader.reject_duplicates("", &root)?;
    reader.read_group("", &root)?;
    let layer = reader.layer;
    layer.check_sampler()?;
    Ok(layer)
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
        _ => Err(entry.unsupported("propagation other than jaeger is not supported yet")),
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

struct Reader<'a> {
    file: &'a Arc<str>,
    layer: Layer,
}

impl Reader<'_> {
    /// Reads the map below `path`; a null has no keys.
    fn read_group(&mut self, path: &str, node: &Node) -> Result<(), ConfigError> {
        match &node.value {
            Value::Null => Ok(()),
            Value::Map(pairs) => pairs
                .iter()
                .try_for_each(|(key, value)| self.read_key(path, key, value)),
            _ if path.is_empty() => Err(ConfigError::Malformed {
                file: Arc::clone(self.file),
                line: node.referenced.line(),
                column: node.referenced.column(),
                message: "not a map of keys and values".into(),
            }),
            _ => Err(self
                .entry(path, node)
                .wrong("not a map", "keys and values below it")),
        }
    }

    fn read_key(
        &mut self,
        path: &str,
        key: &Spanned<String>,
        node: &Node,
    ) -> Result<(), ConfigError> {
        let full = join(path, &key.value);
        if full == "config" {
            return self.read_group("", node);
        }
        if let Some(apply) = find(&full) {
            let entry = self.entry(&full, node);
            return match node.value {
                Value::Null => Ok(()),
                _ => apply(&mut self.layer, &entry),
            };
        }
        if is_group(&full) {
            return self.read_group(&full, node);
        }
        Err(ConfigError::UnknownKey {
            origin: self.origin(&full, key.referenced),
            nearest: suggestion(path, &key.value).map(Box::from),
        })
    }

    fn reject_duplicates(&self, path: &str, node: &Node) -> Result<(), ConfigError> {
        match &node.value {
            Value::Map(pairs) => {
                let mut seen = HashMap::new();
                for (key, value) in pairs {
                    let full = join(path, &key.value);
                    let line = key.referenced.line();
                    if let Some(first_line) = seen.insert(key.value.as_str(), line) {
                        return Err(ConfigError::DuplicateKey {
                            origin: self.origin(&full, key.referenced),
                            first_line,
                        });
                    }
                    self.reject_duplicates(&full, value)?;
                }
                Ok(())
            }
            Value::List(items) => items
                .iter()
                .try_for_each(|item| self.reject_duplicates(path, item)),
            _ => Ok(()),
        }
    }

    fn entry<'n>(&self, path: &str, node: &'n Node) -> Entry<'n> {
        Entry {
            value: &node.value,
            origin: self.origin(path, node.referenced),
        }
    }

    fn origin(&self, path: &str, place: Location) -> Origin {
        Origin::File {
            file: Arc::clone(self.file),
            line: place.line(),
            column: place.column(),
            key: path.into(),
        }
    }
}

fn join(path: &str, key: &str) -> String {
    match path {
        "" => key.into(),
        path => format!("{path}.{key}"),
    }
}

fn spellings() -> impl Iterator<Item = &'static str> {
    KEYS.iter().flat_map(|(names, _)| names.iter().copied())
}

fn find(path: &str) -> Option<Apply> {
    KEYS.iter()
        .find(|(names, _)| names.contains(&path))
        .map(|(_, apply)| *apply)
}

fn is_group(path: &str) -> bool {
    below(path).next().is_some()
}

/// What stands below `path` in the spellings: keys and groups of keys.
fn below(path: &str) -> impl Iterator<Item = &'static str> {
    spellings().filter_map(move |full| {
        let rest = match path {
            "" => full,
            path => full.strip_prefix(path)?.strip_prefix('.')?,
        };
        rest.split('.').next()
    })
}

/// The nearest key: a neighbour, or else one of another level.
fn suggestion(path: &str, key: &str) -> Option<&'static str> {
    let limit = 1 + key.len().min(40) / 4;
    nearest(key, limit, below(path))
        .or_else(|| nearest(&join(path, key), limit, spellings()))
        .or_else(|| spellings().find(|full| full.rsplit('.').next() == Some(key)))
}
