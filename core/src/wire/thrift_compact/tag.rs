//! The `Tag` struct of Thrift: its type, the one of the fields 3 to 7 that has its value, and its end.

use super::protocol::{Out, cut_text, zigzag};
use crate::arch::{inline_on_word64, is_small};
use crate::value::Value;

use super::{STOP, field};

/// A tag's type, the enumeration `TagType` as it is written.
mod kind {
    pub(super) const STRING: u8 = 0;
    pub(super) const DOUBLE: u8 = 2;
    pub(super) const BOOL: u8 = 4;
    pub(super) const LONG: u8 = 6;
    pub(super) const BINARY: u8 = 8;
}

#[inline(always)]
pub(super) fn put_key<'o>(out: Out<'o>, key: &str) -> Out<'o> {
    out.text(key.as_bytes())
}

/// Writes the rest of a tag, its text or bytes cut to `longest`.
#[inline(always)]
pub(super) fn put_value<'o>(out: Out<'o>, value: Value<'_>, longest: usize) -> Out<'o> {
    match value {
        Value::Str(text) => put_string(out, cut_text(text, longest)),
        Value::F64(number) => put_double(out, number.to_bits()),
        Value::Bool(on) => put_bool(out, on),
        Value::I64(number) => put_long(out, number),
        Value::U64(number) => put_unsigned(out, number),
        Value::Bytes(bytes) => put_binary(out, bytes.get(..longest).unwrap_or(bytes)),
        Value::Char(c) => put_string(out, c.as_bytes()),
        // The caller leaves it out.
        Value::Absent => out,
    }
}

inline_on_word64! {
    fn put_string<'o>(out: Out<'o>, text: &[u8]) -> Out<'o> {
        let out = out.put([field::I32, kind::STRING]);
        out.text(text).put([STOP])
    }
}

#[inline(never)]
fn put_double(out: Out<'_>, bits: u64) -> Out<'_> {
    let out = out.put([field::I32, kind::DOUBLE, 0x27]);
    out.put(bits.to_le_bytes()).put([STOP])
}

/// The header of a boolean has its value: 1 is true, 2 is false.
#[inline(never)]
fn put_bool(out: Out<'_>, on: bool) -> Out<'_> {
    out.put([field::I32, kind::BOOL, 0x32 - on as u8, STOP])
}

inline_on_word64! {
    fn put_long(out: Out<'_>, number: i64) -> Out<'_> {
        if is_small(number) {
            return out.put([field::I32, kind::LONG, 0x46, (number as u8) << 1, STOP]);
        }
        let out = out.put([field::I32, kind::LONG, 0x46]);
        out.varint(zigzag(number)).put([STOP])
    }
}

#[inline(never)]
fn put_binary<'o>(out: Out<'o>, bytes: &[u8]) -> Out<'o> {
    let out = out.put([field::I32, kind::BINARY, 0x58]);
    out.binary(bytes).put([STOP])
}

/// Thrift has no unsigned number: one that is too large is written as text.
#[inline(never)]
fn put_unsigned(out: Out<'_>, number: u64) -> Out<'_> {
    match i64::try_from(number) {
        Ok(number) => put_long(out, number),
        Err(_) => put_decimal(out, number),
    }
}

#[cold]
#[inline(never)]
fn put_decimal(out: Out<'_>, mut number: u64) -> Out<'_> {
    // Above `i64::MAX` there are 19 digits, or 20.
    let length = if number < 10_000_000_000_000_000_000 {
        19
    } else {
        20
    };
    let out = out.put([field::I32, kind::STRING, field::TEXT, length]);
    let (digits, rest) = out.take(length as usize);
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + divide_by_ten(&mut number) as u8;
    }
    rest.put([STOP])
}

/// Divides a number and gives the remainder.
///
/// By 8 bits a step, from the highest on, and the quotient follows from below: a
/// chip divides 64 bits by a large library function only, and some any number.
fn divide_by_ten(number: &mut u64) -> u32 {
    let mut remainder = 0;
    for _ in 0..8 {
        let dividend = remainder << 8 | (*number >> 56) as u32;
        // Exact below 16,384.
        let quotient = (dividend * 6_554) >> 16;
        *number = *number << 8 | quotient as u64;
        remainder = dividend - quotient * 10;
    }
    remainder
}
