//! The ring of a tracer.

use core::sync::atomic::{AtomicUsize, Ordering};

use crate::raw_mutex::{Interrupts, RawMutex, increment};
use crate::record::{Fixed, Image, Records};
use crate::ring::{
    ByteCell, Bytes, Consumer, DropNewest, Dropped, FrameRing, Judge, Kept, Policy, Storage, Word,
};
use crate::stats::Stats;
use crate::time::Anchor;
use crate::tracer::ProducerState;

/// Holds finished spans until the reporter takes them, and the state of the
/// tracer that fills it.
///
/// `X` is the mutex of the producers, `B` the storage, `P` the policy of a full ring. A record
/// takes 8 bytes more than its image. Give each tracer a ring of its own.
///
/// ```
/// use picojaeger_core::ring::{Bytes, OverwriteOldest};
/// use picojaeger_core::{Interrupts, Ring};
///
/// static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
/// static RECORDER: Ring<Interrupts, Bytes<1024>, OverwriteOldest> = Ring::new();
/// ```
#[repr(C)]
pub struct Ring<X = Interrupts, B: ?Sized = [ByteCell], P = DropNewest> {
    aside: Aside,
    frames: FrameRing<X, ProducerState, B, P, Records>,
}

/// The ring of a tracer, as the tracer uses it; implemented by [`Ring`] and
/// [`RetainedRing`](crate::RetainedRing) alone.
pub trait SpanRing: sealed::Sealed + Sync + 'static {
    /// Runs `f` under the mutex; `None` in a re-entrant call.
    #[doc(hidden)]
    fn with<T>(&self, f: impl FnOnce(&mut ProducerState) -> T) -> Option<T>;

    /// Runs `f` under the mutex for a span that starts; zeros if it returns `None`, or in a
    /// re-entrant call, which is counted.
    #[doc(hidden)]
    fn draw<T: Default>(&self, f: impl FnOnce(&mut ProducerState) -> Option<T>) -> T;

    /// Runs `f` under the mutex, with the number of spans that ended, modulo 2³²; `None` in a
    /// re-entrant call.
    #[doc(hidden)]
    fn with_count<T>(&self, f: impl FnOnce(&mut ProducerState, u32) -> T) -> Option<T>;

    /// Returns how many spans of former boots the numbers count, as sampled and as ended.
    #[doc(hidden)]
    fn before(&self) -> u32 {
        0
    }

    /// Returns the counts, with every span that ended as queued; `None` in a re-entrant call.
    #[doc(hidden)]
    fn counts(&self) -> Option<Stats> {
        self.with_count(ProducerState::stats)
    }

    /// Finishes the image of this fixed part and written area at the time `now`, and copies it into
    /// the ring.
    #[doc(hidden)]
    fn push(&self, fixed: &mut Fixed, area: &[Word], now: impl Fn(&mut ProducerState) -> u64);

    /// Counts a span whose start was refused.
    #[doc(hidden)]
    fn count_refused_start(&self);

    /// Returns the numbers of spans that were refused at their start, and at their finish.
    #[doc(hidden)]
    fn refused(&self) -> (usize, usize);

    /// Returns the only consumer, or `None` while there is one.
    #[doc(hidden)]
    fn consumer(&self) -> Option<Consumer<'_, Records>>;

    /// Returns the consumer although there is one; `None` from a ring that is not ready yet.
    ///
    /// # Safety
    /// As for [`FrameRing::steal_consumer`].
    #[doc(hidden)]
    unsafe fn steal_consumer(&self) -> Option<Consumer<'_, Records>>;

    /// Skips open frames and returns how many.
    ///
    /// # Safety
    /// As for [`FrameRing::abandon_open`].
    #[doc(hidden)]
    unsafe fn abandon_open(&self, consumer: &mut Consumer<'_, Records>) -> usize;

    /// Returns the counts of the records that the ring dropped.
    #[doc(hidden)]
    fn dropped(&self) -> Dropped;

    /// Returns whether at least half of the ring waits for the reporter.
    #[doc(hidden)]
    fn is_half_full(&self) -> bool;

    /// Keeps an anchor for the next boot, if this ring outlives a reset.
    #[doc(hidden)]
    #[inline(always)]
    fn keep_anchor(&self, _anchor: Anchor) {}
}

pub(super) mod sealed {
    pub trait Sealed {}
    impl<X, B: ?Sized, P> Sealed for super::Ring<X, B, P> {}
}

/// Counters of spans that started or finished in a re-entrant call.
struct Aside {
    starts: AtomicUsize,
    finishes: AtomicUsize,
}

impl<X: RawMutex, const N: usize, P: Policy> Ring<X, Bytes<N>, P> {
    /// Makes an empty ring of `N` bytes, a power of two from 128; all its bytes are zero, so a
    /// `static` lies in `.bss`.
    pub const fn new() -> Self {
        Ring {
            aside: Aside::new(),
            frames: FrameRing::new(ProducerState::new()),
        }
    }
}

impl<X: RawMutex, const N: usize, P: Policy> Ring<X, Bytes<N>, P> {
    /// Writes a ring to `place`, with the records that lie there if there is a `judge` for them.
    ///
    /// # Safety
    /// As for [`FrameRing::resume`]; what the judge keeps is a whole image.
    pub(super) unsafe fn resume(place: *mut Self, judge: Option<&mut Judge<'_>>) -> Kept {
        let user = |kept: &Kept| ProducerState::resumed(kept.next);
        // SAFETY: in bounds of the place; the rest is passed on to the caller.
        unsafe {
            (&raw mut (*place).aside).write(Aside::new());
            FrameRing::resume(&raw mut (*place).frames, judge, user)
        }
    }
}

impl<X: RawMutex, const N: usize, P: Policy> Default for Ring<X, Bytes<N>, P> {
    fn default() -> Self {
        Ring::new()
    }
}

impl<X: RawMutex, B: Storage, P: Policy> Ring<X, B, P> {
    /// Makes an empty ring in this storage.
    pub fn over(storage: B) -> Self {
        Ring {
            aside: Aside::new(),
            frames: FrameRing::over(storage, ProducerState::new()),
        }
    }
}

impl<X: RawMutex, B: Storage + ?Sized, P: Policy> Ring<X, B, P> {
    /// Returns the only consumer, or `None` while there is one.
    pub fn consumer(&self) -> Option<Consumer<'_, Records>> {
        self.frames.consumer()
    }
}

impl<X, B, P> SpanRing for Ring<X, B, P>
where
    X: RawMutex + 'static,
    B: Storage + ?Sized + 'static,
    P: Policy + 'static,
{
    #[inline(always)]
    fn with<T>(&self, f: impl FnOnce(&mut ProducerState) -> T) -> Option<T> {
        self.frames.with(f)
    }

    #[inline(always)]
    fn draw<T: Default>(&self, f: impl FnOnce(&mut ProducerState) -> Option<T>) -> T {
        // Zeros instead of a flag beside the result: registers are scarce where interrupts are
        // masked.
        let drawn = self.with(|producer| f(producer).unwrap_or_default());
        drawn.unwrap_or_else(|| {
            self.count_refused_start();
            T::default()
        })
    }

    #[inline(always)]
    fn push(&self, fixed: &mut Fixed, area: &[Word], now: impl Fn(&mut ProducerState) -> u64) {
        let words = Image::words(area);
        let (ticks, slot) = self.frames.reserve(words, |producer, _| now(producer));
        let Some(ticks) = ticks else {
            increment(&self.aside.finishes);
            return;
        };
        fixed.note_end(ticks);
        // The ring has counted a span that is refused here, with the cause.
        if let Ok(slot) = slot {
            slot.commit(&Image::new(fixed, area));
        }
    }

    fn with_count<T>(&self, f: impl FnOnce(&mut ProducerState, u32) -> T) -> Option<T> {
        self.frames.with_count(f)
    }

    fn count_refused_start(&self) {
        increment(&self.aside.starts);
    }

    fn refused(&self) -> (usize, usize) {
        let Aside { starts, finishes } = &self.aside;
        (
            starts.load(Ordering::Relaxed),
            finishes.load(Ordering::Relaxed),
        )
    }

    fn consumer(&self) -> Option<Consumer<'_, Records>> {
        self.frames.consumer()
    }

    unsafe fn steal_consumer(&self) -> Option<Consumer<'_, Records>> {
        // SAFETY: passed on to the caller; all fields of a `ProducerState` are valid whichever of
        // their words were written.
        unsafe { Some(self.frames.steal_consumer()) }
    }

    unsafe fn abandon_open(&self, consumer: &mut Consumer<'_, Records>) -> usize {
        // SAFETY: passed on to the caller.
        unsafe { self.frames.abandon_open(consumer) }
    }

    fn dropped(&self) -> Dropped {
        self.frames.dropped()
    }

    #[inline(always)]
    fn is_half_full(&self) -> bool {
        self.frames.is_half_full()
    }
}

impl<X, B: ?Sized, P> core::fmt::Debug for Ring<X, B, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Ring")
            .field("bytes", &size_of_val(self))
            .finish_non_exhaustive()
    }
}

impl Aside {
    const fn new() -> Self {
        Aside {
            starts: AtomicUsize::new(0),
            finishes: AtomicUsize::new(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::id_generator::Seed;
    use crate::sampler::Const;
    use crate::time::Clock;
    use crate::tracer::{Drained, Tracer};
    use crate::transport::{SendOutcome, Transport};
    use crate::wire::{Process, ThriftCompact};

    /// A millisecond counter that the test sets.
    struct Timer(AtomicU64);

    impl Clock for Timer {
        const BITS: u32 = 64;
        fn ticks(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }
        fn frequency(&self) -> u64 {
            1_000
        }
    }

    /// A transport that counts packets.
    struct Count(usize);

    impl Transport for Count {
        fn send(&mut self, _: &[u8]) -> SendOutcome {
            self.0 += 1;
            SendOutcome::Accepted
        }
    }

    #[test]
    fn a_reporter_that_interrupts_a_producer_lets_it_go_on() {
        static TIMER: Timer = Timer(AtomicU64::new(0));
        static RING: Ring<Interrupts, Bytes<1024>> = Ring::new();
        static TRACER: Tracer<(&Timer, Const)> = Tracer::new((&TIMER, Const(true)), &RING);
        TRACER.seed(Seed::from_words([1, 2, 3]));
        let process = Process::new("chip");
        let mut reporter = TRACER.reporter(ThriftCompact::new(), process).unwrap();
        let (mut count, mut buffer) = (Count(0), [0; 512]);
        // Interrupted between its reservation and its commit.
        let (_, slot) = RING.frames.reserve(8, |_, _| ());
        TRACER.start::<0>("behind it");
        TIMER.0.store(2_000, Ordering::Relaxed);
        assert!(reporter.poll_at().is_some_and(|at| at <= 2_000), "due");
        let drained = reporter.drain(&mut count, &mut buffer);
        assert_eq!((drained, count.0), (Drained::All, 0));
        assert_eq!(reporter.poll_at(), Some(2_125), "not at once, for ever");
        drop(slot); // it goes on, and gives up
        TIMER.0.store(2_125, Ordering::Relaxed);
        reporter.drain(&mut count, &mut buffer);
        assert_eq!((count.0, reporter.stats().delivered), (1, 1));
    }
}
