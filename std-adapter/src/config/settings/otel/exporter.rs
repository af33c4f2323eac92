//! The receivers of spans: exporters by name, the agent, and Jaeger's collector.

use super::OtelName;
use super::otlp::default_endpoint;
use super::value::list;
use crate::config::error::{ConfigError, clean};
use crate::config::settings::agent::{read_host, read_port};
use crate::config::settings::collector::{Protocol, secret, set_target};
use crate::config::settings::layer::Layer;
use crate::config::source::{Entry, Variables, with_variable};

const EXPORTER: &str = "OTEL_TRACES_EXPORTER";

/// After the endpoints of [`otlp`](super::otlp), which the exporter's choice takes into account.
pub(super) static NAMES: &[OtelName] = &[
    (&[EXPORTER], |layer, entry, _| traces_exporter(layer, entry)),
    (&["OTEL_EXPORTER_JAEGER_AGENT_HOST"], |layer, entry, _| {
        layer.agent.host.set(entry, read_host(entry)?)
    }),
    (&["OTEL_EXPORTER_JAEGER_AGENT_PORT"], |layer, entry, _| {
        layer.agent.port.set(entry, read_port(entry)?)
    }),
    (
        &["OTEL_EXPORTER_JAEGER_ENDPOINT"],
        |layer, entry, variables| match exporter(variables) {
            Exporter::Unset if layer.collector.target.made().is_some() => Ok(()),
            Exporter::Unset | Exporter::Jaeger => {
                set_target(layer, entry, Protocol::Thrift, &entry.text()?)
            }
            _ => Ok(()),
        },
    ),
    (
        &["OTEL_EXPORTER_JAEGER_USER"],
        |layer, entry, _| match layer.collector.protocol() {
            Some(Protocol::Thrift) => layer.collector.user.set(&entry.hidden(), secret(entry)?),
            _ => Ok(()),
        },
    ),
    (&["OTEL_EXPORTER_JAEGER_PASSWORD"], |layer, entry, _| {
        let collector = &mut layer.collector;
        match collector.protocol() {
            Some(Protocol::Thrift) => collector.password.set(&entry.hidden(), secret(entry)?),
            _ => Ok(()),
        }
    }),
];

/// The choice of `OTEL_TRACES_EXPORTER` among the receivers, of which the first that is named counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Exporter {
    /// There is no choice.
    Unset,
    Otlp,
    /// The agent, or Jaeger's collector.
    Jaeger,
    /// Standard output alone, or nothing.
    Local,
}

/// Returns the choice of these variables.
pub(super) fn exporter(variables: &Variables) -> Exporter {
    let read = |entry: &Entry<'_>| {
        let text = entry.as_text().unwrap_or_default().to_ascii_lowercase();
        Choice::of(&text).exporter
    };
    with_variable(variables, EXPORTER, read).unwrap_or(Exporter::Unset)
}

/// The content of a list of exporters.
struct Choice<'t> {
    exporter: Exporter,
    console: bool,
    /// Names that have no effect.
    others: Vec<&'t str>,
}

impl<'t> Choice<'t> {
    fn of(text: &'t str) -> Self {
        let mut choice = Choice {
            exporter: Exporter::Unset,
            console: false,
            others: Vec::new(),
        };
        for name in list(text) {
            let named = match name {
                "otlp" => Exporter::Otlp,
                "jaeger" => Exporter::Jaeger,
                "console" | "none" => Exporter::Local,
                _ => {
                    choice.others.push(name);
                    continue;
                }
            };
            choice.console |= name == "console";
            match choice.exporter {
                Exporter::Unset | Exporter::Local => choice.exporter = named,
                first if named != Exporter::Local && named != first => choice.others.push(name),
                _ => {}
            }
        }
        choice
    }
}

/// Reads a list of exporters. If none of them is known, it counts as unset.
fn traces_exporter(layer: &mut Layer, entry: &Entry<'_>) -> Result<(), ConfigError> {
    let text = entry.text()?.to_ascii_lowercase();
    let choice = Choice::of(&text);
    for name in choice.others {
        let message = match name {
            "otlp" | "jaeger" => format!("no effect of {name}: spans go to the first receiver"),
            _ => format!(
                "{} is not supported; use otlp, jaeger, console or none",
                clean(name)
            ),
        };
        layer.warn(entry, message);
    }
    match choice.exporter {
        Exporter::Unset => return Ok(()),
        Exporter::Otlp => default_endpoint(layer, entry)?,
        Exporter::Jaeger => layer.agent.enabled.set(entry, true)?,
        Exporter::Local => layer.agent.enabled.set(entry, false)?,
    }
    layer.reporter.console.set(entry, choice.console)
}
