//! The consumer on chips: packets from one tracer's ring.

use core::error::Error;
use core::fmt;

use crate::arch::stored_zero;
use crate::debug::debug_as_display;
use crate::packet_builder::{DeliveryCounts, Packet, PacketBuilder, PollContext};
use crate::record::Records;
use crate::ring::{Consumer, Mark};
use crate::sampler::Sampler;
use crate::stats::{Lost, Stats};
use crate::time::{Anchor, Clock, ClockSegment, Rate, Timeline};
use crate::tracer::{Platform, Ring, SpanRing, Tracer};
use crate::transport::{AsyncTransport, SendOutcome, Transport};
use crate::wire::{ClientStats, Counts, EncodeContext, Encoder, Process, Status};

/// Packs a tracer's finished spans into packets, for any transport.
///
/// Call `drain` from the main loop with a [`Transport`], or `poll` to send the [`Packet`] yourself.
/// Nothing blocks except the transport, and the work of a poll is bounded by the buffer. Until the
/// Unix time is [known](Tracer::set_unix_time_at) spans carry the tag `clock.unsynced`, unless they
/// [wait for it](PacketReporter::hold_for_anchor). Times are in ticks of the tracer's clock.
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
    /// For which a span waits at most.
    interval: u64,
    /// From a retry to the next attempt.
    back_off: u64,
    /// The end of the last back-off.
    resumes: u64,
    /// The end of the time for which spans wait for an anchor.
    held_until: u64,
    waiting: Waiting,
    late_refusals: u64,
}

/// Since when spans may wait, by what the polls see: a span came after the last poll whose spans
/// have all left. So none waits longer than it is due, however rarely polls come, and none is
/// read for its time.
struct Waiting {
    since: u64,
    /// The end of the ring at `marked_at`; once it has passed, the rest came later than that.
    mark: Mark,
    marked_at: u64,
}

/// Whether a packet is made at all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// If it is due, after a back-off.
    Due,
    /// If a span waits, after a back-off.
    Waiting,
    /// If a span waits.
    Now,
}

/// A packet of a chip's tracer.
type ChipPacket<'p, E> = Packet<'p, E, Consumer<'static, Records>>;

/// A packet under way, which is packed again if the future that sends it is dropped: at once, so
/// that [`PacketReporter::poll_at`] knows of it.
struct Sending<'p, E: Encoder>(Option<ChipPacket<'p, E>>);

impl<E: Encoder> Sending<'_, E> {
    fn done(&mut self, outcome: SendOutcome) {
        if let Some(packet) = self.0.take() {
            packet.done(outcome);
        }
    }
}

impl<E: Encoder> Drop for Sending<'_, E> {
    fn drop(&mut self) {
        self.done(SendOutcome::Retry);
    }
}

/// Returns the outcome of a drain's packet: a drain waits for none that is not known yet.
#[inline(always)]
const fn decided(outcome: SendOutcome) -> SendOutcome {
    match outcome {
        SendOutcome::Pending => SendOutcome::Failed,
        outcome => outcome,
    }
}

/// Sends a packet; [`Drained::Blocked`] if it, or its rest, is to be sent later.
fn send<E: Encoder, T: Transport + ?Sized>(
    packet: ChipPacket<'_, E>,
    transport: &mut T,
) -> Drained {
    let outcome = decided(transport.send(packet.bytes()));
    packet.done(outcome);
    match outcome {
        SendOutcome::Retry | SendOutcome::Partial => Drained::Blocked,
        _ => Drained::All,
    }
}

/// Returns the part of a buffer that a packet may fill.
#[inline(always)]
fn up_to_mtu(mtu: usize, buffer: &mut [u8]) -> &mut [u8] {
    let most = buffer.len().min(mtu);
    buffer.get_mut(..most).unwrap_or_default()
}

/// The result of [`PacketReporter::drain`] and [`PacketReporter::announce_to`].
///
/// ```
/// use picojaeger_core::Drained;
///
/// let may_sleep = |drained| drained == Drained::All; // until `poll_at`
/// assert!(!may_sleep(Drained::Blocked));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "a loop continues or stops")]
pub enum Drained {
    /// Nothing is due: every packet that was has its outcome, or a back-off is not over. Spans may
    /// wait; [`PacketReporter::poll_at`] returns until when.
    All,
    /// The transport returned [`SendOutcome::Partial`]: drain again when the medium takes more. Or it is
    /// not ready, or returned [`SendOutcome::Retry`]: drain again after the
    /// [back-off](PacketReporter::set_back_off).
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
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
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
        let consumer = tracer.ring.consumer().ok_or(ReporterTaken)?;
        Ok(Self::with_consumer(tracer, consumer, encoder, process))
    }

    #[inline(always)]
    pub(super) fn with_consumer(
        tracer: &'t Tracer<P, R>,
        consumer: Consumer<'static, Records>,
        encoder: E,
        process: Process<'t>,
    ) -> Self {
        let frequency = tracer.platform.clock().frequency();
        let zero = stored_zero();
        let waiting = Waiting {
            since: zero,
            mark: consumer.cursor(),
            marked_at: zero,
        };
        PacketReporter {
            tracer,
            consumer: [consumer],
            reporter: PacketBuilder::new(encoder, LIMIT, frequency),
            process,
            rate: Rate::new(frequency),
            interval: frequency,
            back_off: frequency >> 3,
            resumes: zero,
            held_until: zero,
            waiting,
            late_refusals: zero,
        }
    }

    /// Returns the tracer's ring and its consumer.
    pub(super) fn ring_and_consumer(&mut self) -> (&'t R, &mut Consumer<'static, Records>) {
        let [consumer] = &mut self.consumer;
        (self.tracer.ring, consumer)
    }

    /// Returns a packet if one is due: a span may have waited for an
    /// [interval](PacketReporter::set_interval), the ring is half full, or as many bytes wait as
    /// [`set_limit`](Self::set_limit) allows. Reads the clock, like [`Tracer::tick`].
    ///
    /// Call it until it returns `None`: one packet may not hold all that is due. `None` comes also
    /// after 64 spans that fit no packet; what is left is due at the next poll. A ring that overwrites
    /// is full once it has run for a while, so that each of its spans is due at once.
    ///
    /// After a packet that was dropped, forgotten, or got [`SendOutcome::Retry`] it returns `None`
    /// until the [back-off](PacketReporter::set_back_off) is over, so that no loop spins on a peer
    /// that accepts nothing. After [`SendOutcome::Partial`] it returns the same bytes of the same
    /// buffer at once: leave the loop there, until the medium takes more.
    pub fn poll<'p>(&'p mut self, buffer: &'p mut [u8]) -> Option<ChipPacket<'p, E>> {
        self.pack(buffer, When::Due)
    }

    /// Returns a packet if a span waits; after a retry like [`PacketReporter::poll`].
    pub fn flush<'p>(&'p mut self, buffer: &'p mut [u8]) -> Option<ChipPacket<'p, E>> {
        self.pack(buffer, When::Waiting)
    }

    /// Returns a packet that has the tracer's state and no spans: for a device that makes none for a while,
    /// before it sleeps, and at the end, when all counts are final. Due or not, back-off or not.
    ///
    /// Only for encoders [that carry it](Encoder::WITH_STATUS); `None` otherwise, if the buffer is
    /// too small, or while [a part of a packet](SendOutcome::Partial) has left.
    pub fn announce<'p>(&'p mut self, buffer: &'p mut [u8]) -> Option<ChipPacket<'p, E>> {
        if !E::WITH_STATUS || self.reporter.is_partial(usize::MAX) {
            return None;
        }
        let mut anchor = None;
        let now = self.tracer.now_with_anchor(&mut anchor)?;
        self.make(buffer, now, &anchor, true)
    }

    /// Sends the tracer's state by a transport, as [`PacketReporter::announce`] packs it, in at most
    /// [`Transport::mtu`] bytes; nothing where that returns `None`. What is left of a packet after
    /// [`SendOutcome::Partial`] goes first.
    ///
    /// [`Drained::Blocked`] if it has not left yet: call it again, with the same buffer.
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
    /// # use picojaeger_core::wire::{Process, ThriftCompact};
    /// # use picojaeger_core::{Drained, Interrupts, Ring, SendOutcome, Tracer, Transport};
    /// # static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
    /// # static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);
    /// # struct Uart;
    /// # impl Transport for Uart {
    /// #     fn send(&mut self, _packet: &[u8]) -> SendOutcome { unreachable!("Thrift carries no state") }
    /// # }
    /// let mut reporter = TRACER.reporter(ThriftCompact::new(), Process::new("pump-7"))?;
    /// let mut buffer = [0; 512];
    /// reporter.drain_all(&mut Uart, &mut buffer);
    /// let drained = reporter.announce_to(&mut Uart, &mut buffer); // the last counts
    /// assert_eq!(drained, Drained::All);
    /// # Ok::<(), picojaeger_core::ReporterTaken>(())
    /// ```
    pub fn announce_to<T: Transport + ?Sized>(
        &mut self,
        transport: &mut T,
        buffer: &mut [u8],
    ) -> Drained {
        if !E::WITH_STATUS {
            return Drained::All;
        }
        if !transport.is_ready() {
            return Drained::Blocked;
        }
        let buffer = up_to_mtu(transport.mtu(), buffer);
        if self.reporter.is_partial(buffer.len()) {
            let is_state = self.reporter.is_without_spans();
            let rest = self.reporter.resume_in(&mut self.consumer, buffer);
            let drained = rest.map(|packet| send(packet, transport));
            if is_state || drained == Some(Drained::Blocked) {
                return drained.unwrap_or(Drained::All);
            }
        }
        // What this buffer does not hold is packed again.
        self.reporter.retry(&mut self.consumer);
        let packet = self.announce(buffer);
        let drained = packet.map_or(Drained::All, |packet| send(packet, transport));
        self.late_refusals += transport.take_late_refusals();
        drained
    }

    /// Returns the last packet, without its bytes, if it has no outcome yet: it was dropped before
    /// its [`Packet::done`], or that got [`SendOutcome::Pending`] or [`SendOutcome::Partial`].
    ///
    /// For a buffer that is given away until the packet has left, as to DMA: note
    /// [`Packet::place`], drop the packet, send that part of the buffer, and report the outcome
    /// here. A poll in between packs the same spans again.
    pub fn resume(&mut self) -> Option<ChipPacket<'_, E>> {
        self.reporter.resume(&mut self.consumer)
    }

    /// Returns when to poll next, on the scale of [`Tracer::now`], for a program that sleeps until
    /// then or until an interrupt: when a packet gets due, and at the latest when the clock must be
    /// [read](Clock::read_within). `None` if neither: no span waits, and the counter has 64 bits.
    ///
    /// A time that has passed means at once. Spans of a packet without an outcome do not count:
    /// after one that was dropped, poll once before; after [`SendOutcome::Partial`] nothing is due
    /// until the medium takes more, which wakes the program.
    pub fn poll_at(&mut self) -> Option<u64> {
        let mut anchor = None;
        let now = self.tracer.now_with_anchor(&mut anchor)?;
        let within = self.tracer.platform.clock().read_within();
        let deadline = within.map(|ticks| now.saturating_add(ticks));
        let due = self.due_at(now, anchor.is_some());
        let due = due.map(|due| due.max(self.resumes));
        let due = due.filter(|_| !self.reporter.is_partial(usize::MAX));
        match (due, deadline) {
            (Some(due), Some(deadline)) => Some(due.min(deadline)),
            (due, deadline) => due.or(deadline),
        }
    }

    /// Sends every packet that is due by the rules of [`PacketReporter::poll`].
    ///
    /// Stops when the transport is not ready, in a back-off, or when the transport returns
    /// [`SendOutcome::Retry`]; and when all spans that had finished before the call have their
    /// outcome, however many finish meanwhile. Packets have at most [`Transport::mtu`] bytes.
    ///
    /// After [`SendOutcome::Partial`] it stops as well, and the next call goes on with the same packet,
    /// due or not, for as often as it takes. Until then the buffer is the packet's: one that is changed in
    /// between breaks it, and one that is too short for it has it packed again.
    /// [`SendOutcome::Pending`] counts as a failure: a drain keeps no packet under way without its buffer. A transport
    /// that needs time for one can be driven with [`PacketReporter::poll`].
    pub fn drain<T: Transport + ?Sized>(
        &mut self,
        transport: &mut T,
        buffer: &mut [u8],
    ) -> Drained {
        self.send_all(transport, buffer, When::Due)
    }

    /// Sends every span that has finished, due or not, back-off or not; stops like
    /// [`PacketReporter::drain`] otherwise.
    pub fn drain_all<T: Transport + ?Sized>(
        &mut self,
        transport: &mut T,
        buffer: &mut [u8],
    ) -> Drained {
        self.send_all(transport, buffer, When::Now)
    }

    /// Sends every packet that is due, like [`PacketReporter::drain`], by a transport that is
    /// awaited.
    ///
    /// A future that is dropped cancels nothing but the send: the packet under way is sent again,
    /// after the back-off.
    pub async fn drain_async<T: AsyncTransport + ?Sized>(
        &mut self,
        transport: &mut T,
        buffer: &mut [u8],
    ) -> Drained {
        self.send_all_async(transport, buffer, When::Due).await
    }

    /// Sends every span that has finished, like [`PacketReporter::drain_all`], by a transport that
    /// is awaited.
    pub async fn drain_all_async<T: AsyncTransport + ?Sized>(
        &mut self,
        transport: &mut T,
        buffer: &mut [u8],
    ) -> Drained {
        self.send_all_async(transport, buffer, When::Now).await
    }

    /// Sets for how many ticks a span waits at most; a second at first.
    pub fn set_interval(&mut self, ticks: u64) {
        self.interval = ticks;
    }

    /// Sets how many ticks pass between a retry and the next attempt; an eighth of a second at
    /// first.
    pub fn set_back_off(&mut self, ticks: u64) {
        self.back_off = ticks;
    }

    /// Sets the bytes that a packet may have, 65,000 at first; the buffer and [`Transport::mtu`]
    /// may allow fewer.
    pub fn set_limit(&mut self, bytes: usize) {
        self.reporter.set_limit(bytes);
    }

    /// Makes spans wait for the [Unix time](Tracer::set_unix_time_at), up to so many ticks from
    /// now, and while the ring is less than half full; those sent earlier carry the tag
    /// `clock.unsynced`, and are dated from the start of the clock. [`flush`](Self::flush) and
    /// [`drain_all`](Self::drain_all) wait for nothing.
    pub fn hold_for_anchor(&mut self, limit_ticks: u64) {
        let now = self.tracer.now().unwrap_or(0);
        self.held_until = now.saturating_add(limit_ticks);
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
            lost: lost(self.tracer, &delivery),
            late_refusals: self.late_refusals,
            ..stats
        }
    }

    fn send_all<T: Transport + ?Sized>(
        &mut self,
        transport: &mut T,
        buffer: &mut [u8],
        when: When,
    ) -> Drained {
        let [consumer] = &self.consumer;
        let mark = consumer.mark();
        let buffer = up_to_mtu(transport.mtu(), buffer);
        let drained = loop {
            if !transport.is_ready() {
                self.pause();
                break Drained::Blocked;
            }
            let passed_over = self.reporter.delivery().too_large as usize;
            if let Some(packet) = self.pack(buffer, when) {
                if send(packet, transport) == Drained::Blocked {
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

    /// The same with a wait in its middle, which a loop in common cannot have.
    async fn send_all_async<T: AsyncTransport + ?Sized>(
        &mut self,
        transport: &mut T,
        buffer: &mut [u8],
        when: When,
    ) -> Drained {
        let [consumer] = &self.consumer;
        let mark = consumer.mark();
        let buffer = up_to_mtu(transport.mtu(), buffer);
        loop {
            let passed_over = self.reporter.delivery().too_large as usize;
            if let Some(packet) = self.pack(buffer, when) {
                let bytes = packet.bytes();
                let mut sending = Sending(Some(packet));
                let outcome = match transport.send(bytes).await {
                    SendOutcome::Partial => SendOutcome::Failed,
                    outcome => decided(outcome),
                };
                sending.done(outcome);
                if outcome == SendOutcome::Retry {
                    return Drained::Blocked;
                }
            } else if self.reporter.delivery().too_large as usize == passed_over {
                return Drained::All;
            }
            let [consumer] = &self.consumer;
            if consumer.has_passed(mark) {
                return Drained::All;
            }
        }
    }

    fn pack<'p>(&'p mut self, buffer: &'p mut [u8], when: When) -> Option<ChipPacket<'p, E>> {
        let mut anchor = None;
        let now = self.tracer.now_with_anchor(&mut anchor)?;
        if self.reporter.is_partial(buffer.len()) {
            return self.reporter.resume_in(&mut self.consumer, buffer);
        }
        self.reporter.retry(&mut self.consumer);
        let due = self.due_at(now, anchor.is_some())?;
        let due = match when {
            When::Due => due.max(self.resumes),
            When::Waiting => self.resumes,
            When::Now => 0,
        };
        if now < due {
            return None;
        }
        let [consumer] = &self.consumer;
        (self.waiting.mark, self.waiting.marked_at) = (consumer.mark(), now);
        self.make(buffer, now, &anchor, false)
    }

    /// Makes a packet of the waiting spans, or one that `announces` the tracer's state instead.
    #[inline(always)]
    fn make<'p>(
        &'p mut self,
        buffer: &'p mut [u8],
        now: u64,
        anchor: &Option<Anchor>,
        announces: bool,
    ) -> Option<ChipPacket<'p, E>> {
        let segments = [ClockSegment {
            rate: self.rate,
            anchors: anchor.as_slice(),
        }];
        let tracer = self.tracer;
        let samplers = |code| tracer.platform.sampler().description(code);
        let encode = EncodeContext {
            timeline: Timeline {
                segments: &segments,
            },
            samplers: &samplers,
        };
        let delivery = self.reporter.delivery();
        let counts = || counts(tracer, &delivery);
        let status = Status {
            now,
            frequency: tracer.platform.clock().frequency(),
            anchor: anchor.as_ref(),
            counts: &counts,
            samplers: &samplers,
            announces,
        };
        let context = PollContext::new(now, &self.process, &encode);
        let context = if E::WITH_STATUS {
            context.with_status(Some(&status))
        } else {
            context.with_stats(ClientStats::from(&lost(tracer, &self.reporter.delivery())))
        };
        if announces {
            self.reporter.announce(&mut self.consumer, &context, buffer)
        } else {
            self.reporter.flush(&mut self.consumer, &context, buffer)
        }
    }

    /// Begins a back-off; reads the clock as a poll would.
    fn pause(&mut self) {
        if let Some(now) = self.tracer.now() {
            self.resumes = now.saturating_add(self.back_off);
        }
    }

    /// Returns when the waiting spans are due but for a back-off, which begins here; `None` if none
    /// waits.
    fn due_at(&mut self, now: u64, anchored: bool) -> Option<u64> {
        if self.reporter.take_retry() {
            self.resumes = now.saturating_add(self.back_off);
        }
        let [consumer] = &mut self.consumer;
        if consumer.has_passed(self.waiting.mark) {
            self.waiting = Waiting {
                since: self.waiting.marked_at,
                mark: consumer.mark(),
                marked_at: now,
            };
        }
        let backlog = consumer.backlog();
        if backlog == 0 {
            return None;
        }
        if backlog * 2 >= consumer.capacity() {
            return Some(0);
        }
        let due = if backlog >= self.reporter.limit() {
            0
        } else {
            self.waiting.since.saturating_add(self.interval)
        };
        Some(if anchored {
            due
        } else {
            due.max(self.held_until)
        })
    }
}

/// Returns the counts of a tracer whose reporter has made these deliveries.
///
/// In single words: the sums of 64 bits would be a tenth of a small program.
#[inline(never)]
fn counts<P: Platform, R: SpanRing + ?Sized>(
    tracer: &Tracer<P, R>,
    delivery: &DeliveryCounts,
) -> Option<Counts> {
    tracer.ring.with_count(|producer, ended| {
        let (dropped, (starts, finishes)) = (tracer.ring.dropped(), tracer.ring.refused());
        let (starts, finishes) = (starts as u32, finishes as u32);
        let lost = [
            dropped.full as u32,
            dropped.blocked as u32,
            dropped.evicted as u32,
            starts.wrapping_add(finishes),
            delivery.too_large as u32,
            delivery.refused as u32,
            delivery.failed as u32,
            delivery.unreachable as u32,
            0,
            0,
        ];
        let [sampled, open, queued, _, rest @ ..] = producer.counts(ended);
        let before = tracer.ring.before();
        let (sampled, queued) = (sampled.wrapping_sub(before), queued.wrapping_sub(before));
        let delivered = delivery.delivered as u32;
        let gone = lost
            .iter()
            .fold(delivered, |sum, count| sum.wrapping_add(*count));
        let queued = queued.wrapping_sub(gone.wrapping_sub(lost[3]));
        let [cleared, unsampled, unseeded, errors] = rest;
        let (sampled, open) = (sampled.wrapping_add(starts), open.wrapping_sub(finishes));
        let spans = [
            sampled, open, queued, delivered, cleared, unsampled, unseeded, errors,
        ];
        Counts::new(spans, lost)
    })
}

#[inline(always)]
fn lost<P: Platform, R: SpanRing + ?Sized>(
    tracer: &Tracer<P, R>,
    delivery: &DeliveryCounts,
) -> Lost {
    Lost {
        too_large: delivery.too_large,
        refused: delivery.refused,
        failed: delivery.failed,
        unreachable: delivery.unreachable,
        ..tracer.lost()
    }
}

impl<P, E, R: SpanRing + ?Sized> fmt::Debug for PacketReporter<'_, P, E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketReporter")
            .field("process", &self.process)
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
