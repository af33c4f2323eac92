//! A tracer of each policy, with its reporter, and what scenes do with them.

use core::cell::UnsafeCell;
use core::mem;
use core::sync::atomic::{AtomicU32, Ordering};

use picojaeger_core::ring::{Bytes, DropNewest, OverwriteOldest, Policy};
use picojaeger_core::wire::Process;
use picojaeger_core::{Interrupts, PacketReporter, Ring, Seed, Stats, Tracer, Transport};

use crate::proof::packets::{PACKETS, Sent};
use crate::proof::{Checked, fail, made};
use crate::{BOARD, Board, Format, format};

type Spans<P> = Ring<Interrupts, Bytes<512>, P>;
type Reporter<P> = PacketReporter<'static, Board, Checked<Format>, Spans<P>>;

/// A policy with its tracer.
pub trait Side: Policy + Sized + 'static {
    const NAME: &'static str;

    fn side() -> &'static Traced<Self>;
}

/// A tracer, and who reports its spans.
pub struct Traced<P: Policy + 'static> {
    ring: &'static Spans<P>,
    tracer: Tracer<Board, Spans<P>>,
    /// Used by one at a time.
    reporter: UnsafeCell<Option<Reporter<P>>>,
    /// Spans that were made by the main program, and by interrupts of each level.
    made: [AtomicU32; 3],
    /// Those that packets took.
    seen: AtomicU32,
}

// SAFETY: the programs have the reporter used by the main program or by the interrupts of one level.
unsafe impl<P: Policy + 'static> Sync for Traced<P> {}

/// The first spans, which nobody reports.
const PASSED: u32 = 5;

impl Side for DropNewest {
    const NAME: &'static str = "drop-newest";

    fn side() -> &'static Traced<Self> {
        static RING: Spans<DropNewest> = Ring::new();
        static SIDE: Traced<DropNewest> = Traced::new(&RING);
        &SIDE
    }
}

impl Side for OverwriteOldest {
    const NAME: &'static str = "overwrite-oldest";

    fn side() -> &'static Traced<Self> {
        static RING: Spans<OverwriteOldest> = Ring::new();
        static SIDE: Traced<OverwriteOldest> = Traced::new(&RING);
        &SIDE
    }
}

impl<P: Policy + 'static> Traced<P> {
    const fn new(ring: &'static Spans<P>) -> Self {
        Traced {
            ring,
            tracer: Tracer::new(BOARD, ring),
            reporter: UnsafeCell::new(None),
            made: [const { AtomicU32::new(0) }; 3],
            seen: AtomicU32::new(0),
        }
    }

    /// Makes the reporter, behind spans that nobody reports: the next ones go round the ring's end.
    pub fn start(&'static self) {
        PACKETS.clear();
        self.tracer.seed(Seed::from_words([1, 2, 3]));
        (0..PASSED).for_each(|_| self.single(1));
        let Some(mut consumer) = self.ring.consumer() else {
            fail("no consumer")
        };
        while consumer.peek().is_some() {
            consumer.advance();
        }
        consumer.release();
        self.steal();
    }

    pub fn pair(&self) {
        made::pair(&self.tracer);
        self.count(0, 2);
    }

    pub fn whole(&self) {
        made::whole(&self.tracer);
        self.count(0, 1);
    }

    /// Makes the span of an interrupt of level 1 or 2.
    pub fn single(&self, level: u32) {
        made::single(&self.tracer, 4 + level);
        self.count(level, 1);
    }

    /// Sends what waits.
    #[inline(never)]
    pub fn poll(&self) {
        self.with_reporter(|reporter, buffer, sent| {
            while let Some(packet) = reporter.poll(buffer) {
                let outcome = sent.send(packet.bytes());
                packet.done(outcome);
            }
        });
    }

    /// Steals the reporter.
    #[inline(never)]
    pub fn steal(&'static self) {
        let encoder = Checked::new(format(), &self.seen);
        // SAFETY: the reporter before is not used any more, and an interrupt ends before this goes on.
        let stolen = unsafe { self.tracer.steal_reporter(encoder, Process::new("sweep")) };
        let Some(mut stolen) = stolen else {
            fail("no reporter")
        };
        // All is due at once, also after a poll that met an open frame.
        stolen.set_interval(0);
        stolen.set_back_off(0);
        // SAFETY: no interrupt has a use for it meanwhile.
        mem::forget(unsafe { (*self.reporter.get()).replace(stolen) });
    }

    /// Reports the rest, sends all packets if that is wanted, and checks the counts; returns the spans that
    /// were lost.
    pub fn settle(&self, send: bool) -> u32 {
        self.poll();
        self.with_reporter(|reporter, _, sent| {
            if send {
                sent.leave();
            }
            self.check(&reporter.stats())
        })
    }

    fn with_reporter<R>(&self, f: impl FnOnce(&mut Reporter<P>, &mut [u8], &mut Sent) -> R) -> R {
        // SAFETY: one at a time reports.
        unsafe {
            match &mut *self.reporter.get() {
                Some(reporter) => PACKETS.with(|buffer, sent| f(reporter, buffer, sent)),
                None => fail("no reporter"),
            }
        }
    }

    /// Fails unless each span that was made was seen in a packet, or is counted where a ring had no room; returns
    /// these.
    fn check(&self, stats: &Stats) -> u32 {
        let lost = stats.lost.full + stats.lost.evicted + stats.lost.blocked;
        let made = self.made.iter().map(|count| count.load(Ordering::Relaxed));
        let made = u64::from(made.sum::<u32>());
        if !stats.adds_up() || stats.open != 0 || stats.sampled != made {
            fail("the counts do not add up");
        }
        if made != u64::from(PASSED + self.seen.load(Ordering::Relaxed)) + lost {
            fail("a span is missing");
        }
        lost as u32
    }

    /// Counts spans of a level, which nothing of that level interrupts.
    fn count(&self, level: u32, more: u32) {
        if let Some(count) = self.made.get(level as usize) {
            count.store(count.load(Ordering::Relaxed) + more, Ordering::Relaxed);
        }
    }
}
