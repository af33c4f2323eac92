//! Going on with a ring although a producer or the consumer stopped in the middle of a call.

use super::consumer::Consumer;
use super::frame::{LENGTH, OPEN, PAD, commit_order};
use super::memory::Memory;
use super::positions::Positions;
use super::sync::Ordering;
use super::{FrameRing, Payload, Policy, Storage};
use crate::raw_mutex::{RawMutex, increment};

impl<X: RawMutex, S: Send, B: Storage + ?Sized, P: Policy, T: Payload> FrameRing<X, S, B, P, T> {
    /// Skips every frame that is reserved and not committed, and returns how many; each counts as
    /// [evicted](super::Dropped::evicted). The consumer, which waits for such a frame, goes on behind it.
    ///
    /// Does nothing if `consumer` is of another ring, or in a re-entrant call. Takes the mutex for as
    /// long as a walk over all frames of the ring.
    ///
    /// # Safety
    /// No [`Reservation`](super::Reservation) of this ring is used again: its producer is gone.
    pub unsafe fn abandon_open(&self, consumer: &mut Consumer<'_, T>) -> usize {
        if !consumer.is_of(&self.positions) {
            return 0;
        }
        // The mutex keeps producers from evicting what is walked over, and the consumer is at rest.
        let memory = self.storage.0.memory();
        let abandoned = self.guarded.with(|_| self.positions.abandon_open(memory));
        abandoned.unwrap_or(0)
    }

    /// Returns the consumer although there is one, for a handler of faults. Frames that are open are
    /// skipped, as by [`FrameRing::abandon_open`]; those that the other consumer has not freed come
    /// again.
    ///
    /// Calls may have stopped at any instruction, with the mutex taken too, if the mutex lets a
    /// nested call in, as [`Interrupts`](crate::Interrupts) does on one core. The frame of such a call
    /// is whole or skipped, and its number may be missing.
    ///
    /// # Safety
    /// No call on this ring that has begun goes on, its consumer and its reservations are not used
    /// again, and no other context uses the ring while this function runs. `S` is valid whichever of
    /// its words a call that stopped had written.
    pub unsafe fn steal_consumer(&self) -> Consumer<'_, T> {
        // SAFETY: the call that may have entered never goes on, by the caller's promise.
        unsafe { self.guarded.reopen() };
        let memory = self.storage.0.memory();
        self.guarded.with(|state| {
            (state.consumed, state.pinned) = (true, None);
            self.positions.abandon_open(memory)
        });
        self.taken()
    }
}

impl Positions {
    /// Skips open frames, of which each is counted; returns their number.
    fn abandon_open(&self, memory: Memory<'_>) -> usize {
        let head = self.head.load(Ordering::Acquire);
        let (mut at, mut abandoned) = (self.tail.load(Ordering::Acquire), 0);
        while at != head {
            let word = memory.commit_word(at).load(Ordering::Acquire);
            if word & OPEN != 0 {
                let skipped = word & LENGTH | PAD;
                memory.commit_word(at).store(skipped, commit_order());
                increment(&self.evicted);
                abandoned += 1;
            }
            at = at.wrapping_add(word & LENGTH);
        }
        abandoned
    }
}
