//! Values of attributes.

use std::borrow::Cow;

use super::message::{Attribute, List, Text};
use crate::collector::DecodeError;
use crate::collector::memory_budget::Budget;
use crate::model::TagValue;
use crate::sys::base64::base64;

/// Bytes of JSON that each byte of text becomes at most, as `\u0000` does.
const ESCAPED: usize = 6;

/// An `AnyValue`.
#[derive(Default)]
pub(in crate::collector) enum Any<'m> {
    #[default]
    Nothing,
    Text(Text<'m>),
    Bool(bool),
    Int(i64),
    Double(f64),
    List(List<Any<'m>>),
    Map(List<Attribute<'m>>),
    Bytes(Cow<'m, [u8]>),
}

impl Any<'_> {
    /// Converts the value; lists and maps become JSON, nothing becomes empty text.
    pub(super) fn tag_value(self, budget: &Budget) -> Result<TagValue, DecodeError> {
        Ok(match self {
            Any::Nothing => TagValue::String(String::new()),
            Any::Text(text) => TagValue::String(budget.text(text.0.as_bytes())?),
            Any::Bool(on) => TagValue::Bool(on),
            Any::Int(number) => TagValue::Long(number),
            Any::Double(number) => TagValue::Double(number),
            Any::Bytes(bytes) => {
                budget.charge(bytes.len())?;
                TagValue::Binary(bytes.into())
            }
            Any::List(_) | Any::Map(_) => {
                let bound = self.json_bound();
                budget.charge(bound)?;
                let mut json = String::with_capacity(bound);
                self.write_json(&mut json);
                json.shrink_to_fit();
                TagValue::String(json)
            }
        })
    }

    /// The length that the JSON has at most.
    fn json_bound(&self) -> usize {
        match self {
            Any::Nothing | Any::Bool(_) => 5,
            Any::Int(_) | Any::Double(_) => 26,
            Any::Text(text) => quoted_bound(text),
            Any::Bytes(bytes) => bytes.len() / 3 * 4 + 6,
            Any::List(list) => 2 + list.0.iter().map(|it| it.json_bound() + 1).sum::<usize>(),
            Any::Map(map) => {
                let entry = |it: &Attribute<'_>| quoted_bound(&it.key) + it.value.json_bound() + 2;
                2 + map.0.iter().map(entry).sum::<usize>()
            }
        }
    }

    fn write_json(&self, json: &mut String) {
        match self {
            Any::Nothing => json.push_str("null"),
            Any::Text(text) => quote(&text.0, json),
            Any::Bool(on) => json.push_str(if *on { "true" } else { "false" }),
            Any::Int(number) => json.push_str(&number.to_string()),
            Any::Double(number) => push_double(*number, json),
            Any::Bytes(bytes) => quote(&base64(bytes), json),
            Any::List(list) => {
                json.push('[');
                for (at, item) in list.0.iter().enumerate() {
                    json.push_str(if at == 0 { "" } else { "," });
                    item.write_json(json);
                }
                json.push(']');
            }
            Any::Map(map) => write_map(&map.0, json),
        }
    }
}

/// Writes an object with its keys in order, as Go does.
fn write_map(map: &[Attribute<'_>], json: &mut String) {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    json.push('{');
    for (at, entry) in entries.into_iter().enumerate() {
        json.push_str(if at == 0 { "" } else { "," });
        quote(&entry.key.0, json);
        json.push(':');
        entry.value.write_json(json);
    }
    json.push('}');
}

fn quoted_bound(text: &Text<'_>) -> usize {
    let bytes = text.0.bytes();
    2 + bytes
        .map(|byte| match byte {
            0..0x20 => ESCAPED,
            b'"' | b'\\' => 2,
            _ => 1,
        })
        .sum::<usize>()
}

fn quote(text: &str, json: &mut String) {
    // Text is always JSON.
    json.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// Writes a number that JSON can have as Go and JavaScript do, and as text one that it cannot.
fn push_double(number: f64, json: &mut String) {
    let text = match number.abs() {
        _ if !number.is_finite() => format!("\"{}\"", non_finite(number)),
        size if size == 0.0 || (1e-6..1e21).contains(&size) => number.to_string(),
        size if size < 1.0 => format!("{number:e}"),
        _ => format!("{number:e}").replace('e', "e+"),
    };
    json.push_str(&text);
}

/// The text that protobuf's JSON has for a number that JSON lacks.
pub(in crate::collector) const fn non_finite(number: f64) -> &'static str {
    if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}
