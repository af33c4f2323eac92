//! Records to packets: one encoder a format, over primitives they share.

mod compact;
mod state_tags;
#[cfg(test)]
mod tests;
mod thrift_compact;

use core::ops::Range;

use crate::description::Description;
use crate::record::Record;
use crate::stats::Lost;
use crate::time::Timeline;
use crate::value::Value;

pub use state_tags::{StateTags, TagSink};
pub use thrift_compact::ThriftCompact;

/// Packs records into packets, in buffers that the caller lends.
///
/// A packet is begun, takes records until one finds no room, and is finished.
/// All calls for one packet are given the same buffer, whose length is the
/// packet's limit; a packet may use every byte of it.
///
/// ```
/// use picojaeger_core::record::Open;
/// use picojaeger_core::ring::Word;
/// use picojaeger_core::wire::{Batch, ClientStats, Encoder, EncodeContext, Process, Push, ThriftCompact};
/// use picojaeger_core::{Flags, SpanContext, SpanId, Timeline, TraceId};
///
/// let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
/// let mut span = Open::<[Word; 8]>::new("read", context, SpanId::default(), 1_000);
/// span.finish(1_500);
///
/// let process = Process { service: "pump-7", tags: &[] };
/// let batch = Batch { process: &process, sequence: 1, stats: ClientStats::default() };
/// let context = EncodeContext { timeline: Timeline { segments: &[] }, samplers: &|_| None };
///
/// let (mut encoder, mut buffer) = (ThriftCompact::new(), [0; 256]);
/// assert!(encoder.begin(&mut buffer, &batch));
/// assert_eq!(encoder.push(&mut buffer, &span.record(), &context), Push::Taken);
/// let place = encoder.finish(&mut buffer);
/// assert_eq!(buffer[place][4..13], *b"emitBatch");
/// ```
pub trait Encoder {
    /// Begins a packet, and forgets any that was not finished.
    ///
    /// `false` if the packet would be too long without any span; then each is
    /// [too large](Push::TooLarge).
    fn begin(&mut self, out: &mut [u8], batch: &Batch<'_>) -> bool;

    /// Appends one span.
    ///
    /// A packet that has none yet takes it by force: the oldest logs are left
    /// out, then text and bytes are cut, each as little as need be. The work is
    /// that of encoding the span, and up to 19 times that where it is cut.
    fn push(&mut self, out: &mut [u8], record: &Record<'_>, context: &EncodeContext<'_>) -> Push;

    /// Ends the packet and returns its place in `out`.
    fn finish(&mut self, out: &mut [u8]) -> Range<usize>;

    /// The spans in the packet.
    fn spans(&self) -> usize;
}

/// The outcome of a push.
///
/// ```
/// use picojaeger_core::wire::Push;
///
/// let full = Push::Full; // finish the packet, begin another, push again
/// assert_ne!(full, Push::TooLarge); // count the span as lost
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Push {
    /// It is in the packet.
    Taken,
    /// It belongs in the next packet; this one is as it was.
    Full,
    /// It fits no packet of this limit, however much it is cut.
    TooLarge,
}

/// The process that a batch comes from.
///
/// ```
/// use picojaeger_core::Value;
/// use picojaeger_core::wire::Process;
///
/// let tags = [("hostname", Value::from("pump-7"))];
/// let process = Process { service: "pump", tags: &tags };
/// assert_eq!(process.tags.len(), 1);
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Process<'p> {
    /// The service's name.
    pub service: &'p str,
    /// The process tags, keys and values.
    pub tags: &'p [(&'p str, Value<'p>)],
}

/// The data of a packet beside its spans.
///
/// ```
/// use picojaeger_core::wire::{Batch, ClientStats, Process};
///
/// let process = Process { service: "pump", tags: &[] };
/// let first = Batch { process: &process, sequence: 1, stats: ClientStats::default() };
/// assert_eq!(first.stats.failed_to_emit_spans, 0);
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Batch<'b> {
    /// The process that the spans come from.
    pub process: &'b Process<'b>,
    /// The batch's number, from 1: `seqNo`.
    pub sequence: i64,
    /// The losses so far.
    pub stats: ClientStats,
}

/// Spans lost since the process began, by the causes that agents know.
///
/// ```
/// use picojaeger_core::Lost;
/// use picojaeger_core::wire::ClientStats;
///
/// let stats = ClientStats { too_large_dropped_spans: 1, ..ClientStats::default() };
/// assert_eq!(stats.full_queue_dropped_spans, 0);
///
/// let lost = Lost { full: 1, memory: 2, failed: 4, ..Lost::default() };
/// let stats = ClientStats::from(&lost);
/// assert_eq!((stats.full_queue_dropped_spans, stats.failed_to_emit_spans), (3, 4));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ClientStats {
    /// A ring was full.
    pub full_queue_dropped_spans: i64,
    /// A span fits no packet.
    pub too_large_dropped_spans: i64,
    /// A packet was not sent.
    pub failed_to_emit_spans: i64,
}

/// Agents know three causes, of which the first stands for every loss before a packet.
impl From<&Lost> for ClientStats {
    fn from(lost: &Lost) -> Self {
        let before = lost.full + lost.blocked + lost.evicted + lost.reentered;
        ClientStats {
            full_queue_dropped_spans: (before + lost.memory + lost.closed) as i64,
            too_large_dropped_spans: lost.too_large as i64,
            failed_to_emit_spans: (lost.refused + lost.failed) as i64,
        }
    }
}

/// The meaning of the ticks and codes in records.
///
/// ```
/// use picojaeger_core::wire::EncodeContext;
/// use picojaeger_core::{Const, Sampler, Timeline};
///
/// let samplers = |code| Const(true).description(code);
/// let context = EncodeContext { timeline: Timeline { segments: &[] }, samplers: &samplers };
/// assert_eq!((context.samplers)(1).unwrap().kind, "const");
/// ```
#[derive(Clone, Copy)]
pub struct EncodeContext<'l> {
    /// The times of the clock's ticks.
    pub timeline: Timeline<'l>,
    /// The descriptions that the codes of samplers stand for.
    pub samplers: &'l dyn Fn(u8) -> Option<Description>,
}
