//! Fields of spans as tags.

use std::error::Error;
use std::fmt;

use picojaeger_core::{Key, Value};
use tracing_core::Field;
use tracing_core::field::Visit;

use super::otel::{self, Otel};
use crate::spans::requests::NOTED;
use crate::spans::sampling_priority::PRIORITY;
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

/// The names that have a meaning, by who gives it to them.
const WITH_MEANING: [&[&str]; 3] = [NOTED, PRIORITY, otel::NAMES];

/// Returns whether a tag of a name may be more than a tag: for the tracer, or as a field of [`Otel`]. Most names are told
/// apart by length and first letter.
#[inline(always)]
fn has_meaning(name: &str) -> bool {
    const LENGTHS: u32 = lengths_and_letters().0;
    const LETTERS: u32 = lengths_and_letters().1;
    let is_of_length = name.len() < 32 && LENGTHS >> name.len() & 1 != 0;
    is_of_length
        && name.bytes().next().is_some_and(|first| {
            let letter = first.wrapping_sub(b'a');
            letter < 32 && LETTERS >> letter & 1 != 0
        })
}

/// The lengths of the names with a meaning as bits, and their first letters, of which `a` is bit 0. A longer name, or one
/// that begins with no small letter, does not compile.
const fn lengths_and_letters() -> (u32, u32) {
    let (mut lengths, mut letters, mut list) = (0, 0, 0);
    while list < WITH_MEANING.len() {
        let mut at = 0;
        while at < WITH_MEANING[list].len() {
            let name = WITH_MEANING[list][at].as_bytes();
            lengths |= 1 << name.len();
            letters |= 1 << (name[0] - b'a');
            at += 1;
        }
        list += 1;
    }
    (lengths, letters)
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

    fn means(name: &str) -> bool {
        let key = Key::copied(name);
        otel::of(name).is_some() || is_noted(key) || is_priority(key)
    }

    #[test]
    fn each_name_with_a_meaning_is_told_apart() {
        let names: Vec<_> = WITH_MEANING.concat();
        assert_eq!(names.len(), 10);
        for name in names {
            assert!(has_meaning(name) && means(name), "{name}");
            let almost = [format!("{name}s"), format!("x{}", &name[1..])];
            assert!(almost.iter().all(|other| !means(other)), "{name}");
        }
        for name in ["", "component", "item.index", "x", "Error", "é", "~rror"] {
            assert!(!has_meaning(name) && !means(name), "{name}");
        }
    }
}
