//! Reading the environment variables.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::nearest::nearest;
use super::otel::{is_otel, read_otel};
use super::typed_value::Entry;
use super::untyped_value::Value;
use crate::config::error::{ConfigError, Origin};
#[cfg(feature = "yaml")]
use crate::config::settings::Mode;
use crate::config::settings::{Apply, Layer, all_names, tags_variable};

const PREFIX: &str = "JAEGER_";
const TAGS: &str = "JAEGER_TAGS";
/// Bytes after the prefix from which a name that is nearly ours is likely a slip; shorter ones, such
/// as TAG, VER, ARGS and TLS, are words of their own.
const SHORTEST_SLIP: usize = 6;

/// Variables that suggest a wish and that no client reads, with what to use instead.
const WISHES: [(&str, &str); 7] = [
    (
        "JAEGER_ENABLED",
        "not read; JAEGER_DISABLED=true turns tracing off",
    ),
    (
        "JAEGER_HOST",
        "not read; JAEGER_AGENT_HOST is the agent's host",
    ),
    (
        "JAEGER_PORT",
        "not read; JAEGER_AGENT_PORT is the agent's port",
    ),
    ("JAEGER_AGENT_ENDPOINT", HOST_AND_PORT),
    ("JAEGER_AGENT_ADDRESS", HOST_AND_PORT),
    ("JAEGER_AGENT_HOST_PORT", HOST_AND_PORT),
    ("JAEGER_REPORTER_LOCAL_AGENT_HOST_PORT", HOST_AND_PORT),
];
const HOST_AND_PORT: &str =
    "not read; JAEGER_AGENT_HOST and JAEGER_AGENT_PORT are the agent's address";

/// The variables of all subjects, and those without effect.
fn known() -> impl Iterator<Item = &'static (&'static str, Apply)> {
    all_names().flat_map(|names| names.variables)
}

fn is_known(name: &str) -> bool {
    name == TAGS || known().any(|(known, _)| *known == name)
}

/// Variables by name.
pub(crate) type Variables = BTreeMap<String, String>;

/// The settings of the environment.
#[derive(Default)]
pub(crate) struct Environment {
    /// Those of the variables `JAEGER_…`.
    pub(crate) jaeger: Layer,
    /// Those of the variables `OTEL_…`.
    pub(crate) otel: Layer,
    /// All variables, to which a file may refer.
    pub(crate) variables: Variables,
}

impl Environment {
    /// Reads these variables.
    pub(crate) fn of(variables: Variables) -> Self {
        Environment {
            jaeger: read_jaeger(&variables),
            otel: read_otel(&variables),
            variables,
        }
    }

    /// Reads the process's variables. Those that we know must be text.
    pub(crate) fn of_process(all: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let (variables, unreadable) = readable(all);
        let mut environment = Self::of(variables);
        for name in unreadable {
            environment.note_unreadable(&name);
        }
        environment
    }

    /// Notes a variable that is not text, if it is one of ours.
    fn note_unreadable(&mut self, name: &str) {
        let value = Value::Variable(String::new());
        let entry = entry(name, &value).hidden();
        let fault = entry.wrong("not UTF-8", "UTF-8 text");
        if is_known(name) {
            self.jaeger.faults.push(fault);
        } else if is_otel(name) {
            self.otel.warn_of_ignored(&entry, &fault);
        }
    }
}

/// Returns the process's variables, as far as they are text.
#[cfg(feature = "yaml")]
pub(crate) fn process_variables() -> Variables {
    readable(std::env::vars_os()).0
}

/// Returns the variables that are text, and the names of those that are not.
fn readable(all: impl Iterator<Item = (OsString, OsString)>) -> (Variables, Vec<String>) {
    let (mut variables, mut unreadable) = (Variables::new(), Vec::new());
    for (name, value) in all {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => drop(variables.insert(name, value)),
            (Ok(name), Err(_)) => unreadable.push(name),
            (Err(_), _) => {} // another program's
        }
    }
    (variables, unreadable)
}

/// Runs `f` on a variable without the blanks at its ends; nothing if it is unset or empty.
pub(crate) fn with_variable<R>(
    variables: &Variables,
    name: &str,
    f: impl FnOnce(&Entry<'_>) -> R,
) -> Option<R> {
    let text = variables.get(name)?.trim();
    let value = Value::Variable(text.into());
    (!text.is_empty()).then(|| f(&entry(name, &value)))
}

/// Returns whether the process's environment disables tracing.
#[cfg(feature = "yaml")]
pub(crate) fn environment_disables() -> bool {
    let names = ["JAEGER_DISABLED", "JAEGER_DISABLE"];
    let set = names
        .into_iter()
        .filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
    let environment = Environment::of_process(set);
    let mode = environment.jaeger.tracer.mode.made();
    mode.is_some_and(|(mode, _)| *mode == Mode::Off)
}

/// Reads the variables with our prefix; an empty one is unset.
fn read_jaeger(variables: &Variables) -> Layer {
    let mut layer = Layer::default();
    for name in variables.keys().filter(|name| name.starts_with(PREFIX)) {
        let outcome = with_variable(variables, name, |entry| {
            read_variable(&mut layer, name, entry, variables)
        });
        layer.keep(outcome.unwrap_or(Ok(())));
    }
    layer.check_sampler();
    layer
}

fn read_variable(
    layer: &mut Layer,
    name: &str,
    entry: &Entry<'_>,
    variables: &Variables,
) -> Result<(), ConfigError> {
    if name == TAGS {
        let tags = &mut layer.process.tags;
        return tags.read(entry, |entry| tags_variable(entry, variables));
    }
    match known().find(|(known, _)| *known == name) {
        Some((_, apply)) => apply(layer, entry),
        None => {
            warn_of_unread(layer, name, entry);
            Ok(())
        }
    }
}

/// Other Jaeger programs, scripts and Kubernetes have variables with our prefix. So one that we do
/// not know gets a warning only if it suggests a wish, or is likely a slip: long enough, and nearly
/// a name of ours.
fn warn_of_unread(layer: &mut Layer, name: &str, entry: &Entry<'_>) {
    if entry.is_service_link() {
        return;
    }
    if let Some((_, message)) = WISHES.iter().find(|(wish, _)| *wish == name) {
        if name != "JAEGER_PORT" || entry.as_integer::<u16>().is_some() {
            layer.warn(entry, *message);
        }
        return;
    }
    let names = known().map(|(name, _)| *name).chain([TAGS]);
    let is_long = name.len() >= PREFIX.len() + SHORTEST_SLIP;
    if let Some(nearest) = nearest(name, 2, names).filter(|_| is_long) {
        layer.warn(entry, format!("not read; did you mean {nearest}?"));
    }
}

fn entry<'v>(name: &str, value: &'v Value) -> Entry<'v> {
    let name = name.into();
    Entry::new(value, Origin::Variable { name })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn only_our_variables_must_be_text() {
        let pair = |name: &str, value: &[u8]| (name.into(), OsString::from_vec(value.into()));
        let read = |name, value| Environment::of_process([pair(name, value)].into_iter());
        for other in ["OTHER", "JAEGER_TAG", "OTEL_METRICS_EXPORTER"] {
            let Environment { jaeger, otel, .. } = read(other, b"\xff");
            assert!(jaeger.faults.is_empty() && otel.warnings.is_empty());
        }
        assert_eq!(
            read("JAEGER_TAGS", b"a=\xff").jaeger.faults[0].to_string(),
            "JAEGER_TAGS=\"…\": not UTF-8; use UTF-8 text"
        );
        let otel = read("OTEL_SERVICE_NAME", b"\xff").otel;
        assert!(otel.faults.is_empty());
        assert_eq!(
            otel.warnings[0].to_string(),
            "OTEL_SERVICE_NAME: \"…\" is ignored: not UTF-8; use UTF-8 text"
        );
    }
}
