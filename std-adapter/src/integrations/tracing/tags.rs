//! Fields of spans as tags.

use std::error::Error;
use std::fmt;

use picojaeger_core::{Key, Value, tags};
use tracing_core::Field;
use tracing_core::field::Visit;

use super::otel::{self, Otel};
use crate::spans::requests::RESPONSE_STATUS_CODE;
use crate::sys::error_chain::fmt_chain;
use crate::tracer::span::Span;

/// Writes the fields that it visits to a span.
pub(super) struct Tags<'s> {
    span: &'s mut Span,
    /// Whether the span has its name already.
    is_named: bool,
}

impl<'s> Tags<'s> {
    /// Writes the fields of a start, by whose `otel.name` the span was named.
    pub(super) fn of_start(span: &'s mut Span) -> Self {
        Tags {
            span,
            is_named: true,
        }
    }

    /// Writes fields that are recorded later.
    pub(super) fn late(span: &'s mut Span) -> Self {
        Tags {
            span,
            is_named: false,
        }
    }

    #[inline(always)]
    fn set<'v>(&mut self, field: &Field, value: impl Into<Value<'v>>) {
        let (name, value) = (field.name(), value.into());
        match has_meaning(name) {
            false => self.span.tag_plain(name, value),
            true => self.set_known(name, value),
        }
    }

    /// Sets what a field of a name that may have a meaning stands for.
    #[inline(never)]
    fn set_known(&mut self, name: &'static str, value: Value<'_>) {
        match otel::of(name) {
            None => {
                self.span.tag(Key::Static(name), value);
            }
            Some(special) => match value {
                Value::Str(text) => self.set_special(special, text),
                other => self.set_special(special, &format!("{other:?}")),
            },
        }
    }

    fn set_fmt(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let name = field.name();
        match otel::of(name) {
            None => {
                self.span.tag_fmt(Key::Static(name), value);
            }
            Some(special) => otel::with_text(value, |text| self.set_special(special, text)),
        }
    }

    fn set_special(&mut self, special: Otel, text: &str) {
        match special {
            Otel::Name if self.is_named => {}
            Otel::Name => {
                self.span.set_operation_name(Key::copied(text));
            }
            other => other.write(self.span, text),
        }
    }
}

impl Visit for Tags<'_> {
    #[inline]
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    #[inline]
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    #[inline]
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }

    #[inline]
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    #[inline]
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.set(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.set_fmt(field, format_args!("{}", Chain(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set_fmt(field, format_args!("{value:?}"));
    }
}

/// Returns whether a tag of a name may be more than a tag: for the tracer, or as a field of [`Otel`]. Most names are told
/// apart by length and first letter.
#[inline(always)]
fn has_meaning(name: &str) -> bool {
    const LENGTHS: u32 = lengths();
    let is_of_length = name.len() < 32 && LENGTHS >> name.len() & 1 != 0;
    is_of_length && matches!(name.as_bytes(), [b'e' | b'h' | b'o' | b's', ..])
}

/// Names that have a meaning.
const WITH_MEANING: [&str; 10] = [
    tags::ERROR,
    tags::SPAN_KIND,
    tags::HTTP_STATUS_CODE,
    RESPONSE_STATUS_CODE,
    tags::SAMPLING_PRIORITY,
    "otel.name",
    "otel.kind",
    "otel.status_code",
    "otel.status_message",
    "otel.status_description",
];

/// The lengths of these names as bits.
const fn lengths() -> u32 {
    let (mut bits, mut at) = (0, 0);
    while at < WITH_MEANING.len() {
        bits |= 1 << WITH_MEANING[at].len();
        at += 1;
    }
    bits
}

/// An error with its causes.
pub(super) struct Chain<'e>(pub(super) &'e (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_chain(self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spans::requests::is_noted;
    use crate::spans::sampling_priority::is_priority;

    #[test]
    fn each_name_with_a_meaning_is_told_apart() {
        for name in WITH_MEANING {
            let key = Key::Static(name);
            assert!(has_meaning(name), "{name}");
            assert!(
                otel::of(name).is_some() || is_noted(key) || is_priority(key),
                "{name}"
            );
        }
        for name in ["", "component", "item.index", "otel.names", "x"] {
            let key = Key::Static(name);
            let means = otel::of(name).is_some() || is_noted(key) || is_priority(key);
            assert!(!has_meaning(name) || means, "{name}");
        }
    }
}
