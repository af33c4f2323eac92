//! Values in frames.

use super::frames::Relay;
use crate::value::Value;
use crate::wire::cut::cut_text;
use crate::wire::out::Out;

/// Writes a value without its type, its text or bytes cut to `longest`.
#[inline(never)]
pub(super) fn put_value<'o>(
    out: Out<'o, Relay>,
    value: Value<'_>,
    longest: usize,
) -> Out<'o, Relay> {
    match value {
        Value::Str(text) => out.text(cut_text(text, longest)),
        Value::F64(number) => out.fixed(number.to_bits()),
        Value::Bool(on) => out.byte(on as u8),
        Value::I64(number) => out.signed(number),
        Value::Bytes(bytes) => out.text(bytes.get(..longest).unwrap_or(bytes)),
        Value::U64(number) => out.number(number),
        Value::Char(c) => out.text(c.as_bytes()),
        // Who has one leaves it out.
        Value::Absent => out,
    }
}
