//! Jaeger's `emitBatch` message in Thrift's compact protocol: UDP port 6831.
//!
//! Source: `jaeger.thrift` and `agent.thrift` of jaeger-idl. A packet is the
//! message's header, the process, the list of spans, and a tail of `seqNo` and
//! statistics. The header of the list says how many spans follow, so it grows
//! at the 15th, the 128th and the 16,384th, and the spans before move on by a
//! byte. On a server that costs as much as encoding one span at the 15th, and
//! as seven at the 128th; a packet of fewer than 15 spans is never moved.

use core::ops::Range;

use crate::description::{Description, Param};
use crate::record::{Entries, Log, Record, Reference};
use crate::time::Times;
use crate::value::Value;

use crate::arch::{inline_on_word64, insert_first, is_small};

use super::compact::{Out, cut_text, list_growth, put_list_header, zigzag};
use super::{Batch, ClientStats, EncodeContext, Encoder, Process, Push};

/// Encodes for the agent's UDP port 6831.
///
/// The bytes are those of Apache Thrift's own writers: a oneway message
/// without sequence id, minimal list headers, empty lists left out.
///
/// ```
/// use picojaeger_core::wire::{Batch, ClientStats, Encoder, Process, ThriftCompact};
///
/// let process = Process { service: "pump", tags: &[] };
/// let batch = Batch { process: &process, sequence: 1, stats: ClientStats::default() };
/// let mut encoder = ThriftCompact::new();
/// assert!(!encoder.begin(&mut [0; 35], &batch), "36 bytes are needed");
/// assert!(encoder.begin(&mut [0; 36], &batch));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ThriftCompact {
    /// Where the header of the list of spans is.
    list: usize,
    /// The end of the spans; 0 without a packet.
    end: usize,
    spans: usize,
    /// Bytes of what follows the spans.
    tail: usize,
    sequence: i64,
    stats: ClientStats,
}

/// What a span is written from.
struct Source<'s> {
    record: &'s Record<'s>,
    context: &'s EncodeContext<'s>,
    times: &'s Times<'s>,
    cut: Cut,
}

/// How much of a span is left out.
#[derive(Clone, Copy)]
struct Cut {
    /// The oldest logs, this many.
    logs: usize,
    /// Of text and bytes, what exceeds this length.
    longest: usize,
}

/// Message and struct headers up to the fields of the process: compact protocol
/// version 1, oneway, sequence id 0.
const MESSAGE: &[u8; 15] = b"\x82\x81\x00\x09emitBatch\x1c\x1c";
const STOP: u8 = 0;
/// Nothing is left out.
const WHOLE: Cut = Cut {
    logs: 0,
    longest: LONGEST,
};
/// The longest text of a record.
const LONGEST: usize = u16::MAX as usize;

/// Field headers: distance from the field before, and type.
mod field {
    pub(super) const I32: u8 = 0x15;
    pub(super) const TEXT: u8 = 0x18;
    pub(super) const LIST: u8 = 0x19;
    pub(super) const STRUCT: u8 = 0x1c;
    /// Added where a field before is left out.
    pub(super) const SKIP: u8 = 0x10;
}

/// A tag's type, the enumeration `TagType` as it is written.
mod kind {
    pub(super) const STRING: u8 = 0;
    pub(super) const DOUBLE: u8 = 2;
    pub(super) const BOOL: u8 = 4;
    pub(super) const LONG: u8 = 6;
    pub(super) const BINARY: u8 = 8;
}

impl ThriftCompact {
    /// An encoder without a packet.
    pub const fn new() -> Self {
        ThriftCompact {
            list: 0,
            end: 0,
            spans: 0,
            tail: 0,
            sequence: 0,
            stats: ClientStats {
                full_queue_dropped_spans: 0,
                too_large_dropped_spans: 0,
                failed_to_emit_spans: 0,
            },
        }
    }

    /// Writes what follows the spans.
    #[inline(never)]
    fn put_tail(&self, out: Out<'_>) -> Option<usize> {
        out.number(self.sequence)
            .put([field::STRUCT])
            .number(self.stats.full_queue_dropped_spans)
            .number(self.stats.too_large_dropped_spans)
            .number(self.stats.failed_to_emit_spans)
            .end([STOP, STOP, STOP])
    }
}

impl Encoder for ThriftCompact {
    fn begin(&mut self, out: &mut [u8], batch: &Batch<'_>) -> bool {
        *self = ThriftCompact {
            sequence: batch.sequence,
            stats: batch.stats,
            ..ThriftCompact::new()
        };
        let length = out.len();
        // Once to see how long it is; the head is written over it.
        let Some(room) = self.put_tail(Out::new(out)) else {
            return false;
        };
        self.tail = length - room;
        let out = out.get_mut(..room).unwrap_or_default();
        let Some(left) = put_head(Out::new(out), batch.process) else {
            return false;
        };
        self.end = room - left;
        self.list = self.end - 1;
        true
    }

    #[inline]
    fn push(&mut self, out: &mut [u8], record: &Record<'_>, context: &EncodeContext<'_>) -> Push {
        if self.end == 0 {
            return Push::TooLarge;
        }
        let more = list_growth(self.spans);
        let room = out.len().saturating_sub(self.tail + more);
        let Some(free) = out.get_mut(self.end..room) else {
            return Push::Full;
        };
        let left = match put_span(Out::new(free), record, context, WHOLE) {
            Some(left) => left,
            None if self.spans > 0 => return Push::Full,
            None => match put_cut(free, record, context) {
                Some(left) => left,
                None => return Push::TooLarge,
            },
        };
        self.end = room - left;
        self.spans += 1;
        if more > 0 {
            self.end += more;
            insert_first(0, out.get_mut(self.list..self.end).unwrap_or_default());
        }
        Push::Taken
    }

    fn finish(&mut self, out: &mut [u8]) -> Range<usize> {
        if self.end == 0 {
            return 0..0;
        }
        put_list_header(out.get_mut(self.list..).unwrap_or_default(), self.spans);
        let room = out.get_mut(self.end..).unwrap_or_default();
        match self.put_tail(Out::new(room)) {
            Some(left) => 0..out.len() - left,
            None => 0..0,
        }
    }

    fn spans(&self) -> usize {
        self.spans
    }
}

/// Writes what precedes the spans, the header of their list included.
fn put_head(out: Out<'_>, process: &Process<'_>) -> Option<usize> {
    let out = out.put(*MESSAGE);
    let mut out = out.text(process.service.as_bytes());
    if !process.tags.is_empty() {
        let mut list = out.elements();
        for (key, value) in process.tags {
            list = put_value(put_key(list, key), *value, usize::MAX);
        }
        let left = list.left();
        out = out.list(field::LIST, process.tags.len(), left);
    }
    out.end([STOP, field::LIST, 0])
}

/// Writes the span with as little left out as fits.
///
/// First logs go, one by one, then text, byte by byte: halves the steps of which
/// the least is looked for, and writes that last.
#[inline(always)]
fn put_cut(out: &mut [u8], record: &Record<'_>, context: &EncodeContext<'_>) -> Option<usize> {
    let logs = count_logs(record);
    let (mut least, mut most) = (1, logs + LONGEST);
    loop {
        let steps = least + (most - least) / 2;
        let cut = Cut {
            logs: steps.min(logs),
            longest: LONGEST - steps.saturating_sub(logs),
        };
        let left = put_span(Out::new(out), record, context, cut);
        if least == most {
            return left;
        }
        if left.is_some() {
            most = steps;
        } else {
            least = steps + 1;
        }
    }
}

/// Apart, so that what it takes of the stack is free again when the span is written.
#[inline(never)]
fn count_logs(record: &Record<'_>) -> usize {
    record.logs().count()
}

/// Writes a span; gives how many bytes are left, unless it did not fit.
#[inline(never)]
fn put_span(
    out: Out<'_>,
    record: &Record<'_>,
    context: &EncodeContext<'_>,
    cut: Cut,
) -> Option<usize> {
    // Read anew each time: what a chip holds across calls lies on its stack.
    let identity = || record.context();
    let mut out = out
        .number(identity().trace.low() as i64)
        .number(identity().trace.high() as i64)
        .number(identity().span.get() as i64)
        .number(record.parent().get() as i64)
        .text(cut_text(record.operation(), cut.longest));
    let mut flags = field::I32 + field::SKIP;
    if record.has_references() {
        out = put_references(out, record);
        flags = field::I32;
    }
    // The wire flags are below 64: a single byte.
    let out = out.put([flags, identity().flags.wire() << 1]);
    let times = &times(record, context);
    let out = out
        .number(times.start_micros as i64)
        .number(times.duration_micros as i64);
    let source = Source {
        record,
        context,
        times,
        cut,
    };
    let before = out.left();
    let mut out = source.put_tags(out);
    if record.has_logs() {
        let has_tags = out.left() < before;
        let skip = if has_tags { 0 } else { field::SKIP };
        out = source.put_logs(out, field::LIST + skip);
    }
    out.end([STOP])
}

#[inline(always)]
fn times<'l>(record: &Record<'_>, context: &EncodeContext<'l>) -> Times<'l> {
    let timeline = context.timeline;
    timeline.times(record.segment(), record.start(), record.finish())
}

#[cold]
#[inline(never)]
fn put_references<'o>(mut out: Out<'o>, record: &Record<'_>) -> Out<'o> {
    let (mut list, mut count) = (out.elements(), 0);
    for reference in record.references() {
        list = put_reference(list, reference);
        count += 1;
    }
    let left = list.left();
    out.list(field::LIST, count, left)
}

impl Source<'_> {
    /// Writes as a list the span's tags and those that its state stands for.
    #[inline(always)]
    fn put_tags<'o>(&self, mut out: Out<'o>) -> Out<'o> {
        let (list, count) = self.put_values(out.elements(), self.record.entries(), false);
        let (list, own) = self.put_own_tags(list);
        if count + own == 0 {
            return out;
        }
        let left = list.left();
        out.list(field::LIST, count + own, left)
    }

    inline_on_word64! {
        /// Writes the span's tags, or the log's fields that come first; gives their number.
        fn put_values<'o>(
            &self,
            mut out: Out<'o>,
            entries: Entries<'_>,
            of_log: bool,
        ) -> (Out<'o>, usize) {
            let mut count = 0;
            for entry in entries {
                if entry.is_value(of_log) {
                    out = put_key(out, entry.key());
                    out = put_value(out, entry.value(), self.cut.longest);
                    count += 1;
                } else if of_log {
                    break;
                }
            }
            (out, count)
        }
    }

    /// Writes the tags that the record's state stands for; gives their number.
    #[inline(always)]
    fn put_own_tags<'o>(&self, mut out: Out<'o>) -> (Out<'o>, usize) {
        let (record, times, cut) = (self.record, self.times, self.cut);
        let mut count = 0;
        if record.sampler() != 0
            && let Some(description) = &(self.context.samplers)(record.sampler())
        {
            out = put_sampler(out, description);
            count += 2;
        }
        if record.is_cut() || cut.leaves_out() {
            let dropped = record.dropped() as i64 + cut.logs as i64;
            out = put_bool(put_key(out, "picojaeger.truncated"), true);
            out = put_long(put_key(out, "picojaeger.dropped"), dropped);
            count += 2;
        }
        if !times.synced {
            out = put_bool(put_key(out, "clock.unsynced"), true);
            count += 1;
        }
        if times.uncertainty_micros != 0 {
            let micros = times.uncertainty_micros as i64;
            out = put_long(put_key(out, "clock.uncertainty_us"), micros);
            count += 1;
        }
        (out, count)
    }

    #[inline(always)]
    fn put_logs<'o>(&self, mut out: Out<'o>, header: u8) -> Out<'o> {
        let (mut list, mut count) = (out.elements(), 0);
        for (number, log) in self.record.logs().enumerate() {
            if number >= self.cut.logs {
                list = self.put_log(list, &log);
                count += 1;
            }
        }
        if count == 0 {
            return out;
        }
        let left = list.left();
        out.list(header, count, left)
    }

    #[inline(always)]
    fn put_log<'o>(&self, out: Out<'o>, log: &Log<'_>) -> Out<'o> {
        let micros = self.times.micros_at(log.time);
        let mut out = out.number(micros as i64);
        let (list, count) = self.put_values(out.elements(), log.entries(), true);
        let left = list.left();
        out.list(field::LIST, count, left).put([STOP])
    }
}

fn put_reference(out: Out<'_>, reference: Reference) -> Out<'_> {
    let trace = reference.trace;
    let ids = [trace.low(), trace.high(), reference.span.get()];
    let out = out.put([field::I32, (reference.follows as u8) << 1]);
    let out = (ids.iter()).fold(out, |out, id| out.number(*id as i64));
    out.put([STOP])
}

#[inline(always)]
fn put_key<'o>(out: Out<'o>, key: &str) -> Out<'o> {
    out.text(key.as_bytes())
}

/// Writes the rest of a tag, its text or bytes cut to `longest`.
#[inline(always)]
fn put_value<'o>(out: Out<'o>, value: Value<'_>, longest: usize) -> Out<'o> {
    match value {
        Value::Str(text) => put_string(out, cut_text(text, longest)),
        Value::F64(number) => put_double(out, number.to_bits()),
        Value::Bool(on) => put_bool(out, on),
        Value::I64(number) => put_long(out, number),
        Value::U64(number) => put_unsigned(out, number),
        Value::Bytes(bytes) => put_binary(out, bytes.get(..longest).unwrap_or(bytes)),
    }
}

#[inline(never)]
fn put_sampler<'o>(out: Out<'o>, description: &Description) -> Out<'o> {
    let kind = description.kind.as_bytes();
    let out = put_string(put_key(out, "sampler.type"), kind);
    let out = put_key(out, "sampler.param");
    match description.param {
        Param::Bool(on) => put_bool(out, on),
        Param::F64(number) => put_double(out, number.to_bits()),
    }
}

// A tag's type, the one of the fields 3 to 7 that has its value, and its end.

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

/// The header of a boolean says what it is: 1 is true, 2 is false.
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

impl Cut {
    fn leaves_out(self) -> bool {
        self.logs > 0 || self.longest < LONGEST
    }
}
