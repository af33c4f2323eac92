//! Tags as `[key, type, value]`.

use serde::{Serialize, Serializer};

use super::MAX_EXACT;
use crate::model::{Tag, TagValue};
use crate::sys::hex::hex;

/// A tag in an answer.
#[derive(Serialize)]
pub(super) struct TagBody<'a>(&'a str, &'static str, Value<'a>);

impl<'a> TagBody<'a> {
    pub(super) fn list(tags: &'a [Tag]) -> Vec<Self> {
        tags.iter().map(Self::of).collect()
    }

    fn of(tag: &'a Tag) -> Self {
        let kind = match &tag.value {
            TagValue::String(_) => "string",
            TagValue::Bool(_) => "bool",
            TagValue::Long(_) => "int64",
            TagValue::Double(_) => "float64",
            TagValue::Binary(_) => "binary",
        };
        Self(&tag.key, kind, Value(&tag.value))
    }
}

struct Value<'a>(&'a TagValue);

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            TagValue::String(text) => serializer.serialize_str(text),
            TagValue::Bool(value) => serializer.serialize_bool(*value),
            TagValue::Long(value) if value.unsigned_abs() > MAX_EXACT as u64 => {
                serializer.collect_str(value)
            }
            TagValue::Long(value) => serializer.serialize_i64(*value),
            TagValue::Double(value) if value.is_finite() => serializer.serialize_f64(*value),
            TagValue::Double(value) => serializer.collect_str(value),
            TagValue::Binary(bytes) => serializer.serialize_str(&hex(bytes)),
        }
    }
}
