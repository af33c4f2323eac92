//! JSON as clients write it: integers as text, enumerations by number or name, `null` for what is not there.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use picojaeger_core::{SpanId, TraceId};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use super::id::Id;
use super::message::{Attribute, List, Text};
use super::value::Any;
use crate::collector::DecodeError;

/// Longest reason that is kept: serde's may hold a text of the body, of any length.
const MAX_REASON: usize = 200;

/// Reads a whole body.
pub(in crate::collector) fn parse<'m, T: Deserialize<'m>>(
    body: &'m [u8],
) -> Result<T, DecodeError> {
    serde_json::from_slice(body).map_err(|error| {
        let reason = error.to_string();
        DecodeError::MalformedJson(reason.chars().take(MAX_REASON).collect())
    })
}

/// A scalar, whatever was expected.
#[derive(Default)]
pub(in crate::collector) enum Scalar<'m> {
    #[default]
    Nothing,
    Bool(bool),
    Int(i64),
    Unsigned(u64),
    Double(f64),
    Text(Cow<'m, str>),
}

impl<'de: 'm, 'm> Deserialize<'de> for Scalar<'m> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Scalar<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, a number or a truth value")
            }
            fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Nothing)
            }
            fn visit_bool<E>(self, on: bool) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Bool(on))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Int(number))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Scalar<'de>, E> {
                Ok(match i64::try_from(number) {
                    Ok(number) => Scalar::Int(number),
                    Err(_) => Scalar::Unsigned(number),
                })
            }
            fn visit_f64<E>(self, number: f64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Double(number))
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(text.into()))
            }
            fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(text.to_owned().into()))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

impl Scalar<'_> {
    /// Returns an integer of 64 bits, signed.
    pub(in crate::collector) fn integer(&self) -> Option<i64> {
        match self {
            Scalar::Nothing => Some(0),
            Scalar::Int(number) => Some(*number),
            Scalar::Text(text) => text.parse().ok(),
            Scalar::Double(number) => whole(*number),
            Scalar::Bool(_) | Scalar::Unsigned(_) => None,
        }
    }

    /// Returns an integer of 64 bits, unsigned.
    fn unsigned(&self) -> Option<u64> {
        match self {
            Scalar::Unsigned(number) => Some(*number),
            Scalar::Text(text) => text.parse().ok(),
            other => other.integer().and_then(|number| number.try_into().ok()),
        }
    }

    /// Returns a number with a fraction; text has those that JSON lacks.
    #[expect(clippy::cast_precision_loss, reason = "as any reader of JSON")]
    pub(in crate::collector) fn double(&self) -> Option<f64> {
        match self {
            Scalar::Nothing => Some(0.0),
            Scalar::Int(number) => Some(*number as f64),
            Scalar::Unsigned(number) => Some(*number as f64),
            Scalar::Double(number) => Some(*number),
            Scalar::Text(text) => text.parse().ok(),
            Scalar::Bool(_) => None,
        }
    }
}

/// Returns an integer that was written with a fraction of zero or an exponent.
#[expect(clippy::cast_possible_truncation, reason = "within the range")]
fn whole(number: f64) -> Option<i64> {
    let fits = number.fract() == 0.0 && number.abs() < 9e18;
    fits.then_some(number as i64)
}

impl<'de: 'm, 'm> Deserialize<'de> for Text<'m> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Scalar::deserialize(deserializer)? {
            Scalar::Text(text) => Ok(Text(text)),
            Scalar::Nothing => Ok(Text::default()),
            _ => Err(de::Error::custom("expected text")),
        }
    }
}

/// Reads an unsigned integer.
pub(super) fn unsigned<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let scalar = Scalar::deserialize(deserializer)?;
    let number = scalar.unsigned();
    number.ok_or_else(|| de::Error::custom("expected an integer that is not negative"))
}

/// Reads a signed integer.
pub(in crate::collector) fn integer<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<i64, D::Error> {
    let scalar = Scalar::deserialize(deserializer)?;
    let number = scalar.integer();
    number.ok_or_else(|| de::Error::custom("expected an integer of 64 bits"))
}

/// Reads a time or a duration, which Jaeger writes without a sign: negative ones wrap around.
pub(in crate::collector) fn wrapped<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<i64, D::Error> {
    let scalar = Scalar::deserialize(deserializer)?;
    let number = match scalar {
        Scalar::Unsigned(number) => Some(number.cast_signed()),
        other => other.integer(),
    };
    number.ok_or_else(|| de::Error::custom("expected an integer of 64 bits"))
}

const KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];
const CODES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

/// Reads a `SpanKind`, by its number or, as protobuf's own JSON has it, by its name.
pub(super) fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    enumeration(deserializer, &KINDS)
}

/// Reads a `StatusCode`.
pub(super) fn status_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    enumeration(deserializer, &CODES)
}

/// Reads a value of an enumeration; one that is not known is 0.
fn enumeration<'de, D: Deserializer<'de>>(
    deserializer: D,
    names: &[&str],
) -> Result<u64, D::Error> {
    let scalar = Scalar::deserialize(deserializer)?;
    let named = match &scalar {
        Scalar::Text(text) => names.iter().position(|name| *name == &**text),
        _ => None,
    };
    let number = named.map(|at| at as u64).or_else(|| scalar.unsigned());
    Ok(number.unwrap_or(0))
}

/// Reads a trace id.
pub(super) fn trace_id<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Id<TraceId>, D::Error> {
    id(deserializer, 32)
}

/// Reads a span id.
pub(super) fn span_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Id<SpanId>, D::Error> {
    id(deserializer, 16)
}

/// Reads an id of so many hex digits; none where it is empty.
fn id<'de, D: Deserializer<'de>, T: FromStr>(
    deserializer: D,
    digits: usize,
) -> Result<Id<T>, D::Error> {
    let text = Text::deserialize(deserializer)?.0;
    Ok(match text.parse() {
        _ if text.is_empty() => Id::Absent,
        Ok(id) if text.len() == digits => Id::Known(id),
        _ => Id::NotHex,
    })
}

/// The field of an `AnyValue` that is set.
#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum AnyField {
    StringValue,
    BoolValue,
    IntValue,
    DoubleValue,
    ArrayValue,
    KvlistValue,
    BytesValue,
    #[serde(other)]
    Other,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, bound(deserialize = "'de: 'm"))]
struct Values<'m> {
    values: List<Any<'m>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, bound(deserialize = "'de: 'm"))]
struct Entries<'m> {
    values: List<Attribute<'m>>,
}

impl<'de: 'm, 'm> Deserialize<'de> for Any<'m> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Any<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an AnyValue")
            }
            fn visit_unit<E>(self) -> Result<Any<'de>, E> {
                Ok(Any::Nothing)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Any<'de>, A::Error> {
                let mut value = Any::Nothing;
                while let Some(field) = map.next_key()? {
                    value = match field {
                        AnyField::ArrayValue => Any::List(map.next_value::<Values<'de>>()?.values),
                        AnyField::KvlistValue => Any::Map(map.next_value::<Entries<'de>>()?.values),
                        AnyField::Other => {
                            map.next_value::<de::IgnoredAny>()?;
                            value
                        }
                        field => scalar(&field, map.next_value()?).ok_or_else(|| {
                            de::Error::custom("an attribute's value does not fit its type")
                        })?,
                    };
                }
                Ok(value)
            }
        }

        deserializer.deserialize_any(Fields)
    }
}

fn scalar<'m>(field: &AnyField, value: Scalar<'m>) -> Option<Any<'m>> {
    Some(match (field, value) {
        (AnyField::StringValue, Scalar::Text(text)) => Any::Text(Text(text)),
        (AnyField::StringValue, Scalar::Nothing) => Any::Text(Text::default()),
        (AnyField::BoolValue, Scalar::Bool(on)) => Any::Bool(on),
        (AnyField::BoolValue, Scalar::Nothing) => Any::Bool(false),
        (AnyField::IntValue, value) => Any::Int(value.integer()?),
        (AnyField::DoubleValue, value) => Any::Double(value.double()?),
        (AnyField::BytesValue, Scalar::Text(text)) => Any::Bytes(from_base64(&text)?.into()),
        (AnyField::BytesValue, Scalar::Nothing) => Any::Bytes(Vec::new().into()),
        _ => return None,
    })
}

/// Decodes base64 of either alphabet, with padding or without.
pub(in crate::collector) fn from_base64(text: &str) -> Option<Vec<u8>> {
    use base64::alphabet::{STANDARD, URL_SAFE};
    use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let standard = GeneralPurpose::new(&STANDARD, LENIENT).decode(text);
    let decoded = standard.or_else(|_| GeneralPurpose::new(&URL_SAFE, LENIENT).decode(text));
    decoded.ok()
}
