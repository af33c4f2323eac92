//! Durations: seconds, milliseconds, and text as Go writes it.

use std::time::Duration;

use super::typed_value::Entry;
use super::untyped_value::Value;
use crate::config::error::ConfigError;

const UNITS: &str = "a number with a unit, such as 1s, 500ms or 1m1s";
/// In seconds.
const DAY: f64 = 86_400.0;

impl Entry<'_> {
    /// Reads seconds with fractions, as Python's keys have them.
    pub(crate) fn seconds(&self) -> Result<Duration, ConfigError> {
        self.as_number()
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .ok_or_else(|| self.wrong("not a time in seconds", "a number, such as 1 or 0.5"))
    }

    /// Reads milliseconds, as Node's keys have them.
    pub(crate) fn milliseconds(&self) -> Result<Duration, ConfigError> {
        self.as_integer()
            .map(Duration::from_millis)
            .ok_or_else(|| self.wrong("not a time in milliseconds", "a whole number, such as 1000"))
    }

    /// Reads a number with a unit, as Go writes it, or bare seconds, as C++ does at the same keys.
    pub(crate) fn duration_or_seconds(&self) -> Result<Duration, ConfigError> {
        let Some(number) = self.as_number() else {
            return self.duration();
        };
        if number > DAY {
            return Err(self.wrong(
                "a bare number is seconds to the C++ client, here more than a day, and \
                 nanoseconds to Go's",
                UNITS,
            ));
        }
        self.seconds()
    }

    /// Reads a number with a unit, as Go's keys and our own have it; in a variable, a bare number
    /// means milliseconds.
    pub(crate) fn duration(&self) -> Result<Duration, ConfigError> {
        match self.value {
            Value::Text(_) if self.as_number().is_some_and(|number| number != 0.0) => {
                Err(self.wrong("a number without a unit", UNITS))
            }
            Value::Text(text) => parse(text).ok_or_else(|| self.wrong("not a duration", UNITS)),
            Value::Variable(_) if self.as_integer::<i128>().is_some() => self.milliseconds(),
            Value::Variable(text) => parse(text).ok_or_else(|| {
                let accepted = "milliseconds, or a number with a unit, such as 1s or 500ms";
                self.wrong("not a duration", accepted)
            }),
            Value::Integer(_) | Value::Float(_) => {
                Err(self.wrong("a number without a unit", UNITS))
            }
            _ => Err(self.wrong("not a duration", UNITS)),
        }
    }
}

/// Reads `1s`, `500ms`, `1m1s`, `1.5h`: numbers with fractions, each with a unit out of ns, us
/// (µs), ms, s, m and h. `0` needs no unit. Source: Go's `time.ParseDuration`, without signs.
fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    if text.is_empty() {
        return None;
    }
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, tail) = tail.split_at(end.unwrap_or(tail.len()));
        seconds += number.parse::<f64>().ok()? * unit_seconds(unit)?;
        rest = tail;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_are_read() {
        let cases = [
            ("0", 0),
            ("1ns", 1),
            ("7us", 7_000),
            ("7µs", 7_000),
            ("500ms", 500_000_000),
            ("1s", 1_000_000_000),
            ("1.5s", 1_500_000_000),
            (".5s", 500_000_000),
            ("1m1s", 61_000_000_000),
            ("1h2m3s4ms", 3_723_004_000_000),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse(text), Some(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let cases = [
            "", "1", "s", "1 s", "-1s", "+1s", "1e3s", "1.2.3s", ".s", "1x", "1sm", "1s1", "infs",
        ];
        for text in cases {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&format!("{}h", "9".repeat(400))), None);
    }
}
