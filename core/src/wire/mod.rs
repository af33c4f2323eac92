//! Records to packets: one encoder for each format.

mod cut;
mod decimal;
mod otlp;
mod out;
#[cfg(feature = "relay")]
pub mod relay;
mod state_tags;
mod status;
#[cfg(test)]
mod tests;
mod thrift;

use core::ops::Range;

use crate::record::Record;
use crate::sampler_description::Description;
use crate::stats::Lost;
use crate::time::Timeline;
use crate::value::Value;

pub use otlp::Otlp;
#[cfg(feature = "relay")]
pub use relay::RelayFrames;
pub use state_tags::{StateTags, TagSink};
pub(crate) use state_tags::{UNCERTAINTY, UNSYNCED};
pub use status::{Counts, Status};
pub use thrift::{Thrift, ThriftBatch, ThriftBinary, ThriftCompact};

/// Packs records into packets, in buffers that the caller lends.
///
/// A packet is begun, takes records until one finds no room, and is finished.
/// All calls for one packet are given the same buffer, whose length is the
/// packet's limit; a packet may use every byte of it.
///
/// ```
/// use picojaeger_core::adapter::record::Open;
/// use picojaeger_core::ring::Word;
/// use picojaeger_core::wire::{Batch, ClientStats, Encoder, EncodeContext, Process, Push, ThriftCompact};
/// use picojaeger_core::adapter::Timeline;
/// use picojaeger_core::{Flags, SpanContext, SpanId, TraceId};
///
/// let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
/// let mut span = Open::<[Word; 8]>::new("read", context, SpanId::default(), 1_000);
/// span.finish(1_500);
///
/// let process = Process::new("pump-7");
/// let batch = Batch::new(&process, 1, ClientStats::NONE);
/// let context = EncodeContext::new(Timeline::new(&[]), &|_| None);
///
/// let (mut encoder, mut buffer) = (ThriftCompact::new(), [0; 256]);
/// assert!(encoder.begin(&mut buffer, &batch));
/// assert_eq!(encoder.push(&mut buffer, &span.record(), &context), Push::Taken);
/// let place = encoder.finish(&mut buffer);
/// assert_eq!(buffer[place][4..13], *b"emitBatch");
/// ```
pub trait Encoder {
    /// Whether packets carry a [`Status`], [`Batch::status`]; otherwise a chip's program has no code
    /// for it.
    const WITH_STATUS: bool = false;

    /// Begins a packet, and forgets any that was not finished.
    ///
    /// `false` if the packet would be too long without any span; then each is
    /// [too large](Push::TooLarge).
    fn begin(&mut self, out: &mut [u8], batch: &Batch<'_>) -> bool;

    /// Appends one span.
    ///
    /// A span that is the first of its packet is cut down until it fits: the oldest logs are left
    /// out, then text and bytes are cut, each as little as need be. The work is
    /// that of encoding the span, and up to 19 times that where it is cut.
    fn push(&mut self, out: &mut [u8], record: &Record<'_>, context: &EncodeContext<'_>) -> Push;

    /// Ends the packet and returns its place in `out`.
    fn finish(&mut self, out: &mut [u8]) -> Range<usize>;

    /// The spans in the packet.
    fn spans(&self) -> usize;

    /// Returns whether the packet is not worth sending; otherwise one without a span is, since what
    /// it has instead left no room for any.
    fn is_empty(&self) -> bool {
        self.spans() == 0
    }
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
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "whoever packs must answer each")]
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
/// let process = Process::new("pump").with_tags(&tags);
/// assert_eq!(process.tags.len(), 1);
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct Process<'p> {
    /// The service's name.
    pub service: &'p str,
    /// The process tags, keys and values.
    pub tags: &'p [(&'p str, Value<'p>)],
}

impl<'p> Process<'p> {
    /// The process of this service, without tags.
    pub const fn new(service: &'p str) -> Self {
        Process { service, tags: &[] }
    }

    /// The same, with these tags.
    #[must_use]
    pub const fn with_tags(mut self, tags: &'p [(&'p str, Value<'p>)]) -> Self {
        self.tags = tags;
        self
    }
}

/// The data of a packet beside its spans.
///
/// ```
/// use picojaeger_core::wire::{Batch, ClientStats, Process};
///
/// let process = Process::new("pump");
/// let first = Batch::new(&process, 1, ClientStats::NONE);
/// assert_eq!(first.stats.failed_to_emit_spans, 0);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Batch<'b> {
    /// The process that the spans come from.
    pub process: &'b Process<'b>,
    /// The batch's number, from 1: `seqNo`.
    pub sequence: i64,
    /// The losses so far.
    pub stats: ClientStats,
    /// The state of the tracer, if it is known, for encoders [that carry it](Encoder::WITH_STATUS).
    pub status: Option<&'b Status<'b>>,
}

impl<'b> Batch<'b> {
    /// A batch of this number, from 1, and with these losses to report.
    pub const fn new(process: &'b Process<'b>, sequence: i64, stats: ClientStats) -> Self {
        Batch {
            process,
            sequence,
            stats,
            status: None,
        }
    }

    /// Adds the state of the tracer.
    #[must_use]
    pub const fn with_status(mut self, status: Option<&'b Status<'b>>) -> Self {
        self.status = status;
        self
    }
}

/// Spans lost since the process began, by the causes that agents know.
///
/// ```
/// use picojaeger_core::{LossCause, Lost};
/// use picojaeger_core::wire::ClientStats;
///
/// let lost = [(LossCause::Full, 1), (LossCause::Memory, 2), (LossCause::Failed, 4)]
///     .into_iter()
///     .fold(Lost::default(), |lost, (cause, count)| lost.with(cause, count));
/// let stats = ClientStats::from(&lost);
/// assert_eq!((stats.full_queue_dropped_spans, stats.failed_to_emit_spans), (3, 4));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct ClientStats {
    /// A ring was full.
    pub full_queue_dropped_spans: i64,
    /// A span fits no packet.
    pub too_large_dropped_spans: i64,
    /// A packet was not sent.
    pub failed_to_emit_spans: i64,
}

impl ClientStats {
    /// Nothing was lost.
    pub const NONE: Self = ClientStats {
        full_queue_dropped_spans: 0,
        too_large_dropped_spans: 0,
        failed_to_emit_spans: 0,
    };
}

/// Agents know three causes, of which the first stands for every loss before a packet.
impl From<&Lost> for ClientStats {
    fn from(lost: &Lost) -> Self {
        let before = lost.full + lost.blocked + lost.evicted + lost.reentered;
        ClientStats {
            full_queue_dropped_spans: (before + lost.memory + lost.closed) as i64,
            too_large_dropped_spans: lost.too_large as i64,
            failed_to_emit_spans: (lost.refused + lost.failed + lost.unreachable) as i64,
        }
    }
}

/// The meaning of the ticks and codes in records.
///
/// ```
/// use picojaeger_core::wire::EncodeContext;
/// use picojaeger_core::adapter::Timeline;
/// use picojaeger_core::{Const, Sampler};
///
/// let samplers = |code| Const(true).description(code);
/// let context = EncodeContext::new(Timeline::new(&[]), &samplers);
/// assert_eq!((context.samplers)(1).unwrap().kind, "const");
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct EncodeContext<'l> {
    /// The times of the clock's ticks.
    pub timeline: Timeline<'l>,
    /// The descriptions that the codes of samplers stand for.
    pub samplers: &'l dyn Fn(u8) -> Option<Description>,
}

impl<'l> EncodeContext<'l> {
    /// The meaning of ticks by this timeline, and of codes by this function.
    pub const fn new(
        timeline: Timeline<'l>,
        samplers: &'l dyn Fn(u8) -> Option<Description>,
    ) -> Self {
        EncodeContext { timeline, samplers }
    }
}
