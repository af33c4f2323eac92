//! The process that the spans belong to: service name and tags.

use std::collections::BTreeMap;

use super::layer::Names;
use super::setting::{Setting, Violation, require};
use crate::config::Config;
use crate::config::error::ConfigError;
use crate::config::source::{Entry, Value};
use crate::model::TagValue;

/// The process that the spans belong to.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
///
/// let config = Config::new("shop").sampler(Sampler::Const(true)).tag("zone", "blue");
/// assert_eq!(config.resolve()?.process.tags, [("zone".to_owned(), "blue".into())]);
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProcessSettings {
    /// The service that the spans belong to; empty only if the tracer is disabled.
    pub service_name: String,
    /// Process tags by the user, each key once, in the order in which they were first named.
    pub tags: Vec<(String, TagValue)>,
}

#[derive(Clone, Debug)]
pub(crate) struct ProcessLayer {
    service_name: Setting<String>,
    pub(crate) tags: Setting<Vec<(String, TagValue)>>,
}

impl Default for ProcessLayer {
    fn default() -> Self {
        Self {
            service_name: Setting::checked(|name| service_name(name)),
            tags: Setting::checked(|tags| self::tags(tags)),
        }
    }
}

pub(crate) static NAMES: Names = Names {
    keys: &[
        (&["service_name", "serviceName"], |layer, entry| {
            layer.process.service_name.set(entry, entry.text()?)
        }),
        (&["tags"], |layer, entry| {
            layer.process.tags.set(entry, read_tags(entry)?)
        }),
    ],
    // `JAEGER_TAGS` may refer to other variables, so `tags_variable` reads it.
    variables: &[("JAEGER_SERVICE_NAME", |layer, entry| {
        layer.process.service_name.set(entry, entry.text()?)
    })],
};

impl ProcessSettings {
    pub(super) fn resolve(config: &Config, disabled: bool) -> Result<Self, ConfigError> {
        let service_name = config.pick(|layer| &layer.process.service_name)?;
        Ok(Self {
            service_name: match service_name {
                None if !disabled => return Err(ConfigError::MissingServiceName),
                name => name.unwrap_or_default(),
            },
            tags: merged_tags(config)?,
        })
    }
}

/// The tags of all layers, each key once: code over environment over file.
fn merged_tags(config: &Config) -> Result<Vec<(String, TagValue)>, ConfigError> {
    let mut merged: Vec<(String, TagValue)> = Vec::new();
    for layer in [&config.file, &config.environment, &config.code] {
        for (key, value) in layer.process.tags.get()?.into_iter().flatten() {
            set_tag(&mut merged, key, value);
        }
    }
    Ok(merged)
}

/// Sets a tag, in place of an earlier one of its key.
pub(crate) fn set_tag(tags: &mut Vec<(String, TagValue)>, key: &str, value: &TagValue) {
    match tags.iter_mut().find(|(known, _)| known == key) {
        Some((_, earlier)) => *earlier = value.clone(),
        None => tags.push((key.to_owned(), value.clone())),
    }
}

/// The process. A value that breaks its rule is reported by [`Config::resolve`].
impl Config {
    /// Sets the name under which the traces appear.
    #[must_use]
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        let setting = &mut self.code.process.service_name;
        setting.put("service_name", name.into());
        self
    }

    /// Sets a process tag, in place of an earlier one of the same key.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<TagValue>) -> Self {
        let setting = &mut self.code.process.tags;
        setting.push("tag", (key.into(), value.into()));
        self
    }
}

/// Reads a map of tags, or Go's list of maps with `key` and `value`.
fn read_tags(entry: &Entry<'_>) -> Result<Vec<(String, TagValue)>, ConfigError> {
    match entry.value {
        Value::Map(pairs) => pairs
            .iter()
            .map(|(key, node)| Ok((key.text.clone(), tag(&entry.child(&key.text, node))?)))
            .collect(),
        Value::List(items) => items
            .iter()
            .map(|item| key_and_value(&entry.child("", item)))
            .collect(),
        _ => Err(entry.wrong("not tags", "a map of keys to text, numbers, true or false")),
    }
}

fn tag(entry: &Entry<'_>) -> Result<TagValue, ConfigError> {
    Ok(match entry.value {
        Value::Text(text) => TagValue::String(text.clone()),
        Value::Bool(value) => TagValue::Bool(*value),
        Value::Float(value) if value.is_finite() => TagValue::Double(*value),
        Value::Integer(value) => match i64::try_from(*value) {
            Ok(value) => TagValue::Long(value),
            Err(_) => TagValue::String(value.to_string()),
        },
        _ => {
            let accepted = "text, a finite number, true or false";
            return Err(entry.wrong("not the value of a tag", accepted));
        }
    })
}

fn key_and_value(entry: &Entry<'_>) -> Result<(String, TagValue), ConfigError> {
    let wrong = || entry.wrong("not a tag", "a map with `key` and `value`");
    let Value::Map(pairs) = entry.value else {
        return Err(wrong());
    };
    let find = |name: &str| pairs.iter().find(|(key, _)| key.text == name);
    match (pairs.len(), find("key"), find("value")) {
        (2, Some((_, key)), Some((_, value))) => {
            let key = entry.child("key", key).text()?;
            Ok((key, tag(&entry.child("value", value))?))
        }
        _ => Err(wrong()),
    }
}

/// Reads `key=value,…`. Spaces around either are not part of it, an item of spaces only is
/// skipped, and a value may be `${VARIABLE:default}`.
pub(crate) fn tags_variable(
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

fn service_name(name: &str) -> Result<(), Violation> {
    require(
        !name.trim().is_empty(),
        "an empty service name",
        "the name under which the traces shall appear",
    )
}

fn tags(tags: &[(String, TagValue)]) -> Result<(), Violation> {
    let named = tags.iter().all(|(key, _)| !key.is_empty());
    require(named, "a tag without a key", "a key for each tag")?;
    let finite = |value: &TagValue| !matches!(value, TagValue::Double(x) if !x.is_finite());
    let all_finite = tags.iter().all(|(_, value)| finite(value));
    require(all_finite, "a tag that is not finite", "finite numbers")
}
