//! Tags and their values.

/// A key with a typed value: a tag of a span or process, or a field of a log.
///
/// # Examples
/// ```
/// use picojaeger_std::model::{Tag, TagValue};
///
/// let tag = Tag::new("error", TagValue::Bool(true));
/// assert_eq!(tag.key, "error");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value.
    pub value: TagValue,
}

impl Tag {
    /// A tag of `key` and `value`.
    pub fn new(key: impl Into<String>, value: TagValue) -> Self {
        Self {
            key: key.into(),
            value,
        }
    }
}

/// Value of a [`Tag`].
///
/// # Examples
/// ```
/// use picojaeger_std::model::TagValue;
///
/// assert_ne!(TagValue::Long(1), TagValue::Double(1.0));
/// ```
#[derive(Clone, Debug, PartialEq)]
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

/// The value of the last tag with this key: a Jaeger server keeps the last of several.
pub(super) fn find<'a>(tags: &'a [Tag], key: &str) -> Option<&'a TagValue> {
    tags.iter().rev().find(|t| t.key == key).map(|t| &t.value)
}
