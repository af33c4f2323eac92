//! Tags of values by what is known of their types.

use std::fmt::Display;

use picojaeger_core::Value;

use crate::tracer::span::Span;

/// A value, with a method `set` of the first of the traits below that holds for it.
pub struct Field<'v, T: ?Sized>(pub &'v T);

/// Values that are copied, as numbers and `&str`.
pub trait ByValue {
    fn set(self, span: &mut Span, key: &'static str);
}

/// Values whose references are tags' values, as `String`.
pub trait ByReference {
    fn set(self, span: &mut Span, key: &'static str);
}

/// References to values that are copied, as `&u64`.
pub trait ByValueBehind {
    fn set(self, span: &mut Span, key: &'static str);
}

/// Any other types that have a text.
pub trait ByText<T: ?Sized> {
    // At the method, so that a type without a text is named in the message.
    fn set(&self, span: &mut Span, key: &'static str)
    where
        T: Display;
}

impl<'v, T: Copy + Into<Value<'v>>> ByValue for &&&&Field<'v, T> {
    #[inline]
    fn set(self, span: &mut Span, key: &'static str) {
        span.tag(key, *self.0);
    }
}

impl<'v, T: ?Sized> ByReference for &&&Field<'v, T>
where
    &'v T: Into<Value<'v>>,
{
    #[inline]
    fn set(self, span: &mut Span, key: &'static str) {
        span.tag(key, self.0);
    }
}

impl<'v, T: Copy + Into<Value<'v>>> ByValueBehind for &&Field<'v, &T> {
    #[inline]
    fn set(self, span: &mut Span, key: &'static str) {
        span.tag(key, **self.0);
    }
}

impl<T: ?Sized> ByText<T> for Field<'_, T> {
    fn set(&self, span: &mut Span, key: &'static str)
    where
        T: Display,
    {
        span.tag_fmt(key, format_args!("{}", self.0));
    }
}
