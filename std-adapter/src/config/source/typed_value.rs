//! Reading one value: its type, and the errors that name its place.

use super::untyped_value::{Node, Value};
use crate::config::error::{ConfigError, Origin, clean};
use crate::config::settings::{HIDDEN, Violation};

/// A value and its origin.
pub(crate) struct Entry<'a> {
    pub(crate) value: &'a Value,
    pub(crate) origin: Origin,
    /// Errors do not show the value.
    is_hidden: bool,
}

impl<'a> Entry<'a> {
    pub(crate) fn new(value: &'a Value, origin: Origin) -> Self {
        Entry {
            value,
            origin,
            is_hidden: false,
        }
    }

    /// The same value, which errors do not show.
    pub(crate) fn hidden(&self) -> Self {
        Entry {
            value: self.value,
            origin: self.origin.clone(),
            is_hidden: true,
        }
    }
}

impl Entry<'_> {
    pub(crate) fn text(&self) -> Result<String, ConfigError> {
        match self.value {
            Value::Text(text) | Value::Variable(text) => Ok(text.clone()),
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {
                Err(self.wrong("not text", "quotes around it"))
            }
            _ => Err(self.wrong("not text", "text")),
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self.value {
            Value::Text(text) | Value::Variable(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn boolean(&self) -> Result<bool, ConfigError> {
        self.as_boolean()
            .ok_or_else(|| self.wrong("neither true nor false", "true or false"))
    }

    pub(crate) fn bytes(&self) -> Result<usize, ConfigError> {
        self.as_integer()
            .ok_or_else(|| self.wrong("not a size", "a whole number of bytes"))
    }

    /// Reads one word out of a few, in any case.
    pub(crate) fn choice<T: Copy>(
        &self,
        choices: &[(&str, T)],
        accepted: &'static str,
    ) -> Result<T, ConfigError> {
        let word = self.text()?;
        choices
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&word))
            .map(|(_, value)| *value)
            .ok_or_else(|| self.wrong("unknown", accepted))
    }

    /// A value below this one.
    pub(crate) fn child<'b>(&self, name: &str, node: &'b Node) -> Entry<'b> {
        let mut origin = self.origin.clone();
        if let Origin::File {
            line, column, key, ..
        } = &mut origin
        {
            (*line, *column) = (node.place.line, node.place.column);
            if !name.is_empty() {
                *key = format!("{key}.{name}").into();
            }
        }
        Entry {
            value: &node.value,
            origin,
            is_hidden: self.is_hidden,
        }
    }

    /// Returns whether the value asks for nothing: false, zero, empty, or a map or list of such.
    pub(crate) fn is_off(&self) -> bool {
        is_off(self.value)
    }

    /// Returns whether the value is the number zero, or a duration of zero.
    pub(crate) fn is_zero(&self) -> bool {
        let is_duration = || self.duration().is_ok_and(|time| time.is_zero());
        self.as_number() == Some(0.0) || is_duration()
    }

    /// Returns whether the value is an address that Kubernetes sets beside each service.
    pub(crate) fn is_service_link(&self) -> bool {
        self.as_text().is_some_and(is_service_link)
    }

    pub(crate) fn unsupported(&self, reason: &'static str) -> ConfigError {
        ConfigError::Unsupported {
            origin: self.origin.clone(),
            reason,
        }
    }

    pub(crate) fn invalid(&self, violation: Violation) -> ConfigError {
        self.wrong(violation.problem, violation.accepted)
    }

    /// The error of a value that is not accepted, or was never filled in.
    pub(crate) fn wrong(&self, problem: &'static str, accepted: &'static str) -> ConfigError {
        let (problem, accepted) = match self.value {
            Value::Unset(_) => ("a variable that is not set", "${VARIABLE:default}"),
            _ => (problem, accepted),
        };
        ConfigError::Invalid {
            origin: self.origin.clone(),
            found: self.found().into(),
            problem,
            accepted,
        }
    }

    pub(crate) fn as_boolean(&self) -> Option<bool> {
        as_boolean(self.value)
    }

    /// Returns the whole number, if it is one and fits the type.
    pub(crate) fn as_integer<T: TryFrom<i128>>(&self) -> Option<T> {
        let number = match self.value {
            Value::Integer(value) => *value,
            Value::Text(text) | Value::Variable(text) => text.parse().ok()?,
            _ => return None,
        };
        T::try_from(number).ok()
    }

    pub(crate) fn as_number(&self) -> Option<f64> {
        match self.value {
            Value::Integer(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            Value::Text(text) | Value::Variable(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn found(&self) -> String {
        match self.value {
            Value::Unset(reference) => clean(reference),
            _ if self.is_hidden => HIDDEN.into(),
            Value::Null => "null".into(),
            Value::Bool(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Text(text) if looks_typed(text) => format!("\"{text}\""),
            Value::Text(text) => clean(text),
            Value::Variable(text) => clean(text),
            Value::List(_) => "[…]".into(),
            Value::Map(_) => "{…}".into(),
        }
    }
}

/// Whether the text is an address that Kubernetes sets beside each service.
pub(super) fn is_service_link(text: &str) -> bool {
    let schemes = ["tcp://", "udp://", "sctp://"];
    schemes.iter().any(|scheme| text.starts_with(scheme))
}

fn as_boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Integer(0) => Some(false),
        Value::Integer(1) => Some(true),
        Value::Text(text) | Value::Variable(text) => match text.to_ascii_lowercase().as_str() {
            "1" | "t" | "true" | "yes" | "on" => Some(true),
            "0" | "f" | "false" | "no" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn is_off(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Float(number) => *number == 0.0,
        Value::Text(text) | Value::Variable(text) if text.is_empty() || text == "0s" => true,
        Value::List(items) => items.iter().all(|item| is_off(&item.value)),
        Value::Map(pairs) => pairs.iter().all(|(_, node)| is_off(&node.value)),
        other => as_boolean(other) == Some(false),
    }
}

/// Whether text was in quotes, without which it would not be text.
fn looks_typed(text: &str) -> bool {
    let short = text.len() < 40;
    short && (text.is_empty() || is_boolean(text) || text.parse::<f64>().is_ok())
}

/// Whether PyYAML reads the word as a boolean.
pub(super) fn is_boolean(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let capitalised = || word.get(1..) == lower.get(1..);
    ["true", "false", "yes", "no", "on", "off"].contains(&lower.as_str())
        && (capitalised() || word == word.to_ascii_uppercase())
}
