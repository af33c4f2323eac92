//! Thrift compact by straight-line code.

use picojaeger_core::adapter::Rate;

use super::{ANCHOR, Buffer, Plain, SERVICE, bytes, text, varint};
use crate::{COMPONENT, ITEM_INDEX};

/// Writes a packet; returns its length.
pub(super) fn put_packet(out: &mut Buffer, spans: &[Plain], rate: Rate) -> usize {
    let mut at = bytes(out, 0, b"\x82\x81\x00\x09emitBatch\x1c\x1c\x18");
    at = text(out, at, SERVICE);
    at = bytes(out, at, b"\x00\x19\xfc");
    at = varint(out, at, spans.len() as u64);
    for span in spans {
        at = put_span(out, at, span, rate);
    }
    // Sequence number 1, no loss, end of three structs.
    bytes(out, at, b"\x16\x02\x1c\x16\x00\x16\x00\x16\x00\x00\x00\x00")
}

#[inline(always)]
fn put_span(out: &mut Buffer, at: usize, span: &Plain, rate: Rate) -> usize {
    let mut at = number(out, at, b"\x16", span.trace.low() as i64);
    at = number(out, at, b"\x16", span.trace.high() as i64);
    at = number(out, at, b"\x16", span.span.get() as i64);
    at = number(out, at, b"\x16", span.parent.get() as i64);
    at = bytes(out, at, b"\x18");
    at = text(out, at, span.operation);
    at = number(out, at, b"\x25", span.flags.wire().into());
    let start = ANCHOR.unix_micros_at(span.start, rate);
    at = number(out, at, b"\x16", start as i64);
    let duration = rate.micros(span.end - span.start);
    at = number(out, at, b"\x16", duration as i64);
    let is_root = span.parent.is_zero();
    at = bytes(out, at, if is_root { b"\x19\x4c" } else { b"\x19\x2c" });
    at = string_tag(out, at, COMPONENT.0, span.component);
    at = bytes(out, at, b"\x18");
    at = text(out, at, ITEM_INDEX);
    at = number(out, at, b"\x15\x06\x46", span.index);
    at = bytes(out, at, b"\x00");
    if is_root {
        at = string_tag(out, at, "sampler.type", "const");
        at = bytes(out, at, b"\x18");
        at = text(out, at, "sampler.param");
        at = bytes(out, at, b"\x15\x04\x31\x00");
    }
    bytes(out, at, b"\x00")
}

#[inline(always)]
fn string_tag(out: &mut Buffer, at: usize, key: &str, value: &str) -> usize {
    let mut at = bytes(out, at, b"\x18");
    at = text(out, at, key);
    at = bytes(out, at, b"\x15\x00\x18");
    at = text(out, at, value);
    bytes(out, at, b"\x00")
}

#[inline(always)]
fn number(out: &mut Buffer, at: usize, header: &[u8], value: i64) -> usize {
    let at = bytes(out, at, header);
    varint(out, at, ((value << 1) ^ (value >> 63)) as u64)
}
