//! The consuming side.

use core::marker::PhantomData;

use super::frame::{LENGTH, OPEN, PAD};
use super::memory::Memory;
use super::positions::{Positions, release_order, tail_order};
use super::sync::Ordering;
use super::{Payload, Words};

/// The one reader of a ring.
///
/// Frames are read at a cursor and stay in the ring until [`Consumer::release`]
/// frees them all, or [`Consumer::rewind`] starts over. On a ring that
/// overwrites, a frame is freed as the cursor passes it, and there is nothing
/// to rewind.
///
/// ```
/// use picojaeger_core::ring::{Bytes, FrameRing, Spsc, Word};
///
/// let mut ring = FrameRing::<Spsc, (), Bytes<128>>::spsc();
/// let (mut producer, mut consumer) = ring.split();
/// producer.push(1, &[Word::new(7)]).unwrap();
///
/// assert_eq!(consumer.peek().unwrap().sequence, 1);
/// consumer.advance();
/// consumer.rewind(); // as after a packet that is to be sent again
/// assert!(consumer.peek().is_some());
/// ```
pub struct Consumer<'r, T = Words> {
    positions: &'r Positions,
    memory: Memory<'r>,
    /// Frames were handed out up to here.
    cursor: u32,
    /// Length of the frame at the cursor, once it was peeked.
    peeked: u32,
    /// Pins frames, on a ring that overwrites.
    pins: Option<&'r dyn Pins>,
    owner: Option<&'r dyn Owner>,
    _payload: PhantomData<fn(T) -> T>,
}

/// The consumer's calls under the mutex of a ring that overwrites.
pub(super) trait Pins: Sync {
    /// Pins the oldest frame, if it is committed, or frees a pad; gives its
    /// position and commit word.
    fn pin(&self, positions: &Positions, memory: Memory<'_>) -> Option<(u32, u32)>;

    /// Ends the pin and frees up to the given position.
    fn unpin(&self, positions: &Positions, free_to: Option<u32>);
}

/// The ring that a consumer was taken from.
pub(super) trait Owner: Sync {
    /// Lets another consumer be taken.
    fn give_back(&self);
}

impl<'r, T: Payload> Consumer<'r, T> {
    /// The consumer of a ring with a mutex, which gives it back to `owner`.
    pub(super) fn taken(
        positions: &'r Positions,
        memory: Memory<'r>,
        pins: Option<&'r dyn Pins>,
        owner: &'r dyn Owner,
    ) -> Self {
        Consumer {
            pins,
            owner: Some(owner),
            ..Consumer::spsc(positions, memory)
        }
    }

    /// The consumer of a ring with one producer.
    pub(super) fn spsc(positions: &'r Positions, memory: Memory<'r>) -> Self {
        Consumer {
            positions,
            memory,
            cursor: positions.tail.load(Ordering::Relaxed),
            peeked: 0,
            pins: None,
            owner: None,
            _payload: PhantomData,
        }
    }

    /// Returns whether this is the consumer of the ring with these positions.
    pub(super) fn is_of(&self, positions: &Positions) -> bool {
        core::ptr::eq(self.positions, positions)
    }

    /// The frame at the cursor; `None` if there is none or it is still open.
    #[inline]
    pub fn peek(&mut self) -> Option<T::View<'_>> {
        let word = match self.pins {
            Some(pins) => self.pin(pins)?,
            None => self.committed()?,
        };
        self.peeked = word & LENGTH;
        // SAFETY: the commit word was read by Acquire. The frame is freed by `advance`
        // or `release`, which need this borrow to be over, and is pinned meanwhile.
        // What it carries went in through `T::parts`.
        Some(unsafe { T::view(self.memory.frame(self.cursor, self.peeked)) })
    }

    /// The frame at the cursor, if it begins before `end`: for reading again what
    /// was handed out before a [`Consumer::rewind`]. Always `None` on a ring that
    /// overwrites.
    #[inline]
    pub fn peek_before(&mut self, end: Mark) -> Option<T::View<'_>> {
        if self.overwrites() {
            return None;
        }
        // Skips pads first: the frame behind one may begin at `end`.
        self.committed()?;
        if self.has_passed(end) {
            return None;
        }
        self.peek()
    }

    /// Moves the cursor behind the frame that [`Consumer::peek`] gave last.
    ///
    /// Without such a frame it does nothing.
    #[inline]
    pub fn advance(&mut self) {
        let length = core::mem::take(&mut self.peeked);
        self.cursor = self.cursor.wrapping_add(length);
        // Only a pinned frame is sure to be the oldest: the tail never moves back.
        if let (true, Some(pins)) = (length != 0, self.pins) {
            pins.unpin(self.positions, Some(self.cursor));
        }
    }

    /// Leaves the frame that [`Consumer::peek`] gave last for later.
    #[inline]
    pub fn leave(&mut self) {
        self.peeked = 0;
        if let Some(pins) = self.pins {
            pins.unpin(self.positions, None);
        }
    }

    /// Frees every frame before the cursor.
    #[inline]
    pub fn release(&mut self) {
        if !self.overwrites() {
            self.positions.tail.store(self.cursor, release_order());
        }
    }

    /// Moves the cursor back to the oldest frame that is not freed.
    #[inline]
    pub fn rewind(&mut self) {
        self.leave();
        if !self.overwrites() {
            self.cursor = self.positions.tail.load(Ordering::Relaxed);
        }
    }

    /// Whether a frame is freed as the cursor passes it.
    #[inline]
    pub fn overwrites(&self) -> bool {
        self.pins.is_some()
    }

    /// Bytes from the cursor to the newest reserved frame, headers included.
    ///
    /// On a ring that overwrites it may count frames that are evicted meanwhile.
    #[inline]
    pub fn backlog(&self) -> usize {
        let position = self.position();
        let head = self.positions.head.load(Ordering::Acquire);
        head.wrapping_sub(position) as usize
    }

    /// Bytes of the ring.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.memory.size() as usize
    }

    /// The cursor's position; everything before it was handed out.
    #[inline]
    pub fn cursor(&self) -> Mark {
        Mark(self.cursor)
    }

    /// Everything that was reserved before this call lies before this position.
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark(self.positions.head.load(Ordering::Acquire))
    }

    /// Whether the cursor has passed `mark`; true for the 2 GiB that follow it.
    #[inline]
    pub fn has_passed(&self, mark: Mark) -> bool {
        self.position().wrapping_sub(mark.0) as i32 >= 0
    }

    /// Everything before it was handed out or evicted.
    #[inline]
    fn position(&self) -> u32 {
        if self.overwrites() {
            // Acquire, so that no older head is seen after it.
            self.positions.tail.load(tail_order())
        } else {
            self.cursor
        }
    }

    /// The commit word at the cursor, pads skipped.
    #[inline]
    fn committed(&mut self) -> Option<u32> {
        loop {
            if self.cursor == self.positions.head.load(Ordering::Acquire) {
                return None;
            }
            let word = self.memory.commit_word(self.cursor).load(Ordering::Acquire);
            if word & OPEN != 0 {
                return None;
            }
            if word & PAD == 0 {
                return Some(word);
            }
            self.cursor = self.cursor.wrapping_add(word & LENGTH);
        }
    }

    /// The commit word of the oldest frame, which is pinned; pads are freed.
    fn pin(&mut self, pins: &dyn Pins) -> Option<u32> {
        loop {
            let (position, word) = pins.pin(self.positions, self.memory)?;
            if word & OPEN != 0 {
                return None;
            }
            self.cursor = position;
            if word & PAD == 0 {
                return Some(word);
            }
        }
    }
}

/// A position of a ring, from [`Consumer::mark`] or [`Consumer::cursor`].
///
/// ```
/// use picojaeger_core::ring::{Bytes, FrameRing, Spsc, Word};
///
/// let mut ring = FrameRing::<Spsc, (), Bytes<128>>::spsc();
/// let (mut producer, mut consumer) = ring.split();
/// producer.push(0, &[Word::new(7)]).unwrap();
/// let mark = consumer.mark();
/// assert!(!consumer.has_passed(mark));
/// consumer.peek();
/// consumer.advance();
/// assert!(consumer.has_passed(mark));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Mark(u32);

impl<'r, T: Payload> AsMut<Consumer<'r, T>> for Consumer<'r, T> {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

impl<T> Drop for Consumer<'_, T> {
    fn drop(&mut self) {
        if let Some(pins) = self.pins {
            pins.unpin(self.positions, None);
        }
        if let Some(owner) = self.owner {
            owner.give_back();
        }
    }
}

impl<T: Payload> core::fmt::Debug for Consumer<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Consumer")
            .field("backlog", &self.backlog())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
