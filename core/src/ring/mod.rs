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
#[cfg(all(test, not(loom)))]
mod tests;

use core::marker::PhantomData;
use core::sync::atomic::AtomicUsize;

use crate::exclusion::{Exclusion, Guarded, increment};

use consumer::Overwriting;
pub use consumer::{Consumer, Mark};
#[cfg(not(loom))]
pub(crate) use memory::keep_loop;
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
    guarded: Guarded<X, State<S, P>>,
    /// Invariant in `T`: what goes in as one type never comes out as another.
    kind: PhantomData<fn(T) -> T>,
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
    /// Pushes that found no room.
    refused: AtomicUsize,
    evicted: AtomicUsize,
}

/// What the exclusion guards.
#[repr(C)] // what every push touches lies first
struct State<S, P> {
    /// Frames that were reserved or dropped, modulo 2³².
    numbered: u32,
    /// The frame that the consumer reads, under overwrite-oldest.
    pinned: Option<u32>,
    consumed: bool,
    user: S,
    policy: PhantomData<fn() -> P>,
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
    /// What a push is told that finds no room.
    #[doc(hidden)]
    const REFUSED: Refused;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::DropNewest {}
    impl Sealed for super::OverwriteOldest {}
}

impl Policy for DropNewest {
    const OVERWRITES: bool = false;
    const REFUSED: Refused = Refused::Full;
}

impl Policy for OverwriteOldest {
    const OVERWRITES: bool = true;
    const REFUSED: Refused = Refused::Blocked;
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
/// How often a push makes room before it gives up.
const ROUNDS: u32 = 32;

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
    /// and the frame's sequence number, once, both inside the exclusion.
    ///
    /// A frame never wraps, so one of more than half the ring may find no room
    /// even where the ring is empty. One that is dropped takes a sequence number too. `stamp` does not run
    /// where the call is [`Refused::Reentered`], hence the option.
    ///
    /// Each time that the exclusion is entered makes room, by evicting one frame at
    /// most, or reserves the frame: none takes long.
    #[inline(always)]
    pub fn reserve<R>(
        &self,
        words: usize,
        mut stamp: impl FnMut(&mut S, u32) -> R,
    ) -> (Option<R>, Result<Slot<'_, T>, Refused>) {
        let (memory, length) = (self.storage.0.memory(), frame_length(words));
        let mut rounds = ROUNDS;
        // A ring that overwrites is full most of the time: it looks before it enters.
        if P::OVERWRITES && self.shared.place(memory, length).is_none() && !self.make_room(length) {
            rounds = 0;
        }
        loop {
            let entered = self.guarded.with(|state| {
                let place = self.shared.place(memory, length);
                if place.is_none()
                    && rounds > 0
                    && (P::OVERWRITES || self.shared.is_short(memory, length))
                {
                    return None;
                }
                let sequence = state.number();
                match place {
                    Some(at) => self.shared.open(memory, at, length, sequence),
                    None => increment(&self.shared.refused),
                }
                Some((stamp(&mut state.user, sequence), place, sequence))
            });
            match entered {
                None => return (None, Err(Refused::Reentered)),
                Some(None) if self.make_room(length) => rounds -= 1,
                Some(None) => rounds = 0,
                Some(Some((stamped, place, sequence))) => {
                    let slot = place.map(|at| Slot::new(memory, at, length, sequence));
                    return (Some(stamped), slot.ok_or(P::REFUSED));
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
        let (shared, memory) = (&self.shared, self.storage.0.memory());
        let head = shared.head.load(Ordering::Relaxed);
        let (at, need) = fit(memory.size(), head, length);
        if need > memory.size() {
            return false;
        }
        let made = self.guarded.with(|state| {
            if shared.head.load(Ordering::Relaxed) != head {
                return true;
            }
            let held = head.wrapping_sub(shared.tail.load(Ordering::Acquire));
            if need > memory.size() - held {
                return P::OVERWRITES && shared.evict(memory, state.pinned);
            }
            if at != head {
                memory.open(head, at.wrapping_sub(head) | PAD);
                shared.head.store(at, Ordering::Release);
            }
            true
        });
        made == Some(true)
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
        (taken == Some(false)).then(|| {
            Consumer::shared(
                &self.shared,
                self.storage.0.memory(),
                &self.guarded,
                P::OVERWRITES,
            )
        })
    }

    /// How many frames were dropped so far, by cause.
    pub fn dropped(&self) -> Dropped {
        Dropped {
            reentered: self.guarded.refused(),
            ..self.shared.dropped(P::OVERWRITES)
        }
    }
}

impl Shared {
    #[cfg(not(loom))]
    const fn new() -> Self {
        Shared {
            head: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            refused: AtomicUsize::new(0),
            evicted: AtomicUsize::new(0),
        }
    }

    #[cfg(loom)]
    fn new() -> Self {
        Shared {
            head: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            refused: AtomicUsize::new(0),
            evicted: AtomicUsize::new(0),
        }
    }

    /// The head, if a frame of `length` bytes finds room there in one piece.
    #[inline(always)]
    fn place(&self, memory: Memory<'_>, length: u32) -> Option<u32> {
        let at = self.head.load(Ordering::Relaxed);
        let held = at.wrapping_sub(self.tail.load(Ordering::Acquire));
        let free = memory.size().wrapping_sub(held);
        (length <= free.min(to_end(memory.size(), at))).then_some(at)
    }

    /// Whether the rest of the memory is too short for a frame of `length` bytes.
    #[inline(always)]
    fn is_short(&self, memory: Memory<'_>, length: u32) -> bool {
        length > to_end(memory.size(), self.head.load(Ordering::Relaxed))
    }

    /// Opens a frame at the head, which has a place for it.
    #[inline(always)]
    fn open(&self, memory: Memory<'_>, at: u32, length: u32, sequence: u32) {
        memory.open(at, length | OPEN);
        // SAFETY: the frame is open, and the caller's.
        unsafe { memory.write_sequence(at, sequence) };
        self.head.store(at.wrapping_add(length), Ordering::Release);
    }

    /// Frees the oldest frame, unless it is open or pinned or there is none.
    #[inline(always)]
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

    fn dropped(&self, overwrites: bool) -> Dropped {
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

impl<S, P> State<S, P> {
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
            policy: PhantomData,
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
        unsafe { self.memory.fill(self.at, first, second) };
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

impl<X: Exclusion, S: Send, P: Policy> Overwriting for Guarded<X, State<S, P>> {
    fn pin(&self, shared: &Shared, memory: Memory<'_>) -> Option<(u32, u32)> {
        if !P::OVERWRITES {
            return None;
        }
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
        if !P::OVERWRITES {
            return;
        }
        self.with(|state| {
            state.pinned = None;
            if let Some(tail) = free_to {
                shared.tail.store(tail, release_order());
            }
        });
    }

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
    let to_end = to_end(size, head);
    if length > to_end {
        (head.wrapping_add(to_end), length.saturating_add(to_end))
    } else {
        (head, length)
    }
}

/// Bytes from `position` to the end of the memory.
#[inline(always)]
const fn to_end(size: u32, position: u32) -> u32 {
    size - (position & (size - 1))
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
