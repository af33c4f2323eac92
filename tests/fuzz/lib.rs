//! Helpers of the fuzz targets.

use std::error::Error;

use arbitrary::Arbitrary;
use picojaeger_core::{SendOutcome, Value, tags};
use picojaeger_std::Config;

/// A name and a value.
pub type Pair<'a> = (&'a str, &'a [u8]);

/// Reads lines of a name, the separator and a value, as headers and variables have them.
///
/// Lines without a separator, and names that are no UTF-8, are left out.
pub fn pairs(data: &[u8], separator: u8) -> Vec<Pair<'_>> {
    let lines = data.split(|byte| *byte == b'\n');
    lines.filter_map(|line| pair(line, separator)).collect()
}

fn pair(line: &[u8], separator: u8) -> Option<Pair<'_>> {
    let at = line.iter().position(|byte| *byte == separator)?;
    Some((str::from_utf8(&line[..at]).ok()?, &line[at + 1..]))
}

/// Writes an error and its sources in each form.
pub fn assert_prints(error: &dyn Error) {
    assert!(!error.to_string().is_empty());
    assert!(!format!("{error:?}").is_empty());
    if let Some(source) = error.source() {
        assert_prints(source);
    }
}

/// Resolves a configuration: to settings within the ranges that they promise, or to an error.
pub fn assert_resolves(config: &Config) {
    let settings = match config.resolve() {
        Ok(settings) => settings,
        Err(error) => return assert_prints(&error),
    };
    assert!(settings.disabled || !settings.process.service_name.is_empty());
    assert!((1..=65_000).contains(&settings.max_tag_value_length));
    assert_ne!(settings.agent.port, 0);
    assert!(!settings.reporter.flush_interval.is_zero());
    assert!(settings.reporter.memory_limit >= 1 << 20);
}

/// A value of a tag or of a log's field.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum AnyValue<'a> {
    Nothing,
    Bool(bool),
    Char(char),
    I64(i64),
    U64(u64),
    F64(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl<'a> AnyValue<'a> {
    pub fn value(self) -> Value<'a> {
        match self {
            AnyValue::Nothing => None::<&str>.into(),
            AnyValue::Bool(on) => on.into(),
            AnyValue::Char(char) => char.into(),
            AnyValue::I64(number) => number.into(),
            AnyValue::U64(number) => number.into(),
            AnyValue::F64(number) => number.into(),
            AnyValue::Text(text) => text.into(),
            AnyValue::Bytes(bytes) => bytes.into(),
        }
    }
}

/// A key or name: one of those that have a meaning, or text that is copied.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum AnyKey<'a> {
    Plain,
    Priority,
    Error,
    Copied(&'a str),
}

impl<'a> AnyKey<'a> {
    pub fn key(self) -> picojaeger_core::Key<'a> {
        match self {
            AnyKey::Plain => "plain".into(),
            AnyKey::Priority => tags::SAMPLING_PRIORITY.into(),
            AnyKey::Error => tags::ERROR.into(),
            AnyKey::Copied(text) => picojaeger_core::Key::copied(text),
        }
    }
}

/// The outcome of a packet.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Outcome {
    Accepted,
    TooLarge,
    Retry,
    Refused,
    Failed,
}

impl From<Outcome> for SendOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Accepted => SendOutcome::Accepted,
            Outcome::TooLarge => SendOutcome::TooLarge,
            Outcome::Retry => SendOutcome::Retry,
            Outcome::Refused => SendOutcome::Refused,
            Outcome::Failed => SendOutcome::Failed,
        }
    }
}

/// Checks the heap that a body took: at most 64 times its length, beside 1 MiB.
pub fn assert_body_heap(peak: usize, body: &[u8]) {
    assert!(
        peak < (1 << 20) + 64 * body.len(),
        "{peak} bytes for {}",
        body.len()
    );
}
