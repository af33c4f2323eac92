//! Jaeger's `emitBatch` message in Thrift's compact protocol: UDP port 6831.
//!
//! Source: `jaeger.thrift` and `agent.thrift` of jaeger-idl. A packet is the
//! message's header, the process, the list of spans, and a tail of `seqNo` and
//! statistics. The header of the list says how many spans follow, so it grows
//! at the 15th, the 128th and the 16,384th, and the spans before move on by a
//! byte. On a server that costs as much as encoding one span at the 15th, and
//! as seven at the 128th; a packet of fewer than 15 spans is never moved.

use core::ops::Range;

use crate::record::{Log, Record, Reference};
use crate::time::Times;
use crate::value::Value;

use super::compact::{Cursor, List, cut_text, list_growth};
use super::{Batch, ClientStats, Encoder, Legend, Push};

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
    /// The end of the spans.
    end: usize,
    spans: usize,
    /// Bytes of the tail.
    tail: usize,
    sequence: i64,
    stats: ClientStats,
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
    pub(super) const I64: u8 = 0x16;
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
    fn put_tail(&self, cursor: &mut Cursor<'_>) {
        cursor.number(field::I64, self.sequence);
        cursor.put([field::STRUCT]);
        cursor.number(field::I64, self.stats.full_queue_dropped_spans);
        cursor.number(field::I64, self.stats.too_large_dropped_spans);
        cursor.number(field::I64, self.stats.failed_to_emit_spans);
        cursor.put([STOP, STOP, STOP]);
    }

    /// Takes the span that ends at `end`; the header of the list needs `more` bytes.
    #[inline(always)]
    fn take(&mut self, out: &mut [u8], end: usize, more: usize) -> Push {
        self.end = end;
        self.spans += 1;
        if more > 0 {
            List::at(self.list).grow(out, self.end);
            self.end += 1;
        }
        Push::Taken
    }

    /// Appends the span with as little left out as fits; gives its end.
    #[cold]
    #[inline(never)]
    fn put_cut(&self, out: &mut [u8], record: &Record<'_>, legend: &Legend<'_>) -> Option<usize> {
        let limit = out.len();
        let mut end = |cut| put_span(out, self.end, record, legend, cut);
        let without_logs = |logs| Cut { logs, ..WHOLE };
        let logs = record.logs().count();
        let cut = match least(1, logs, |logs| end(without_logs(logs)) <= limit) {
            Some(logs) => without_logs(logs),
            None => {
                let shorter = |by| Cut {
                    logs,
                    longest: LONGEST - by,
                };
                shorter(least(1, LONGEST, |by| end(shorter(by)) <= limit)?)
            }
        };
        Some(end(cut))
    }
}

impl Encoder for ThriftCompact {
    fn begin(&mut self, out: &mut [u8], batch: &Batch<'_>) -> bool {
        *self = ThriftCompact {
            sequence: batch.sequence,
            stats: batch.stats,
            ..ThriftCompact::new()
        };
        let mut tail = Cursor::new(&mut [], 0);
        self.put_tail(&mut tail);
        self.tail = tail.at();
        let room = out.len().saturating_sub(self.tail);
        let mut cursor = Cursor::new(out.get_mut(..room).unwrap_or(&mut []), 0);
        cursor.bytes(MESSAGE);
        let process = batch.process;
        cursor.text(field::TEXT, process.service.as_bytes());
        if !process.tags.is_empty() {
            let list = cursor.begin_list(field::LIST);
            for (key, value) in process.tags {
                put_tag(&mut cursor, key, *value, usize::MAX);
                if !cursor.fits() {
                    return false;
                }
            }
            cursor.end_list(list, process.tags.len());
        }
        cursor.put([STOP]);
        cursor.begin_list(field::LIST);
        if !cursor.fits() {
            return false;
        }
        self.end = cursor.at();
        self.list = self.end - 1;
        true
    }

    #[inline]
    fn push(&mut self, out: &mut [u8], record: &Record<'_>, legend: &Legend<'_>) -> Push {
        if self.end == 0 {
            return Push::TooLarge;
        }
        let more = list_growth(self.spans);
        let room = out.len().saturating_sub(self.tail + more);
        let Some(room) = out.get_mut(..room) else {
            return Push::Full;
        };
        let end = put_span(room, self.end, record, legend, WHOLE);
        if end <= room.len() {
            return self.take(out, end, more);
        }
        if self.spans > 0 {
            return Push::Full;
        }
        match self.put_cut(room, record, legend) {
            Some(end) => self.take(out, end, more),
            None => Push::TooLarge,
        }
    }

    fn finish(&mut self, out: &mut [u8]) -> Range<usize> {
        if self.end == 0 {
            return 0..0;
        }
        List::at(self.list).put(out, self.spans);
        let mut cursor = Cursor::new(out, self.end);
        self.put_tail(&mut cursor);
        0..cursor.at()
    }

    fn spans(&self) -> usize {
        self.spans
    }
}

/// Writes one span from `at` on; gives its end, which lies beyond `out` if it did not fit.
#[inline(never)]
fn put_span(
    out: &mut [u8],
    at: usize,
    record: &Record<'_>,
    legend: &Legend<'_>,
    cut: Cut,
) -> usize {
    let mut cursor = Cursor::new(out, at);
    // Read anew each time: on a chip what is held across calls lies on the stack.
    let context = || record.context();
    cursor.number(field::I64, context().trace.low() as i64);
    cursor.number(field::I64, context().trace.high() as i64);
    cursor.number(field::I64, context().span.get() as i64);
    cursor.number(field::I64, record.parent().get() as i64);
    cursor.text(field::TEXT, cut_text(record.operation(), cut.longest));
    let flags = if record.has_references() && put_references(&mut cursor, record) {
        field::I32
    } else {
        field::I32 + field::SKIP
    };
    // The wire flags are below 64: a single byte.
    cursor.put([flags, context().flags.wire() << 1]);
    let times = (legend.timeline).times(record.epoch(), record.start(), record.finish());
    cursor.number(field::I64, times.start_micros as i64);
    cursor.number(field::I64, times.duration_micros as i64);
    let logs = if put_tags(&mut cursor, record, legend, &times, cut) {
        field::LIST
    } else {
        field::LIST + field::SKIP
    };
    if record.has_logs() {
        // A copy, so that the times of a span without logs stay in registers.
        put_logs(&mut cursor, logs, record, &{ times }, cut);
    }
    cursor.put([STOP]);
    cursor.at()
}

/// Writes the references, if there are any.
#[inline(never)]
fn put_references(cursor: &mut Cursor<'_>, record: &Record<'_>) -> bool {
    let start = cursor.at();
    let list = cursor.begin_list(field::LIST);
    let mut count = 0;
    for reference in record.references() {
        put_reference(cursor, reference);
        count += 1;
    }
    if count == 0 {
        cursor.rewind(start);
        return false;
    }
    cursor.end_list(list, count);
    true
}

fn put_reference(cursor: &mut Cursor<'_>, reference: Reference) {
    cursor.put([field::I32, (reference.follows as u8) << 1]);
    cursor.number(field::I64, reference.trace.low() as i64);
    cursor.number(field::I64, reference.trace.high() as i64);
    cursor.number(field::I64, reference.span.get() as i64);
    cursor.put([STOP]);
}

/// Writes the tags, the span's own and those that its state stands for, if there are any.
#[inline(always)]
fn put_tags(
    cursor: &mut Cursor<'_>,
    record: &Record<'_>,
    legend: &Legend<'_>,
    times: &Times<'_>,
    cut: Cut,
) -> bool {
    let start = cursor.at();
    let list = cursor.begin_list(field::LIST);
    let mut count = 0;
    for tag in record.tags() {
        put_tag(cursor, tag.key, tag.value, cut.longest);
        count += 1;
    }
    count += put_own_tags(cursor, record, legend, times, cut);
    if count == 0 {
        cursor.rewind(start);
        return false;
    }
    cursor.end_list(list, count);
    true
}

/// Writes the tags that the record's state stands for; gives their number.
#[inline(always)]
fn put_own_tags(
    cursor: &mut Cursor<'_>,
    record: &Record<'_>,
    legend: &Legend<'_>,
    times: &Times<'_>,
    cut: Cut,
) -> usize {
    let mut count = 0;
    let mut put = |key, value| {
        put_tag(cursor, key, value, LONGEST);
        count += 1;
    };
    if record.sampler() != 0
        && let Some(description) = (legend.samplers)(record.sampler())
    {
        put("sampler.type", Value::Str(description.kind));
        put("sampler.param", description.param.into());
    }
    if record.is_cut() || cut.leaves_out() {
        let dropped = record.dropped() as i64 + cut.logs as i64;
        put("picojaeger.truncated", Value::Bool(true));
        put("picojaeger.dropped", Value::I64(dropped));
    }
    if !times.synced {
        put("clock.unsynced", Value::Bool(true));
    }
    if times.uncertainty_micros != 0 {
        let micros = times.uncertainty_micros as i64;
        put("clock.uncertainty_us", Value::I64(micros));
    }
    count
}

/// Writes the logs, if there are any.
#[inline(never)]
fn put_logs(cursor: &mut Cursor<'_>, header: u8, record: &Record<'_>, times: &Times<'_>, cut: Cut) {
    let start = cursor.at();
    let list = cursor.begin_list(header);
    let mut count = 0;
    for log in record.logs().skip(cut.logs) {
        put_log(cursor, &log, times, cut);
        count += 1;
    }
    if count == 0 {
        cursor.rewind(start);
        return;
    }
    cursor.end_list(list, count);
}

fn put_log(cursor: &mut Cursor<'_>, log: &Log<'_>, times: &Times<'_>, cut: Cut) {
    cursor.number(field::I64, times.micros_at(log.time) as i64);
    let list = cursor.begin_list(field::LIST);
    let mut count = 0;
    for entry in log.fields() {
        put_tag(cursor, entry.key, entry.value, cut.longest);
        count += 1;
    }
    cursor.end_list(list, count);
    cursor.put([STOP]);
}

/// Writes a tag, its text or bytes cut to `longest`.
///
/// Of the value's fields 3 to 7 there is one, behind the key and the type.
fn put_tag(cursor: &mut Cursor<'_>, key: &str, value: Value<'_>, longest: usize) {
    cursor.text(field::TEXT, key.as_bytes());
    match value {
        Value::Str(text) => {
            cursor.put([field::I32, kind::STRING]);
            cursor.text(field::TEXT, cut_text(text, longest));
        }
        Value::F64(number) => {
            cursor.put([field::I32, kind::DOUBLE, 0x27]);
            cursor.put(number.to_bits().to_le_bytes());
        }
        Value::Bool(true) => cursor.put([field::I32, kind::BOOL, 0x31]),
        Value::Bool(false) => cursor.put([field::I32, kind::BOOL, 0x32]),
        Value::I64(number) => put_long(cursor, number),
        Value::U64(number) => match i64::try_from(number) {
            Ok(number) => put_long(cursor, number),
            Err(_) => put_decimal(cursor, number),
        },
        Value::Bytes(bytes) => {
            cursor.put([field::I32, kind::BINARY]);
            cursor.text(0x58, bytes.get(..longest).unwrap_or(bytes));
        }
    }
    cursor.put([STOP]);
}

#[inline(always)]
fn put_long(cursor: &mut Cursor<'_>, number: i64) {
    cursor.put([field::I32, kind::LONG]);
    cursor.number(0x46, number);
}

/// Writes a number that is too large for Thrift as text.
#[cold]
#[inline(never)]
fn put_decimal(cursor: &mut Cursor<'_>, mut number: u64) {
    let mut digits = [b'0'; 20];
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    // Above `i64::MAX` there are 19 digits, or 20 that begin with 1.
    let text = digits.strip_prefix(b"0").unwrap_or(&digits);
    cursor.put([field::I32, kind::STRING]);
    cursor.text(field::TEXT, text);
}

impl Cut {
    fn leaves_out(self) -> bool {
        self.logs > 0 || self.longest < LONGEST
    }
}

/// The least number from `low` to `high` that holds, if all above it hold too.
fn least(low: usize, high: usize, mut holds: impl FnMut(usize) -> bool) -> Option<usize> {
    let (mut low, mut high) = (low, high);
    if low > high || !holds(high) {
        return None;
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(high)
}
