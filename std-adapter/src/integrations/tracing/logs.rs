//! Events as logs.

use std::error::Error;
use std::fmt;

use heapless::String as Text;
use picojaeger_core::{Key, Value, tags};
use tracing_core::field::Visit;
use tracing_core::{Event, Field, Level, Metadata};

use super::filter::is_ours;
use super::tags::Chain;
use crate::tracer::log_builder::LogBuilder;
use crate::tracer::span::Span;

/// Writes the fields that it visits to a log.
pub(super) struct Log<'s, 'o> {
    log: LogBuilder<'s>,
    /// Where the origin of a line of the crate `log` goes, which lies in fields; `None` for other events.
    origin: Option<&'o mut Origin>,
}

/// The origin of a line of the crate `log`, as far as it fits.
#[derive(Default)]
struct Origin {
    target: Text<128>,
    file: Text<128>,
    line: Option<u64>,
}

/// Writes a line of the crate `log`. Apart, so that only then the stack holds its origin.
#[cold]
#[inline(never)]
pub(super) fn write_line(
    span: &mut Span,
    event: &Event<'_>,
    with_target: bool,
    with_location: bool,
) {
    let mut origin = Origin::default();
    let mut log = Log {
        log: Log::begin(span, event.metadata()).log,
        origin: Some(&mut origin),
    };
    event.record(&mut log);
    let mut log = log.log;
    if with_target {
        log.field("target", origin.target.as_str());
    }
    if with_location && !origin.file.is_empty() {
        log.field("code.filepath", origin.file.as_str());
    }
    if with_location && let Some(line) = origin.line {
        log.field("code.lineno", line);
    }
}

impl Origin {
    /// Keeps a field that the bridge from `log` writes beside the message; returns whether it is one.
    fn keep(&mut self, name: &str, value: Value<'_>) -> bool {
        let text = |value| match value {
            Value::Str(text) => Text::try_from(text).unwrap_or_default(),
            _ => Text::new(),
        };
        match name {
            "log.target" => self.target = text(value),
            "log.file" => self.file = text(value),
            "log.line" => {
                self.line = match value {
                    Value::U64(line) => Some(line),
                    _ => None,
                };
            }
            "log.module_path" => {}
            _ => return false,
        }
        true
    }
}

impl<'s> Log<'s, '_> {
    /// Begins a log.
    #[inline]
    pub(super) fn begin(span: &'s mut Span, metadata: &Metadata<'_>) -> Self {
        let mut log = span.log();
        log.field("level", name(*metadata.level()));
        Log { log, origin: None }
    }

    pub(super) fn field(&mut self, key: &'static str, value: Value<'_>) {
        self.log.field(key, value);
    }

    #[inline]
    fn set<'v>(&mut self, field: &Field, value: impl Into<Value<'v>>) {
        let value = value.into();
        if let Some(origin) = &mut self.origin
            && origin.keep(field.name(), value)
        {
            return;
        }
        self.log.field(key(field), value);
    }
}

impl Visit for Log<'_, '_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.set(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.log
            .field_fmt(key(field), format_args!("{}", Chain(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.log.field_fmt(key(field), format_args!("{value:?}"));
    }
}

/// Returns the key of a field: the message is OpenTracing's `event`, which Jaeger's page shows first.
fn key(field: &Field) -> Key<'static> {
    Key::Static(match field.name() {
        tags::MESSAGE => tags::EVENT,
        name => name,
    })
}

fn name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARN",
        Level::INFO => "INFO",
        Level::DEBUG => "DEBUG",
        Level::TRACE => "TRACE",
    }
}

/// Returns whether an event is a line of the crate `log`, by way of `tracing-log`.
pub(super) fn is_from_log(metadata: &Metadata<'_>) -> bool {
    metadata.target() == "log" && metadata.fields().field("log.target").is_some()
}

/// Returns whether an event is a line that this crate has logged.
pub(super) fn is_own_line(event: &Event<'_>) -> bool {
    let mut target = LogTarget(false);
    if is_from_log(event.metadata()) {
        event.record(&mut target);
    }
    target.0
}

/// Notes whether the target of a line of `log` is this crate.
struct LogTarget(bool);

impl Visit for LogTarget {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0 |= field.name() == "log.target" && is_ours(value);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
