//! OTLP by straight-line code.

use picojaeger_core::Value;
use picojaeger_core::adapter::Rate;

use super::{ANCHOR, Buffer, Plain, SERVICE, bytes, text, varint};

/// Bytes before the content of a message whose length is written last.
const HEADER: usize = 5;

/// Writes a request; returns its length.
pub(super) fn put_request(out: &mut Buffer, spans: &[Plain], rate: Rate) -> usize {
    let resource = HEADER;
    let mut at = string_attribute(out, resource + HEADER, 0x0a, "service.name", SERVICE);
    end_message(out, resource, 0x0a, at);
    let scope = at;
    at += HEADER;
    for span in spans {
        at = put_span(out, at, span, rate);
    }
    end_message(out, scope, 0x12, at);
    end_message(out, 0, 0x0a, at);
    at
}

#[inline(always)]
fn put_span(out: &mut Buffer, message: usize, span: &Plain, rate: Rate) -> usize {
    let mut at = message + HEADER;
    at = bytes(out, at, b"\x0a\x10");
    at = bytes(out, at, &span.trace.high().to_be_bytes());
    at = bytes(out, at, &span.trace.low().to_be_bytes());
    at = bytes(out, at, b"\x12\x08");
    at = bytes(out, at, &span.span.get().to_be_bytes());
    let is_root = span.parent.is_zero();
    if !is_root {
        at = bytes(out, at, b"\x22\x08");
        at = bytes(out, at, &span.parent.get().to_be_bytes());
    }
    at = bytes(out, at, b"\x2a");
    at = text(out, at, span.operation);
    let start = ANCHOR.unix_nanos_at(span.start, rate);
    at = bytes(out, at, b"\x39");
    at = bytes(out, at, &start.to_le_bytes());
    let end = start + rate.nanos(span.end - span.start);
    at = bytes(out, at, b"\x41");
    at = bytes(out, at, &end.to_le_bytes());
    for (number, (key, value)) in span.tags.iter().enumerate() {
        let has = |(other, _): &(&str, Value<'_>)| other == key;
        assert!(!is_field(key) && !span.tags[number + 1..].iter().any(has));
        at = put_attribute(out, at, key, value);
    }
    if is_root {
        at = string_attribute(out, at, ATTRIBUTES, "sampler.type", "const");
        at = attribute(out, at, ATTRIBUTES, "sampler.param", 2);
        at = bytes(out, at, b"\x10\x01");
    }
    at = bytes(out, at, b"\x85\x01");
    at = bytes(out, at, &u32::from(span.flags.wire() & 1).to_le_bytes());
    end_message(out, message, 0x12, at);
    at
}

/// The field of a span that its attributes are.
const ATTRIBUTES: u8 = 0x4a;

/// Whether a tag has a field of its own, or decides on one.
#[inline(always)]
fn is_field(key: &str) -> bool {
    matches!(
        key,
        "error"
            | "span.kind"
            | "otel.status_code"
            | "otel.status_description"
            | "http.status_code"
            | "http.status_message"
    )
}

#[inline(always)]
fn put_attribute(out: &mut Buffer, at: usize, key: &str, value: &Value<'_>) -> usize {
    match *value {
        Value::Str(value) => string_attribute(out, at, ATTRIBUTES, key, value),
        Value::I64(value) => {
            let at = attribute(out, at, ATTRIBUTES, key, 1 + varint_length(value as u64));
            let at = bytes(out, at, b"\x18");
            varint(out, at, value as u64)
        }
        _ => unreachable!("no tag of these spans"),
    }
}

#[inline(always)]
fn string_attribute(out: &mut Buffer, at: usize, list: u8, key: &str, value: &str) -> usize {
    let length = 1 + varint_length(value.len() as u64) + value.len();
    let at = attribute(out, at, list, key, length);
    let at = bytes(out, at, b"\x0a");
    text(out, at, value)
}

/// Writes an attribute up to its value, which takes so many bytes.
#[inline(always)]
fn attribute(out: &mut Buffer, at: usize, list: u8, key: &str, value: usize) -> usize {
    let key_length = 1 + varint_length(key.len() as u64) + key.len();
    let length = key_length + 1 + varint_length(value as u64) + value;
    let at = bytes(out, at, &[list]);
    let at = varint(out, at, length as u64);
    let at = bytes(out, at, b"\x0a");
    let at = text(out, at, key);
    let at = bytes(out, at, b"\x12");
    varint(out, at, value as u64)
}

#[inline(always)]
fn varint_length(number: u64) -> usize {
    1 + (number | 1).ilog2() as usize / 7
}

/// Ends a message: writes its field, and its length in four bytes.
#[inline(always)]
fn end_message(out: &mut Buffer, message: usize, field: u8, end: usize) {
    let length = end - message - HEADER;
    let [a, b, c, d] = [0, 7, 14, 21].map(|shift| (length >> shift) as u8);
    bytes(out, message, &[field, a | 0x80, b | 0x80, c | 0x80, d]);
}
