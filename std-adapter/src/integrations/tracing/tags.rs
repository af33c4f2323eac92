//! Fields of spans as tags.

use std::error::Error;
use std::fmt;

use picojaeger_core::{Key, Value};
use tracing_core::Field;
use tracing_core::field::Visit;

use super::otel::{self, Otel};
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

    #[inline]
    fn set<'v>(&mut self, field: &Field, value: impl Into<Value<'v>>) {
        let name = field.name();
        let value = value.into();
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

/// An error with its causes.
pub(super) struct Chain<'e>(pub(super) &'e (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_chain(self.0, f)
    }
}
