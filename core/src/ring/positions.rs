//! What producers and consumer share: positions, counters, and the format of a frame.

use core::sync::atomic::AtomicUsize;

use super::Dropped;
use super::memory::Memory;
use super::sync::{AtomicU32, Ordering};
use crate::raw_mutex::increment;

/// What both sides see: positions run freely and wrap at 2³².
pub(crate) struct Positions {
    /// Producers have reserved up to here.
    pub(super) head: AtomicU32,
    /// Free up to here.
    pub(super) tail: AtomicU32,
    /// Pushes that found no room.
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
    /// Outside the exclusion a guess: the tail may be past the head that was read.
    #[inline(always)]
    pub(super) fn place(&self, memory: Memory<'_>, length: u32) -> Option<u32> {
        let at = self.head.load(Ordering::Relaxed);
        let held = at.wrapping_sub(self.tail.load(Ordering::Acquire));
        let free = memory.size().wrapping_sub(held);
        (length <= free.min(to_end(memory.size(), at))).then_some(at)
    }

    /// Whether the rest of the memory is too short for a frame of `length` bytes.
    #[inline(always)]
    pub(super) fn is_short(&self, memory: Memory<'_>, length: u32) -> bool {
        length > to_end(memory.size(), self.head.load(Ordering::Relaxed))
    }

    /// Opens a frame at the head, which has a place for it.
    #[inline(always)]
    pub(super) fn open(&self, memory: Memory<'_>, at: u32, length: u32, sequence: u32) {
        memory.open(at, length | OPEN);
        // SAFETY: the frame is open, and the caller's.
        unsafe { memory.write_sequence(at, sequence) };
        self.head.store(at.wrapping_add(length), Ordering::Release);
    }

    /// Frees the oldest frame, unless it is open or pinned or there is none.
    #[inline(always)]
    pub(super) fn evict(&self, memory: Memory<'_>, pinned: Option<u32>) -> bool {
        let tail = self.tail.load(Ordering::Relaxed);
        if tail == self.head.load(Ordering::Relaxed) || is_pinned(pinned, tail) {
            return false;
        }
        let word = memory.commit_word(tail).load(Ordering::Acquire);
        if word & OPEN != 0 {
            return false;
        }
        if word & PAD == 0 {
            increment(&self.evicted);
        }
        self.tail
            .store(tail.wrapping_add(word & LENGTH), Ordering::Release);
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

/// Bytes of a frame whose body is `words` words; more than any ring has where a
/// commit word cannot say it.
#[inline(always)]
pub(super) const fn frame_length(words: usize) -> u32 {
    let longest = (LENGTH - HEADER) / WORD;
    if words > longest as usize {
        return u32::MAX;
    }
    HEADER + words as u32 * WORD
}

/// Where a frame of `length` bytes goes, and how many bytes that takes: a frame
/// never wraps, so the rest of the memory is skipped where it is too short.
#[inline(always)]
pub(super) const fn fit(size: u32, head: u32, length: u32) -> (u32, u32) {
    let to_end = to_end(size, head);
    if length > to_end {
        (head.wrapping_add(to_end), length.saturating_add(to_end))
    } else {
        (head, length)
    }
}

/// Bytes from `position` to the end of the memory.
#[inline(always)]
pub(super) const fn to_end(size: u32, position: u32) -> u32 {
    size - (position & (size - 1))
}

/// The order of the store that commits a frame.
#[inline(always)]
pub(super) fn commit_order() -> Ordering {
    #[cfg(loom)]
    if crate::loom_model::weakened(crate::loom_model::Weakness::Commit) {
        return Ordering::Relaxed;
    }
    Ordering::Release
}

/// The order of the store that frees frames.
#[inline(always)]
pub(super) fn release_order() -> Ordering {
    #[cfg(loom)]
    if crate::loom_model::weakened(crate::loom_model::Weakness::Release) {
        return Ordering::Relaxed;
    }
    Ordering::Release
}

/// The order of the load of the tail that a head is compared with.
#[inline(always)]
pub(super) fn tail_order() -> Ordering {
    #[cfg(loom)]
    if crate::loom_model::weakened(crate::loom_model::Weakness::Tail) {
        return Ordering::Relaxed;
    }
    Ordering::Acquire
}

/// Whether the consumer reads the frame at `tail`.
#[inline(always)]
pub(super) fn is_pinned(pinned: Option<u32>, tail: u32) -> bool {
    #[cfg(loom)]
    if crate::loom_model::weakened(crate::loom_model::Weakness::Pin) {
        return false;
    }
    pinned == Some(tail)
}

/// Reserved, not yet committed.
pub(super) const OPEN: u32 = 1 << 31;

/// To be skipped.
pub(super) const PAD: u32 = 1 << 30;

/// Length of the frame in bytes, header included.
pub(super) const LENGTH: u32 = PAD - 1;

/// Bytes of the commit word and the sequence number.
pub(crate) const HEADER: u32 = 8;

pub(super) const WORD: u32 = size_of::<usize>() as u32;
