//! The receivers of spans: exporters by name, and the agent.

use super::OtelName;
use super::value::list;
use crate::config::error::{ConfigError, clean};
use crate::config::settings::agent::{read_host, read_port};
use crate::config::settings::layer::Layer;
use crate::config::source::Entry;

pub(super) static NAMES: &[OtelName] = &[
    (&["OTEL_TRACES_EXPORTER"], |layer, entry, _| {
        traces_exporter(layer, entry)
    }),
    (&["OTEL_EXPORTER_JAEGER_AGENT_HOST"], |layer, entry, _| {
        layer.agent.host.set(entry, read_host(entry)?)
    }),
    (&["OTEL_EXPORTER_JAEGER_AGENT_PORT"], |layer, entry, _| {
        layer.agent.port.set(entry, read_port(entry)?)
    }),
];

/// Reads a list of exporters. If none of them is known, it counts as unset.
fn traces_exporter(layer: &mut Layer, entry: &Entry<'_>) -> Result<(), ConfigError> {
    let text = entry.text()?.to_ascii_lowercase();
    let (mut agent, mut console, mut known) = (false, false, false);
    for name in list(&text) {
        match name {
            "none" => {}
            "jaeger" => agent = true,
            "console" => console = true,
            _ => {
                let message = format!(
                    "{} is not supported; use jaeger, console or none",
                    clean(name)
                );
                layer.warn(entry, message);
                continue;
            }
        }
        known = true;
    }
    if !known {
        return Ok(());
    }
    layer.reporter.console.set(entry, console)?;
    layer.agent.enabled.set(entry, agent)
}
