//! The state of a producer of spans: ids, time, and counters.

use crate::arch::in_order;
use crate::id::{SpanId, TraceId};
use crate::id_generator::IdGenerator;
use crate::stats::Stats;
use crate::time::{Anchor, Clock, Extension};

/// The state of one producer of spans: the generator of ids, the extension of the clock, and the
/// counters.
///
/// A chip's tracer has one under the mutex of its ring.
///
/// ```
/// use picojaeger_core::adapter::{IdGenerator, ProducerState};
/// use picojaeger_core::Seed;
/// # use picojaeger_core::Clock;
/// # struct Ticks;
/// # impl Clock for Ticks {
/// #     const BITS: u32 = 32;
/// #     fn ticks(&self) -> u64 { 5 }
/// #     fn frequency(&self) -> u64 { 1_000 }
/// # }
///
/// let mut producer = ProducerState::new();
/// assert!(producer.root(&Ticks, false).is_none(), "no seed, no ids");
/// producer.seed(IdGenerator::new(Seed::from_words([1, 2, 3])), &Ticks);
/// let (trace, span, ticks) = producer.root(&Ticks, false).unwrap();
/// assert_eq!((trace.low(), ticks), (span.get(), 5));
/// assert_eq!((producer.stats(0).unseeded, producer.stats(0).sampled), (1, 1));
/// ```
#[repr(C)] // the fields that every start uses come first
#[derive(Clone, Debug)]
pub struct ProducerState {
    clock: Extension,
    /// Spans that are sampled or were, and roots that were not.
    sampled: u32,
    /// Children that were not sampled.
    unsampled: u32,
    /// Roots that were not sampled.
    unsampled_roots: u32,
    generator: Option<IdGenerator>,
    /// Unsampled spans that became sampled for the first time.
    upgraded: u32,
    cleared: u32,
    unseeded: u32,
    decode_errors: u32,
    anchor: Option<Anchor>,
    totals: Totals,
}

/// The counters as they were read last, extended to 64 bits.
#[derive(Clone, Debug)]
struct Totals {
    sampled: u64,
    finished: u64,
    unsampled: u64,
    unsampled_roots: u64,
}

impl ProducerState {
    /// Makes a producer without a seed; all its bytes are zero.
    pub const fn new() -> Self {
        ProducerState {
            clock: Extension::new(),
            sampled: 0,
            unsampled: 0,
            unsampled_roots: 0,
            generator: None,
            upgraded: 0,
            cleared: 0,
            unseeded: 0,
            decode_errors: 0,
            anchor: None,
            totals: Totals {
                sampled: 0,
                finished: 0,
                unsampled: 0,
                unsampled_roots: 0,
            },
        }
    }

    /// Makes a producer without a seed that has sampled so many spans.
    pub(crate) const fn resumed(sampled: u32) -> Self {
        ProducerState {
            sampled,
            ..ProducerState::new()
        }
    }

    /// Sets the generator of ids, and the first reading of the clock where there was none: a counter
    /// that runs since before may show any value.
    #[inline]
    pub fn seed<C: Clock>(&mut self, generator: IdGenerator, clock: &C) {
        // Not after a reading: what was read, as for an anchor, stays on the same scale.
        if self.generator.replace(generator).is_none() && self.now(clock) == 0 {
            self.clock = Extension::starting_at(clock.ticks());
        }
    }

    /// Returns the extension of the clock.
    #[inline]
    pub fn extension(&mut self) -> &mut Extension {
        &mut self.clock
    }

    /// Returns where the clock and Unix time meet, if that is known.
    #[inline]
    pub fn anchor(&self) -> Option<Anchor> {
        self.anchor
    }

    /// Sets where the clock and Unix time meet.
    #[inline]
    pub fn set_anchor(&mut self, anchor: Anchor) {
        self.anchor = Some(anchor);
    }

    /// Returns the clock, extended to 64 bits.
    #[inline(always)]
    pub fn now<C: Clock>(&mut self, clock: &C) -> u64 {
        self.clock.extend(clock.ticks(), C::BITS)
    }

    /// Returns ids and start of a root span, which counts as sampled until
    /// [`ProducerState::count_unsampled`]; `None` without a seed.
    #[inline(always)]
    pub fn root<C: Clock>(&mut self, clock: &C, wide: bool) -> Option<(TraceId, SpanId, u64)> {
        let generator = self.generator()?;
        let (trace, span) = generator.root(wide);
        in_order();
        self.sampled = self.sampled.wrapping_add(1);
        in_order();
        Some((trace, span, self.now(clock)))
    }

    /// Returns id and start of a child; reads the clock if `timed`. `None` without a seed.
    #[inline(always)]
    pub fn child<C: Clock>(
        &mut self,
        clock: &C,
        sampled: bool,
        timed: bool,
    ) -> Option<(SpanId, u64)> {
        let generator = self.generator()?;
        let span = generator.span_id();
        in_order();
        self.sampled = self.sampled.wrapping_add(sampled.into());
        self.unsampled = self.unsampled.wrapping_add((!sampled).into());
        in_order();
        Some((span, if timed { self.now(clock) } else { 0 }))
    }

    /// Counts the span that started last as not sampled.
    #[inline(always)]
    pub fn count_unsampled(&mut self) {
        self.unsampled_roots = self.unsampled_roots.wrapping_add(1);
    }

    /// Counts a span that became sampled after its start, or `again` after it
    /// had been cleared.
    #[inline]
    pub fn count_upgraded(&mut self, again: bool) {
        self.sampled = self.sampled.wrapping_add(1);
        if !again {
            self.upgraded = self.upgraded.wrapping_add(1);
        }
    }

    /// Counts a sampled span that was set to priority 0.
    #[inline]
    pub fn count_cleared(&mut self) {
        self.cleared = self.cleared.wrapping_add(1);
    }

    /// Counts a trace header that could not be read.
    #[inline]
    pub fn count_decode_error(&mut self) {
        self.decode_errors = self.decode_errors.wrapping_add(1);
    }

    /// Returns the counts, with the number of sampled spans that have `finished`, modulo 2³²:
    /// `queued` includes all of these, whatever their outcome.
    ///
    /// Exact if called at least once in 2³² spans.
    pub fn stats(&mut self, finished: u32) -> Stats {
        let total = |total: &mut u64, count: u32| {
            *total += u64::from(count.wrapping_sub(*total as u32));
            *total
        };
        let roots = total(&mut self.totals.unsampled_roots, self.unsampled_roots);
        let sampled = total(&mut self.totals.sampled, self.sampled).saturating_sub(roots);
        let finished = total(&mut self.totals.finished, finished);
        let unsampled = total(&mut self.totals.unsampled, self.unsampled) + roots;
        Stats {
            sampled,
            open: sampled.saturating_sub(finished + u64::from(self.cleared)),
            queued: finished,
            cleared: self.cleared.into(),
            unsampled: unsampled.saturating_sub(self.upgraded.into()),
            unseeded: self.unseeded.into(),
            decode_errors: self.decode_errors.into(),
            ..Stats::default()
        }
    }

    /// Returns the same counts modulo 2³², in the order of [`Counts::spans`](crate::wire::Counts):
    /// none of them is delivered.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(crate) const fn counts(&self, finished: u32) -> [u32; 8] {
        let sampled = self.sampled.wrapping_sub(self.unsampled_roots);
        let unsampled = self.unsampled.wrapping_add(self.unsampled_roots);
        [
            sampled,
            sampled.wrapping_sub(finished).wrapping_sub(self.cleared),
            finished,
            0,
            self.cleared,
            unsampled.wrapping_sub(self.upgraded),
            self.unseeded,
            self.decode_errors,
        ]
    }

    /// Returns the generator; counts a span that starts without one.
    #[inline(always)]
    fn generator(&mut self) -> Option<&mut IdGenerator> {
        if self.generator.is_none() {
            self.count_unseeded();
        }
        self.generator.as_mut()
    }

    #[cold]
    fn count_unseeded(&mut self) {
        self.unseeded = self.unseeded.wrapping_add(1);
    }
}

impl Default for ProducerState {
    fn default() -> Self {
        ProducerState::new()
    }
}
