//! Fields of protobuf messages.

use std::borrow::Cow;

use picojaeger_core::{SpanId, TraceId};

use super::id::Id;
use crate::collector::DecodeError;

type Decoded<T> = Result<T, DecodeError>;

/// The fields of a message, each with its number; ends with an error where the message is damaged.
#[derive(Clone)]
pub(super) struct Fields<'m> {
    of: &'static str,
    rest: &'m [u8],
}

/// The value of a field, with the name of its message.
#[derive(Clone, Copy)]
pub(super) struct Field<'m> {
    of: &'static str,
    value: Value<'m>,
}

#[derive(Clone, Copy)]
enum Value<'m> {
    /// A number of any form.
    Number(u64),
    Bytes(&'m [u8]),
}

impl<'m> Fields<'m> {
    /// Reads a message; `of` is its name in errors.
    pub(super) const fn of(of: &'static str, message: &'m [u8]) -> Self {
        Fields { of, rest: message }
    }

    /// The values of the fields of this number, which are messages, text or bytes.
    pub(super) fn each(
        self,
        number: u64,
    ) -> impl Iterator<Item = Decoded<&'m [u8]>> + Clone + use<'m> {
        self.filter_map(move |field| match field {
            Ok((found, field)) if found == number => Some(field.bytes()),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    }

    fn field(&mut self) -> Decoded<(u64, Field<'m>)> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Number(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| self.damaged())?;
                Value::Bytes(self.bytes(length)?)
            }
            5 => Value::Number(u32::from_le_bytes(self.array()?).into()),
            _ => return Err(self.damaged()),
        };
        let of = self.of;
        Ok((tag >> 3, Field { of, value }))
    }

    fn varint(&mut self) -> Decoded<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.damaged())
    }

    fn array<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let (array, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| self.damaged())?;
        self.rest = rest;
        Ok(*array)
    }

    fn bytes(&mut self, length: usize) -> Decoded<&'m [u8]> {
        let (bytes, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| self.damaged())?;
        self.rest = rest;
        Ok(bytes)
    }

    const fn damaged(&self) -> DecodeError {
        DecodeError::MalformedProtobuf(self.of)
    }
}

impl<'m> Iterator for Fields<'m> {
    type Item = Decoded<(u64, Field<'m>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'m> Field<'m> {
    pub(super) const fn bytes(self) -> Decoded<&'m [u8]> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Number(_) => Err(DecodeError::MalformedProtobuf(self.of)),
        }
    }

    /// Returns text, with replacement characters for bytes that are not UTF-8.
    pub(super) fn text(self) -> Decoded<Cow<'m, str>> {
        self.bytes().map(String::from_utf8_lossy)
    }

    /// Returns a number of any form.
    pub(super) const fn number(self) -> Decoded<u64> {
        match self.value {
            Value::Number(number) => Ok(number),
            Value::Bytes(_) => Err(DecodeError::MalformedProtobuf(self.of)),
        }
    }

    /// Returns a trace id; an empty field, as Go's encoder writes it, has none.
    pub(super) fn trace_id(self) -> Decoded<Id<TraceId>> {
        Ok(id(self.bytes()?, |bytes| u128::from_be_bytes(bytes).into()))
    }

    /// Returns a span id; an empty field has none.
    pub(super) fn span_id(self) -> Decoded<Id<SpanId>> {
        Ok(id(self.bytes()?, |bytes| u64::from_be_bytes(bytes).into()))
    }
}

fn id<const N: usize, T>(bytes: &[u8], convert: fn([u8; N]) -> T) -> Id<T> {
    match bytes.try_into() {
        _ if bytes.is_empty() => Id::Absent,
        Ok(bytes) => Id::Known(convert(bytes)),
        Err(_) => Id::OfLength(bytes.len()),
    }
}
