//! The names of propagation formats, as Jaeger's and OpenTelemetry's settings spell them.

use picojaeger_core::Format;

use crate::config::error::ConfigError;
use crate::config::source::{Entry, Value};

/// The formats that are read and written unless set: a proxy that knows one passes the other on.
pub(super) const DEFAULT: &[Format] = &[Format::TraceContext, Format::Baggage, Format::Jaeger];

/// A name, and the formats that it stands for.
pub(super) type Name = (&'static str, &'static [Format]);

/// The names of `OTEL_PROPAGATORS`. OpenTelemetry writes `b3` as one header.
pub(super) const OTEL: [Name; 5] = [
    ("tracecontext", &[Format::TraceContext]),
    ("baggage", &[Format::Baggage]),
    ("b3", &[Format::B3]),
    ("b3multi", &[Format::B3Multi]),
    ("jaeger", &[Format::Jaeger]),
];

/// The names of keys and of `JAEGER_PROPAGATION`. Jaeger's clients write `b3` as several headers.
const NAMES: [Name; 7] = [
    ("w3c", &[Format::TraceContext, Format::Baggage]),
    ("tracecontext", &[Format::TraceContext]),
    ("baggage", &[Format::Baggage]),
    ("jaeger", &[Format::Jaeger]),
    ("b3", &[Format::B3Multi]),
    ("b3multi", &[Format::B3Multi]),
    ("b3single", &[Format::B3]),
];

const ACCEPTED: &str = "jaeger, w3c, tracecontext, baggage, b3, b3single or none";

/// Reads names, as a list or separated by commas, each once; `none` alone is no format.
pub(super) fn formats(entry: &Entry<'_>) -> Result<Vec<Format>, ConfigError> {
    let mut names = Vec::new();
    match entry.value {
        Value::List(items) => {
            for item in items {
                names.push(entry.child("", item).text()?);
            }
        }
        _ => names.extend(entry.text()?.split(',').map(str::to_owned)),
    }
    let names: Vec<_> = names.iter().map(|name| name.trim()).collect();
    let names: Vec<_> = names.into_iter().filter(|name| !name.is_empty()).collect();
    match names.as_slice() {
        [] => Err(entry.wrong("no format", ACCEPTED)),
        [none] if none.eq_ignore_ascii_case("none") => Ok(Vec::new()),
        names => {
            let found = names.iter().map(|name| find(&NAMES, name));
            let found: Option<Vec<_>> = found.collect();
            let found = found.ok_or_else(|| entry.wrong("unknown", ACCEPTED))?;
            Ok(once(found.into_iter().flatten()))
        }
    }
}

/// Returns the name of a format among the setting's.
pub(super) fn name(format: Format) -> &'static str {
    let mut names = NAMES.iter();
    let found = names.find(|(_, formats)| *formats == [format]);
    found.map_or("", |(name, _)| name)
}

/// Returns the formats that a name of these stands for, in any case.
pub(super) fn find(names: &[Name], name: &str) -> Option<&'static [Format]> {
    let mut names = names.iter();
    let found = names.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(found.1)
}

/// Returns each format once, in the order of its first place.
pub(super) fn once<'f>(formats: impl IntoIterator<Item = &'f Format>) -> Vec<Format> {
    let mut each = Vec::new();
    for format in formats {
        if !each.contains(format) {
            each.push(*format);
        }
    }
    each
}
