//! Attributes.

use std::fmt::Write as _;

use super::protobuf::{Damaged, Fields, Value};
use crate::collector::waterfall::text::Tags;
use crate::model::{Tag, TagValue};

/// Decodes a `KeyValue`.
pub(super) fn attribute(message: &[u8]) -> Result<Tag, Damaged> {
    let mut tag = Tag::new("", "");
    for field in Fields::of(message) {
        match field? {
            (1, key) => tag.key = key.text()?,
            (2, value) => tag.value = any_value(value.bytes()?)?,
            _ => {}
        }
    }
    Ok(tag)
}

/// Decodes an `AnyValue`; lists become text.
fn any_value(message: &[u8]) -> Result<TagValue, Damaged> {
    let mut value = TagValue::from("");
    for field in Fields::of(message) {
        value = match field? {
            (1, text) => text.text()?.into(),
            (2, on) => (on.number()? != 0).into(),
            (3, number) => TagValue::Long(number.number()?.cast_signed()),
            (4, bits) => f64::from_bits(bits.number()?).into(),
            (5, list) => list_text(list)?.into(),
            (7, bytes) => TagValue::Binary(bytes.bytes()?.into()),
            _ => value,
        };
    }
    Ok(value)
}

/// Returns the text of an `ArrayValue`.
fn list_text(list: Value<'_>) -> Result<String, Damaged> {
    let mut text = String::from("[");
    for field in Fields::of(list.bytes()?) {
        if let (1, value) = field? {
            let tag = Tag::new("", any_value(value.bytes()?)?);
            let separator = if text.len() == 1 { "" } else { ", " };
            let shown = Tags(std::slice::from_ref(&tag)).to_string();
            // Writing to a string does not fail.
            let _written = write!(text, "{separator}{}", shown.trim_start_matches('='));
        }
    }
    text.push(']');
    Ok(text)
}
