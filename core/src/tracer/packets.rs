//! The consuming end on chips: packets out of one tracer's ring.

use core::error::Error;
use core::fmt;

use crate::packet_builder::{PacketBuilder, PollContext, SendOutcome};
use crate::record::Records;
use crate::ring::Consumer;
use crate::sampler::Sampler;
use crate::stats::{Lost, Stats};
use crate::time::{Anchor, Clock, ClockSegment, Rate, Timeline};
use crate::tracer::{Platform, Ring, SpanRing, Tracer};
use crate::wire::{ClientStats, EncodeContext, Encoder, Process};

/// Packs a tracer's finished spans into packets, for whatever transport there is.
///
/// Call `poll` from the main loop; each packet that it gives wants its outcome
/// by `done`. Nothing waits, and the work of a call is bounded by the buffer.
/// Until the Unix time is [known](PacketReporter::set_anchor) spans carry the
/// tag `clock.unsynced`.
///
/// ```
/// # use picojaeger_core::{Clock, Const};
/// # struct Timer;
/// # impl Clock for Timer {
/// #     const BITS: u32 = 32;
/// #     fn ticks(&self) -> u64 { 7 }
/// #     fn frequency(&self) -> u64 { 25_000_000 }
/// # }
/// # use picojaeger_core::ring::Bytes;
/// # use picojaeger_core::{Interrupts, SendOutcome, Ring, Seed, Tracer};
/// # static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
/// # static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);
/// # TRACER.seed(Seed::from_words([1, 2, 3]));
/// # fn send(_packet: &[u8]) -> SendOutcome { SendOutcome::Accepted }
/// use picojaeger_core::wire::{Process, ThriftCompact};
///
/// let process = Process { service: "pump-7", tags: &[] };
/// let mut reporter = TRACER.reporter(ThriftCompact::new(), process)?;
/// let mut buffer = [0; 512];
/// TRACER.start::<0>("sample");
///
/// assert!(reporter.poll(&mut buffer).is_none(), "it waits for more");
/// if let Some(packet) = reporter.flush(&mut buffer) {
///     let outcome = send(packet);
///     reporter.done(outcome);
/// }
/// assert_eq!(reporter.stats().delivered, 1);
/// # Ok::<(), picojaeger_core::ReporterTaken>(())
/// ```
pub struct PacketReporter<'t, P, E, R: SpanRing + ?Sized = Ring> {
    tracer: &'t Tracer<P, R>,
    consumer: [Consumer<'static, Records>; 1],
    reporter: PacketBuilder<E>,
    process: Process<'t>,
    rate: Rate,
    anchor: Option<Anchor>,
}

/// The tracer has a reporter already; drop that one first.
///
/// ```
/// assert!(picojaeger_core::ReporterTaken.to_string().contains("drop"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReporterTaken;

/// The largest packet; the buffer may be smaller.
const LIMIT: usize = 65_000;

impl<'t, P, E, R> PacketReporter<'t, P, E, R>
where
    P: Platform,
    E: Encoder,
    R: SpanRing + ?Sized,
{
    pub(super) fn new(
        tracer: &'t Tracer<P, R>,
        encoder: E,
        process: Process<'t>,
    ) -> Result<Self, ReporterTaken> {
        let frequency = tracer.platform.clock().frequency();
        Ok(PacketReporter {
            tracer,
            consumer: [tracer.ring.consumer().ok_or(ReporterTaken)?],
            reporter: PacketBuilder::new(encoder, LIMIT, frequency),
            process,
            rate: Rate::new(frequency),
            anchor: None,
        })
    }

    /// A packet, if one is due: a span has waited for a second, the ring is half
    /// full, or what waits fills the buffer. Also does what
    /// [`Tracer::tick`] does.
    pub fn poll<'b>(&mut self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        self.pack(buffer, false)
    }

    /// A packet, if a span waits.
    pub fn flush<'b>(&mut self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        self.pack(buffer, true)
    }

    /// Takes the outcome of the packet that was given last.
    pub fn done(&mut self, outcome: SendOutcome) {
        self.reporter.done(outcome, &mut self.consumer);
    }

    /// Says what the Unix time was at some extended ticks of the clock.
    pub fn set_anchor(&mut self, anchor: Anchor) {
        self.anchor = Some(anchor);
    }

    /// What became of the tracer's spans.
    ///
    /// What was delivered is known to the reporter that did it: one that takes
    /// another's place counts the other's spans as held, and its batches from 1.
    pub fn stats(&self) -> Stats {
        let (stats, delivery) = (self.tracer.stats(), self.reporter.delivery());
        Stats {
            queued: stats
                .queued
                .saturating_sub(delivery.delivered + delivery.lost()),
            delivered: delivery.delivered,
            lost: Lost {
                too_large: delivery.too_large,
                refused: delivery.refused,
                failed: delivery.failed,
                ..stats.lost
            },
            ..stats
        }
    }

    fn pack<'b>(&mut self, buffer: &'b mut [u8], flush: bool) -> Option<&'b [u8]> {
        let now = self.tracer.now()?;
        let segments = [ClockSegment {
            rate: self.rate,
            anchors: self.anchor.as_slice(),
        }];
        let sampler = self.tracer.platform.sampler();
        let encode = EncodeContext {
            timeline: Timeline {
                segments: &segments,
            },
            samplers: &|code| sampler.description(code),
        };
        let context = PollContext {
            now,
            flush,
            process: &self.process,
            stats: self.client_stats(),
            encode: &encode,
        };
        self.reporter.poll(&mut self.consumer, &context, buffer)
    }

    /// The losses by the three causes that agents know. In line, its masked section
    /// would be half as long again.
    #[inline(never)]
    fn client_stats(&self) -> ClientStats {
        let lost = self.stats().lost;
        ClientStats {
            full_queue_dropped_spans: (lost.full + lost.blocked + lost.evicted + lost.reentered)
                as i64,
            too_large_dropped_spans: lost.too_large as i64,
            failed_to_emit_spans: (lost.refused + lost.failed) as i64,
        }
    }
}

impl<P, E, R: SpanRing + ?Sized> fmt::Debug for PacketReporter<'_, P, E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketReporter")
            .field("process", &self.process)
            .field("anchor", &self.anchor)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for ReporterTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the tracer has a reporter already: drop that one first")
    }
}

impl Error for ReporterTaken {}
