//! A framed ring: reserve, copy, commit.
//!
//! Producers reserve a contiguous slot in a few instructions inside the
//! exclusion, copy outside of it, and commit by one Release store. One consumer
//! reads frames in place and in order, and stops at the first that is still
//! open. Loads and stores suffice, so it runs without compare-and-swap.
//!
//! A frame is 8 bytes of header (commit word, sequence number) and a body of
//! whole words. What the words mean is a parameter, [`Carried`].

mod consumer;
mod memory;
mod sole;
mod sync;

use core::marker::PhantomData;
use core::sync::atomic::AtomicUsize;

use crate::exclusion::{Exclusion, Guarded, increment};

pub use consumer::{Consumer, Mark};
use consumer::{Owner, Pins};
use memory::{Aligned, Memory};
pub use memory::{ByteCell, Bytes, Frame, Lent, Storage, Word};
pub use sole::{Producer, Sole};
use sync::{AtomicU32, Ordering};

/// A ring of frames that many producers fill and one consumer empties.
///
/// - `X` keeps producers apart: [`Exclusion`], or [`Sole`] for a single
///   [`Producer`] that needs none.
/// - `S` is a value of the user's that lives under the same exclusion.
/// - `B` is the storage: [`Bytes`] in place, or [`Lent`] words. Its size is a
///   power of two from 128 bytes to 1 GiB.
/// - `P` says what a full ring does: [`DropNewest`] or [`OverwriteOldest`].
/// - `T` says what the frames carry; plain [`Words`] unless told otherwise.
///
/// A `FrameRing<X, S, Bytes<N>, P>` coerces by reference to one without `N`.
///
/// ```
/// use picojaeger_core::Interrupts;
/// use picojaeger_core::ring::{Bytes, FrameRing, Word};
///
/// static RING: FrameRing<Interrupts, (), Bytes<256>> = FrameRing::new(());
///
/// let (_, slot) = RING.reserve(1, |_, _| ());
/// slot.unwrap().commit(&[Word::new(42)]);
///
/// let mut consumer = RING.consumer().unwrap();
/// assert_eq!(consumer.peek().unwrap().words.len(), 1);
/// consumer.advance();
/// consumer.release();
/// assert!(consumer.peek().is_none());
/// ```
#[repr(C)]
pub struct FrameRing<X, S, B: ?Sized = [ByteCell], P = DropNewest, T = Words> {
    shared: Shared,
    guarded: Guarded<X, State<S>>,
    /// Invariant in `T`: what goes in as one type never comes out as another.
    kind: PhantomData<fn(T) -> (P, T)>,
    storage: Aligned<B>,
}

// SAFETY: the user's value is only reached inside the exclusion, and not at all through
// a shared `Sole` ring. Positions are atomic. A frame belongs to its producer until the
// commit and to the one consumer after it.
unsafe impl<X: Sync, S: Send, B: Storage + ?Sized, P, T> Sync for FrameRing<X, S, B, P, T> {}

/// What both sides see: positions run freely and wrap at 2³².
pub(crate) struct Shared {
    /// Producers have reserved up to here.
    head: AtomicU32,
    /// Free up to here.
    tail: AtomicU32,
    /// Frames that were committed or dropped are numbered; these were dropped.
    full: AtomicUsize,
    blocked: AtomicUsize,
    evicted: AtomicUsize,
}

/// What the exclusion guards.
struct State<S> {
    /// Frames that were reserved or dropped, modulo 2³².
    numbered: u32,
    /// The frame that the consumer reads, under overwrite-oldest.
    pinned: Option<u32>,
    consumed: bool,
    user: S,
}

/// A full ring drops the newest frame: the producer is told so.
///
/// ```
/// use picojaeger_core::ring::{Bytes, DropNewest, FrameRing, Refused, Sole, Word};
///
/// let mut ring = FrameRing::<Sole, (), Bytes<128>, DropNewest>::sole();
/// let (mut producer, _consumer) = ring.split();
/// assert_eq!(producer.push(0, &[Word::new(0); 100]), Err(Refused::Full));
/// ```
#[derive(Debug)]
pub struct DropNewest;

/// A full ring evicts the oldest committed frames ("flight recorder").
///
/// A frame that is open or being read is never evicted; a push that meets one
/// drops itself. Needs an [`Exclusion`], so it does not compile on a [`Sole`] ring:
///
/// ```compile_fail
/// use picojaeger_core::ring::{Bytes, FrameRing, OverwriteOldest, Sole};
/// let mut ring = FrameRing::<Sole, (), Bytes<128>, OverwriteOldest>::sole();
/// ```
///
/// ```
/// use picojaeger_core::Interrupts;
/// use picojaeger_core::ring::{Bytes, FrameRing, OverwriteOldest, Word};
///
/// static RING: FrameRing<Interrupts, (), Bytes<128>, OverwriteOldest> = FrameRing::new(());
/// for number in 0..100 {
///     let (_, slot) = RING.reserve(1, |_, _| ());
///     slot.unwrap().commit(&[Word::new(number)]);
/// }
/// assert!(RING.dropped().evicted > 80);
/// assert!(RING.consumer().unwrap().peek().unwrap().sequence > 80);
/// ```
#[derive(Debug)]
pub struct OverwriteOldest;

/// What a full ring does; [`DropNewest`] or [`OverwriteOldest`].
pub trait Policy: sealed::Sealed {
    /// Whether room is made by evicting the oldest frame.
    #[doc(hidden)]
    const OVERWRITES: bool;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::DropNewest {}
    impl Sealed for super::OverwriteOldest {}
}

impl Policy for DropNewest {
    const OVERWRITES: bool = false;
}

impl Policy for OverwriteOldest {
    const OVERWRITES: bool = true;
}

/// Why a frame was not taken.
///
/// ```
/// use picojaeger_core::ring::{Bytes, FrameRing, Refused, Sole, Word};
///
/// let mut ring = FrameRing::<Sole, (), Bytes<128>>::sole();
/// let (mut producer, _consumer) = ring.split();
/// let cause = producer.push(0, &[Word::new(0); 100]).unwrap_err();
/// assert_eq!(cause, Refused::Full); // poll more often, or take a larger ring
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refused {
    /// No room; the consumer is behind. Counted by the ring.
    Full,
    /// No room, and the oldest frame is open or being read. Counted by the ring.
    Blocked,
    /// Another call on this ring is inside the exclusion. Counted by the ring.
    Reentered,
}

/// How many frames a ring has dropped, by cause. Counters wrap at the size of a word.
///
/// ```
/// use picojaeger_core::Interrupts;
/// use picojaeger_core::ring::{Bytes, Dropped, FrameRing};
///
/// static RING: FrameRing<Interrupts, (), Bytes<128>> = FrameRing::new(());
/// assert!(RING.reserve(100, |_, _| ()).1.is_err());
/// assert_eq!(RING.dropped(), Dropped { full: 1, ..Dropped::default() });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Dropped {
    /// Pushes that found no room.
    pub full: usize,
    /// Pushes that could not evict, since the oldest frame was open or being read.
    pub blocked: usize,
    /// Frames that were evicted by newer ones.
    pub evicted: usize,
    /// Calls that came while another was inside the exclusion.
    pub reentered: usize,
}

/// What the frames of a ring carry, and how they are read back: [`Words`], or
/// [`Records`](crate::record::Records).
///
/// What goes in as one kind never comes out as another, so a ring and its ends are
/// invariant in it: where one kind is a subtype of another, neither end coerces.
///
/// ```compile_fail,E0308
/// use picojaeger_core::ring::Consumer;
///
/// fn other<'r>(end: Consumer<'r, for<'a> fn(&'a str)>) -> Consumer<'r, fn(&'static str)> {
///     end
/// }
/// ```
///
/// ```compile_fail,E0308
/// use picojaeger_core::ring::Producer;
///
/// fn other<'r>(end: Producer<'r, fn(&'static str)>) -> Producer<'r, for<'a> fn(&'a str)> {
///     end
/// }
/// ```
///
/// ```compile_fail,E0308
/// use picojaeger_core::ring::Slot;
///
/// fn other<'r>(slot: Slot<'r, fn(&'static str)>) -> Slot<'r, for<'a> fn(&'a str)> {
///     slot
/// }
/// ```
///
/// # Safety
///
/// `view` is only called with the words of one body, as `parts` gave them, that
/// was committed and is not freed in `'v`; it may rely on what `parts` promises
/// about them. It may run on another thread, after the body is gone: what the
/// words hold must bear both.
pub unsafe trait Carried {
    /// What a producer hands over; it is copied word by word.
    type Body<'b>: ?Sized;
    /// What the consumer sees.
    type View<'v>;

    /// The words of a body, in order.
    fn parts<'b>(body: &'b Self::Body<'_>) -> [&'b [Word]; 2];

    /// Reads a frame in place.
    ///
    /// # Safety
    /// `frame` came from `parts` of this type.
    unsafe fn view(frame: Frame<'_>) -> Self::View<'_>;
}

/// Frames of plain words, which come back as [`Frame`]s.
#[derive(Debug)]
pub struct Words;

// SAFETY: a frame is viewed as the words it is.
unsafe impl Carried for Words {
    type Body<'b> = [Word];
    type View<'v> = Frame<'v>;

    #[inline(always)]
    fn parts(body: &[Word]) -> [&[Word]; 2] {
        [body, &[]]
    }

    #[inline(always)]
    unsafe fn view(frame: Frame<'_>) -> Frame<'_> {
        frame
    }
}

/// A reserved frame, to be [committed](Slot::commit).
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
/// let (_, slot) = RING.reserve(1, |_, _| ());
/// assert!(consumer.peek().is_none(), "still open");
/// slot.unwrap().commit(&[Word::new(42)]);
/// assert!(consumer.peek().is_some());
/// ```
#[must_use = "the consumer waits until the frame is committed"]
pub struct Slot<'r, T = Words> {
    memory: Memory<'r>,
    at: u32,
    length: u32,
    sequence: u32,
    _carried: PhantomData<fn(T) -> T>,
}

/// Reserved, not yet committed.
const OPEN: u32 = 1 << 31;
/// To be skipped.
const PAD: u32 = 1 << 30;
/// Length of the frame in bytes, header included.
const LENGTH: u32 = PAD - 1;
/// Bytes of the commit word and the sequence number.
pub(crate) const HEADER: u32 = 8;
const WORD: u32 = size_of::<usize>() as u32;
/// How often a push enters the exclusion to evict, before it gives up.
const EVICTIONS: u32 = 32;

impl<X: Exclusion, S, const N: usize, P: Policy, T: Carried> FrameRing<X, S, Bytes<N>, P, T> {
    /// An empty ring of `N` bytes; lies in `.bss` as a `static` if `user` is zero.
    #[cfg(not(loom))]
    pub const fn new(user: S) -> Self {
        const { <Bytes<N> as Storage>::VALID };
        FrameRing {
            shared: Shared::new(),
            guarded: Guarded::new(State::new(user)),
            kind: PhantomData,
            storage: Aligned(memory::bytes()),
        }
    }
}

impl<X: Exclusion, S, B: Storage, P: Policy, T: Carried> FrameRing<X, S, B, P, T> {
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
            shared: Shared::new(),
            guarded: Guarded::new(State::new(user)),
            kind: PhantomData,
            storage: Aligned(storage),
        }
    }
}

impl<X: Exclusion, S, B: Storage + ?Sized, P: Policy, T: Carried> FrameRing<X, S, B, P, T> {
    /// Runs `f` on the user's value, inside the exclusion; `None` if a call on
    /// this ring is already inside.
    #[inline(always)]
    pub fn with<R>(&self, f: impl FnOnce(&mut S) -> R) -> Option<R> {
        self.guarded.with(|state| f(&mut state.user))
    }

    /// As [`FrameRing::with`], with the number of frames that were reserved or
    /// dropped so far, modulo 2³².
    #[inline(always)]
    pub fn with_count<R>(&self, f: impl FnOnce(&mut S, u32) -> R) -> Option<R> {
        self.guarded
            .with(|state| f(&mut state.user, state.numbered))
    }

    /// Reserves a frame of `words` words and runs `stamp` on the user's value
    /// and the frame's sequence number, both inside the exclusion.
    ///
    /// A frame never wraps, so one of more than half the ring may find no room
    /// even where the ring is empty. One that is dropped takes a sequence number too. `stamp` does not run
    /// where the call is [`Refused::Reentered`], hence the option.
    #[inline(always)]
    pub fn reserve<R>(
        &self,
        words: usize,
        stamp: impl FnOnce(&mut S, u32) -> R,
    ) -> (Option<R>, Result<Slot<'_, T>, Refused>) {
        if P::OVERWRITES {
            return self.reserve_evicting(words, stamp);
        }
        let length = frame_length(words);
        let memory = self.storage.0.memory();
        let entered = self.guarded.with(|state| {
            let place = self.shared.place(memory, length);
            if place.is_none() {
                increment(&self.shared.full);
            }
            let sequence = state.number();
            (stamp(&mut state.user, sequence), place, sequence)
        });
        let Some((stamped, place, sequence)) = entered else {
            return (None, Err(Refused::Reentered));
        };
        let slot = place.ok_or(Refused::Full);
        (
            Some(stamped),
            slot.map(|at| Slot::new(memory, at, length, sequence)),
        )
    }

    /// As [`FrameRing::reserve`], making room by eviction: one frame each time
    /// the exclusion is entered.
    #[inline(always)]
    fn reserve_evicting<R>(
        &self,
        words: usize,
        stamp: impl FnOnce(&mut S, u32) -> R,
    ) -> (Option<R>, Result<Slot<'_, T>, Refused>) {
        let mut stamp = Some(stamp);
        let length = frame_length(words);
        let memory = self.storage.0.memory();
        let mut rounds = EVICTIONS;
        loop {
            let entered = self.guarded.with(|state| {
                let place = self.shared.place(memory, length);
                if place.is_none() {
                    let evicts = rounds > 0 && length <= memory.size();
                    if evicts && self.shared.evict(memory, state.pinned) {
                        return None;
                    }
                    increment(&self.shared.blocked);
                }
                let sequence = state.number();
                let stamped = stamp.take().map(|stamp| stamp(&mut state.user, sequence));
                Some((stamped, place, sequence))
            });
            let Some(outcome) = entered else {
                return (None, Err(Refused::Reentered));
            };
            rounds = rounds.wrapping_sub(1);
            if let Some((stamped, place, sequence)) = outcome {
                let slot = place.ok_or(Refused::Blocked);
                return (
                    stamped,
                    slot.map(|at| Slot::new(memory, at, length, sequence)),
                );
            }
        }
    }

    /// The consumer, or `None` while there is one.
    pub fn consumer(&self) -> Option<Consumer<'_, T>>
    where
        X: Exclusion,
        S: Send,
    {
        let taken = self
            .guarded
            .with(|state| core::mem::replace(&mut state.consumed, true));
        if taken != Some(false) {
            return None;
        }
        let memory = self.storage.0.memory();
        let pins: Option<&dyn Pins> = if P::OVERWRITES {
            Some(&self.guarded)
        } else {
            None
        };
        Some(Consumer::shared(&self.shared, memory, pins, &self.guarded))
    }

    /// How many frames were dropped so far, by cause.
    pub fn dropped(&self) -> Dropped {
        Dropped {
            reentered: self.guarded.refused(),
            ..self.shared.dropped()
        }
    }
}

impl Shared {
    #[cfg(not(loom))]
    const fn new() -> Self {
        Shared {
            head: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            full: AtomicUsize::new(0),
            blocked: AtomicUsize::new(0),
            evicted: AtomicUsize::new(0),
        }
    }

    #[cfg(loom)]
    fn new() -> Self {
        Shared {
            head: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            full: AtomicUsize::new(0),
            blocked: AtomicUsize::new(0),
            evicted: AtomicUsize::new(0),
        }
    }

    /// Opens a frame of `length` bytes at the head, or says that there is no room.
    #[inline(always)]
    fn place(&self, memory: Memory<'_>, length: u32) -> Option<u32> {
        let (mut at, size) = (self.head.load(Ordering::Relaxed), memory.size());
        let held = at.wrapping_sub(self.tail.load(Ordering::Acquire));
        let to_end = size - (at & (size - 1));
        if length > to_end {
            // A frame never wraps: the rest of the memory is skipped.
            if length > size || held + to_end + length > size {
                return None;
            }
            memory.open(at, to_end | PAD);
            at = at.wrapping_add(to_end);
        } else if held + length > size {
            return None;
        }
        memory.open(at, length | OPEN);
        self.head.store(at.wrapping_add(length), Ordering::Release);
        Some(at)
    }

    /// Frees the oldest frame, unless it is open or pinned or there is none.
    fn evict(&self, memory: Memory<'_>, pinned: Option<u32>) -> bool {
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

    fn dropped(&self) -> Dropped {
        use core::sync::atomic::Ordering::Relaxed;
        Dropped {
            full: self.full.load(Relaxed),
            blocked: self.blocked.load(Relaxed),
            evicted: self.evicted.load(Relaxed),
            reentered: 0,
        }
    }
}

impl<S> State<S> {
    /// The next frame's number.
    #[inline(always)]
    fn number(&mut self) -> u32 {
        let number = self.numbered;
        self.numbered = number.wrapping_add(1);
        number
    }

    const fn new(user: S) -> Self {
        State {
            numbered: 0,
            pinned: None,
            consumed: false,
            user,
        }
    }
}

impl<'r, T> Slot<'r, T> {
    #[inline(always)]
    fn new(memory: Memory<'r>, at: u32, length: u32, sequence: u32) -> Self {
        Slot {
            memory,
            at,
            length,
            sequence,
            _carried: PhantomData,
        }
    }

    /// The frame's number: consecutive for one ring, dropped frames included.
    pub fn sequence(&self) -> u32 {
        self.sequence
    }

    #[inline(always)]
    fn skip(&self) {
        // SAFETY: the frame is ours until the store below.
        unsafe { self.memory.write_sequence(self.at, self.sequence) };
        self.memory
            .commit_word(self.at)
            .store(self.length | PAD, commit_order());
    }
}

impl<T: Carried> Slot<'_, T> {
    /// Copies `body` into the frame and hands it to the consumer.
    ///
    /// A body of another length than was reserved is not taken: the frame is skipped.
    #[inline(always)]
    pub fn commit(self, body: &T::Body<'_>) {
        let [first, second] = T::parts(body);
        if frame_length(first.len() + second.len()) != self.length {
            return;
        }
        // SAFETY: the frame is ours until it is closed, and has this length.
        unsafe { self.memory.fill(self.at, self.sequence, first, second) };
        self.memory
            .commit_word(self.at)
            .store(self.length, commit_order());
        core::mem::forget(self);
    }
}

impl<T> Drop for Slot<'_, T> {
    fn drop(&mut self) {
        self.skip();
    }
}

impl<T> core::fmt::Debug for Slot<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Slot")
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

impl<X: Exclusion, S: Send> Pins for Guarded<X, State<S>> {
    fn pin(&self, shared: &Shared, memory: Memory<'_>) -> Option<(u32, u32)> {
        self.with(|state| {
            let tail = shared.tail.load(Ordering::Relaxed);
            if tail == shared.head.load(Ordering::Acquire) {
                return None;
            }
            let word = memory.commit_word(tail).load(Ordering::Acquire);
            if word & PAD != 0 {
                shared
                    .tail
                    .store(tail.wrapping_add(word & LENGTH), release_order());
            } else if word & OPEN == 0 {
                state.pinned = Some(tail);
            }
            Some((tail, word))
        })
        .flatten()
    }

    fn unpin(&self, shared: &Shared, free_to: Option<u32>) {
        self.with(|state| {
            state.pinned = None;
            if let Some(tail) = free_to {
                shared.tail.store(tail, release_order());
            }
        });
    }
}

impl<X: Exclusion, S: Send> Owner for Guarded<X, State<S>> {
    fn give_back(&self) {
        self.with(|state| state.consumed = false);
    }
}

/// Bytes of a frame whose body is `words` words; more than any ring has where a
/// commit word cannot say it.
#[inline(always)]
const fn frame_length(words: usize) -> u32 {
    let longest = (LENGTH - HEADER) / WORD;
    if words > longest as usize {
        return u32::MAX;
    }
    HEADER + words as u32 * WORD
}

/// Where a frame of `length` bytes goes, and how many bytes that takes: a frame
/// never wraps, so the rest of the memory is skipped where it is too short.
#[inline(always)]
const fn fit(size: u32, head: u32, length: u32) -> (u32, u32) {
    let to_end = size - (head & (size - 1));
    if length > to_end {
        (head.wrapping_add(to_end), length.saturating_add(to_end))
    } else {
        (head, length)
    }
}

/// The order of the store that commits a frame.
#[inline(always)]
fn commit_order() -> Ordering {
    #[cfg(loom)]
    if crate::model::weakened(crate::model::Weakness::Commit) {
        return Ordering::Relaxed;
    }
    Ordering::Release
}

/// The order of the store that frees frames.
#[inline(always)]
fn release_order() -> Ordering {
    #[cfg(loom)]
    if crate::model::weakened(crate::model::Weakness::Release) {
        return Ordering::Relaxed;
    }
    Ordering::Release
}

/// Whether the consumer reads the frame at `tail`.
#[inline(always)]
fn is_pinned(pinned: Option<u32>, tail: u32) -> bool {
    #[cfg(loom)]
    if crate::model::weakened(crate::model::Weakness::Pin) {
        return false;
    }
    pinned == Some(tail)
}

/// A ring whose frames hold borrowed text must not lengthen the borrow.
///
/// ```compile_fail
/// use picojaeger_core::Interrupts;
/// use picojaeger_core::ring::{Bytes, FrameRing, DropNewest};
///
/// type Ring<'t> = FrameRing<Interrupts, (), Bytes<128>, DropNewest, fn(&'t str)>;
/// fn shorten<'r, 't>(ring: &'r Ring<'static>) -> &'r Ring<'t> { ring }
/// ```
///
/// ```compile_fail
/// use picojaeger_core::Interrupts;
/// use picojaeger_core::ring::{Bytes, FrameRing, DropNewest};
///
/// type Ring<'t> = FrameRing<Interrupts, (), Bytes<128>, DropNewest, fn(&'t str)>;
/// fn lengthen<'r, 't>(ring: &'r Ring<'t>) -> &'r Ring<'static> { ring }
/// ```
///
/// ```
/// use picojaeger_core::Interrupts;
/// use picojaeger_core::ring::{Bytes, FrameRing, DropNewest};
///
/// type Ring<'t> = FrameRing<Interrupts, (), Bytes<128>, DropNewest, fn(&'t str)>;
/// fn same<'r, 't>(ring: &'r Ring<'t>) -> &'r Ring<'t> { ring }
/// ```
#[cfg(doctest)]
mod invariance {}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::exclusion::Interrupts;

    type Test<P> = FrameRing<Interrupts, u32, Bytes<256>, P>;
    /// 40 bytes of body: 48 bytes a frame, so five frames and a pad of 16 fill the ring.
    const BODY: usize = 40 / size_of::<usize>();

    fn push<P: Policy>(ring: &Test<P>, value: usize) -> Result<(), Refused> {
        let (_, slot) = ring.reserve(BODY, |count, _| *count += 1);
        slot.map(|slot| slot.commit(&[Word::new(value); BODY]))
    }

    fn values(consumer: &mut Consumer<'_>) -> std::vec::Vec<usize> {
        let mut found = std::vec::Vec::new();
        while let Some(frame) = consumer.peek() {
            // SAFETY: `push` wrote every word.
            let words = frame.words.iter().map(|word| unsafe { word.assume_init() });
            let words: std::vec::Vec<_> = words.collect();
            assert!(words.iter().all(|word| *word == words[0]) && words.len() == BODY);
            found.push(words[0]);
            consumer.advance();
        }
        found
    }

    #[test]
    fn a_full_ring_drops_the_newest_and_counts_it() {
        let ring = Test::<DropNewest>::new(0);
        for value in 0..5 {
            assert_eq!(push(&ring, value), Ok(()));
        }
        assert_eq!(push(&ring, 5), Err(Refused::Full));
        assert_eq!(ring.dropped().full, 1);
        let mut consumer = ring.consumer().unwrap();
        assert_eq!(values(&mut consumer), [0, 1, 2, 3, 4]);
        assert_eq!(push(&ring, 6), Err(Refused::Full), "nothing was freed yet");
        consumer.release();
        assert_eq!(push(&ring, 7), Ok(()));
        assert_eq!(
            consumer.peek().unwrap().sequence,
            7,
            "dropped frames are numbered"
        );
        assert_eq!(ring.with(|count| *count), Some(8));
    }

    #[test]
    fn rewinding_delivers_again() {
        let ring = Test::<DropNewest>::new(0);
        push(&ring, 1).unwrap();
        push(&ring, 2).unwrap();
        let mut consumer = ring.consumer().unwrap();
        assert_eq!(values(&mut consumer), [1, 2]);
        consumer.rewind();
        assert_eq!(values(&mut consumer), [1, 2]);
        consumer.release();
        consumer.rewind();
        assert_eq!(values(&mut consumer), []);
    }

    #[test]
    fn reading_again_ends_where_it_ended_before_although_a_pad_lies_there() {
        let ring = Test::<DropNewest>::new(0);
        let mut consumer = ring.consumer().unwrap();
        for value in 0..4 {
            push(&ring, value).unwrap();
        }
        assert_eq!(values(&mut consumer), [0, 1, 2, 3]);
        consumer.release();
        push(&ring, 4).unwrap();
        assert_eq!(values(&mut consumer), [4]);
        let end = consumer.cursor();
        // Behind a pad, since it does not fit into the rest.
        push(&ring, 5).unwrap();
        consumer.rewind();
        let mut again = 0;
        while consumer.peek_before(end).is_some() {
            consumer.advance();
            again += 1;
        }
        assert_eq!(again, 1);
        consumer.release();
        assert_eq!(values(&mut consumer), [5]);
    }

    #[test]
    fn frames_never_wrap_and_positions_do() {
        let ring = Test::<DropNewest>::new(0);
        ring.shared.head.store(u32::MAX - 255, Ordering::Relaxed);
        ring.shared.tail.store(u32::MAX - 255, Ordering::Relaxed);
        let mut consumer = ring.consumer().unwrap();
        for value in 0..100 {
            push(&ring, value).unwrap();
            assert_eq!(values(&mut consumer), [value]);
            consumer.release();
        }
        assert_eq!(ring.dropped(), Dropped::default());
    }

    #[test]
    fn the_consumer_stops_at_an_open_frame() {
        let ring = Test::<DropNewest>::new(0);
        let (_, slot) = ring.reserve(BODY, |_, _| ());
        push(&ring, 2).unwrap();
        let mut consumer = ring.consumer().unwrap();
        assert_eq!(values(&mut consumer), []);
        slot.unwrap().commit(&[Word::new(1); BODY]);
        assert_eq!(values(&mut consumer), [1, 2]);
    }

    #[test]
    fn a_slot_that_is_dropped_is_skipped() {
        let ring = Test::<DropNewest>::new(0);
        drop(ring.reserve(BODY, |_, _| ()));
        push(&ring, 2).unwrap();
        assert_eq!(values(&mut ring.consumer().unwrap()), [2]);
    }

    #[test]
    fn a_body_of_another_length_is_skipped() {
        let ring = Test::<DropNewest>::new(0);
        for length in [BODY - 1, BODY + 1] {
            let (_, slot) = ring.reserve(length, |_, _| ());
            slot.unwrap().commit(&[Word::new(1); BODY]);
        }
        push(&ring, 2).unwrap();
        assert_eq!(values(&mut ring.consumer().unwrap()), [2]);
    }

    #[test]
    fn overwriting_evicts_the_oldest() {
        let ring = Test::<OverwriteOldest>::new(0);
        for value in 0..50 {
            assert_eq!(push(&ring, value), Ok(()));
        }
        let found = values(&mut ring.consumer().unwrap());
        assert_eq!(found.last(), Some(&49));
        assert_eq!(found.len() + ring.dropped().evicted, 50);
        assert!(found.windows(2).all(|pair| pair[0] + 1 == pair[1]));
    }

    #[test]
    fn overwriting_touches_no_open_and_no_pinned_frame() {
        let ring = Test::<OverwriteOldest>::new(0);
        for value in 0..5 {
            push(&ring, value).unwrap();
        }
        let mut consumer = ring.consumer().unwrap();
        consumer.peek().unwrap();
        assert_eq!(push(&ring, 5), Err(Refused::Blocked));
        consumer.leave();
        assert_eq!(push(&ring, 5), Ok(()));
        assert_eq!(ring.dropped().evicted, 1);
        assert_eq!(values(&mut consumer), [1, 2, 3, 4, 5]);

        let (_, open) = ring.reserve(BODY, |_, _| ());
        for value in 0..4 {
            push(&ring, value).unwrap();
        }
        assert_eq!(push(&ring, 9), Err(Refused::Blocked));
        assert_eq!(ring.dropped().blocked, 2);
        drop(open);
    }

    #[test]
    fn there_is_one_consumer_at_a_time() {
        let ring = Test::<DropNewest>::new(0);
        let first = ring.consumer();
        assert!(first.is_some() && ring.consumer().is_none());
        drop(first);
        assert!(ring.consumer().is_some());
    }

    #[test]
    fn a_frame_that_no_ring_holds_is_refused() {
        let ring = Test::<DropNewest>::new(0);
        for words in [256 / size_of::<usize>(), 1 << 16, usize::MAX] {
            assert_eq!(ring.reserve(words, |_, _| ()).1.err(), Some(Refused::Full));
        }
        let ring = Test::<OverwriteOldest>::new(0);
        push(&ring, 1).unwrap();
        assert_eq!(
            ring.reserve(usize::MAX, |_, _| ()).1.err(),
            Some(Refused::Blocked)
        );
        assert_eq!(ring.dropped().evicted, 0, "no frame goes for nothing");
    }

    #[test]
    fn a_length_that_no_commit_word_holds_exceeds_the_largest_ring() {
        let longest = ((LENGTH - HEADER) / WORD) as usize;
        assert!(frame_length(longest) <= LENGTH);
        for words in [longest + 1, 1 << 29, usize::MAX / 8, usize::MAX] {
            let (_, need) = fit(1 << 30, 0, frame_length(words));
            assert!(need > 1 << 30, "{words} words");
        }
    }

    #[test]
    fn overwriting_never_moves_the_tail_back() {
        let ring = Test::<OverwriteOldest>::new(0);
        let mut consumer = ring.consumer().unwrap();
        let evict_all = || (0..8).for_each(|value| push(&ring, value).unwrap());
        evict_all();
        consumer.advance(); // nothing was peeked
        assert_eq!(values(&mut consumer), [3, 4, 5, 6, 7]);
        evict_all();
        consumer.advance(); // nothing since the last advance
        assert!(consumer.peek().is_some());
        consumer.leave();
        evict_all();
        consumer.advance(); // what was peeked is gone
        assert_eq!(values(&mut consumer), [3, 4, 5, 6, 7]);
    }

    #[test]
    fn rewinding_ends_a_pin() {
        let ring = Test::<OverwriteOldest>::new(0);
        (0..5).for_each(|value| push(&ring, value).unwrap());
        let mut consumer = ring.consumer().unwrap();
        assert!(consumer.peek().is_some());
        consumer.rewind();
        assert_eq!(push(&ring, 5), Ok(()));
    }

    #[test]
    fn a_forgotten_consumer_or_slot_only_stops_the_ring() {
        let ring = Test::<OverwriteOldest>::new(0);
        (0..5).for_each(|value| push(&ring, value).unwrap());
        let mut consumer = ring.consumer().unwrap();
        assert!(consumer.peek().is_some());
        core::mem::forget(consumer);
        assert_eq!(push(&ring, 5), Err(Refused::Blocked));
        assert!(ring.consumer().is_none());

        let mut ring = FrameRing::<Sole, (), Bytes<128>>::sole();
        let (mut producer, consumer) = ring.split();
        producer.push(1, &[Word::new(1)]).unwrap();
        core::mem::forget((producer, consumer));
        let (mut producer, mut consumer) = ring.split();
        producer.push(2, &[Word::new(2)]).unwrap();
        assert_eq!(consumer.peek().map(|frame| frame.sequence), Some(1));
        consumer.advance();
        assert_eq!(consumer.peek().map(|frame| frame.sequence), Some(2));
    }

    #[test]
    fn two_threads_push_while_a_third_reads() {
        static RING: Test<DropNewest> = Test::new(0);
        const EACH: usize = if cfg!(miri) { 40 } else { 10_000 };
        let mut consumer = RING.consumer().unwrap();
        let (mut found, mut pushed) = (0, 0);
        std::thread::scope(|scope| {
            let producers = [1, 2].map(|start| {
                scope.spawn(move || (0..EACH).filter(|i| push(&RING, start + i).is_ok()).count())
            });
            while producers.iter().any(|producer| !producer.is_finished()) {
                found += values(&mut consumer).len();
                consumer.release();
                std::thread::yield_now();
            }
            pushed = producers
                .map(|producer| producer.join().unwrap())
                .iter()
                .sum();
        });
        found += values(&mut consumer).len();
        assert_eq!(found, pushed);
        assert_eq!(pushed + RING.dropped().full, 2 * EACH);
    }

    #[test]
    fn one_producer_needs_no_exclusion() {
        const EACH: u32 = if cfg!(miri) { 60 } else { 20_000 };
        let mut ring = FrameRing::<Sole, (), Bytes<128>>::sole();
        let (mut producer, mut consumer) = ring.split();
        let (mut found, mut last) = (0, None);
        std::thread::scope(|scope| {
            let pushing = scope.spawn(move || {
                let kept = (0..EACH).filter(|i| producer.push(*i, &[Word::new(0); 3]).is_ok());
                (kept.count(), producer.dropped().full)
            });
            let mut drain = || {
                while let Some(frame) = consumer.peek() {
                    assert!(last < Some(frame.sequence));
                    last = Some(frame.sequence);
                    assert_eq!(frame.words.len(), 3);
                    found += 1;
                    consumer.advance();
                    consumer.release();
                }
            };
            while !pushing.is_finished() {
                drain();
                std::thread::yield_now();
            }
            let (pushed, full) = pushing.join().unwrap();
            drain(); // only joining orders what was pushed before this
            assert_eq!((found, full + pushed), (pushed, EACH as usize));
        });
    }
}
