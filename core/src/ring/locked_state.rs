//! The state of a ring under its mutex, and the consumer's access to it.

use super::consumer::{Owner, Pins};
use super::frame::{LENGTH, OPEN, PAD};
use super::memory::Memory;
use super::positions::{Positions, release_order};
use super::sync::Ordering;
use crate::raw_mutex::{Guarded, RawMutex};

/// The state that the mutex guards.
#[repr(C)] // what every push touches lies first
pub(super) struct State<S> {
    /// Frames that were reserved or dropped, modulo 2³².
    pub(super) numbered: u32,
    /// The frame that the consumer reads, under overwrite-oldest.
    pub(super) pinned: Option<u32>,
    pub(super) consumed: bool,
    pub(super) user: S,
}

impl<S> State<S> {
    /// The next frame's number.
    #[inline(always)]
    pub(super) fn number(&mut self) -> u32 {
        let number = self.numbered;
        self.numbered = number.wrapping_add(1);
        number
    }

    pub(super) const fn new(user: S) -> Self {
        State {
            numbered: 0,
            pinned: None,
            consumed: false,
            user,
        }
    }
}

impl<X: RawMutex, S: Send> Pins for Guarded<X, State<S>> {
    fn pin(&self, positions: &Positions, memory: Memory<'_>) -> Option<(u32, u32)> {
        self.with(|state| {
            let tail = positions.tail.load(Ordering::Relaxed);
            if tail == positions.head.load(Ordering::Acquire) {
                return None;
            }
            let word = memory.commit_word(tail).load(Ordering::Acquire);
            if word & PAD != 0 {
                positions
                    .tail
                    .store(tail.wrapping_add(word & LENGTH), release_order());
            } else if word & OPEN == 0 {
                state.pinned = Some(tail);
            }
            Some((tail, word))
        })
        .flatten()
    }

    fn unpin(&self, positions: &Positions, free_to: Option<u32>) {
        self.with(|state| {
            state.pinned = None;
            if let Some(tail) = free_to {
                positions.tail.store(tail, release_order());
            }
        });
    }
}

impl<X: RawMutex, S: Send> Owner for Guarded<X, State<S>> {
    fn give_back(&self) {
        self.with(|state| state.consumed = false);
    }
}
