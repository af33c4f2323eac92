//! The `Span.Event` message: a log.

use super::Protobuf;
use super::attribute::put_attribute;
use super::keys::{Keys, occurs};
use super::message::{HEADER, end_message};
use super::span::{Source, put_text};
use crate::record::{Log, Tag};
use crate::tags::EVENT;
use crate::time::Times;
use crate::value::Value;
use crate::wire::out::Out;

/// Fields of a span, and those of an event.
mod field {
    pub(super) const EVENTS: u8 = 0x5a;
    pub(super) const DROPPED_EVENTS: u8 = 0x60;
    pub(super) const TIME: u8 = 0x09;
    pub(super) const NAME: u8 = 0x12;
    pub(super) const ATTRIBUTES: u8 = 0x1a;
}

/// Writes the logs that are not left out, and the number of others.
#[inline(never)]
pub(super) fn put_events<'o>(source: &Source<'_>, mut out: Out<'o, Protobuf>) -> Out<'o, Protobuf> {
    let times = source.times();
    for log in source.record.logs().skip(source.cut.logs) {
        let left = put_event(source, &times, out.behind(HEADER), &log).left();
        out = end_message(out, field::EVENTS, left);
    }
    let by_limit = source.record.logs().filter_map(|log| log.dropped());
    let dropped = by_limit.fold(source.cut.logs as u64, u64::saturating_add);
    if dropped == 0 {
        return out;
    }
    let dropped = dropped.min(u32::MAX.into());
    out.put([field::DROPPED_EVENTS]).varint(dropped)
}

#[inline(always)]
fn put_event<'o>(
    source: &Source<'_>,
    times: &Times<'_>,
    out: Out<'o, Protobuf>,
    log: &Log<'_>,
) -> Out<'o, Protobuf> {
    let (mut keys, mut name) = (Keys::default(), None);
    let mut repeats = false;
    for field in log.fields() {
        repeats |= keys.add(field.key);
        if field.key == EVENT {
            name = Some(field.value);
        }
    }
    let nanos = times.nanos_at(log.time);
    let mut out = out.put([field::TIME]).put(nanos.to_le_bytes());
    // An event that is no text stays an attribute.
    let named = if let Some(Value::Str(name)) = name {
        out = put_text(out, field::NAME, name, source.cut);
        true
    } else {
        false
    };
    let mut rest = log.fields();
    while let Some(Tag { key, value }) = rest.next() {
        let is_last = !repeats || !occurs(key, rest.clone());
        if is_last && !(named && key == EVENT) {
            out = put_attribute(out, field::ATTRIBUTES, key, value, source.cut.longest);
        }
    }
    out
}
