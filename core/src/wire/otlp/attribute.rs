//! The `KeyValue` message: a tag, a field of a log, or a tag of the process.

use super::Protobuf;
use super::message::varint_length;
use crate::arch::{copy_bytes, inline_on_servers};
use crate::value::Value;
use crate::wire::cut::cut_text;
use crate::wire::decimal::{digits, put_digits};
use crate::wire::out::Out;

/// Fields of the message.
mod field {
    pub(super) const KEY: u8 = 0x0a;
    pub(super) const VALUE: u8 = 0x12;
}

/// Fields of `AnyValue`, one for each type.
mod any {
    pub(super) const STRING: u8 = 0x0a;
    pub(super) const BOOL: u8 = 0x10;
    pub(super) const INT: u8 = 0x18;
    pub(super) const DOUBLE: u8 = 0x21;
    pub(super) const BYTES: u8 = 0x3a;
}

/// Writes an attribute to the list that is this field, its text or bytes cut to `longest`.
#[inline(always)]
pub(super) fn put_attribute<'o>(
    out: Out<'o, Protobuf>,
    list: u8,
    key: &str,
    value: Value<'_>,
    longest: usize,
) -> Out<'o, Protobuf> {
    let key = key.as_bytes();
    match value {
        Value::Str(text) => put_bytes(out, list, key, any::STRING, cut_text(text, longest)),
        Value::F64(number) => put_double(out, list, key, number.to_bits()),
        Value::Bool(on) => put_bool(out, list, key, on),
        Value::I64(number) => put_int(out, list, key, number),
        Value::U64(number) => put_unsigned(out, list, key, number),
        Value::Bytes(bytes) => {
            let bytes = bytes.get(..longest).unwrap_or(bytes);
            put_bytes(out, list, key, any::BYTES, bytes)
        }
        Value::Char(c) => put_bytes(out, list, key, any::STRING, c.as_bytes()),
        Value::Absent => out,
    }
}

/// Writes an attribute whose text has two parts.
pub(super) fn put_joined<'o>(
    out: Out<'o, Protobuf>,
    list: u8,
    key: &str,
    parts: [&str; 2],
) -> Out<'o, Protobuf> {
    let [first, second] = parts.map(str::as_bytes);
    let length = first.len() + second.len();
    put_key(out, list, key.as_bytes(), sized(length))
        .put([any::STRING])
        .varint(length as u64)
        .few_bytes(first)
        .few_bytes(second)
}

inline_on_servers! {
    fn put_bytes<'o>(
        out: Out<'o, Protobuf>,
        list: u8,
        key: &[u8],
        kind: u8,
        bytes: &[u8],
    ) -> Out<'o, Protobuf> {
        // The four lengths and that of the value are below 128.
        let length = 6 + key.len() + bytes.len();
        if length > 0x7f {
            return put_long_bytes(out, list, key, kind, bytes);
        }
        let (room, rest) = out.take(2 + length);
        if let [to, whole, of_key, key_length, room @ ..] = room {
            (*to, *whole) = (list, length as u8);
            (*of_key, *key_length) = (field::KEY, key.len() as u8);
            if let Some((room, value)) = room.split_at_mut_checked(key.len()) {
                copy_text(key, room);
                if let [of_value, value_length, of_bytes, bytes_length, room @ ..] = value {
                    (*of_value, *value_length) = (field::VALUE, 2 + bytes.len() as u8);
                    (*of_bytes, *bytes_length) = (kind, bytes.len() as u8);
                    copy_text(bytes, room);
                }
            }
        }
        rest
    }
}

inline_on_servers! {
    /// Apart, so that the compiler sees for chips that it cannot panic.
    fn copy_text(from: &[u8], to: &mut [u8]) {
        copy_bytes(from, to);
    }
}

#[cold]
#[inline(never)]
fn put_long_bytes<'o>(
    out: Out<'o, Protobuf>,
    list: u8,
    key: &[u8],
    kind: u8,
    bytes: &[u8],
) -> Out<'o, Protobuf> {
    let out = put_key(out, list, key, sized(bytes.len())).put([kind]);
    out.varint(bytes.len() as u64).bytes(bytes)
}

inline_on_servers! {
    fn put_int<'o>(out: Out<'o, Protobuf>, list: u8, key: &[u8], number: i64) -> Out<'o, Protobuf> {
        if number as u64 <= 0x7f {
            return put_key(out, list, key, 2).put([any::INT, number as u8]);
        }
        let out = put_key(out, list, key, 1 + varint_length(number as u64));
        out.put([any::INT]).varint(number as u64)
    }
}

#[inline(never)]
fn put_double<'o>(out: Out<'o, Protobuf>, list: u8, key: &[u8], bits: u64) -> Out<'o, Protobuf> {
    let out = put_key(out, list, key, 9).put([any::DOUBLE]);
    out.put(bits.to_le_bytes())
}

#[inline(never)]
fn put_bool<'o>(out: Out<'o, Protobuf>, list: u8, key: &[u8], on: bool) -> Out<'o, Protobuf> {
    put_key(out, list, key, 2).put([any::BOOL, on as u8])
}

/// The protocol has no unsigned number: one that is too large is written as text.
#[inline(never)]
fn put_unsigned<'o>(
    out: Out<'o, Protobuf>,
    list: u8,
    key: &[u8],
    number: u64,
) -> Out<'o, Protobuf> {
    match i64::try_from(number) {
        Ok(number) => put_int(out, list, key, number),
        Err(_) => put_decimal(out, list, key, number),
    }
}

#[cold]
#[inline(never)]
fn put_decimal<'o>(out: Out<'o, Protobuf>, list: u8, key: &[u8], number: u64) -> Out<'o, Protobuf> {
    let length = digits(number);
    let out = put_key(out, list, key, sized(length.into()));
    let (room, rest) = out.put([any::STRING, length]).take(length.into());
    put_digits(room, number);
    rest
}

/// Bytes of text or bytes as a field.
#[inline(always)]
const fn sized(length: usize) -> usize {
    1 + varint_length(length as u64) + length
}

inline_on_servers! {
    /// Writes an attribute up to its value, which takes so many bytes.
    fn put_key<'o>(out: Out<'o, Protobuf>, list: u8, key: &[u8], value: usize) -> Out<'o, Protobuf> {
        // The four lengths are below 128.
        let length = 4 + key.len() + value;
        if length > 0x7f {
            return put_long_key(out, list, key, value);
        }
        let (room, rest) = out.take(6 + key.len());
        if let [to, whole, of_key, key_length, room @ .., of_value, value_length] = room {
            (*to, *whole) = (list, length as u8);
            (*of_key, *key_length) = (field::KEY, key.len() as u8);
            copy_bytes(key, room);
            (*of_value, *value_length) = (field::VALUE, value as u8);
        }
        rest
    }
}

#[cold]
#[inline(never)]
fn put_long_key<'o>(
    out: Out<'o, Protobuf>,
    list: u8,
    key: &[u8],
    value: usize,
) -> Out<'o, Protobuf> {
    let length = sized(key.len()) + sized(value);
    out.put([list])
        .varint(length as u64)
        .put([field::KEY])
        .varint(key.len() as u64)
        .few_bytes(key)
        .put([field::VALUE])
        .varint(value as u64)
}
