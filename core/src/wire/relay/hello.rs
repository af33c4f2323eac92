//! The hello: what a device is.

use super::device::Device;
use super::frames::Relay;
use crate::value::Value;
use crate::wire::out::Out;
use crate::wire::{Process, Status};

/// The codes of samplers that a record has room for; 0 stands for none.
const CODES: core::ops::RangeInclusive<u8> = 1..=15;

/// Writes the payload of a hello.
#[inline(never)]
pub(super) fn put_hello<'o>(
    out: Out<'o, Relay>,
    device: &Device<'_>,
    addresses: bool,
    process: &Process<'_>,
    status: &Status<'_>,
) -> Out<'o, Relay> {
    let out = out
        .text(device.id)
        .number(device.boot.into())
        .text(device.build);
    let out = out.number(status.frequency).put([addresses as u8]);
    let out = put_tags(out.text(process.service.as_bytes()), process);
    put_samplers(out, status)
}

fn put_tags<'o>(out: Out<'o, Relay>, process: &Process<'_>) -> Out<'o, Relay> {
    let tags = process.tags.iter();
    let tags = tags.filter(|(_, value)| !matches!(value, Value::Absent));
    let mut out = out.number(tags.clone().count() as u64);
    for (key, value) in tags {
        out = put_value(out.text(key.as_bytes()), *value);
    }
    out
}

fn put_samplers<'o>(out: Out<'o, Relay>, status: &Status<'_>) -> Out<'o, Relay> {
    let known = |code: &u8| (status.samplers)(*code).is_some();
    let mut out = out.number(CODES.filter(known).count() as u64);
    for code in CODES {
        if let Some(sampler) = (status.samplers)(code) {
            out = out.put([code]).text(sampler.kind.as_bytes());
            out = put_value(out, sampler.param.into());
        }
    }
    out
}

/// Writes a value as an enumeration.
fn put_value<'o>(out: Out<'o, Relay>, value: Value<'_>) -> Out<'o, Relay> {
    match value {
        Value::Str(text) => out.put([0]).text(text.as_bytes()),
        Value::F64(number) => out.put([1]).fixed(number.to_bits()),
        Value::Bool(on) => out.put([2, on as u8]),
        Value::I64(number) => out.put([3]).signed(number),
        Value::Bytes(bytes) => out.put([4]).text(bytes),
        Value::U64(number) => out.put([5]).number(number),
        Value::Char(c) => out.put([0]).text(c.as_bytes()),
        Value::Absent => out,
    }
}
