//! A framed ring: reserve, copy, commit.
//!
//! Producers reserve a contiguous frame in a few instructions under a mutex,
//! copy without it, and commit by one Release store. One consumer
//! reads frames in place and in order, and stops at the first that is still
//! open. Loads and stores suffice, so it runs without compare-and-swap.
//!
//! A frame is 8 bytes of header (commit word, sequence number) and a body of
//! whole words. What the words mean is a parameter, [`Payload`].

mod consumer;
mod frame;
mod locked_state;
#[cfg(not(loom))]
mod memory;
mod payload;
mod policy;
mod positions;
mod reservation;
#[cfg(not(loom))]
mod retained;
mod spsc;
mod storage;
mod sync;
mod take_over;
#[cfg(all(test, not(loom)))]
mod tests;

use core::marker::PhantomData;

#[cfg(loom)]
use crate::loom_model as memory;

use crate::raw_mutex::{Guarded, RawMutex, increment};

pub use crate::arch::Word;
use consumer::Pins;
pub use consumer::{Consumer, Mark};
pub use frame::Frame;
#[cfg(loom)]
pub(crate) use frame::HEADER;
use frame::{PAD, fit, frame_length};
use locked_state::State;
pub use payload::{Payload, Words};
pub use policy::{DropNewest, Dropped, OverwriteOldest, Policy, PushError};
use positions::Positions;
pub use reservation::Reservation;
#[cfg(not(loom))]
pub(crate) use retained::{Judge, Kept, Verdict};
pub use spsc::{Producer, Spsc};
use storage::Aligned;
pub use storage::{ByteCell, Bytes, SliceStorage, Storage};
use sync::Ordering;

/// A ring of frames that many producers fill and one consumer empties.
///
/// - `X` keeps producers apart: [`RawMutex`], or [`Spsc`] for a single
///   [`Producer`] that needs none.
/// - `S` is a value of the user's that lives under the same mutex.
/// - `B` is the storage: [`Bytes`] in place, or [`SliceStorage`] words. Its size is a
///   power of two from 128 bytes to 1 GiB.
/// - `P` is what a full ring does: [`DropNewest`] or [`OverwriteOldest`].
/// - `T` is what the frames carry; plain [`Words`] by default.
///
/// A `FrameRing<X, S, Bytes<N>, P>` coerces by reference to one without `N`.
///
/// ```
/// use picojaeger_core::Interrupts;
/// use picojaeger_core::ring::{Bytes, FrameRing, Word};
///
/// static RING: FrameRing<Interrupts, (), Bytes<256>> = FrameRing::new(());
///
/// let (_, reservation) = RING.reserve(1, |_, _| ());
/// reservation.unwrap().commit(&[Word::new(42)]);
///
/// let mut consumer = RING.consumer().unwrap();
/// assert_eq!(consumer.peek().unwrap().words.len(), 1);
/// consumer.advance();
/// consumer.release();
/// assert!(consumer.peek().is_none());
/// ```
#[repr(C)]
pub struct FrameRing<X, S, B: ?Sized = [ByteCell], P = DropNewest, T = Words> {
    positions: Positions,
    guarded: Guarded<X, State<S>>,
    /// Invariant in `T`: what goes in as one type never comes out as another.
    payload: PhantomData<fn(T) -> (P, T)>,
    storage: Aligned<B>,
}

// SAFETY: the user's value is only reached under the mutex, and not at all through
// a shared `Spsc` ring. Positions are atomic. A frame belongs to its producer until the
// commit and to the one consumer after it.
unsafe impl<X: Sync, S: Send, B: Storage + ?Sized, P, T> Sync for FrameRing<X, S, B, P, T> {}

impl<X: RawMutex, S, const N: usize, P: Policy, T: Payload> FrameRing<X, S, Bytes<N>, P, T> {
    /// An empty ring of `N` bytes; lies in `.bss` as a `static` if `user` is zero.
    #[cfg(not(loom))]
    pub const fn new(user: S) -> Self {
        const { <Bytes<N> as Storage>::VALID };
        FrameRing {
            positions: Positions::new(),
            guarded: Guarded::new(State::new(user)),
            payload: PhantomData,
            storage: Aligned(storage::bytes()),
        }
    }
}

impl<X: RawMutex, S, B: Storage, P: Policy, T: Payload> FrameRing<X, S, B, P, T> {
    /// An empty ring in this storage. A size that no ring has does not compile:
    ///
    /// ```compile_fail
    /// use core::mem::MaybeUninit;
    /// use picojaeger_core::Interrupts;
    /// use picojaeger_core::ring::{ByteCell, Bytes, FrameRing};
    ///
    /// let bytes: Bytes<100> = [const { ByteCell::new(MaybeUninit::uninit()) }; 100];
    /// let ring: FrameRing<Interrupts, (), _> = FrameRing::over(bytes, ());
    /// ```
    pub fn over(storage: B, user: S) -> Self {
        const { B::VALID };
        FrameRing {
            positions: Positions::new(),
            guarded: Guarded::new(State::new(user)),
            payload: PhantomData,
            storage: Aligned(storage),
        }
    }
}

impl<X: RawMutex, S, B: Storage + ?Sized, P: Policy, T: Payload> FrameRing<X, S, B, P, T> {
    /// Runs `f` on the user's value, under the mutex; `None` if a call on
    /// this ring already holds it.
    #[inline(always)]
    pub fn with<R>(&self, f: impl FnOnce(&mut S) -> R) -> Option<R> {
        self.guarded.with(|state| f(&mut state.user))
    }

    /// Runs `f` as [`FrameRing::with`] does, with the number of frames that were reserved or
    /// dropped so far, modulo 2³².
    #[inline(always)]
    pub fn with_count<R>(&self, f: impl FnOnce(&mut S, u32) -> R) -> Option<R> {
        self.guarded
            .with(|state| f(&mut state.user, state.numbered))
    }

    /// Reserves a frame of `words` words and runs `stamp` on the user's value
    /// and the frame's sequence number, once, both under the mutex.
    ///
    /// A frame never wraps, so one of more than half the ring may find no room
    /// even where the ring is empty. One that is dropped takes a sequence number
    /// too. `stamp` does not run where the call is [`PushError::Reentered`], hence
    /// the option.
    ///
    /// The mutex is taken to reserve the frame, and before that to skip the
    /// rest of the memory or to evict one frame, each time anew: none takes long.
    #[inline(always)]
    pub fn reserve<R>(
        &self,
        words: usize,
        mut stamp: impl FnMut(&mut S, u32) -> R,
    ) -> (Option<R>, Result<Reservation<'_, T>, PushError>) {
        let (memory, length) = (self.storage.0.memory(), frame_length(words));
        let mut rounds = ROUNDS;
        // A ring that overwrites is full most of the time: it looks before it enters.
        if P::OVERWRITES
            && self.positions.place(memory, length).is_none()
            && !self.make_room(length)
        {
            rounds = 0;
        }
        // One function, although it is long: with what runs under the mutex in a function of its
        // own, in line, interrupts stay masked for 7 to 17 % more instructions.
        loop {
            let entered = self.guarded.with(|state| {
                let place = self.positions.place(memory, length);
                if place.is_none()
                    && rounds > 0
                    && (P::OVERWRITES || self.positions.is_short(memory, length))
                {
                    return None;
                }
                let sequence = state.number();
                match place {
                    Some(at) => self.positions.open(memory, at, length, sequence),
                    None => increment(&self.positions.refused),
                }
                Some((stamp(&mut state.user, sequence), place, sequence))
            });
            match entered {
                None => return (None, Err(PushError::Reentered)),
                Some(None) if self.make_room(length) => rounds -= 1,
                Some(None) => rounds = 0,
                Some(Some((stamped, place, sequence))) => {
                    let reservation =
                        place.map(|at| Reservation::new(memory, at, length, sequence));
                    return (Some(stamped), reservation.ok_or(P::REFUSED));
                }
            }
        }
    }

    /// Skips the rest of the memory if that is all a frame of `length` bytes needs,
    /// else evicts a frame where the policy allows it. `false` if it is no use to
    /// try again.
    #[cold]
    #[inline(never)]
    fn make_room(&self, length: u32) -> bool {
        let (positions, memory) = (&self.positions, self.storage.0.memory());
        let head = positions.head.load(Ordering::Relaxed);
        let (at, need) = fit(memory.size(), head, length);
        if need > memory.size() {
            return false;
        }
        let made = self.guarded.with(|state| {
            if positions.head.load(Ordering::Relaxed) != head {
                return true;
            }
            let held = head.wrapping_sub(positions.tail.load(Ordering::Acquire));
            if need > memory.size() - held {
                return P::OVERWRITES && positions.evict(memory, state.pinned);
            }
            if at != head {
                memory.open(head, at.wrapping_sub(head) | PAD);
                positions.head.store(at, Ordering::Release);
            }
            true
        });
        made == Some(true)
    }

    /// The consumer, or `None` while there is one.
    pub fn consumer(&self) -> Option<Consumer<'_, T>>
    where
        X: RawMutex,
        S: Send,
    {
        let taken = self
            .guarded
            .with(|state| core::mem::replace(&mut state.consumed, true));
        if taken != Some(false) {
            return None;
        }
        Some(self.taken())
    }

    /// The consumer, which has been marked as taken.
    fn taken(&self) -> Consumer<'_, T>
    where
        X: RawMutex,
        S: Send,
    {
        let memory = self.storage.0.memory();
        let pins: Option<&dyn Pins> = if P::OVERWRITES {
            Some(&self.guarded)
        } else {
            None
        };
        Consumer::taken(&self.positions, memory, pins, &self.guarded)
    }

    /// Whether at least half of the ring waits for the consumer, open frames included.
    #[inline]
    pub fn is_half_full(&self) -> bool {
        let head = self.positions.head.load(Ordering::Relaxed);
        let held = head.wrapping_sub(self.positions.tail.load(Ordering::Relaxed));
        held >= self.storage.0.memory().size() / 2
    }

    /// The number of frames that were dropped so far, by cause.
    pub fn dropped(&self) -> Dropped {
        Dropped {
            reentered: self.guarded.refused(),
            ..self.positions.dropped(P::OVERWRITES)
        }
    }
}

/// Times that a push makes room before it gives up.
const ROUNDS: u32 = 32;
