//! A ring that outlives a reset, and what is recovered from it.

mod header;
mod memory;
mod program;
mod recovery;
#[cfg(test)]
mod tests;

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use crate::raw_mutex::{Guarded, Interrupts, RawMutex, increment};
use crate::record::{self, Fixed, Records};
use crate::ring::{Bytes, Consumer, DropNewest, Dropped, Judge, Kept, Policy, Verdict, Word};
use crate::stats::Stats;
use crate::time::Anchor;
use crate::tracer::span_ring::sealed;
use crate::tracer::{ProducerState, Ring, SpanRing};
use header::{Boot, Boots, Header, Place};

pub use memory::RetainedMemory;
pub use program::{BuildId, Program};
pub use recovery::{RecoveredEncoder, Recovery, RecoveryOutcome};

/// A [`Ring`] of `N` bytes whose spans outlive a reset: what had finished is sent by the next boot.
///
/// Lies in `.bss`, its [memory](RetainedMemory) where no start initialises it. Each boot calls
/// [`recover`](RetainedRing::recover) first; spans that start before are counted as reentered.
///
/// ```
/// # use picojaeger_core::{Clock, Const};
/// # struct Timer;
/// # impl Clock for Timer {
/// #     const BITS: u32 = 32;
/// #     fn ticks(&self) -> u64 { 7 }
/// #     fn frequency(&self) -> u64 { 25_000_000 }
/// # }
/// use picojaeger_core::wire::{Process, ThriftCompact};
/// use picojaeger_core::{
///     BuildId, Program, RecoveryOutcome, RetainedMemory, RetainedRing, Seed, Tracer,
/// };
///
/// // In a firmware: #[unsafe(link_section = ".uninit.spans")]
/// static MEMORY: RetainedMemory<4096> = RetainedMemory::new();
/// // SAFETY: the memory is given to this ring alone.
/// static RING: RetainedRing<4096> = unsafe { RetainedRing::new(&MEMORY) };
/// static TRACER: Tracer<(Timer, Const), RetainedRing<4096>> =
///     Tracer::new((Timer, Const(true)), &RING);
/// # // A chip's memory has some value.
/// # unsafe { (&raw const MEMORY).cast_mut().write_bytes(0xa5, 1) };
///
/// let program = Program::new(b"sample", BuildId::new(&[7; 20]));
/// let recovery = RING.recover(&program, 25_000_000);
/// assert_eq!((recovery.outcome, recovery.boot), (RecoveryOutcome::Cold, 1));
/// TRACER.seed(Seed::from_words([1, 2, recovery.boot]));
/// let encoder = recovery.encoder::<64, _>(ThriftCompact::new()); // 64 words of stack
/// let reporter = TRACER.reporter(encoder, Process::new("pump-7"))?;
/// # let _ = reporter;
/// # Ok::<(), picojaeger_core::ReporterTaken>(())
/// ```
pub struct RetainedRing<const N: usize, X: 'static = Interrupts, P: 'static = DropNewest> {
    memory: &'static RetainedMemory<N, X, P>,
    /// Whether the ring in the memory is one.
    ready: AtomicBool,
    /// Whether a call has the headers.
    busy: Guarded<X, bool>,
    /// Spans that started before the ring was ready.
    early: AtomicUsize,
    /// Numbers that were given to spans before this boot and are not among those recovered.
    before: AtomicU32,
}

impl<const N: usize, X: RawMutex, P: Policy> RetainedRing<N, X, P> {
    /// Makes a ring in this memory, to be [recovered](RetainedRing::recover).
    ///
    /// # Safety
    /// The memory is given to no other ring of this program, and nothing else writes to it. When `recover` is called
    /// each of its bytes has some value: a reset's or a power-on's, which counts although this program
    /// did not write it.
    pub const unsafe fn new(memory: &'static RetainedMemory<N, X, P>) -> Self {
        RetainedRing {
            memory,
            ready: AtomicBool::new(false),
            busy: Guarded::new(false),
            early: AtomicUsize::new(0),
            before: AtomicU32::new(0),
        }
    }

    /// Makes the ring ready, with the spans that finished before a reset if it is this program's.
    ///
    /// Call it first of all in each boot, with the frequency of the tracer's clock. Nothing that lies in the memory is
    /// believed: a damaged header counts as a cold start, the walk over the spans stops at the
    /// first one that this program cannot have made, and names must be those of `program`. A bit that
    /// changed within the value of a tag is not noticed.
    ///
    /// The spans are sent first, by [`Recovery::encoder`]. A reset at any moment, in here too, loses none that
    /// had finished; spans of a packet under way at the reset are sent again. What two boots did not send is discarded.
    pub fn recover(&self, program: &Program, frequency: u64) -> Recovery {
        if self.ready.load(Ordering::Acquire) || !self.enter() {
            return Recovery::new(
                RecoveryOutcome::Again,
                0,
                &Kept::default(),
                Boots::default(),
            );
        }
        // SAFETY: no other call gets past `enter`; the bytes have values, by the promise of `new`.
        let old = unsafe { self.memory.header() };
        let place = program.build.map(|build| self.place(build));
        let outcome = match (place, old) {
            (None, _) => RecoveryOutcome::NoBuildId,
            (_, None) => RecoveryOutcome::Cold,
            (Some(place), Some(old)) if place == old.place => RecoveryOutcome::Warm,
            _ => RecoveryOutcome::OtherProgram,
        };
        let warm = old.filter(|_| outcome == RecoveryOutcome::Warm);
        let kept = self.resume(program.names, warm.map(|warm| warm.boot));
        let boot = old.map_or(1, |old| old.boot.wrapping_add(1));
        let mut boots = warm.map_or(Boots::default(), |warm| warm.boots);
        let clock = Boot {
            frequency,
            anchor: None,
        };
        boots.set(boot, clock);
        let mut header = place.map(|place| Header {
            place,
            generation: old.map_or(0, |old| old.generation),
            boot,
            boots,
        });
        // Both of them, so that one that is damaged later is replaced by one of this boot.
        for _ in 0..2 {
            // SAFETY: as above.
            unsafe { self.memory.replace_header(header.as_mut()) };
        }
        self.ready.store(true, Ordering::Release);
        self.leave();
        Recovery::new(outcome, boot, &kept, boots)
    }

    /// Makes the ring in the memory, with the spans of the last boot if there is one.
    fn resume(&self, names: &'static [u8], last: Option<u32>) -> Kept {
        let last_boot = last.unwrap_or(0);
        let [last_segment, segment_before] =
            [0, 1].map(|age| Boots::segment(last_boot.wrapping_sub(age)));
        let mut judge = |words: &mut [Word]| {
            // SAFETY: a ring shows initialised words.
            let Some(fixed) = (unsafe { record::check(words, names) }) else {
                return Verdict::Violation;
            };
            let segment = fixed.segment();
            if segment == 0 {
                fixed.set_segment(last_segment);
            } else if segment != last_segment && segment != segment_before {
                return Verdict::Skip;
            }
            Verdict::Keep
        };
        let judge = last.is_some().then_some(&mut judge as &mut Judge<'_>);
        // SAFETY: no other call gets here, by `enter`, and none gets to the ring before it is ready; the bytes
        // have values, by the promise of `new`; what is kept was checked as a whole record.
        let kept = unsafe { Ring::resume(self.memory.ring(), judge) };
        let before = kept.next.wrapping_sub(kept.frames);
        self.before.store(before, Ordering::Relaxed);
        kept
    }

    fn place(&self, build: BuildId) -> Place {
        Place {
            address: core::ptr::from_ref(self.memory).addr() as u64,
            size: N as u32,
            build,
        }
    }

    /// Takes the headers; `false` if another call has them, which this one has interrupted.
    fn enter(&self) -> bool {
        let busy = self.busy.with(|busy| core::mem::replace(busy, true));
        busy == Some(false)
    }

    fn leave(&self) {
        self.busy.with(|busy| *busy = false);
    }

    /// Returns the ring, once it is ready.
    #[inline]
    fn ring(&self) -> Option<&Ring<X, Bytes<N>, P>> {
        let ready = self.ready.load(Ordering::Acquire);
        // SAFETY: `recover` has made a ring there, to which nothing has access but by shared references
        // from here.
        ready.then(|| unsafe { &*self.memory.ring() })
    }
}

impl<const N: usize, X: RawMutex, P> sealed::Sealed for RetainedRing<N, X, P> {}

impl<const N: usize, X: RawMutex, P: Policy> SpanRing for RetainedRing<N, X, P> {
    #[inline]
    fn with<T>(&self, f: impl FnOnce(&mut ProducerState) -> T) -> Option<T> {
        self.ring()?.with(f)
    }

    #[inline]
    fn draw<T: Default>(&self, f: impl FnOnce(&mut ProducerState) -> Option<T>) -> T {
        match self.ring() {
            Some(ring) => ring.draw(f),
            None => {
                self.count_refused_start();
                T::default()
            }
        }
    }

    fn with_count<T>(&self, f: impl FnOnce(&mut ProducerState, u32) -> T) -> Option<T> {
        self.ring()?.with_count(f)
    }

    fn before(&self) -> u32 {
        self.before.load(Ordering::Relaxed)
    }

    fn counts(&self) -> Option<Stats> {
        let stats = self.ring()?.counts()?;
        let before = u64::from(self.before());
        Some(Stats {
            sampled: stats.sampled.saturating_sub(before),
            queued: stats.queued.saturating_sub(before),
            ..stats
        })
    }

    #[inline]
    fn push(&self, fixed: &mut Fixed, area: &[Word], now: impl Fn(&mut ProducerState) -> u64) {
        // A span that has started found the ring ready.
        if let Some(ring) = self.ring() {
            ring.push(fixed, area, now);
        }
    }

    fn count_refused_start(&self) {
        increment(&self.early);
    }

    fn refused(&self) -> (usize, usize) {
        let early = self.early.load(Ordering::Relaxed);
        let (starts, finishes) = self.ring().map_or((0, 0), SpanRing::refused);
        (starts.wrapping_add(early), finishes)
    }

    fn consumer(&self) -> Option<Consumer<'_, Records>> {
        self.ring()?.consumer()
    }

    unsafe fn steal_consumer(&self) -> Option<Consumer<'_, Records>> {
        // SAFETY: passed on to the caller.
        unsafe { self.ring()?.steal_consumer() }
    }

    unsafe fn abandon_open(&self, consumer: &mut Consumer<'_, Records>) -> usize {
        // SAFETY: passed on to the caller.
        let abandon = |ring: &Ring<X, Bytes<N>, P>| unsafe { ring.abandon_open(consumer) };
        self.ring().map_or(0, abandon)
    }

    fn dropped(&self) -> Dropped {
        self.ring().map_or(Dropped::default(), SpanRing::dropped)
    }

    #[inline]
    fn is_half_full(&self) -> bool {
        self.ring().is_some_and(SpanRing::is_half_full)
    }

    /// Keeps the anchor for the next boot, unless it comes within another call that does so.
    fn keep_anchor(&self, anchor: Anchor) {
        if self.ready.load(Ordering::Acquire) && self.enter() {
            // SAFETY: no other call gets past `enter`, and `recover` has written the headers.
            unsafe {
                if let Some(mut header) = self.memory.header() {
                    header.boots.set_anchor(header.boot, anchor);
                    self.memory.replace_header(Some(&mut header));
                }
            }
            self.leave();
        }
    }
}

impl<const N: usize, X, P> core::fmt::Debug for RetainedRing<N, X, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RetainedRing")
            .field("bytes", &N)
            .finish_non_exhaustive()
    }
}
