//! Jaeger's batches in Thrift, in the compact and the binary protocol.
//!
//! Source: `jaeger.thrift` and `agent.thrift` of jaeger-idl. A packet is the
//! envelope's beginning, the process, the list of spans, and a tail of `seqNo` and
//! statistics. In the compact protocol the header of the list grows with the number of
//! spans, at the 15th, the 128th and the 16,384th, and the spans before move on by a
//! byte. On a server that costs as much as encoding one span at the 15th, and
//! as seven at the 128th; a packet of fewer than 15 spans is never moved.

mod binary;
mod compact;
mod envelope;
mod protocol;
mod span;
mod tag;

use core::marker::PhantomData;
use core::ops::Range;

use crate::arch::insert_first;
use crate::record::Record;
use crate::value::Value;

use self::envelope::{BinaryBatch, BinaryMessage, CompactMessage, Envelope};
use self::protocol::{Field, Protocol};
use self::tag::{put_key, put_value};
use super::cut::put_fitting;
use super::out::Out;
use super::{Batch, ClientStats, EncodeContext, Encoder, Process, Push};

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
pub type ThriftCompact = Thrift<CompactMessage>;

/// Encodes for the agent's UDP port 6832: the same message in the strict binary protocol.
///
/// Its packets are up to twice as long as compact ones.
///
/// ```
/// use picojaeger_core::wire::{Batch, ClientStats, Encoder, Process, ThriftBinary};
///
/// let process = Process::new("pump");
/// let batch = Batch::new(&process, 1, ClientStats::NONE);
/// let (mut encoder, mut buffer) = (ThriftBinary::new(), [0; 97]);
/// assert!(encoder.begin(&mut buffer, &batch));
/// assert_eq!(encoder.finish(&mut buffer), 0..97);
/// assert_eq!(buffer[..4], [0x80, 1, 0, 4]);
/// ```
pub type ThriftBinary = Thrift<BinaryMessage>;

/// Encodes for the collector's HTTP endpoint: the body of a `POST` to `/api/traces`.
///
/// It is a batch in the binary protocol without a message around it, of the type
/// `application/x-thrift`.
///
/// ```
/// use picojaeger_core::wire::{Batch, ClientStats, Encoder, Process, ThriftBatch};
///
/// let process = Process::new("pump");
/// let batch = Batch::new(&process, 1, ClientStats::NONE);
/// let (mut encoder, mut buffer) = (ThriftBatch::new(), [0; 72]);
/// assert!(encoder.begin(&mut buffer, &batch));
/// assert_eq!(encoder.finish(&mut buffer), 0..72);
/// ```
pub type ThriftBatch = Thrift<BinaryBatch>;

/// Encodes batches in Thrift, in the envelope `E`.
///
/// [`ThriftCompact`], [`ThriftBinary`] and [`ThriftBatch`] are its forms.
///
/// ```
/// use picojaeger_core::wire::{Encoder, Thrift, ThriftBinary, ThriftCompact};
///
/// fn spans<E>(encoder: &Thrift<E>) -> usize
/// where
///     Thrift<E>: Encoder,
/// {
///     encoder.spans()
/// }
/// assert_eq!(spans(&ThriftCompact::new()) + spans(&ThriftBinary::new()), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Thrift<E> {
    /// The place of the header of the list of spans.
    list: usize,
    /// The end of the spans; 0 without a packet.
    end: usize,
    spans: usize,
    /// Bytes of what follows the spans.
    tail: usize,
    sequence: i64,
    stats: ClientStats,
    envelope: PhantomData<E>,
}

impl<E> Thrift<E> {
    /// An encoder without a packet.
    pub const fn new() -> Self {
        Thrift {
            list: 0,
            end: 0,
            spans: 0,
            tail: 0,
            sequence: 0,
            stats: ClientStats::NONE,
            envelope: PhantomData,
        }
    }
}

impl<E> Default for Thrift<E> {
    fn default() -> Self {
        Thrift::new()
    }
}

impl<E: Envelope> Thrift<E> {
    /// Writes what follows the spans.
    #[inline(never)]
    fn put_tail(&self, out: Out<'_, E::Protocol>) -> Option<usize> {
        let (stats, out) = (&self.stats, E::Protocol::number(out, 3, self.sequence));
        let out = E::Protocol::structure(out, 4);
        let out = E::Protocol::number(out, 1, stats.full_queue_dropped_spans);
        let out = E::Protocol::number(out, 2, stats.too_large_dropped_spans);
        let out = E::Protocol::number(out, 3, stats.failed_to_emit_spans);
        E::end(out)
    }
}

impl<E: Envelope> Encoder for Thrift<E> {
    fn begin(&mut self, out: &mut [u8], batch: &Batch<'_>) -> bool {
        *self = Thrift {
            sequence: batch.sequence,
            stats: batch.stats,
            ..Thrift::new()
        };
        let length = out.len();
        // Once to see how long it is; the head is written over it.
        let Some(room) = self.put_tail(Out::new(out)) else {
            return false;
        };
        self.tail = length - room;
        let out = out.get_mut(..room).unwrap_or_default();
        let Some(left) = put_head::<E>(Out::new(out), batch.process) else {
            return false;
        };
        self.end = room - left;
        self.list = self.end - E::Protocol::COUNT;
        true
    }

    #[inline]
    fn push(&mut self, out: &mut [u8], record: &Record<'_>, context: &EncodeContext<'_>) -> Push {
        if self.end == 0 {
            return Push::TooLarge;
        }
        let more = E::Protocol::list_growth(self.spans);
        let room = out.len().saturating_sub(self.tail + more);
        let Some(free) = out.get_mut(self.end..room) else {
            return Push::Full;
        };
        let fitting = put_fitting(record, self.spans == 0, |cut| {
            E::Protocol::put_span(Out::new(free), record, context, cut)
        });
        let left = match fitting {
            Ok(left) => left,
            Err(push) => return push,
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
        E::Protocol::put_count(out.get_mut(self.list..).unwrap_or_default(), self.spans);
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

/// Writes what precedes the spans, the headers of their list included.
fn put_head<E: Envelope>(out: Out<'_, E::Protocol>, process: &Process<'_>) -> Option<usize> {
    let out = E::begin(out);
    let mut out = E::Protocol::text(out, 1, process.service.as_bytes());
    if !process.tags.is_empty() {
        let (mut list, mut count) = (out.behind(E::Protocol::LIST), 0);
        for (key, value) in process.tags {
            if !matches!(value, Value::Absent) {
                list = put_value(put_key(list, key), *value, usize::MAX);
                count += 1;
            }
        }
        let left = list.left();
        out = E::Protocol::list(out, Field::next(2), count, left);
    }
    E::Protocol::begin_list(out, 2)
}
