//! Reading one value: its type, and the unit that its spelling binds it to.

use std::time::Duration;

use super::duration;
use super::error::{ConfigError, Origin, clean};
use super::layer::{SamplerParam, Violation, host, port};
use super::yaml::{Node, Value, is_boolean};
use crate::model::TagValue;

/// A value, and where it stands.
pub(super) struct Entry<'a> {
    pub(super) value: &'a Value,
    pub(super) origin: Origin,
}

impl Entry<'_> {
    pub(super) fn text(&self) -> Result<String, ConfigError> {
        match self.value {
            Value::Text(text) | Value::Variable(text) => Ok(text.clone()),
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {
                Err(self.wrong("not text", "quotes around it"))
            }
            _ => Err(self.wrong("not text", "text")),
        }
    }

    pub(super) fn boolean(&self) -> Result<bool, ConfigError> {
        self.as_boolean()
            .ok_or_else(|| self.wrong("neither true nor false", "true or false"))
    }

    pub(super) fn sampler_param(&self) -> Result<SamplerParam, ConfigError> {
        if let Some(number) = self.as_number() {
            return Ok(SamplerParam::Number(number));
        }
        match self.as_boolean() {
            Some(flag) => Ok(SamplerParam::Flag(flag)),
            None => Err(self.wrong("not a number", "a number; for const also true or false")),
        }
    }

    pub(super) fn port(&self) -> Result<u16, ConfigError> {
        if matches!(self.value, Value::Variable(text) if text.starts_with("tcp://")) {
            return Err(self.wrong(
                "the address of a Kubernetes service and not a port",
                "1 to 65535, or enableServiceLinks: false in the pod",
            ));
        }
        self.as_integer()
            .and_then(|number| u16::try_from(number).ok())
            .ok_or_else(|| self.wrong("not a port", "1 to 65535"))
    }

    pub(super) fn bytes(&self) -> Result<usize, ConfigError> {
        self.as_integer()
            .and_then(|number| usize::try_from(number).ok())
            .ok_or_else(|| self.wrong("not a size", "a whole number of bytes"))
    }

    /// Bytes, or text with a unit: `16MiB`.
    pub(super) fn memory(&self) -> Result<usize, ConfigError> {
        let with_unit = match self.value {
            Value::Text(text) => parse_memory(text),
            _ => None,
        };
        match with_unit {
            Some(bytes) => Ok(bytes),
            None => self
                .as_integer()
                .and_then(|number| usize::try_from(number).ok())
                .ok_or_else(|| {
                    let accepted = "1 MiB to 1 GiB: bytes, or text such as 16MiB";
                    self.wrong("not a size", accepted)
                }),
        }
    }

    /// A queue of so many spans of the other clients, as bytes: 1 KiB each, at least 1 MiB.
    pub(super) fn queue(&self) -> Result<usize, ConfigError> {
        self.as_integer()
            .and_then(|number| usize::try_from(number).ok())
            .filter(|spans| (1..=1 << 20).contains(spans))
            .map(|spans| (spans << 10).max(1 << 20))
            .ok_or_else(|| self.wrong("not a queue size", "1 to 1048576 spans"))
    }

    /// Seconds with fractions, as Python's keys have them.
    pub(super) fn seconds(&self) -> Result<Duration, ConfigError> {
        self.as_number()
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .ok_or_else(|| self.wrong("not a time in seconds", "a number, such as 1 or 0.5"))
    }

    /// Milliseconds, as Node's keys have them.
    pub(super) fn milliseconds(&self) -> Result<Duration, ConfigError> {
        self.as_integer()
            .and_then(|number| u64::try_from(number).ok())
            .map(Duration::from_millis)
            .ok_or_else(|| self.wrong("not a time in milliseconds", "a whole number, such as 1000"))
    }

    /// A number with a unit, as Go's keys and our own have it; in a variable, a bare number means
    /// milliseconds.
    pub(super) fn duration(&self) -> Result<Duration, ConfigError> {
        const UNITS: &str = "a number with a unit, such as 1s, 500ms or 1m1s";
        match self.value {
            Value::Text(text) => {
                duration::parse(text).ok_or_else(|| self.wrong("not a duration", UNITS))
            }
            Value::Variable(text) => match self.as_integer() {
                Some(_) => self.milliseconds(),
                None => duration::parse(text).ok_or_else(|| {
                    let accepted = "milliseconds, or a number with a unit, such as 1s or 500ms";
                    self.wrong("not a duration", accepted)
                }),
            },
            Value::Integer(_) | Value::Float(_) => {
                Err(self.wrong("a number without a unit", UNITS))
            }
            _ => Err(self.wrong("not a duration", UNITS)),
        }
    }

    /// One word out of a few.
    pub(super) fn choice<T: Copy>(
        &self,
        choices: &[(&str, T)],
        accepted: &'static str,
    ) -> Result<T, ConfigError> {
        let word = self.text()?;
        choices
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, value)| *value)
            .ok_or_else(|| self.wrong("unknown", accepted))
    }

    /// A host; brackets around an IPv6 address are taken off.
    pub(super) fn host(&self) -> Result<String, ConfigError> {
        Ok(without_brackets(&self.text()?).into())
    }

    /// `host:port`, an IPv6 address in brackets.
    pub(super) fn host_port(&self) -> Result<(String, u16), ConfigError> {
        let wrong = || self.wrong("not an address", "host:port or [address]:port");
        let text = self.text()?;
        let (name, number) = text.rsplit_once(':').ok_or_else(wrong)?;
        let inner = without_brackets(name);
        let ambiguous = inner.contains(':') && inner.len() == name.len();
        let number: u16 = number.parse().map_err(|_| wrong())?;
        if ambiguous || host(inner).is_err() || port(&number).is_err() {
            return Err(wrong());
        }
        Ok((inner.into(), number))
    }

    /// A header name in lower case.
    pub(super) fn header(&self) -> Result<String, ConfigError> {
        Ok(self.text()?.to_ascii_lowercase())
    }

    /// A map of tags, or Go's list of maps with `key` and `value`.
    pub(super) fn tags(&self) -> Result<Vec<(String, TagValue)>, ConfigError> {
        match self.value {
            Value::Map(pairs) => pairs
                .iter()
                .map(|(key, node)| Ok((key.value.clone(), self.child(&key.value, node).tag()?)))
                .collect(),
            Value::List(items) => items
                .iter()
                .map(|item| self.child("", item).key_and_value())
                .collect(),
            _ => Err(self.wrong("not tags", "a map of keys to text, numbers, true or false")),
        }
    }

    fn tag(&self) -> Result<TagValue, ConfigError> {
        Ok(match self.value {
            Value::Text(text) => TagValue::String(text.clone()),
            Value::Bool(value) => TagValue::Bool(*value),
            Value::Float(value) if value.is_finite() => TagValue::Double(*value),
            Value::Integer(value) => match i64::try_from(*value) {
                Ok(value) => TagValue::Long(value),
                Err(_) => TagValue::String(value.to_string()),
            },
            _ => {
                let accepted = "text, a finite number, true or false";
                return Err(self.wrong("not the value of a tag", accepted));
            }
        })
    }

    fn key_and_value(&self) -> Result<(String, TagValue), ConfigError> {
        let wrong = || self.wrong("not a tag", "a map with `key` and `value`");
        let Value::Map(pairs) = self.value else {
            return Err(wrong());
        };
        let find = |name: &str| pairs.iter().find(|(key, _)| key.value == name);
        match (pairs.len(), find("key"), find("value")) {
            (2, Some((_, key)), Some((_, value))) => Ok((
                self.child("key", key).text()?,
                self.child("value", value).tag()?,
            )),
            _ => Err(wrong()),
        }
    }

    /// A value below this one.
    fn child<'b>(&self, name: &str, node: &'b Node) -> Entry<'b> {
        let mut origin = self.origin.clone();
        if let Origin::File {
            line, column, key, ..
        } = &mut origin
        {
            *line = node.referenced.line();
            *column = node.referenced.column();
            if !name.is_empty() {
                *key = format!("{key}.{name}").into();
            }
        }
        Entry {
            value: &node.value,
            origin,
        }
    }

    /// Accepts nothing but what means "off" for a feature that does not exist.
    pub(super) fn off(&self, reason: &'static str) -> Result<(), ConfigError> {
        match (self.as_boolean(), self.value) {
            (Some(false), _) => Ok(()),
            (_, Value::Text(text)) if text.is_empty() => Ok(()),
            _ => Err(self.unsupported(reason)),
        }
    }

    pub(super) fn unsupported(&self, reason: &'static str) -> ConfigError {
        ConfigError::Unsupported {
            origin: self.origin.clone(),
            reason,
        }
    }

    pub(super) fn invalid(&self, violation: Violation) -> ConfigError {
        self.wrong(violation.problem, violation.accepted)
    }

    pub(super) fn wrong(&self, problem: &'static str, accepted: &'static str) -> ConfigError {
        ConfigError::Invalid {
            origin: self.origin.clone(),
            found: self.found().into(),
            problem,
            accepted,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(*value),
            Value::Variable(text) => match text.to_ascii_lowercase().as_str() {
                "1" | "t" | "true" | "yes" | "on" => Some(true),
                "0" | "f" | "false" | "no" | "off" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    fn as_integer(&self) -> Option<i128> {
        match self.value {
            Value::Integer(value) => Some(*value),
            Value::Variable(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<f64> {
        match self.value {
            Value::Integer(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            Value::Variable(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn found(&self) -> String {
        match self.value {
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

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(host)
}

/// Whether text was in quotes, without which it would not be text.
fn looks_typed(text: &str) -> bool {
    let short = text.len() < 40;
    short && (text.is_empty() || is_boolean(text) || text.parse::<f64>().is_ok())
}

fn parse_memory(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim_start() {
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(1 << shift)
}
