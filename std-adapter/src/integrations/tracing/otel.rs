//! The fields `otel.…`, by which `tracing-opentelemetry` sets what is no attribute.

use std::error::Error;
use std::fmt::{self, Write as _};

use heapless::String as Text;
use picojaeger_core::{Key, tags};
use tracing_core::field::Visit;
use tracing_core::span::Attributes;
use tracing_core::{Field, Metadata};

use super::tags::Chain;
use crate::tracer::span::Span;

/// What such a field sets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Otel {
    Name,
    Kind,
    StatusCode,
    StatusMessage,
}

/// The tags of a status, by the names that OpenTelemetry has for other formats than its own.
const STATUS_CODE: &str = "otel.status_code";
const STATUS_MESSAGE: &str = "otel.status_description";

/// Bytes of a text that is formatted without an allocation.
const SHORT: usize = 256;

const NAME: &str = "otel.name";

/// The fields by their names.
const FIELDS: [(&str, Otel); 5] = [
    (NAME, Otel::Name),
    ("otel.kind", Otel::Kind),
    (STATUS_CODE, Otel::StatusCode),
    ("otel.status_message", Otel::StatusMessage),
    (STATUS_MESSAGE, Otel::StatusMessage),
];

/// The names of the fields.
pub(super) const NAMES: &[&str] = &{
    let (mut names, mut at) = ([""; FIELDS.len()], 0);
    while at < FIELDS.len() {
        names[at] = FIELDS[at].0;
        at += 1;
    }
    names
};

/// Returns what the field of a name sets.
pub(super) fn of(name: &str) -> Option<Otel> {
    // Few names begin so.
    name.strip_prefix("otel.")?;
    let field = FIELDS.iter().find(|(known, _)| *known == name);
    field.map(|(_, field)| *field)
}

/// Returns whether spans of a callsite may have a field `otel.name`.
pub(super) fn has_name(metadata: &Metadata<'_>) -> bool {
    metadata.fields().field(NAME).is_some()
}

/// Calls `f` with the name of a span, which is its `otel.name` if it has one.
pub(super) fn with_name<R>(attributes: &Attributes<'_>, f: impl FnOnce(Key<'_>) -> R) -> R {
    if !has_name(attributes.metadata()) {
        return f(Key::Static(attributes.metadata().name()));
    }
    let mut name = Name {
        short: Text::new(),
        long: None,
        is_set: false,
    };
    attributes.record(&mut name);
    match (&name.long, name.is_set) {
        (Some(long), _) => f(Key::copied(long)),
        (None, true) => f(Key::copied(&name.short)),
        (None, false) => f(Key::Static(attributes.metadata().name())),
    }
}

/// Calls `f` with a text, which is formatted to the stack if it is short.
pub(super) fn with_text<R>(value: fmt::Arguments<'_>, f: impl FnOnce(&str) -> R) -> R {
    let mut short = Text::<SHORT>::new();
    match short.write_fmt(value) {
        Ok(()) => f(&short),
        Err(_) => f(&formatted(value)),
    }
}

/// Formats a value; as far as it gets, if its own code fails.
fn formatted(value: fmt::Arguments<'_>) -> String {
    let mut text = String::new();
    let _complete = text.write_fmt(value);
    text
}

impl Otel {
    /// Writes what is not the name.
    pub(super) fn write(self, span: &mut Span, text: &str) {
        match self {
            Otel::Name => {}
            Otel::Kind => {
                span.tag(tags::SPAN_KIND, kind(text).unwrap_or(text));
            }
            Otel::StatusCode if text.eq_ignore_ascii_case("error") => {
                span.tag(STATUS_CODE, "ERROR");
                span.tag_error_once();
            }
            Otel::StatusCode if text.eq_ignore_ascii_case("ok") => {
                span.tag(STATUS_CODE, "OK");
            }
            // Not set.
            Otel::StatusCode => {}
            Otel::StatusMessage => {
                span.tag(STATUS_MESSAGE, text);
            }
        }
    }
}

/// Returns a kind as Jaeger writes it.
fn kind(text: &str) -> Option<&'static str> {
    let kinds = [
        tags::SPAN_KIND_SERVER,
        tags::SPAN_KIND_CLIENT,
        tags::SPAN_KIND_PRODUCER,
        tags::SPAN_KIND_CONSUMER,
        "internal",
    ];
    kinds
        .into_iter()
        .find(|kind| kind.eq_ignore_ascii_case(text))
}

/// Reads `otel.name`.
struct Name {
    short: Text<SHORT>,
    long: Option<String>,
    is_set: bool,
}

impl Name {
    fn set(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        if of(field.name()) != Some(Otel::Name) {
            return;
        }
        self.is_set = true;
        self.short.clear();
        if self.short.write_fmt(value).is_err() {
            self.long = Some(formatted(value));
        }
    }
}

impl Visit for Name {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.set(field, format_args!("{}", Chain(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format_args!("{value:?}"));
    }
}
