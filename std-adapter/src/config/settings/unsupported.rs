//! Names without effect here: of features that do not exist, and of other clients' ways to work.
//!
//! A value that asks for nothing is accepted. One that is only missed gets a warning. One without
//! which traces would go astray is an error: another place to send to.

use super::layer::{Layer, Names};
use crate::config::error::ConfigError;
use crate::config::source::Entry;

pub(crate) static WITHOUT_EFFECT: Names = Names {
    keys: &[
        (&["local_agent.enabled"], |_, entry| {
            match entry.boolean()? {
                true => Ok(()),
                false => Err(entry.unsupported(NO_AGENT)),
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
            no_remote,
        ),
        (
            &["sampler.operationNameLateBinding", "sampler.options"],
            |layer, entry| layer.ignore(entry, "no effect: there is no late binding of names yet"),
        ),
        (&["reporter_batch_size"], |layer, entry| {
            layer.ignore(entry, BATCH_SIZE)
        }),
        (&["throttler"], |layer, entry| {
            layer.ignore(entry, "no effect: there is no debug throttler yet")
        }),
        (&["baggage_restrictions"], |layer, entry| {
            layer.ignore(entry, "no effect: there are no baggage restrictions yet")
        }),
        (&["metrics"], |layer, entry| {
            layer.ignore(entry, "no effect: metrics are there for `Tracer::metrics`")
        }),
        (&["max_traceback_length"], |layer, entry| {
            layer.ignore(entry, "no effect: tracebacks are not logged")
        }),
    ],
    variables: &[
        ("JAEGER_SENDER_FACTORY", |layer, entry| {
            layer.ignore(entry, "no effect: spans are sent over UDP")
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

const NO_AGENT: &str =
    "sending without an agent is not supported yet; use `disabled: true` to send nothing";
const BATCH_SIZE: &str = "no effect: packets are filled by size; `max_packet_size` (bytes) limits \
                          them";

fn no_remote(layer: &mut Layer, entry: &Entry<'_>) -> Result<(), ConfigError> {
    layer.ignore(entry, "no effect: there is no remote sampling yet")
}
