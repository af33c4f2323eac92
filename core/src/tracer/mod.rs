//! The tracer of chips: a static that starts spans from main, tasks and interrupts.

mod extracted_parent;
#[cfg(feature = "relay")]
mod host_time;
mod packet_reporter;
mod platform;
#[allow(
    unsafe_code,
    reason = "declares what only a program that stops can promise"
)]
mod post_mortem;
mod producer_state;
#[allow(unsafe_code, reason = "each block has a SAFETY comment")]
mod retained;
#[allow(
    unsafe_code,
    reason = "passes the promises of `post_mortem` to the ring"
)]
mod span_ring;
mod start;

use crate::baggage::BaggageSink;
use crate::context::ToContext;
use crate::id_generator::{IdGenerator, Seed};
use crate::propagation::{InjectError, TextMapCodec, TextMapReader, TextMapWriter};
use crate::record::Open;
use crate::span::{SpanBuilder, StackSpan};
use crate::stats::{Lost, Stats};
use crate::time::{Anchor, Clock};
use crate::value::Key;
use crate::wire::{Encoder, Process};

pub use extracted_parent::Incoming;
pub use packet_reporter::{Drained, PacketReporter, ReporterTaken};
pub use platform::Platform;
pub use producer_state::ProducerState;
pub use retained::{
    BuildId, Program, RecoveredEncoder, Recovery, RecoveryOutcome, RetainedMemory, RetainedRing,
};
pub use span_ring::{Ring, SpanRing};

/// Starts spans, and puts finished ones into its [`Ring`].
///
/// A `static`, usable from main, tasks and interrupts. Nothing blocks: a span that does not fit the
/// ring is dropped and counted.
///
/// ```
/// # use picojaeger_core::{Clock, Const};
/// # struct Timer;
/// # impl Clock for Timer {
/// #     const BITS: u32 = 32;
/// #     fn ticks(&self) -> u64 { 7 }
/// #     fn frequency(&self) -> u64 { 25_000_000 }
/// # }
/// use picojaeger_core::ring::Bytes;
/// use picojaeger_core::{Interrupts, Ring, Seed, Tracer};
///
/// static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
/// static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);
///
/// TRACER.seed(Seed::from_words([1, 2, 3]));
/// let mut span = TRACER.start::<96>("sample");
/// span.tag("channel", 3).tag("mode", "fast");
/// span.finish();
/// assert_eq!((TRACER.stats().sampled, TRACER.stats().queued), (1, 1));
/// ```
#[derive(Debug)]
pub struct Tracer<P, R: ?Sized + 'static = Ring> {
    platform: P,
    ring: &'static R,
}

impl<P: Platform, R: SpanRing + ?Sized> Tracer<P, R> {
    /// Makes a tracer, whose spans are not recorded until it has a [seed](Tracer::seed).
    pub const fn new(platform: P, ring: &'static R) -> Self {
        Tracer { platform, ring }
    }

    /// Sets the seed of ids. Call it once, before the first span.
    ///
    /// On a chip without a source of randomness, use 64 bits of its unique id and a counter of
    /// boots, kept in flash or in retained memory: `Seed::from_words([id_low, id_high, boots])`.
    /// Boots, and devices, that differ in one bit share no trace id.
    pub fn seed(&self, seed: Seed) {
        let (generator, clock) = (IdGenerator::new(seed), self.platform.clock());
        if self
            .ring
            .with(|producer| producer.seed(generator, clock))
            .is_none()
        {
            self.ring.count_refused_start();
        }
    }

    /// Returns a builder of a span; the name is kept by reference, or copied into the span's area
    /// if it is [`Key::copied`].
    #[inline(always)]
    pub fn span_builder<'a>(&self, operation: impl Into<Key<'a>>) -> SpanBuilder<'_, 'a, P, R> {
        SpanBuilder::new(self, operation.into())
    }

    /// Starts a root span of this name, with `N` bytes for tags and logs; see
    /// [`SpanBuilder::start`].
    #[inline(always)]
    pub fn start<'a, const N: usize>(
        &self,
        operation: impl Into<Key<'a>>,
    ) -> StackSpan<'_, P, N, R> {
        self.span_builder(operation).start()
    }

    /// Returns the only consumer, which packs spans with this encoder.
    ///
    /// # Errors
    /// There is a reporter already.
    pub fn reporter<'t, E: Encoder>(
        &'t self,
        encoder: E,
        process: Process<'t>,
    ) -> Result<PacketReporter<'t, P, E, R>, ReporterTaken> {
        PacketReporter::new(self, encoder, process)
    }

    /// Starts a root span that began before, at these ticks of [`Tracer::now`] or
    /// [`Tracer::captured`]; it may end so too, by [`finish_ticks`](crate::Span::finish_ticks).
    #[inline]
    pub fn emit<'a, const N: usize>(
        &self,
        operation: impl Into<Key<'a>>,
        start_ticks: u64,
    ) -> StackSpan<'_, P, N, R> {
        self.span_builder(operation)
            .start_ticks(start_ticks)
            .start()
    }

    /// Returns the time, in ticks of the clock, extended to 64 bits.
    ///
    /// `None` in a re-entrant call: from a non-maskable interrupt that came within another one.
    #[inline]
    pub fn now(&self) -> Option<u64> {
        let clock = self.platform.clock();
        self.ring.with(|producer| producer.now(clock))
    }

    /// Returns the time at which the counter showed `ticks`, less than 15/16 of a period ago, on
    /// the scale of [`Tracer::now`]: for a value that hardware captured, such as the time stamp of
    /// an edge, a conversion or a network packet.
    ///
    /// `None` in a re-entrant call.
    pub fn captured(&self, ticks: u64) -> Option<u64> {
        let clock = self.platform.clock();
        self.ring.with(|producer| {
            producer.now(clock);
            producer.extension().extend_past(ticks, P::Clock::BITS)
        })
    }

    /// Reads the clock, so that a counter that wraps is extended correctly: call it at least once
    /// in each 15/16 of its period, from anywhere, unless spans or polls do.
    pub fn tick(&self) {
        // Refused only within another call, which reads the clock itself.
        self.now();
    }

    /// Takes note that about so many ticks passed since the time `since` of [`Tracer::now`], measured
    /// by another clock: for sleeps of more than 15/16 of the counter's period, through which it
    /// runs on.
    ///
    /// The measurement may be off by less than half a period: the counter itself gives the rest. Spans of
    /// an interrupt that wakes and comes before this call are dated too early, as if the sleep had been
    /// shorter. A counter that stands still in a sleep adds it in [`Clock::ticks`] itself; one of 64 bits
    /// needs neither.
    ///
    /// ```
    /// # use picojaeger_core::ring::Bytes;
    /// # use picojaeger_core::{Clock, Const, Interrupts, Ring, Seed, Tracer};
    /// # use core::sync::atomic::{AtomicU32, Ordering};
    /// # static COUNTER: AtomicU32 = AtomicU32::new(0);
    /// # struct Timer;
    /// # impl Clock for Timer {
    /// #     const BITS: u32 = 32;
    /// #     fn ticks(&self) -> u64 { COUNTER.load(Ordering::Relaxed).into() }
    /// #     fn frequency(&self) -> u64 { 25_000_000 }
    /// # }
    /// # static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
    /// # static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);
    /// # TRACER.seed(Seed::from_words([1, 2, 3]));
    /// # fn sleep_for_200_s() {
    /// #     COUNTER.fetch_add(5_000_000_000_u64 as u32, Ordering::Relaxed);
    /// # }
    /// let since = TRACER.now().unwrap_or(0);
    /// sleep_for_200_s(); // a counter of 32 bits at 25 MHz wraps after 171.8 s
    /// TRACER.slept(since, 200 * 25_000_000);
    /// assert_eq!(TRACER.now(), Some(5_000_000_000));
    /// ```
    pub fn slept(&self, since: u64, ticks: u64) {
        let (clock, about) = (self.platform.clock(), since.saturating_add(ticks));
        clock.slept_until(about);
        self.ring.with(|producer| {
            let shown = clock.ticks();
            producer.extension().skip_to(about, shown, P::Clock::BITS);
        });
    }

    /// Takes note of the Unix time at these ticks of [`Tracer::now`], in microseconds, and by how
    /// many it may be off, as from SNTP, a real-time clock or a receiver of GNSS.
    ///
    /// It holds for all spans that are sent from now on, those that ended before included; until
    /// then spans carry the tag `clock.unsynced`, unless they
    /// [wait for it](PacketReporter::hold_for_anchor). A later call replaces it.
    ///
    /// ```
    /// # use picojaeger_core::ring::Bytes;
    /// # use picojaeger_core::{Clock, Const, Interrupts, Ring, Seed, Tracer};
    /// # struct Timer;
    /// # impl Clock for Timer {
    /// #     const BITS: u32 = 32;
    /// #     fn ticks(&self) -> u64 { 7 }
    /// #     fn frequency(&self) -> u64 { 25_000_000 }
    /// # }
    /// # static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
    /// # static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);
    /// # fn ask_the_server() -> u64 { 1_700_000_000_000_000 }
    /// let asked = TRACER.now();
    /// let unix_micros = ask_the_server();
    /// if let (Some(asked), Some(answered)) = (asked, TRACER.now()) {
    ///     let round_trip = answered - asked;
    ///     let uncertainty = (round_trip / 2 / 25) as u32; // 25 ticks a microsecond
    ///     TRACER.set_unix_time_at(asked + round_trip / 2, unix_micros, uncertainty);
    /// }
    /// ```
    pub fn set_unix_time_at(&self, ticks: u64, unix_micros: u64, uncertainty_micros: u32) {
        let anchor = Anchor::new(ticks, unix_micros).with_uncertainty(uncertainty_micros);
        self.ring.with(|producer| producer.set_anchor(anchor));
        self.ring.keep_anchor(anchor);
    }

    /// Writes a span's or a context's identity and the baggage into the carrier,
    /// as HTTP headers.
    ///
    /// A baggage item of more than 192 bytes once it is encoded is left out. For
    /// other forms and sizes use a [`TextMapCodec`].
    ///
    /// # Errors
    /// The context did not fit and nothing was written, or some baggage items
    /// were left out and all else was written.
    pub fn inject<'b, C: TextMapWriter + ?Sized>(
        &self,
        span: &impl ToContext,
        baggage: impl IntoIterator<Item = (&'b str, &'b str)>,
        carrier: &mut C,
    ) -> Result<(), InjectError> {
        let context = span.to_context().unwrap_or_default();
        TextMapCodec::http().inject(&context, baggage, carrier, &mut [0; 192])
    }

    /// Reads a parent and its baggage from a carrier of HTTP headers.
    ///
    /// A malformed header is counted, and a new trace begins. The scratch buffer holds one item at
    /// a time, and the debug id.
    pub fn extract<'s, C: TextMapReader + ?Sized>(
        &self,
        carrier: &C,
        baggage: &mut dyn BaggageSink,
        scratch: &'s mut [u8],
    ) -> Incoming<'s> {
        let incoming = Incoming::from(TextMapCodec::http().extract(carrier, baggage, scratch));
        if incoming.had_errors() {
            self.ring.with(ProducerState::count_decode_error);
        }
        incoming
    }

    /// Returns the current counts; `queued` includes the spans that have left the ring, whose
    /// outcomes are in [`PacketReporter::stats`].
    pub fn stats(&self) -> Stats {
        let stats = self.ring.counts().unwrap_or_default();
        let (lost, (starts, finishes)) = (self.lost(), self.ring.refused());
        let in_ring = lost.full + lost.blocked + lost.evicted;
        Stats {
            sampled: stats.sampled + starts as u64,
            open: stats.open.saturating_sub(finishes as u64),
            queued: stats.queued.saturating_sub(in_ring),
            lost,
            ..stats
        }
    }

    /// Returns the clock and the sampler.
    #[inline(always)]
    pub(crate) fn platform(&self) -> &P {
        &self.platform
    }

    /// Returns the losses before the reporter, without a mutex.
    pub(crate) fn lost(&self) -> Lost {
        let (dropped, (starts, finishes)) = (self.ring.dropped(), self.ring.refused());
        Lost {
            full: dropped.full as u64,
            blocked: dropped.blocked as u64,
            evicted: dropped.evicted as u64,
            reentered: (starts + finishes) as u64,
            ..Lost::default()
        }
    }

    /// Returns the time, and writes where it and Unix time meet; `None` in a re-entrant call.
    ///
    /// Written, since a result of both would lie on a chip's stack twice.
    #[inline(never)]
    pub(crate) fn now_with_anchor(&self, anchor: &mut Option<Anchor>) -> Option<u64> {
        let clock = self.platform.clock();
        self.ring.with(|producer| {
            *anchor = producer.anchor();
            producer.now(clock)
        })
    }

    /// Finishes an image; a second call does nothing.
    #[inline(always)]
    pub(crate) fn end(&self, image: &mut Open) {
        if image.is_writable() {
            self.publish(image);
        }
        // Inlined here, so that the compiler can remove the check in a `drop` that follows.
        image.discard();
    }

    /// Finishes an image at these ticks; a second call does nothing.
    #[inline]
    pub(crate) fn end_at(&self, image: &mut Open, ticks: u64) {
        if image.is_writable() {
            let (fixed, area) = image.parts();
            self.ring.push(fixed, area, |_| ticks);
            self.signal();
        }
        image.discard();
    }

    #[inline(never)]
    fn publish(&self, image: &mut Open) {
        let (clock, (fixed, area)) = (self.platform.clock(), image.parts());
        self.ring.push(fixed, area, |producer| producer.now(clock));
        self.signal();
    }

    #[inline(always)]
    fn signal(&self) {
        if P::SIGNALS_HALF_FULL && self.ring.is_half_full() {
            self.platform.half_full();
        }
    }
}
