//! The `Tag` struct of Thrift: its type, the one of the fields 3 to 7 that has its value, and its end.

use crate::value::Value;
use crate::wire::cut::cut_text;
use crate::wire::decimal::{digits, put_digits};
use crate::wire::out::Out;

use super::protocol::{Protocol, STOP};

#[inline(always)]
pub(super) fn put_key<'o, P: Protocol>(out: Out<'o, P>, key: &str) -> Out<'o, P> {
    P::text(out, 1, key.as_bytes())
}

/// Writes the rest of a tag, its text or bytes cut to `longest`.
#[inline(always)]
pub(super) fn put_value<'o, P: Protocol>(
    out: Out<'o, P>,
    value: Value<'_>,
    longest: usize,
) -> Out<'o, P> {
    match value {
        Value::Str(text) => P::text_value(out, cut_text(text, longest)),
        Value::F64(number) => P::double_value(out, number.to_bits()),
        Value::Bool(on) => P::bool_value(out, on),
        Value::I64(number) => P::long_value(out, number),
        Value::U64(number) => put_unsigned(out, number),
        Value::Bytes(bytes) => P::binary_value(out, bytes.get(..longest).unwrap_or(bytes)),
        Value::Char(c) => P::text_value(out, c.as_bytes()),
        // The caller leaves it out.
        Value::Absent => out,
    }
}

/// Thrift has no unsigned number: one that is too large is written as text.
#[inline(never)]
fn put_unsigned<P: Protocol>(out: Out<'_, P>, number: u64) -> Out<'_, P> {
    match i64::try_from(number) {
        Ok(number) => P::long_value(out, number),
        Err(_) => put_decimal(out, number),
    }
}

#[cold]
#[inline(never)]
fn put_decimal<P: Protocol>(out: Out<'_, P>, number: u64) -> Out<'_, P> {
    let length = digits(number);
    let (room, rest) = P::begin_text_value(out, length).take(length.into());
    put_digits(room, number);
    rest.put([STOP])
}
