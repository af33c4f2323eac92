//! The environment variables, and how each is read.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::entry::Entry;
use super::error::{ConfigError, Origin, clean};
use super::keys::{
    Apply, HTTP_COLLECTOR, REMOTE_SAMPLING, RPC_METRICS, ip_version, propagation, sampler_type,
};
use super::layer::Layer;
use super::nearest::nearest;
use super::yaml::Value;
use crate::model::TagValue;

const PREFIX: &str = "JAEGER_";
const TAGS: &str = "JAEGER_TAGS";

static VARIABLES: &[(&str, Apply)] = &[
    ("JAEGER_SERVICE_NAME", |layer, entry| {
        layer.service_name.set(entry, entry.text()?)
    }),
    ("JAEGER_DISABLED", |layer, entry| {
        layer.disabled.set(entry, entry.boolean()?)
    }),
    ("JAEGER_AGENT_HOST", |layer, entry| {
        layer.agent_host.set(entry, entry.host()?)
    }),
    ("JAEGER_AGENT_PORT", |layer, entry| {
        layer.agent_port.set(entry, entry.port()?)
    }),
    ("JAEGER_AGENT_SOCKET_TYPE", |layer, entry| {
        layer.ip_version.set(entry, ip_version(entry)?)
    }),
    ("JAEGER_REPORTER_LOG_SPANS", |layer, entry| {
        layer.log_spans.set(entry, entry.boolean()?)
    }),
    ("JAEGER_REPORTER_MAX_QUEUE_SIZE", |layer, entry| {
        layer.memory_limit.set(entry, entry.queue()?)
    }),
    ("JAEGER_REPORTER_FLUSH_INTERVAL", |layer, entry| {
        layer.flush_interval.set(entry, entry.duration()?)
    }),
    (
        "JAEGER_REPORTER_ATTEMPT_RECONNECTING_DISABLED",
        |layer, entry| layer.resolve_once.set(entry, entry.boolean()?),
    ),
    (
        "JAEGER_REPORTER_ATTEMPT_RECONNECT_INTERVAL",
        |layer, entry| layer.resolve_interval.set(entry, entry.duration()?),
    ),
    ("JAEGER_SAMPLER_TYPE", |layer, entry| {
        layer.sampler_type.set(entry, sampler_type(entry)?)
    }),
    ("JAEGER_SAMPLER_PARAM", |layer, entry| {
        layer.sampler_param.set(entry, entry.sampler_param()?)
    }),
    ("JAEGER_TRACEID_128BIT", |layer, entry| {
        layer.trace_id_128bit.set(entry, entry.boolean()?)
    }),
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
];

fn no_collector(_: &mut Layer, entry: &Entry<'_>) -> Result<(), ConfigError> {
    Err(entry.unsupported(HTTP_COLLECTOR))
}

fn no_remote(_: &mut Layer, entry: &Entry<'_>) -> Result<(), ConfigError> {
    Err(entry.unsupported(REMOTE_SAMPLING))
}

/// Those of the process's variables that are text; ours must be.
pub(super) fn collect(
    all: impl Iterator<Item = (OsString, OsString)>,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut variables = BTreeMap::new();
    for (name, value) in all {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => {
                variables.insert(name, value);
            }
            (Ok(name), Err(value)) if name.starts_with(PREFIX) => {
                return Err(ConfigError::Invalid {
                    origin: Origin::Variable { name: name.into() },
                    found: clean(&value.to_string_lossy()).into(),
                    problem: "not UTF-8",
                    accepted: "UTF-8 text",
                });
            }
            _ => {} // another program's
        }
    }
    Ok(variables)
}

/// Reads the variables; an empty one is unset.
pub(super) fn read_variables(variables: &BTreeMap<String, String>) -> Result<Layer, ConfigError> {
    let mut layer = Layer::default();
    for (name, text) in variables {
        if text.is_empty() || !name.starts_with(PREFIX) {
            continue;
        }
        let value = Value::Variable(text.clone());
        let entry = Entry {
            value: &value,
            origin: Origin::Variable {
                name: name.as_str().into(),
            },
        };
        if name == TAGS {
            layer.tags.set(&entry, tags(&entry, text, variables)?)?;
        } else if let Some((_, apply)) = VARIABLES.iter().find(|(known, _)| known == name) {
            apply(&mut layer, &entry)?;
        } else {
            reject_misspelt(name)?;
        }
    }
    layer.check_sampler()?;
    Ok(layer)
}

/// Other Jaeger programs have variables with our prefix, so a name that resembles none of ours is
/// left to them.
fn reject_misspelt(name: &str) -> Result<(), ConfigError> {
    let known = VARIABLES.iter().map(|(known, _)| *known).chain([TAGS]);
    match nearest(name, 2, known) {
        Some(nearest) => Err(ConfigError::UnknownVariable {
            name: clean(name).into(),
            nearest,
        }),
        None => Ok(()),
    }
}

/// `key=value,…`; spaces around either are not part of it, an item of spaces only is skipped, and a
/// value may be `${VARIABLE:default}`.
fn tags(
    entry: &Entry<'_>,
    text: &str,
    variables: &BTreeMap<String, String>,
) -> Result<Vec<(String, TagValue)>, ConfigError> {
    let mut tags = Vec::new();
    for item in text.split(',').map(str::trim).filter(|s| !s.is_empty()) {
        let (key, value) = item
            .split_once('=')
            .ok_or_else(|| entry.wrong("a tag without a value", "key=value,key=value"))?;
        let value = substitute(value.trim(), variables)
            .ok_or_else(|| entry.wrong("a variable that is not set", "${VARIABLE:default}"))?;
        tags.push((key.trim().to_string(), TagValue::from(value)));
    }
    Ok(tags)
}

/// The value of `${VARIABLE:default}`; other text stays as it is. Nothing if the variable is
/// neither set nor has a default.
fn substitute<'a>(value: &'a str, variables: &'a BTreeMap<String, String>) -> Option<&'a str> {
    let Some(inner) = value
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
    else {
        return Some(value);
    };
    let (name, default) = match inner.split_once(':') {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    match variables.get(name).filter(|text| !text.is_empty()) {
        Some(text) => Some(text),
        None => default,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn only_our_variables_must_be_text() {
        let pair = |name: &str, value: &[u8]| (name.into(), OsString::from_vec(value.into()));
        let others = [pair("OTHER", b"\xff"), pair("JAEGER_TAGS", b"a=b")];
        let expected = BTreeMap::from([("JAEGER_TAGS".into(), "a=b".into())]);
        assert_eq!(collect(others.into_iter()).unwrap(), expected);
        let error = collect([pair("JAEGER_TAGS", b"\xff")].into_iter()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "JAEGER_TAGS=\u{fffd}: not UTF-8; use UTF-8 text"
        );
    }
}
