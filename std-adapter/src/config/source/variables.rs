//! Reading the environment variables.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::nearest::nearest;
use super::typed_value::Entry;
use super::untyped_value::Value;
use crate::config::error::{ConfigError, Origin};
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

/// Reads the process's variables. Those that we know must be text.
pub(crate) fn read_environment(all: impl Iterator<Item = (OsString, OsString)>) -> Layer {
    let mut variables = BTreeMap::new();
    let mut faults = Vec::new();
    for (name, value) in all {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => {
                variables.insert(name, value);
            }
            (Ok(name), Err(value)) if is_known(&name) => {
                let value = Value::Variable(value.to_string_lossy().into());
                let entry = entry(&name, &value);
                faults.push(entry.hidden().wrong("not UTF-8", "UTF-8 text"));
            }
            _ => {} // another program's
        }
    }
    let mut layer = read_variables(&variables);
    layer.faults.extend(faults);
    layer
}

/// Returns whether the process's environment disables tracing.
#[cfg(feature = "yaml")]
pub(crate) fn environment_disables() -> bool {
    let names = ["JAEGER_DISABLED", "JAEGER_DISABLE"];
    let set = names
        .into_iter()
        .filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
    let layer = read_environment(set);
    layer
        .tracer
        .disabled
        .made()
        .is_some_and(|(disabled, _)| *disabled)
}

/// Reads the variables; an empty one is unset.
pub(crate) fn read_variables(variables: &BTreeMap<String, String>) -> Layer {
    let mut layer = Layer::default();
    for (name, text) in variables {
        let text = text.trim();
        if !text.is_empty() && name.starts_with(PREFIX) {
            let value = Value::Variable(text.into());
            let outcome = read_variable(&mut layer, name, &entry(name, &value), variables);
            layer.keep(outcome);
        }
    }
    layer.check_sampler();
    layer
}

fn read_variable(
    layer: &mut Layer,
    name: &str,
    entry: &Entry<'_>,
    variables: &BTreeMap<String, String>,
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
        let others = [pair("OTHER", b"\xff"), pair("JAEGER_TAG", b"\xff")];
        assert!(read_environment(others.into_iter()).faults.is_empty());
        let layer = read_environment([pair("JAEGER_TAGS", b"a=\xff")].into_iter());
        assert_eq!(
            layer.faults[0].to_string(),
            "JAEGER_TAGS=\"…\": not UTF-8; use UTF-8 text"
        );
    }
}
