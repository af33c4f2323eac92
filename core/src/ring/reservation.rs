//! A frame between its reservation and its commit.

use core::marker::PhantomData;

use super::frame::{PAD, commit_order, frame_length};
use super::memory::Memory;
use super::payload::{Payload, Words};

/// A reserved frame, to be [committed](Reservation::commit).
///
/// Dropping it instead makes the consumer skip it. Forgetting it leaves the
/// frame open for good, and the consumer stops before it.
///
/// ```
/// use picojaeger_core::Interrupts;
/// use picojaeger_core::ring::{Bytes, FrameRing, Word};
///
/// static RING: FrameRing<Interrupts, (), Bytes<256>> = FrameRing::new(());
/// let mut consumer = RING.consumer().unwrap();
/// let (_, reservation) = RING.reserve(1, |_, _| ());
/// assert!(consumer.peek().is_none(), "still open");
/// reservation.unwrap().commit(&[Word::new(42)]);
/// assert!(consumer.peek().is_some());
/// ```
#[must_use = "the consumer waits until the frame is committed"]
pub struct Reservation<'r, T = Words> {
    memory: Memory<'r>,
    at: u32,
    length: u32,
    sequence: u32,
    _payload: PhantomData<fn(T) -> T>,
}

impl<'r, T> Reservation<'r, T> {
    #[inline]
    pub(super) fn new(memory: Memory<'r>, at: u32, length: u32, sequence: u32) -> Self {
        Reservation {
            memory,
            at,
            length,
            sequence,
            _payload: PhantomData,
        }
    }

    /// The frame's number: consecutive for one ring, dropped frames included.
    pub fn sequence(&self) -> u32 {
        self.sequence
    }

    #[inline]
    fn skip(&self) {
        self.memory
            .commit_word(self.at)
            .store(self.length | PAD, commit_order());
    }
}

impl<T: Payload> Reservation<'_, T> {
    /// Copies `body` into the frame and hands it to the consumer.
    ///
    /// A body of another length than was reserved is not taken: the frame is skipped.
    #[inline]
    pub fn commit(self, body: &T::Body<'_>) {
        let [first, second] = T::parts(body);
        if frame_length(first.len() + second.len()) != self.length {
            return;
        }
        // SAFETY: the frame is ours until it is closed, and has this length.
        unsafe { self.memory.fill(self.at, first, second) };
        self.memory
            .commit_word(self.at)
            .store(self.length, commit_order());
        core::mem::forget(self);
    }
}

impl<T> Drop for Reservation<'_, T> {
    fn drop(&mut self) {
        self.skip();
    }
}

impl<T> core::fmt::Debug for Reservation<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Reservation")
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}
