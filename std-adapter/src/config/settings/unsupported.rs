//! Names of features that do not exist: refused, unless the value is what applies anyway.

use super::layer::{Layer, Names};
use crate::config::error::ConfigError;
use crate::config::source::Entry;

pub(crate) static REFUSED: Names = Names {
    keys: &[
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
    ],
    variables: &[
        ("JAEGER_PROPAGATION", |_, entry| propagation(entry)),
        ("JAEGER_RPC_METRICS", |_, entry| entry.off(RPC_METRICS)),
        ("JAEGER_REPORTER_AGENT_HOST", |_, entry| {
            Err(entry.unsupported("an old name; use JAEGER_AGENT_HOST"))
        }),
        ("JAEGER_REPORTER_AGENT_PORT", |_, entry| {
            Err(entry.unsupported("an old name; use JAEGER_AGENT_PORT"))
        }),
        ("JAEGER_ENDPOINT", no_collector),
        ("JAEGER_USER", no_collector),
        ("JAEGER_PASSWORD", no_collector),
        ("JAEGER_AUTH_TOKEN", no_collector),
        ("JAEGER_REPORTER_TIMEOUT", no_collector),
        ("JAEGER_REPORTER_ENDPOINT", no_collector),
        ("JAEGER_REPORTER_USER", no_collector),
        ("JAEGER_REPORTER_PASSWORD", no_collector),
        ("JAEGER_SENDER_FACTORY", |_, entry| {
            Err(entry.unsupported("a choice of senders is not supported yet; remove it"))
        }),
        ("JAEGER_SAMPLING_ENDPOINT", no_remote),
        ("JAEGER_SAMPLER_MANAGER_HOST_PORT", no_remote),
        ("JAEGER_SAMPLER_HOST", no_remote),
        ("JAEGER_SAMPLER_PORT", no_remote),
        ("JAEGER_SAMPLER_MAX_OPERATIONS", no_remote),
        ("JAEGER_SAMPLER_REFRESH_INTERVAL", no_remote),
        ("JAEGER_SAMPLER_SAMPLING_PATH", no_remote),
    ],
};

const REMOTE_SAMPLING: &str = "remote sampling is not supported yet; remove it, and use a const, \
                               probabilistic or ratelimiting sampler";
const HTTP_COLLECTOR: &str =
    "sending to a collector over HTTP is not supported yet; remove it, and send to an agent";
const RPC_METRICS: &str = "RPC metrics are not supported yet; remove it, or use false";

fn propagation(entry: &Entry<'_>) -> Result<(), ConfigError> {
    match entry.text()?.as_str() {
        "jaeger" => Ok(()),
        _ => {
            Err(entry.unsupported("propagation other than jaeger is not supported yet; use jaeger"))
        }
    }
}

fn no_collector(_: &mut Layer, entry: &Entry<'_>) -> Result<(), ConfigError> {
    Err(entry.unsupported(HTTP_COLLECTOR))
}

fn no_remote(_: &mut Layer, entry: &Entry<'_>) -> Result<(), ConfigError> {
    Err(entry.unsupported(REMOTE_SAMPLING))
}
