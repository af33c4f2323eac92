//! The hello: what a device is.

use super::device::Device;
use super::frames::Relay;
use super::value::put_value;
use crate::value::Value;
use crate::wire::cut::LONGEST;
use crate::wire::out::Out;
use crate::wire::{Process, Status};

/// The codes of samplers that a record has room for; 0 stands for none.
const CODES: core::ops::RangeInclusive<u8> = 1..=15;
/// The most tags: their number is one byte.
const TAGS: usize = 127;

/// Writes the payload of a hello.
#[inline(never)]
pub(super) fn put_hello<'o>(
    out: Out<'o, Relay>,
    device: &Device<'_>,
    addresses: bool,
    process: &Process<'_>,
    status: &Status<'_>,
) -> Out<'o, Relay> {
    let out = out.text(device.id).number(device.boot.into());
    let out = out.text(device.build).number(status.frequency);
    let out = out.byte(addresses as u8).text(process.service.as_bytes());
    put_samplers(put_tags(out, process), status)
}

#[inline(always)]
fn put_tags<'o>(out: Out<'o, Relay>, process: &Process<'_>) -> Out<'o, Relay> {
    let (count, mut out) = begin_count(out);
    for (key, value) in process.tags.iter().take(TAGS) {
        if !matches!(value, Value::Absent) {
            out = put_enumerated(out.text(key.as_bytes()), *value);
            increment(count);
        }
    }
    out
}

#[inline(always)]
fn put_samplers<'o>(out: Out<'o, Relay>, status: &Status<'_>) -> Out<'o, Relay> {
    let (count, mut out) = begin_count(out);
    for code in CODES {
        if let Some(sampler) = (status.samplers)(code) {
            out = out.byte(code).text(sampler.kind.as_bytes());
            out = put_enumerated(out, sampler.param.into());
            increment(count);
        }
    }
    out
}

/// Writes a value behind the number of its type.
#[inline(never)]
fn put_enumerated<'o>(out: Out<'o, Relay>, value: Value<'_>) -> Out<'o, Relay> {
    let number = match value {
        Value::Str(_) | Value::Char(_) | Value::Absent => 0,
        Value::F64(_) => 1,
        Value::Bool(_) => 2,
        Value::I64(_) => 3,
        Value::Bytes(_) => 4,
        Value::U64(_) => 5,
    };
    put_value(out.byte(number), value, LONGEST)
}

/// Leaves a byte for a count, which the buffer's old content does not add to.
fn begin_count<'o>(out: Out<'o, Relay>) -> (&'o mut [u8], Out<'o, Relay>) {
    let (count, out) = out.take(1);
    // Not `fill`, for which a chip's compiler calls a function of 350 bytes.
    if let Some(count) = count.first_mut() {
        *count = 0;
    }
    (count, out)
}

fn increment(count: &mut [u8]) {
    if let Some(count) = count.first_mut() {
        *count += 1;
    }
}
