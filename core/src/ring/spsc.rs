//! Rings with one producer, which need no mutex.

use core::marker::PhantomData;

use super::frame::{PAD, commit_order, fit, frame_length, to_end};
use super::memory::Memory;
use super::positions::Positions;
use super::storage::{Aligned, Bytes, Storage};
use super::sync::Ordering;
use super::{Consumer, DropNewest, Dropped, FrameRing, Payload, PushError, State, Word, Words};
use crate::raw_mutex::{Guarded, increment};

/// No mutex: the ring hands out one [`Producer`] and one [`Consumer`].
///
/// ```
/// use picojaeger_core::ring::{Bytes, FrameRing, Spsc};
///
/// let mut ring = FrameRing::<Spsc, (), Bytes<128>>::spsc();
/// let (producer, consumer) = ring.split();
/// assert_eq!((producer.capacity(), consumer.backlog()), (128, 0));
/// ```
#[derive(Clone, Copy, Default, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a marker")]
pub struct Spsc;

/// The one writer of a [`Spsc`] ring.
///
/// A push is a copy and two stores; the consumer's side is looked at where half the
/// ring, or its end, is reached. It may move between threads but not be shared by them.
///
/// ```
/// use picojaeger_core::ring::{Bytes, FrameRing, PushError, Spsc, Word};
///
/// let mut ring = FrameRing::<Spsc, (), Bytes<128>>::spsc();
/// let (mut producer, consumer) = ring.split();
/// let body = [Word::new(1); 4];
/// let mut pushed = 0;
/// while producer.push(pushed, &body).is_ok() {
///     pushed += 1;
/// }
/// assert_eq!(pushed as usize, 128 / (8 + size_of_val(&body)));
/// assert_eq!(producer.dropped().full, 1);
/// # drop(consumer);
/// ```
pub struct Producer<'r, T = Words> {
    positions: &'r Positions,
    memory: Memory<'r>,
    head: u32,
    /// The tail as last seen; the real one is this or later.
    tail: u32,
    /// A frame that ends up to here has room and does not wrap.
    clear: u32,
    _payload: PhantomData<fn(T) -> T>,
    /// It may be sent to another thread, but not shared.
    _not_sync: PhantomData<core::cell::Cell<()>>,
}

impl<const N: usize, T: Payload> FrameRing<Spsc, (), Bytes<N>, DropNewest, T> {
    /// An empty ring of `N` bytes for one producer.
    #[cfg(not(loom))]
    pub const fn spsc() -> Self {
        const { <Bytes<N> as Storage>::VALID };
        FrameRing {
            positions: Positions::new(),
            guarded: Guarded::with_mutex(Spsc, State::new(())),
            payload: PhantomData,
            storage: Aligned(super::storage::bytes()),
        }
    }
}

impl<B: Storage, T: Payload> FrameRing<Spsc, (), B, DropNewest, T> {
    /// An empty ring in this storage, for one producer.
    pub fn spsc_over(storage: B) -> Self {
        const { B::VALID };
        FrameRing {
            positions: Positions::new(),
            guarded: Guarded::with_mutex(Spsc, State::new(())),
            payload: PhantomData,
            storage: Aligned(storage),
        }
    }
}

impl<B: Storage + ?Sized, T: Payload> FrameRing<Spsc, (), B, DropNewest, T> {
    /// The two ends. Frames that a former pair left are still there.
    pub fn split(&mut self) -> (Producer<'_, T>, Consumer<'_, T>) {
        let (positions, memory) = (&self.positions, self.storage.0.memory());
        let head = positions.head.load(Ordering::Relaxed);
        let producer = Producer {
            positions,
            memory,
            head,
            tail: positions.tail.load(Ordering::Relaxed),
            clear: head,
            _payload: PhantomData,
            _not_sync: PhantomData,
        };
        (producer, Consumer::spsc(positions, memory))
    }

    /// Returns whether both ends are of this ring: for an owner that frees the ring once both are
    /// back.
    pub fn is_split_into(&self, producer: &Producer<'_, T>, consumer: &Consumer<'_, T>) -> bool {
        let own = &self.positions;
        core::ptr::eq(producer.positions, own) && consumer.is_of(own)
    }
}

impl<T: Payload> Producer<'_, T> {
    /// Appends a frame with this sequence number.
    ///
    /// # Errors
    /// [`PushError::Full`], which the ring counts.
    // In line, since a server's spans pay for the call: 0.3 instructions each.
    #[inline(always)]
    pub fn push(&mut self, sequence: u32, body: &T::Body<'_>) -> Result<(), PushError> {
        let [first, second] = T::parts(body);
        let length = frame_length(first.len() + second.len());
        let (at, need) = fit(self.memory.size(), self.head, length);
        if need > self.memory.size() - self.head.wrapping_sub(self.tail) {
            self.make_room(need)?;
        }
        if at != self.head {
            let pad = at.wrapping_sub(self.head) | PAD;
            self.memory.open(self.head, pad);
        }
        self.append(at, length, sequence, first, second);
        self.look_ahead();
        Ok(())
    }

    /// Appends a frame as [`Producer::push`] does, if that takes no look at the consumer's side
    /// and the body is short; otherwise does nothing and returns `false`.
    ///
    /// The result is `false` in time for a caller that watches how full the ring is by the pushes that follow:
    /// where the ring becomes half full, and then with each eighth of it.
    #[inline(always)]
    pub fn push_fast(&mut self, sequence: u32, body: &T::Body<'_>) -> bool {
        let [first, second] = T::parts(body);
        let length = frame_length(first.len() + second.len());
        if length > self.clear.wrapping_sub(self.head) || second.len() > SHORT {
            return false;
        }
        self.append(self.head, length, sequence, first, second);
        true
    }

    /// Writes the frame, which has room at `at`, and publishes it.
    #[inline(always)]
    fn append(&mut self, at: u32, length: u32, sequence: u32, first: &[Word], second: &[Word]) {
        // Copies, since what is written below could be these fields for all the compiler knows.
        let (memory, positions) = (self.memory, self.positions);
        let end = at.wrapping_add(length);
        self.head = end;
        memory.open(at, length);
        // SAFETY: `push` and `push_fast` found these bytes free; they are ours until
        // the head moves.
        unsafe {
            memory.write_sequence(at, sequence);
            memory.fill(at, first, second);
        }
        positions.head.store(end, commit_order());
    }

    /// Finds out how far frames may go without another look: to where the ring is half full,
    /// or an eighth further where it is, and not behind its end.
    fn look_ahead(&mut self) {
        let size = self.memory.size();
        let (used, to_end) = (self.backlog() as u32, to_end(size, self.head));
        let free = match (size / 2).checked_sub(used + 1) {
            Some(free) => free,
            None => (size - used).min(size / 8),
        };
        self.clear = self.head.wrapping_add(free.min(to_end));
    }

    /// Bytes that are not freed yet, by the tail as it stands now.
    #[inline]
    pub fn backlog(&mut self) -> usize {
        self.tail = self.positions.tail.load(Ordering::Acquire);
        self.backlog_bound()
    }

    /// An upper bound of [`Producer::backlog`] that costs no look at the
    /// consumer's side.
    #[inline(always)]
    pub fn backlog_bound(&self) -> usize {
        self.head.wrapping_sub(self.tail) as usize
    }

    /// Bytes of the ring.
    #[inline(always)]
    pub fn capacity(&self) -> usize {
        self.memory.size() as usize
    }

    /// The number of frames that were dropped so far.
    pub fn dropped(&self) -> Dropped {
        self.positions.dropped(false)
    }

    /// Looks at the tail again.
    #[cold]
    fn make_room(&mut self, need: u32) -> Result<(), PushError> {
        self.tail = self.positions.tail.load(Ordering::Acquire);
        if need > self.memory.size() - self.head.wrapping_sub(self.tail) {
            increment(&self.positions.refused);
            return Err(PushError::Full);
        }
        Ok(())
    }
}

/// Words of a body's second part that are copied without a call.
const SHORT: usize = 32;

impl<T: Payload> core::fmt::Debug for Producer<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Producer")
            .field("backlog", &self.backlog_bound())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
