//! The process that the spans belong to: service name and tags.

use super::layer::Names;
use super::resolver::Resolver;
use super::setting::{Setting, Violation, require};
use crate::config::Config;
use crate::config::error::{ConfigError, clean};
use crate::config::source::{Entry, Value, Variables, referenced};
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
    /// The service that the spans belong to; empty only if the tracer makes none.
    pub service_name: String,
    /// Process tags by the user, each key once, in the order in which they were first named.
    pub tags: Vec<(String, TagValue)>,
}

#[derive(Clone, Debug)]
pub(crate) struct ProcessLayer {
    pub(super) service_name: Setting<String>,
    pub(crate) tags: Setting<Vec<(String, TagValue)>>,
}

impl Default for ProcessLayer {
    fn default() -> Self {
        Self {
            service_name: Setting::checked(|name| service_name(name)),
            tags: Setting::secret(|tags| self::tags(tags)),
        }
    }
}

pub(crate) static NAMES: Names = Names {
    keys: &[
        (&["service_name", "serviceName"], |layer, entry| {
            layer.process.service_name.read(entry, Entry::text)
        }),
        (&["tags"], |layer, entry| {
            layer.process.tags.read(entry, read_tags)
        }),
    ],
    // `JAEGER_TAGS` may refer to other variables, so `tags_variable` reads it.
    variables: &[("JAEGER_SERVICE_NAME", |layer, entry| {
        layer.process.service_name.read(entry, Entry::text)
    })],
};

impl ProcessSettings {
    pub(super) fn resolve(resolver: &mut Resolver<'_>, traces: bool) -> Self {
        let layers = resolver.layers();
        let mut names = layers.iter().map(|layer| &layer.process.service_name);
        let is_given = names.any(|name| name.made().is_some() || name.is_refused())
            || resolver.is_misspelt(&["service_name", "serviceName"]);
        if !is_given && traces {
            resolver.fault(ConfigError::MissingServiceName);
        }
        let service_name = resolver.pick(|layer| &layer.process.service_name);
        Self {
            service_name: service_name.unwrap_or_default(),
            tags: merged_tags(resolver),
        }
    }
}

/// The tags of all layers, each key once: code over environment over file.
fn merged_tags(resolver: &mut Resolver<'_>) -> Vec<(String, TagValue)> {
    let mut merged: Vec<(String, TagValue)> = Vec::new();
    for layer in resolver.layers().into_iter().rev() {
        match layer.process.tags.get() {
            Ok(tags) => {
                for (key, value) in tags.into_iter().flatten() {
                    set_tag(&mut merged, key, value);
                }
            }
            Err(fault) => resolver.fault(fault),
        }
    }
    merged
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
    /// Reads the process's environment, and names the service like this unless a variable names it.
    ///
    /// ```
    /// use picojaeger_std::Config;
    ///
    /// let config = Config::for_service("shop").with_variables([("OTEL_SERVICE_NAME", "shop-eu")])?;
    /// assert_eq!(config.resolve()?.process.service_name, "shop-eu");
    /// # Ok::<(), picojaeger_std::config::ConfigError>(())
    /// ```
    pub fn for_service(default_name: impl Into<String>) -> Self {
        let mut config = Self::of_process_environment();
        // Below the environment, as a file is.
        let setting = &mut config.file.process.service_name;
        setting.put("for_service", default_name.into());
        config
    }

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
        Value::Map(pairs) => all(pairs.iter().map(|(key, node)| {
            let value = tag(&entry.child(&key.text, node).hidden())?;
            Ok((key.text.clone(), value))
        })),
        Value::List(items) => all(items
            .iter()
            .map(|item| key_and_value(&entry.child("", item).hidden()))),
        _ => {
            let accepted = "a map of keys to text, numbers, true or false";
            Err(entry.hidden().wrong("not tags", accepted))
        }
    }
}

/// All tags, or all errors.
fn all(
    tags: impl Iterator<Item = Result<(String, TagValue), ConfigError>>,
) -> Result<Vec<(String, TagValue)>, ConfigError> {
    let (mut good, mut faults) = (Vec::new(), Vec::new());
    for tag in tags {
        match tag {
            Ok(tag) => good.push(tag),
            Err(fault) => faults.push(fault),
        }
    }
    ConfigError::all(faults).map(|()| good)
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
    variables: &Variables,
) -> Result<Vec<(String, TagValue)>, ConfigError> {
    let text = entry.as_text().unwrap_or_default();
    let items = text.split(',').map(str::trim).enumerate();
    let items = items.filter(|(_, item)| !item.is_empty());
    all(items.map(|(index, item)| {
        tag_item(item, variables).map_err(|problem| problem.error(index + 1, entry))
    }))
}

/// The problem of an item of `JAEGER_TAGS`. One without `=` may be the rest of a value, so only its
/// number is shown.
enum TagProblem<'a> {
    NoValue,
    NoKey,
    Unset(&'a str),
}

impl TagProblem<'_> {
    fn error(self, number: usize, entry: &Entry<'_>) -> ConfigError {
        let (tag, problem, accepted) = match self {
            Self::NoValue => (
                format!("item {number}"),
                "a tag without a value",
                "key=value,key=value",
            ),
            Self::NoKey => (
                format!("item {number}"),
                "a tag without a key",
                "a key for each tag",
            ),
            Self::Unset(key) => (
                format!("tag `{}`", clean(key)),
                "a variable that is not set",
                "${VARIABLE:default}",
            ),
        };
        ConfigError::InvalidTag {
            origin: entry.origin.clone(),
            tag: tag.into(),
            problem,
            accepted,
        }
    }
}

fn tag_item<'a>(
    item: &'a str,
    variables: &Variables,
) -> Result<(String, TagValue), TagProblem<'a>> {
    let (key, value) = item.split_once('=').ok_or(TagProblem::NoValue)?;
    let key = key.trim();
    if key.is_empty() {
        return Err(TagProblem::NoKey);
    }
    let value = substitute(value.trim(), variables).ok_or(TagProblem::Unset(key))?;
    Ok((key.into(), TagValue::from(value)))
}

/// The value of `${VARIABLE:default}`; other text stays as it is. Nothing if the variable is
/// neither set nor has a default.
fn substitute<'a>(value: &'a str, variables: &'a Variables) -> Option<&'a str> {
    let Some(inner) = value
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
    else {
        return Some(value);
    };
    referenced(inner, variables)
}

fn service_name(name: &str) -> Result<(), Violation> {
    const ACCEPTED: &str = "the name under which the traces shall appear";
    require(!name.trim().is_empty(), "an empty service name", ACCEPTED)?;
    let printable = !name.contains(char::is_control);
    require(printable, "a control character in a service name", ACCEPTED)
}

fn tags(tags: &[(String, TagValue)]) -> Result<(), Violation> {
    let named = tags.iter().all(|(key, _)| !key.is_empty());
    require(named, "a tag without a key", "a key for each tag")?;
    let finite = |value: &TagValue| !matches!(value, TagValue::Double(x) if !x.is_finite());
    let all_finite = tags.iter().all(|(_, value)| finite(value));
    require(all_finite, "a tag that is not finite", "finite numbers")
}
