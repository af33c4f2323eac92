//! Policies for a full ring, and the counts of what it drops.

/// A full ring drops the newest frame, and the producer gets an error.
///
/// ```
/// use picojaeger_core::ring::{Bytes, DropNewest, FrameRing, PushError, Spsc, Word};
///
/// let mut ring = FrameRing::<Spsc, (), Bytes<128>, DropNewest>::spsc();
/// let (mut producer, _consumer) = ring.split();
/// assert_eq!(producer.push(0, &[Word::new(0); 100]), Err(PushError::Full));
/// ```
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "a marker")]
pub struct DropNewest;

/// A full ring evicts the oldest committed frames ("flight recorder").
///
/// A frame that is open or being read is never evicted; a push that meets one
/// drops itself. Needs a [`RawMutex`](crate::RawMutex), so it does not compile on a [`Spsc`](super::Spsc) ring:
///
/// ```compile_fail
/// use picojaeger_core::ring::{Bytes, FrameRing, OverwriteOldest, Spsc};
/// let mut ring = FrameRing::<Spsc, (), Bytes<128>, OverwriteOldest>::spsc();
/// ```
///
/// ```
/// use picojaeger_core::Interrupts;
/// use picojaeger_core::ring::{Bytes, FrameRing, OverwriteOldest, Word};
///
/// static RING: FrameRing<Interrupts, (), Bytes<128>, OverwriteOldest> = FrameRing::new(());
/// for number in 0..100 {
///     let (_, reservation) = RING.reserve(1, |_, _| ());
///     reservation.unwrap().commit(&[Word::new(number)]);
/// }
/// assert!(RING.dropped().evicted > 80);
/// assert!(RING.consumer().unwrap().peek().unwrap().sequence > 80);
/// ```
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "a marker")]
pub struct OverwriteOldest;

/// A policy for a full ring; [`DropNewest`] or [`OverwriteOldest`].
pub trait Policy: sealed::Sealed {
    /// Whether room is made by evicting the oldest frame.
    #[doc(hidden)]
    const OVERWRITES: bool;
    /// The error of a push that finds no room.
    #[doc(hidden)]
    const REFUSED: PushError;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::DropNewest {}
    impl Sealed for super::OverwriteOldest {}
}

impl Policy for DropNewest {
    const OVERWRITES: bool = false;
    const REFUSED: PushError = PushError::Full;
}

impl Policy for OverwriteOldest {
    const OVERWRITES: bool = true;
    const REFUSED: PushError = PushError::Blocked;
}

/// Why a frame was not taken.
///
/// ```
/// use picojaeger_core::ring::{Bytes, FrameRing, PushError, Spsc, Word};
///
/// let mut ring = FrameRing::<Spsc, (), Bytes<128>>::spsc();
/// let (mut producer, _consumer) = ring.split();
/// let cause = producer.push(0, &[Word::new(0); 100]).unwrap_err();
/// assert_eq!(cause, PushError::Full); // poll more often, or take a larger ring
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PushError {
    /// No room; the consumer is behind. Counted by the ring.
    Full,
    /// No room, and the oldest frame is open or being read. Counted by the ring.
    Blocked,
    /// Another call on this ring holds the mutex. Counted by the ring.
    Reentered,
}

/// The number of frames that a ring has dropped, by cause. Counters wrap at the size of a word.
///
/// ```
/// use picojaeger_core::Interrupts;
/// use picojaeger_core::ring::{Bytes, FrameRing};
///
/// static RING: FrameRing<Interrupts, (), Bytes<128>> = FrameRing::new(());
/// assert!(RING.reserve(100, |_, _| ()).1.is_err());
/// assert_eq!(RING.dropped().full, 1);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Dropped {
    /// Pushes that did not fit.
    pub full: usize,
    /// Pushes that could not evict, since the oldest frame was open or being read.
    pub blocked: usize,
    /// Frames that were evicted by newer ones, or that were
    /// [abandoned](super::FrameRing::abandon_open) before they were committed.
    pub evicted: usize,
    /// Calls that came while another held the mutex.
    pub reentered: usize,
}
