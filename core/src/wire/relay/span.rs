//! A span in a frame.

use super::frames::Relay;
use super::value::put_value;
use crate::record::{Entry, Record, Timestamp};
use crate::wire::cut::{Cut, cut_text};
use crate::wire::out::Out;

/// Entries that are neither tags nor fields.
const END: u8 = 0;
const REFERENCE: u8 = 7;
const LOG: u8 = 8;
const DROPPED: u8 = 15;

/// Bits of the state, by their number.
const START_IS_UNIX: u8 = 4;
const END_IS_UNIX: u8 = 5;
const IS_CUT: u8 = 6;

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
    let (flags, state) = (identity.flags().kept(), state(record, cut));
    let out = match trace.high() {
        0 => out.put([flags, state, 0]),
        high => out.put([flags, state]).number(high),
    };
    let out = out.fixed(trace.low());
    let out = put_id(out, identity.span_id().get(), trace.low());
    put_id(out, record.parent().get(), trace.low())
}

/// Returns the sampler's code, the scales of both ends, and whether something is left out.
#[inline(always)]
fn state(record: &Record<'_>, cut: Cut) -> u8 {
    let is_unix = |time| matches!(time, Timestamp::UnixMicros(_)) as u8;
    let is_cut = (record.is_cut() || cut.logs > 0 || cut.is_of_text()) as u8;
    let ends = is_unix(record.start()) << START_IS_UNIX | is_unix(record.finish()) << END_IS_UNIX;
    record.sampler() | ends | is_cut << IS_CUT
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
        0 => out.byte(0),
        id if id == trace_low => out.byte(1),
        id => out.byte(2).fixed(id),
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
        (true, false) => out.byte(0).text(name),
        (true, true) => {
            let address = name.as_ptr().addr();
            let out = out.byte(1).number(address as u64);
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
        logs += usize::from(entry.is_log());
        if logs > cut.logs || !entry.is_of_log() {
            out = put_entry::<ADDRESSES>(out, &entry, cut);
        }
    }
    out
}

#[inline(always)]
fn put_entry<'o, const ADDRESSES: bool>(
    out: Out<'o, Relay>,
    entry: &Entry<'_>,
    cut: Cut,
) -> Out<'o, Relay> {
    if entry.is_value(false) || entry.is_value(true) {
        let out = out.byte(entry.code() + 1);
        let key = entry.key().as_bytes();
        let out = put_name::<ADDRESSES>(out, key, entry.has_static_key());
        return put_value(out, entry.value(), cut.longest);
    }
    if entry.is_log() {
        let is_unix = matches!(entry.time(), Timestamp::UnixMicros(_));
        return out.byte(LOG).number(time(entry.time())).byte(is_unix as u8);
    }
    if entry.is_reference() {
        return put_reference(out, *entry);
    }
    // A copied name of the operation, which is written already.
    out
}

#[cold]
#[inline(never)]
fn put_reference<'o>(out: Out<'o, Relay>, entry: Entry<'_>) -> Out<'o, Relay> {
    let reference = entry.reference();
    let out = out.byte(REFERENCE).byte(reference.follows as u8);
    let out = out.number(reference.trace.high());
    out.fixed(reference.trace.low()).fixed(reference.span.get())
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
