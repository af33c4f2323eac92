//! A span in a frame.

use super::frames::Relay;
use crate::record::{Content, Entry, Record, Reference, Timestamp};
use crate::value::Value;
use crate::wire::cut::{Cut, cut_text};
use crate::wire::out::Out;

/// The last entry of a span, and the one that counts those that had no room.
const END: u8 = 0;
const DROPPED: u8 = 15;

/// Bits of the state.
const START_IS_UNIX: u8 = 1 << 4;
const END_IS_UNIX: u8 = 1 << 5;
const IS_CUT: u8 = 1 << 6;

/// Writes a span behind one with the sequence `last`; gives how many bytes are left, unless it did
/// not fit.
#[inline(never)]
pub(super) fn put_span<const ADDRESSES: bool>(
    out: Out<'_, Relay>,
    record: &Record<'_>,
    last: u32,
    cut: Cut,
) -> Option<usize> {
    let out = put_identity(out, record, last, cut);
    let name = cut_text(record.operation(), cut.longest);
    let out = put_name::<ADDRESSES>(out, name, record.has_static_operation());
    let (start, end) = (time(record.start()), time(record.finish()));
    let out = out.number(start).signed(end.wrapping_sub(start) as i64);
    let out = put_entries::<ADDRESSES>(out, record, cut);
    put_dropped(out, record, cut).end([END])
}

/// Writes the fields before the name.
#[inline(always)]
fn put_identity<'o>(
    out: Out<'o, Relay>,
    record: &Record<'_>,
    last: u32,
    cut: Cut,
) -> Out<'o, Relay> {
    let identity = record.context();
    let trace = identity.trace_id();
    let out = out.number(record.sequence().wrapping_sub(last).into());
    let out = out.put([identity.flags().kept(), state(record, cut)]);
    let out = out.number(trace.high()).fixed(trace.low());
    let out = put_id(out, identity.span_id().get(), trace.low());
    put_id(out, record.parent().get(), trace.low())
}

/// Returns the sampler's code, the scales of both ends, and whether something is left out.
#[inline(always)]
fn state(record: &Record<'_>, cut: Cut) -> u8 {
    let is_unix = |time| matches!(time, Timestamp::UnixMicros(_));
    let is_cut = record.is_cut() || cut.logs > 0 || cut.is_of_text();
    let bits = [
        (is_unix(record.start()), START_IS_UNIX),
        (is_unix(record.finish()), END_IS_UNIX),
        (is_cut, IS_CUT),
    ];
    let set = bits.into_iter().filter(|(is_set, _)| *is_set);
    set.fold(record.sampler(), |state, (_, bit)| state | bit)
}

#[inline(always)]
const fn time(time: Timestamp) -> u64 {
    match time {
        Timestamp::Ticks(time) | Timestamp::UnixMicros(time) => time,
    }
}

#[inline(never)]
fn put_id(out: Out<'_, Relay>, id: u64, trace_low: u64) -> Out<'_, Relay> {
    match id {
        0 => out.put([0]),
        id if id == trace_low => out.put([1]),
        id => out.put([2]).fixed(id),
    }
}

/// Writes a name, by its address if that is known to the relay.
#[inline(always)]
fn put_name<'o, const ADDRESSES: bool>(
    out: Out<'o, Relay>,
    name: &[u8],
    is_static: bool,
) -> Out<'o, Relay> {
    match (ADDRESSES, is_static) {
        (false, _) => out.text(name),
        (true, false) => out.put([0]).text(name),
        (true, true) => {
            let address = name.as_ptr().addr();
            let out = out.put([1]).number(address as u64);
            out.number(name.len() as u64)
        }
    }
}

/// Writes the entries, but for the logs that are left out.
#[inline(always)]
fn put_entries<'o, const ADDRESSES: bool>(
    mut out: Out<'o, Relay>,
    record: &Record<'_>,
    cut: Cut,
) -> Out<'o, Relay> {
    let mut logs = 0;
    for entry in record.entries() {
        let content = entry.content();
        logs += usize::from(matches!(content, Content::Log(_)));
        let is_of_log = entry.is_field() || matches!(content, Content::Log(_));
        if is_of_log && logs <= cut.logs {
            continue;
        }
        out = put_entry::<ADDRESSES>(out, &entry, content, cut);
    }
    out
}

#[inline(always)]
fn put_entry<'o, const ADDRESSES: bool>(
    out: Out<'o, Relay>,
    entry: &Entry<'_>,
    content: Content<'_>,
    cut: Cut,
) -> Out<'o, Relay> {
    match content {
        Content::Value(value) => {
            let out = out.put([entry.code() + 1]);
            let key = entry.key().as_bytes();
            let out = put_name::<ADDRESSES>(out, key, entry.has_static_key());
            put_value(out, value, cut.longest)
        }
        Content::Reference(reference) => put_reference(out, reference),
        Content::Log(log) => {
            let is_unix = matches!(log, Timestamp::UnixMicros(_));
            out.put([8]).number(time(log)).put([is_unix as u8])
        }
        Content::Operation => out,
    }
}

#[inline(always)]
fn put_value<'o>(out: Out<'o, Relay>, value: Value<'_>, longest: usize) -> Out<'o, Relay> {
    match value {
        Value::Str(text) => out.text(cut_text(text, longest)),
        Value::F64(number) => out.fixed(number.to_bits()),
        Value::Bool(on) => out.put([on as u8]),
        Value::I64(number) => out.signed(number),
        Value::U64(number) => out.number(number),
        Value::Bytes(bytes) => out.text(bytes.get(..longest).unwrap_or(bytes)),
        // Records hold text in their place.
        Value::Char(_) | Value::Absent => out,
    }
}

#[cold]
#[inline(never)]
fn put_reference(out: Out<'_, Relay>, reference: Reference) -> Out<'_, Relay> {
    let trace = reference.trace;
    let out = out.put([7, reference.follows as u8]);
    let out = out.number(trace.high()).fixed(trace.low());
    out.fixed(reference.span.get())
}

#[inline(always)]
fn put_dropped<'o>(out: Out<'o, Relay>, record: &Record<'_>, cut: Cut) -> Out<'o, Relay> {
    match usize::from(record.dropped()) + cut.logs {
        0 => out,
        dropped => out
            .put([DROPPED])
            .number(dropped.min(u16::MAX.into()) as u64),
    }
}
