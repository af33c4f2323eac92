//! Tags and their values.

use picojaeger_core::Value;

/// A key with a typed value: a tag of a span or process, or a field of a log.
///
/// # Examples
/// ```
/// use picojaeger_std::model::{Tag, TagValue};
///
/// let tag = Tag::new("error", true);
/// assert_eq!((tag.key.as_str(), tag.value), ("error", TagValue::Bool(true)));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value.
    pub value: TagValue,
}

impl Tag {
    /// A tag of `key` and `value`.
    pub fn new(key: impl Into<String>, value: impl Into<TagValue>) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
        }
    }
}

/// Value of a [`Tag`].
///
/// The usual types convert into it. The wire has no unsigned integers, so those above `i64::MAX`
/// become text.
///
/// # Examples
/// ```
/// use picojaeger_std::Value;
/// use picojaeger_std::model::TagValue;
///
/// assert_ne!(TagValue::Long(1), TagValue::Double(1.0));
/// assert_eq!(TagValue::from("blue"), TagValue::String("blue".into()));
/// assert_eq!(TagValue::from(u64::MAX), TagValue::String("18446744073709551615".into()));
/// assert_eq!(TagValue::from(3).as_value(), Value::I64(3));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "`TagType` of jaeger.thrift has these five"
)]
pub enum TagValue {
    /// Text.
    String(String),
    /// A 64-bit floating point number.
    Double(f64),
    /// A truth value.
    Bool(bool),
    /// A signed 64-bit integer.
    Long(i64),
    /// Bytes.
    Binary(Box<[u8]>),
}

impl TagValue {
    /// The value as the core takes it.
    pub fn as_value(&self) -> Value<'_> {
        match self {
            Self::String(text) => Value::Str(text),
            Self::Double(value) => Value::F64(*value),
            Self::Bool(value) => Value::Bool(*value),
            Self::Long(value) => Value::I64(*value),
            Self::Binary(bytes) => Value::Bytes(bytes),
        }
    }
}

/// A copy of the value as it is on the wire.
impl From<Value<'_>> for TagValue {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Str(text) => text.into(),
            Value::Bool(value) => value.into(),
            Value::I64(value) => value.into(),
            Value::U64(value) => value.into(),
            Value::F64(value) => value.into(),
            Value::Bytes(bytes) => bytes.into(),
            other => Self::String(format!("{other:?}")),
        }
    }
}

impl From<&str> for TagValue {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for TagValue {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for TagValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f32> for TagValue {
    fn from(value: f32) -> Self {
        Self::Double(value.into())
    }
}

impl From<f64> for TagValue {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

impl From<&[u8]> for TagValue {
    fn from(bytes: &[u8]) -> Self {
        Self::Binary(bytes.into())
    }
}

impl From<Vec<u8>> for TagValue {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into_boxed_slice())
    }
}

/// Conversions of the integers that always fit.
macro_rules! from_integers {
    ($($integer:ty),+) => {$(
        impl From<$integer> for TagValue {
            fn from(value: $integer) -> Self {
                Self::Long(value.into())
            }
        }
    )+};
}

from_integers!(i8, i16, i32, i64, u8, u16, u32);

/// Conversions of the integers that may exceed the wire's.
macro_rules! from_wide_integers {
    ($($integer:ty),+) => {$(
        impl From<$integer> for TagValue {
            fn from(value: $integer) -> Self {
                match i64::try_from(value) {
                    Ok(value) => Self::Long(value),
                    Err(_) => Self::String(value.to_string()),
                }
            }
        }
    )+};
}

from_wide_integers!(u64, usize, isize);

/// The value of the last tag with this key: a Jaeger server keeps the last of several.
pub(super) fn find<'a>(tags: &'a [Tag], key: &str) -> Option<&'a TagValue> {
    tags.iter().rev().find(|t| t.key == key).map(|t| &t.value)
}
