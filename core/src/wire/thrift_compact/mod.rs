//! Jaeger's `emitBatch` message in Thrift's compact protocol: UDP port 6831.
//!
//! Source: `jaeger.thrift` and `agent.thrift` of jaeger-idl. A packet is the
//! message's header, the process, the list of spans, and a tail of `seqNo` and
//! statistics. The header of the list has the number of spans, so it grows
//! at the 15th, the 128th and the 16,384th, and the spans before move on by a
//! byte. On a server that costs as much as encoding one span at the 15th, and
//! as seven at the 128th; a packet of fewer than 15 spans is never moved.

mod protocol;
mod span;
mod tag;

use core::ops::Range;

use crate::arch::insert_first;
use crate::record::Record;
use crate::value::Value;

use self::protocol::{Out, list_growth, put_list_header};
use super::{Batch, ClientStats, EncodeContext, Encoder, Process, Push};
use span::{WHOLE, put_cut, put_span};
use tag::{put_key, put_value};

/// Encodes for the agent's UDP port 6831.
///
/// The bytes are those of Apache Thrift's own writers: a oneway message
/// without sequence id, minimal list headers, empty lists left out.
///
/// ```
/// use picojaeger_core::wire::{Batch, ClientStats, Encoder, Process, ThriftCompact};
///
/// let process = Process::new("pump");
/// let batch = Batch::new(&process, 1, ClientStats::NONE);
/// let mut encoder = ThriftCompact::new();
/// assert!(!encoder.begin(&mut [0; 35], &batch), "36 bytes are needed");
/// assert!(encoder.begin(&mut [0; 36], &batch));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ThriftCompact {
    /// The place of the header of the list of spans.
    list: usize,
    /// The end of the spans; 0 without a packet.
    end: usize,
    spans: usize,
    /// Bytes of what follows the spans.
    tail: usize,
    sequence: i64,
    stats: ClientStats,
}

/// Message and struct headers up to the fields of the process: compact protocol
/// version 1, oneway, sequence id 0.
const MESSAGE: &[u8; 15] = b"\x82\x81\x00\x09emitBatch\x1c\x1c";
const STOP: u8 = 0;

/// Field headers: distance from the field before, and type.
mod field {
    pub(super) const I32: u8 = 0x15;
    pub(super) const TEXT: u8 = 0x18;
    pub(super) const LIST: u8 = 0x19;
    pub(super) const STRUCT: u8 = 0x1c;
    /// Added where a field before is left out.
    pub(super) const SKIP: u8 = 0x10;
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
            stats: ClientStats::NONE,
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
        let (mut list, mut count) = (out.elements(), 0);
        for (key, value) in process.tags {
            if !matches!(value, Value::Absent) {
                list = put_value(put_key(list, key), *value, usize::MAX);
                count += 1;
            }
        }
        let left = list.left();
        out = out.list(field::LIST, count, left);
    }
    out.end([STOP, field::LIST, 0])
}
