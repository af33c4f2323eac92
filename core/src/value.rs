//! Tag and log values, and their keys.

#[cfg(feature = "alloc")]
use alloc::borrow::Cow;
#[cfg(feature = "alloc")]
use alloc::string::String;
use core::num::NonZero;

/// A value of a tag or a log field.
///
/// The usual types convert into it, so `tag("port", 6831)` works, and so do options of
/// them: a tag or field without a value is not written. An unsigned value above
/// `i64::MAX` is sent as a decimal string, since Jaeger's Thrift has no unsigned type.
///
/// With the feature `alloc`, `&String` and `&Cow<str>` convert too.
///
/// ```
/// use picojaeger_core::Value;
///
/// assert_eq!(Value::from(42), Value::I64(42));
/// assert_eq!(Value::from("fast"), Value::Str("fast"));
/// assert_eq!(Value::from(Some('x')), Value::from('x'));
/// assert_eq!(Value::from(None::<i64>), Value::Absent);
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Value<'a> {
    /// Text.
    Str(&'a str),
    /// A truth value.
    Bool(bool),
    /// A signed integer.
    I64(i64),
    /// An unsigned integer.
    U64(u64),
    /// A floating-point number.
    F64(f64),
    /// Raw bytes.
    Bytes(&'a [u8]),
    /// One character, recorded as text.
    Char(Utf8Char),
    /// No value: the tag or field is not written, and not counted as lost.
    Absent,
}

/// A character as UTF-8.
///
/// `new` encodes it, so that the encoder, 110 bytes, is not linked into a firmware without `char`
/// values.
///
/// ```
/// use picojaeger_core::Utf8Char;
///
/// assert_eq!(Utf8Char::new('é').as_bytes(), "é".as_bytes());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Utf8Char {
    bytes: [u8; 4],
    length: u8,
}

/// The key of a tag or a log field, or an operation name: kept by reference where it is
/// `'static`, copied into the span where it is [`Key::copied`].
///
/// At most 255 bytes are kept.
///
/// ```
/// use picojaeger_core::Key;
///
/// let name = String::from("user.name");
/// assert_eq!(Key::copied(&name).as_str(), "user.name");
/// assert_eq!(Key::from("user.name"), Key::Static("user.name"));
/// ```
///
/// With the feature `alloc`, `&String` and `&Cow<str>` convert too, and are copied.
///
#[cfg_attr(feature = "alloc", doc = "```")]
#[cfg_attr(not(feature = "alloc"), doc = "```ignore")]
/// use picojaeger_core::Key;
///
/// let route = format!("GET /orders/{}", 7);
/// assert_eq!(Key::from(&route), Key::Copied("GET /orders/7"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "text is static or it is not")]
pub enum Key<'a> {
    /// Kept by reference.
    Static(&'static str),
    /// Copied into the span.
    Copied(&'a str),
}

impl Value<'_> {
    /// Returns whether the value is `true` or a number above 0, as for `sampling.priority`; `None`
    /// for text, bytes, NaN and no value.
    ///
    /// ```
    /// use picojaeger_core::Value;
    ///
    /// assert_eq!(Value::F64(0.5).is_positive(), Some(true));
    /// assert_eq!(Value::Bool(false).is_positive(), Some(false));
    /// assert_eq!(Value::Str("1").is_positive(), None);
    /// ```
    pub fn is_positive(self) -> Option<bool> {
        const INFINITY: u64 = f64::INFINITY.to_bits();
        match self {
            Value::Bool(on) => Some(on),
            Value::I64(n) => Some(n > 0),
            Value::U64(n) => Some(n > 0),
            // Comparing bits needs no floating-point runtime.
            Value::F64(n) => match n.to_bits() {
                bits if bits & !(1 << 63) > INFINITY => None,
                bits => Some(bits.wrapping_sub(1) < INFINITY),
            },
            _ => None,
        }
    }
}

impl Utf8Char {
    /// Encodes a character.
    #[inline]
    pub const fn new(c: char) -> Self {
        let mut bytes = [0; 4];
        let length = c.encode_utf8(&mut bytes).len() as u8;
        Utf8Char { bytes, length }
    }

    /// Returns the 1 to 4 bytes.
    #[inline(always)]
    pub const fn as_bytes(&self) -> &[u8] {
        match self.bytes.split_at_checked(self.length as usize) {
            Some((bytes, _)) => bytes,
            None => &[],
        }
    }
}

impl<'a> Key<'a> {
    /// Makes a key that is copied into the span, for text that is not `'static`.
    #[inline(always)]
    pub const fn copied(text: &'a str) -> Self {
        Key::Copied(text)
    }

    /// Returns the text.
    #[inline(always)]
    pub const fn as_str(&self) -> &str {
        match self {
            Key::Static(text) | Key::Copied(text) => text,
        }
    }
}

impl From<&'static str> for Key<'_> {
    #[inline(always)]
    fn from(text: &'static str) -> Self {
        Key::Static(text)
    }
}

#[cfg(feature = "alloc")]
impl<'a> From<&'a String> for Key<'a> {
    #[inline(always)]
    fn from(text: &'a String) -> Self {
        Key::Copied(text)
    }
}

#[cfg(feature = "alloc")]
impl<'a> From<&'a Cow<'_, str>> for Key<'a> {
    #[inline(always)]
    fn from(text: &'a Cow<'_, str>) -> Self {
        Key::Copied(text)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    #[inline(always)]
    fn from(value: &'a str) -> Self {
        Value::Str(value)
    }
}

impl<'a> From<&&'a str> for Value<'a> {
    #[inline(always)]
    fn from(value: &&'a str) -> Self {
        Value::Str(value)
    }
}

#[cfg(feature = "alloc")]
impl<'a> From<&'a String> for Value<'a> {
    #[inline(always)]
    fn from(value: &'a String) -> Self {
        Value::Str(value)
    }
}

#[cfg(feature = "alloc")]
impl<'a> From<&'a Cow<'_, str>> for Value<'a> {
    #[inline(always)]
    fn from(value: &'a Cow<'_, str>) -> Self {
        Value::Str(value)
    }
}

impl From<char> for Value<'_> {
    #[inline(always)]
    fn from(value: char) -> Self {
        Value::Char(Utf8Char::new(value))
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    #[inline(always)]
    fn from(value: Option<T>) -> Self {
        match value {
            Some(value) => value.into(),
            None => Value::Absent,
        }
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    #[inline(always)]
    fn from(value: &'a [u8]) -> Self {
        Value::Bytes(value)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    #[inline(always)]
    fn from(value: &'a [u8; N]) -> Self {
        Value::Bytes(value)
    }
}

impl From<bool> for Value<'_> {
    #[inline(always)]
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

/// Lossless conversions of the number types.
macro_rules! from_number {
    ($($from:ty => $variant:ident as $to:ty),* $(,)?) => {$(
        impl From<$from> for Value<'_> {
            #[inline(always)]
            fn from(value: $from) -> Self {
                Value::$variant(value as $to)
            }
        }
    )*};
}

from_number! {
    i8 => I64 as i64, i16 => I64 as i64, i32 => I64 as i64, i64 => I64 as i64, isize => I64 as i64,
    u8 => I64 as i64, u16 => I64 as i64, u32 => I64 as i64, u64 => U64 as u64, usize => U64 as u64,
    f32 => F64 as f64, f64 => F64 as f64,
}

/// Conversions of the `NonZero` integers, by those of the plain ones.
macro_rules! from_non_zero {
    ($($from:ty),*) => {$(
        impl From<NonZero<$from>> for Value<'_> {
            #[inline(always)]
            fn from(value: NonZero<$from>) -> Self {
                value.get().into()
            }
        }
    )*};
}

from_non_zero!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_are_numbers() {
        for (value, expected) in [
            (Value::F64(0.5), Some(true)),
            (Value::F64(f64::INFINITY), Some(true)),
            (Value::F64(0.0), Some(false)),
            (Value::F64(-0.0), Some(false)),
            (Value::F64(-1.0), Some(false)),
            (Value::F64(f64::NAN), None),
            (Value::F64(-f64::NAN), None),
            (Value::I64(-1), Some(false)),
            (Value::U64(u64::MAX), Some(true)),
            (Value::Bool(true), Some(true)),
            (Value::Str("1"), None),
            (Value::from('1'), None),
            (Value::Absent, None),
        ] {
            assert_eq!(value.is_positive(), expected, "{value:?}");
        }
    }

    #[test]
    fn options_and_references_convert() {
        assert_eq!(Value::from(Some("text")), Value::Str("text"));
        assert_eq!(Value::from(Some(Some(7u8))), Value::I64(7));
        assert_eq!(Value::from(None::<&str>), Value::Absent);
        assert_eq!(Value::from(&"text"), Value::Str("text"));
        assert_eq!(Value::from(NonZero::<u64>::MIN), Value::U64(1));
        assert_eq!(Value::from(NonZero::new(0i32)), Value::Absent);
        assert_eq!(
            Value::from('\u{20ac}'),
            Value::Char(Utf8Char::new('\u{20ac}'))
        );
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn owned_text_converts_by_reference() {
        let text = String::from("text");
        assert_eq!(Value::from(&text), Value::Str("text"));
        assert_eq!(Value::from(&Cow::from(text)), Value::Str("text"));
        assert_eq!(Value::from(&Cow::from("text")), Value::Str("text"));
        let key = String::from("key");
        assert_eq!(Key::from(&key), Key::Copied("key"));
        assert_eq!(Key::from(&Cow::from(key)), Key::Copied("key"));
        assert_eq!(Key::from(&Cow::from("key")), Key::Copied("key"));
    }
}
