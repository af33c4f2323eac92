//! Results, and errors by what is known of their types.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::ops::Deref;

use picojaeger_core::tags;

use crate::tracer::span::Span;

/// A result, in parts.
#[diagnostic::on_unimplemented(
    message = "`err` needs a function that returns a `Result`",
    label = "this is no `Result`"
)]
pub trait Outcome {
    type Value;
    type Error;

    fn parts(&self) -> Result<&Self::Value, &Self::Error>;
}

impl<T, E> Outcome for Result<T, E> {
    type Value = T;
    type Error = E;

    #[inline]
    fn parts(&self) -> Result<&T, &E> {
        self.as_ref()
    }
}

/// An error, with a method `record` of the first of the traits below that holds for it.
pub struct Fault<'e, E: ?Sized>(pub &'e E);

/// Errors, with their type and their causes.
pub trait ByError {
    fn record(self, span: &mut Span);
}

/// Pointers to errors, as `anyhow::Error` and `Box<dyn Error>`.
pub trait ByTarget {
    fn record(self, span: &mut Span);
}

/// Any other types that have a text.
pub trait ByDisplay<E: ?Sized> {
    // The bound stands here, and not at the implementation, so that a type without a text is named in the message.
    fn record(&self, span: &mut Span)
    where
        E: Display;
}

impl<E: Error + ?Sized> ByError for &&&Fault<'_, E> {
    #[inline]
    fn record(self, span: &mut Span) {
        span.record_error(self.0);
    }
}

impl<E: Deref<Target: Error> + ?Sized> ByTarget for &&Fault<'_, E> {
    #[inline]
    fn record(self, span: &mut Span) {
        span.record_error(&**self.0);
    }
}

impl<E: ?Sized> ByDisplay<E> for Fault<'_, E> {
    fn record(&self, span: &mut Span)
    where
        E: Display,
    {
        record_text(span, format_args!("{}", self.0));
    }
}

/// Records an error by `Debug`.
pub fn record_debug<E: Debug + ?Sized>(span: &mut Span, error: &E) {
    record_text(span, format_args!("{error:?}"));
}

/// Tags an error and logs its text, as [`Span::record_error`] does with errors.
#[cold]
fn record_text(span: &mut Span, text: std::fmt::Arguments<'_>) {
    span.tag(tags::ERROR, true);
    span.log()
        .field(tags::EVENT, "error")
        .field_fmt("message", text);
}
