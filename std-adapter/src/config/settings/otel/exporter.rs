//! The receivers of spans: exporters by name, the agent, and Jaeger's collector.

use super::OtelName;
use super::otlp::default_endpoint;
use super::value::list;
use crate::config::Config;
use crate::config::error::{ConfigError, clean};
use crate::config::settings::agent::{read_host, read_port};
use crate::config::settings::collector::{Protocol, secret, set_target};
use crate::config::settings::layer::Layer;
use crate::config::source::{Entry, Variables, read_otel, with_variable};

const EXPORTER: &str = "OTEL_TRACES_EXPORTER";

/// After the endpoints of [`otlp`](super::otlp), which the exporter's choice takes into account.
pub(super) static NAMES: &[OtelName] = &[
    (&[EXPORTER], traces_exporter),
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

/// The first receiver that `OTEL_TRACES_EXPORTER` names.
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
    /// The receivers beside the first.
    further: Vec<&'t str>,
    /// Names that have no effect.
    unknown: Vec<&'t str>,
}

impl<'t> Choice<'t> {
    fn of(text: &'t str) -> Self {
        let mut choice = Choice {
            exporter: Exporter::Unset,
            console: false,
            further: Vec::new(),
            unknown: Vec::new(),
        };
        for name in list(text) {
            let named = match name {
                "otlp" => Exporter::Otlp,
                "jaeger" => Exporter::Jaeger,
                "console" | "none" => Exporter::Local,
                _ => {
                    choice.unknown.push(name);
                    continue;
                }
            };
            choice.console |= name == "console";
            match choice.exporter {
                Exporter::Unset | Exporter::Local => choice.exporter = named,
                first if named != Exporter::Local && named != first => choice.further.push(name),
                _ => {}
            }
        }
        choice.further.dedup();
        choice
    }
}

/// Reads a list of exporters. If none of them is known, it counts as unset.
fn traces_exporter(
    layer: &mut Layer,
    entry: &Entry<'_>,
    variables: &Variables,
) -> Result<(), ConfigError> {
    let text = entry.text()?.to_ascii_lowercase();
    let choice = Choice::of(&text);
    for name in choice.unknown {
        let name = clean(name);
        let message = format!("{name} is not supported; use otlp, jaeger, console or none");
        layer.warn(entry, message);
    }
    match choice.exporter {
        Exporter::Unset => return Ok(()),
        Exporter::Otlp => default_endpoint(layer, entry)?,
        Exporter::Jaeger => layer.agent.enabled.set(entry, true)?,
        Exporter::Local => layer.agent.enabled.set(entry, false)?,
    }
    for name in choice.further {
        layer.also_send_to.push(receiver(name, variables));
    }
    layer.reporter.console.set(entry, choice.console)
}

/// Reads the receiver that the variables name where this exporter is the only one.
fn receiver(exporter: &str, variables: &Variables) -> Config {
    let mut variables = variables.clone();
    variables.insert(EXPORTER.into(), exporter.into());
    Config {
        otel: Box::new(read_otel(&variables)),
        ..Config::default()
    }
}
