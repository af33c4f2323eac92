//! The front door on chips: a static that starts spans from main, tasks and interrupts.

mod incoming;
mod packets;
mod producer_state;
mod ring;

use core::mem::MaybeUninit;

use crate::baggage::BaggageSink;
use crate::context::{Flags, SpanContext, ToContext};
use crate::id::SpanId;
use crate::id_generator::{IdGenerator, Seed};
use crate::propagation::{InjectError, TextMapCodec, TextMapReader, TextMapWriter};
use crate::record::{Fixed, Open, Timestamp};
use crate::sampler::{
    Decision, PriorityChange, Query, Sampler, sampling_decision, sampling_priority,
};
use crate::span::{Span, SpanBuilder};
use crate::stats::{Lost, Stats};
use crate::time::Clock;
use crate::value::Key;
use crate::wire::{Encoder, Process};

pub use incoming::Incoming;
pub use packets::{Drained, PacketReporter, ReporterTaken};
pub use producer_state::ProducerState;
pub use ring::{Ring, SpanRing};

/// The clock and the sampler of a tracer.
///
/// A pair of both is one, so a type of your own is needed only where they live elsewhere,
/// or for trace ids of 128 bits.
///
/// ```
/// use picojaeger_core::{Clock, Const, Platform};
///
/// struct Timer;
/// impl Clock for Timer {
///     const BITS: u32 = 32;
///     fn ticks(&self) -> u64 {
///         7 // a register read
///     }
///     fn frequency(&self) -> u64 {
///         25_000_000
///     }
/// }
///
/// fn clock_of(platform: &impl Platform) -> u64 {
///     platform.clock().ticks()
/// }
/// assert_eq!(clock_of(&(Timer, Const(true))), 7);
///
/// struct Wide(Timer);
/// impl Platform for Wide {
///     type Clock = Timer;
///     type Sampler = Const;
///     const TRACE_ID_128BIT: bool = true;
///     fn clock(&self) -> &Timer {
///         &self.0
///     }
///     fn sampler(&self) -> &Const {
///         &Const(true)
///     }
/// }
/// ```
pub trait Platform: Sync + 'static {
    /// The clock's type.
    type Clock: Clock;
    /// The sampler's type.
    type Sampler: Sampler;

    /// Whether new traces get ids of 128 bits instead of 64.
    const TRACE_ID_128BIT: bool = false;

    /// The clock; read with interrupts masked.
    fn clock(&self) -> &Self::Clock;

    /// The sampler, which is asked once for each trace that begins here.
    fn sampler(&self) -> &Self::Sampler;
}

impl<C, S> Platform for (C, S)
where
    C: Clock + Sync + 'static,
    S: Sampler + Sync + 'static,
{
    type Clock = C;
    type Sampler = S;

    #[inline(always)]
    fn clock(&self) -> &C {
        &self.0
    }

    #[inline(always)]
    fn sampler(&self) -> &S {
        &self.1
    }
}

/// Starts spans, and hands those that finish to its [`Ring`].
///
/// A `static`, usable from main, tasks and interrupts. Nothing blocks: what the
/// ring has no room for is dropped and counted.
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
    /// A tracer that makes unsampled spans until it has a [seed](Tracer::seed).
    pub const fn new(platform: P, ring: &'static R) -> Self {
        Tracer { platform, ring }
    }

    /// Draws ids from this seed from now on. Call it once, before the first span.
    ///
    /// A chip without a source of randomness takes 64 bits of its unique id and
    /// a counter of its boots that outlives them, in flash or in retained
    /// memory: `Seed::from_words([id_low, id_high, boots])`. Boots, and devices,
    /// that differ in one bit share no trace id.
    pub fn seed(&self, seed: Seed) {
        let generator = IdGenerator::new(seed);
        if self
            .ring
            .with(|producer| producer.seed(generator))
            .is_none()
        {
            self.ring.count_refused_start();
        }
    }

    /// Begins the description of a span; the name is kept by reference, or
    /// copied into the span's area if it is [`Key::copied`].
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
    ) -> Span<'_, P, [MaybeUninit<u8>; N], R> {
        self.span_builder(operation).start()
    }

    /// The one consuming end, which packs spans with this encoder.
    ///
    /// # Errors
    /// There is one already.
    pub fn reporter<'t, E: Encoder>(
        &'t self,
        encoder: E,
        process: Process<'t>,
    ) -> Result<PacketReporter<'t, P, E, R>, ReporterTaken> {
        PacketReporter::new(self, encoder, process)
    }

    /// Reads the clock, so that a counter which wraps is extended rightly: call
    /// it at least once in each period, from anywhere.
    pub fn tick(&self) {
        // Refused only if another call is inside, and that one reads the clock.
        self.now();
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
    /// What cannot be read is counted and begins a new trace. The scratch buffer
    /// holds one item at a time, and the debug id.
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

    /// The counts as they stand; `queued` has the spans in the ring and those that
    /// have left it, of which [`PacketReporter::stats`] knows more.
    pub fn stats(&self) -> Stats {
        let stats = self.ring.counts().unwrap_or_default();
        let (dropped, (starts, finishes)) = (self.ring.dropped(), self.ring.refused());
        let lost = Lost {
            full: dropped.full as u64,
            blocked: dropped.blocked as u64,
            evicted: dropped.evicted as u64,
            reentered: (starts + finishes) as u64,
            ..Lost::default()
        };
        let in_ring = lost.full + lost.blocked + lost.evicted;
        Stats {
            sampled: stats.sampled + starts as u64,
            open: stats.open.saturating_sub(finishes as u64),
            queued: stats.queued.saturating_sub(in_ring),
            lost,
            ..stats
        }
    }

    /// The clock, extended; `None` if another call is inside the exclusion.
    #[inline]
    pub(crate) fn now(&self) -> Option<u64> {
        let clock = self.platform.clock();
        self.ring.with(|producer| producer.now(clock))
    }

    /// The fixed part of a root span.
    #[inline(never)]
    pub(crate) fn begin_root(&self, operation: &'static str) -> Fixed {
        self.root(operation, operation, Flags::DEFERRED)
    }

    /// The fixed part of a span in its parent's trace.
    #[inline(never)]
    pub(crate) fn begin_child(&self, operation: &'static str, parent: &SpanContext) -> Fixed {
        // A parent that decides: `sampling_decision` without what it asks of other spans.
        if !parent.is_valid() || parent.flags().contains(Flags::DEFERRED) {
            return self.begin(operation, operation, Some(parent), None);
        }
        self.join(operation, parent, parent.flags())
    }

    /// The fixed part of any span: `name` is for the sampler, and `forced` is
    /// what a tag demands.
    #[inline(never)]
    pub(crate) fn begin(
        &self,
        operation: &'static str,
        name: &str,
        parent: Option<&SpanContext>,
        forced: Option<bool>,
    ) -> Fixed {
        let Some(parent) = parent else {
            let decision = sampling_decision(None, forced, false);
            return self.root(operation, name, decision.flags_or_deferred());
        };
        let decided = sampling_decision(Some(parent), forced, false).flags_or_deferred();
        if !parent.is_valid() {
            return self.root_of(operation, name, decided);
        }
        if decided.contains(Flags::DEFERRED) {
            return self.resolve(operation, name, parent);
        }
        self.join(operation, parent, decided | parent.flags() & Flags::REMOTE)
    }

    /// A root span whose parent has no ids.
    #[cold]
    #[inline(never)]
    fn root_of(&self, operation: &'static str, name: &str, decided: Flags) -> Fixed {
        self.root(operation, name, decided)
    }

    /// A root span.
    #[inline(always)]
    fn root(&self, operation: &'static str, name: &str, decided: Flags) -> Fixed {
        let clock = self.platform.clock();
        let (trace, span, ticks) = self
            .ring
            .draw(|producer| producer.root(clock, P::TRACE_ID_128BIT));
        if span.is_zero() {
            return Fixed::absent(operation);
        }
        let context = SpanContext::new(trace, span, Flags::default());
        self.decide(operation, name, context, SpanId::default(), ticks, decided)
    }

    /// Id and start of a span with a parent, as of [`SpanRing::draw`]. Out of line,
    /// so that the registers are free where interrupts are masked.
    #[inline(never)]
    fn draw(&self, sampled: bool, timed: bool) -> (SpanId, u64) {
        let clock = self.platform.clock();
        self.ring
            .draw(|producer| producer.child(clock, sampled, timed))
    }

    /// A span of a trace that is decided by `flags`.
    #[inline(always)]
    fn join(&self, operation: &'static str, parent: &SpanContext, flags: Flags) -> Fixed {
        let sampled = flags.contains(Flags::SAMPLED);
        let timed = (flags & (Flags::SAMPLED | Flags::REMOTE)) != Flags::default();
        let (span, ticks) = self.draw(sampled, timed);
        if span.is_zero() {
            return Fixed::absent(operation);
        }
        let context = SpanContext::new(parent.trace_id(), span, flags);
        let state = Fixed::state(0, timed);
        Fixed::starting(operation, context, parent.span_id(), ticks, state)
    }

    /// A span whose remote parent left the decision to the sampler here.
    #[cold]
    fn resolve(&self, operation: &'static str, name: &str, parent: &SpanContext) -> Fixed {
        let (span, ticks) = self.draw(true, true);
        if span.is_zero() {
            return Fixed::absent(operation);
        }
        let context = SpanContext::new(parent.trace_id(), span, Flags::default());
        self.decide(
            operation,
            name,
            context,
            parent.span_id(),
            ticks,
            Flags::DEFERRED,
        )
    }

    /// Asks the sampler, unless it is decided.
    #[inline(always)]
    fn decide(
        &self,
        operation: &'static str,
        name: &str,
        context: SpanContext,
        parent: SpanId,
        ticks: u64,
        decided: Flags,
    ) -> Fixed {
        let query = Query {
            trace_id: context.trace_id(),
            operation: name,
            ticks,
        };
        let (flags, code) = if decided.contains(Flags::DEFERRED) {
            match self.platform.sampler().sample(&query) {
                Decision::Sample { code } => (Flags::SAMPLED, code),
                Decision::Drop => (Flags::default(), 0),
            }
        } else {
            (decided, 0)
        };
        if !flags.contains(Flags::SAMPLED) {
            self.ring.with(ProducerState::count_unsampled);
        }
        let context = SpanContext::new(context.trace_id(), context.span_id(), flags);
        let state = Fixed::state(code, true);
        Fixed::starting(operation, context, parent, ticks, state)
    }

    /// Finishes an image; harmless a second time.
    #[inline(always)]
    pub(crate) fn end(&self, image: &mut Open) {
        if image.is_writable() {
            self.publish(image);
        }
        // Here, so that the compiler knows of it where the span is dropped next.
        image.discard();
    }

    #[inline(never)]
    fn publish(&self, image: &mut Open) {
        let (clock, (fixed, area)) = (self.platform.clock(), image.parts());
        self.ring.push(fixed, area, |producer| producer.now(clock));
    }

    /// Obeys a sampling priority; whether the span was sampled at this moment,
    /// without ever having read the clock.
    #[cold]
    #[inline(never)]
    pub(crate) fn prioritise(&self, fixed: &mut Fixed, on: bool) -> bool {
        if fixed.is_finished() || !fixed.context().is_valid() {
            return false;
        }
        let (flags, change) = sampling_priority(fixed.flags(), on);
        let counted = match change {
            PriorityChange::Unchanged | PriorityChange::DebugSet => Some(0),
            PriorityChange::Upgraded => self.count_upgraded(fixed.was_cleared()),
            PriorityChange::Cleared => self.ring.with(ProducerState::count_cleared).map(|()| 0),
        };
        // Refused: the span stays as it is, since nothing may go uncounted.
        let Some(ticks) = counted else { return false };
        fixed.set_flags(flags);
        match change {
            PriorityChange::Cleared => fixed.mark_cleared(),
            PriorityChange::Upgraded if !fixed.is_timed() => {
                fixed.set_start(Timestamp::Ticks(ticks));
                return true;
            }
            _ => {}
        }
        false
    }

    /// Counts a span that becomes sampled; gives the time.
    fn count_upgraded(&self, again: bool) -> Option<u64> {
        let clock = self.platform.clock();
        self.ring.with(|producer| {
            producer.count_upgraded(again);
            producer.now(clock)
        })
    }
}
