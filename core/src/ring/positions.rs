//! The positions of producers and consumer, and the counters, which both sides share.

use core::sync::atomic::AtomicUsize;

use super::Dropped;
use super::frame::{LENGTH, OPEN, PAD, to_end};
use super::memory::Memory;
use super::sync::{AtomicU32, Ordering};
use crate::raw_mutex::increment;

/// Positions, which run freely and wrap at 2³², and counters. The relay finds them by this order in dumps.
#[repr(C)]
pub(crate) struct Positions {
    /// Producers have reserved up to here.
    pub(super) head: AtomicU32,
    /// Free up to here.
    pub(super) tail: AtomicU32,
    /// Pushes that did not fit.
    pub(super) refused: AtomicUsize,
    pub(super) evicted: AtomicUsize,
}

impl Positions {
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Positions {
            head: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            refused: AtomicUsize::new(0),
            evicted: AtomicUsize::new(0),
        }
    }

    /// Positions between which frames lie.
    #[cfg(not(loom))]
    pub(super) const fn between(tail: u32, head: u32) -> Self {
        Positions {
            head: AtomicU32::new(head),
            tail: AtomicU32::new(tail),
            ..Positions::new()
        }
    }

    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Positions {
            head: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            refused: AtomicUsize::new(0),
            evicted: AtomicUsize::new(0),
        }
    }

    /// The head, if a frame of `length` bytes finds room there in one piece.
    ///
    /// Without the mutex a guess: the tail may be past the head that was read.
    #[inline]
    pub(super) fn place(&self, memory: Memory<'_>, length: u32) -> Option<u32> {
        let at = self.head.load(Ordering::Relaxed);
        let held = at.wrapping_sub(self.tail.load(Ordering::Acquire));
        let free = memory.size().wrapping_sub(held);
        (length <= free.min(to_end(memory.size(), at))).then_some(at)
    }

    /// Whether the rest of the memory is too short for a frame of `length` bytes.
    #[inline]
    pub(super) fn is_short(&self, memory: Memory<'_>, length: u32) -> bool {
        length > to_end(memory.size(), self.head.load(Ordering::Relaxed))
    }

    /// Opens a frame at the head, which has a place for it.
    #[inline]
    pub(super) fn open(&self, memory: Memory<'_>, at: u32, length: u32, sequence: u32) {
        memory.open(at, length | OPEN);
        // SAFETY: the frame is open, and the caller's.
        unsafe { memory.write_sequence(at, sequence) };
        self.head.store(at.wrapping_add(length), Ordering::Release);
    }

    /// Frees the oldest frame, unless it is open or pinned or there is none.
    #[inline]
    pub(super) fn evict(&self, memory: Memory<'_>, pinned: Option<u32>) -> bool {
        let tail = self.tail.load(Ordering::Relaxed);
        if tail == self.head.load(Ordering::Relaxed) || is_pinned(pinned, tail) {
            return false;
        }
        let word = memory.commit_word(tail).load(Ordering::Acquire);
        if word & OPEN != 0 {
            return false;
        }
        self.tail
            .store(tail.wrapping_add(word & LENGTH), Ordering::Release);
        // Last: who stops in between, for good, leaves a frame that is not counted rather than one that
        // is counted twice.
        if word & PAD == 0 {
            increment(&self.evicted);
        }
        true
    }

    pub(super) fn dropped(&self, overwrites: bool) -> Dropped {
        use core::sync::atomic::Ordering::Relaxed;
        let refused = self.refused.load(Relaxed);
        let (full, blocked) = if overwrites {
            (0, refused)
        } else {
            (refused, 0)
        };
        Dropped {
            full,
            blocked,
            evicted: self.evicted.load(Relaxed),
            reentered: 0,
        }
    }
}

/// The order of the store that frees frames.
#[inline]
pub(super) fn release_order() -> Ordering {
    #[cfg(loom)]
    if crate::loom_model::weakened(crate::loom_model::Weakness::Release) {
        return Ordering::Relaxed;
    }
    Ordering::Release
}

/// The order of the load of the tail that a head is compared with.
#[inline]
pub(super) fn tail_order() -> Ordering {
    #[cfg(loom)]
    if crate::loom_model::weakened(crate::loom_model::Weakness::Tail) {
        return Ordering::Relaxed;
    }
    Ordering::Acquire
}

/// Whether the consumer reads the frame at `tail`.
#[inline]
pub(super) fn is_pinned(pinned: Option<u32>, tail: u32) -> bool {
    #[cfg(loom)]
    if crate::loom_model::weakened(crate::loom_model::Weakness::Pin) {
        return false;
    }
    pinned == Some(tail)
}
