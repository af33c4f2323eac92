//! The consumer on chips: packets from one tracer's ring.

use core::error::Error;
use core::fmt;

use crate::debug::debug_as_display;
use crate::packet_builder::{Packet, PacketBuilder, PollContext};
use crate::record::Records;
use crate::ring::Consumer;
use crate::sampler::Sampler;
use crate::stats::{Lost, Stats};
use crate::time::{Anchor, Clock, ClockSegment, Rate, Timeline};
use crate::tracer::{Platform, Ring, SpanRing, Tracer};
use crate::transport::{SendOutcome, Transport};
use crate::wire::{ClientStats, EncodeContext, Encoder, Process};

/// Packs a tracer's finished spans into packets, for any transport.
///
/// Call `drain` from the main loop with a [`Transport`], or `poll` to send the [`Packet`] yourself.
/// Nothing blocks except the transport, and the work of a poll is bounded by the buffer. Until the
/// Unix time is [known](PacketReporter::set_anchor) spans carry the tag `clock.unsynced`.
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
/// # use picojaeger_core::{Interrupts, SendOutcome, Ring, Seed, Tracer, Transport};
/// # static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
/// # static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);
/// # TRACER.seed(Seed::from_words([1, 2, 3]));
/// # struct Uart;
/// # impl Transport for Uart {
/// #     fn send(&mut self, _packet: &[u8]) -> SendOutcome { SendOutcome::Accepted }
/// # }
/// use picojaeger_core::Drained;
/// use picojaeger_core::wire::{Process, ThriftCompact};
///
/// let process = Process::new("pump-7");
/// let mut reporter = TRACER.reporter(ThriftCompact::new(), process)?;
/// let mut buffer = [0; 512];
/// TRACER.start::<0>("sample");
///
/// assert_eq!(reporter.drain(&mut Uart, &mut buffer), Drained::All, "it waits for more");
/// assert_eq!(reporter.stats().delivered, 0);
/// reporter.drain_all(&mut Uart, &mut buffer);
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
    late_refusals: u64,
}

/// A packet of a chip's tracer.
type ChipPacket<'p, E> = Packet<'p, E, Consumer<'static, Records>>;

/// The result of [`PacketReporter::drain`].
///
/// ```
/// use picojaeger_core::Drained;
///
/// let may_sleep = |drained| drained == Drained::All;
/// assert!(!may_sleep(Drained::Blocked));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a loop continues or stops")]
pub enum Drained {
    /// Every packet that was due has its outcome.
    All,
    /// The transport is not ready, or returned [`SendOutcome::Retry`]: drain again later.
    Blocked,
}

/// The error of a second reporter; drop the first one before.
///
/// ```
/// fn hint(error: picojaeger_core::ReporterTaken) -> String {
///     error.to_string() // what to do
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
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
            late_refusals: 0,
        })
    }

    /// Returns a packet if one is due: a span has waited for a second, the ring is half full, or
    /// 65,000 bytes wait. Reads the clock, like [`Tracer::tick`].
    pub fn poll<'p>(&'p mut self, buffer: &'p mut [u8]) -> Option<ChipPacket<'p, E>> {
        self.pack(buffer, false)
    }

    /// Returns a packet if a span waits.
    pub fn flush<'p>(&'p mut self, buffer: &'p mut [u8]) -> Option<ChipPacket<'p, E>> {
        self.pack(buffer, true)
    }

    /// Sends every packet that is due by the rules of [`PacketReporter::poll`].
    ///
    /// Stops when the transport is not ready or returns [`SendOutcome::Retry`], and when all spans
    /// that had finished before the call have their outcome, however many finish meanwhile.
    /// [`SendOutcome::Pending`] counts as a failure: a chip keeps no packet under way. A transport
    /// that needs time for one can be driven with [`PacketReporter::poll`].
    pub fn drain<T: Transport + ?Sized>(
        &mut self,
        transport: &mut T,
        buffer: &mut [u8],
    ) -> Drained {
        self.send_all(transport, buffer, false)
    }

    /// Sends every span that has finished, due or not; stops like [`PacketReporter::drain`].
    pub fn drain_all<T: Transport + ?Sized>(
        &mut self,
        transport: &mut T,
        buffer: &mut [u8],
    ) -> Drained {
        self.send_all(transport, buffer, true)
    }

    /// Sets the Unix time at one reading of the extended clock.
    pub fn set_anchor(&mut self, anchor: Anchor) {
        self.anchor = Some(anchor);
    }

    /// Returns the counts of the tracer's spans.
    ///
    /// A reporter counts its own deliveries only: one that replaces another counts the spans that
    /// the other delivered as queued, and numbers its batches from 1.
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
                unreachable: delivery.unreachable,
                ..stats.lost
            },
            late_refusals: self.late_refusals,
            ..stats
        }
    }

    fn send_all<T: Transport + ?Sized>(
        &mut self,
        transport: &mut T,
        buffer: &mut [u8],
        flush: bool,
    ) -> Drained {
        let [consumer] = &self.consumer;
        let mark = consumer.mark();
        let drained = loop {
            if !transport.is_ready() {
                self.tracer.tick(); // as a poll would
                break Drained::Blocked;
            }
            let passed_over = self.reporter.delivery().too_large as usize;
            if let Some(packet) = self.pack(buffer, flush) {
                let outcome = match transport.send(packet.bytes()) {
                    // Without the code for a packet under way, which takes some 300 bytes.
                    SendOutcome::Pending => SendOutcome::Failed,
                    outcome => outcome,
                };
                packet.done(outcome);
                if outcome == SendOutcome::Retry {
                    break Drained::Blocked;
                }
            } else if self.reporter.delivery().too_large as usize == passed_over {
                break Drained::All;
            }
            let [consumer] = &self.consumer;
            if consumer.has_passed(mark) {
                break Drained::All;
            }
        };
        self.late_refusals += transport.take_late_refusals();
        drained
    }

    fn pack<'p>(&'p mut self, buffer: &'p mut [u8], flush: bool) -> Option<ChipPacket<'p, E>> {
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

    /// Returns the losses by the three causes that agents know. Inlined, it would lengthen the
    /// section with interrupts masked by half.
    #[inline(never)]
    fn client_stats(&self) -> ClientStats {
        ClientStats::from(&self.stats().lost)
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

debug_as_display!(ReporterTaken);
