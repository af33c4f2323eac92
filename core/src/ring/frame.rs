//! The format of a frame: a commit word, a sequence number, and a body of whole words.
//!
//! The commit word has the length in bytes and two bits, [`OPEN`] and [`PAD`]. A frame never wraps:
//! where the rest of the memory is too short for one, a pad fills it.

#[cfg(not(loom))]
use super::Word;
use super::sync::Ordering;

/// A committed frame, read in place.
///
/// ```
/// use picojaeger_core::ring::{Bytes, FrameRing, Spsc, Word};
///
/// let mut ring = FrameRing::<Spsc, (), Bytes<128>>::spsc();
/// let (mut producer, mut consumer) = ring.split();
/// producer.push(7, &[Word::new(1), Word::new(2)]).unwrap();
/// let frame = consumer.peek().unwrap();
/// assert_eq!((frame.sequence, frame.words.len()), (7, 2));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Frame<'r> {
    /// The frame's number.
    pub sequence: u32,
    /// The body.
    #[cfg(not(loom))]
    pub words: &'r [Word],
    /// The body, copied out through the model's cells.
    #[cfg(loom)]
    pub words: crate::loom_model::FrameCopy<'r>,
}

/// Bytes of a frame whose body is `words` words; more than any ring has where a
/// commit word cannot hold it.
#[inline]
pub(super) const fn frame_length(words: usize) -> u32 {
    let longest = (LENGTH - HEADER) / WORD;
    if words > longest as usize {
        return u32::MAX;
    }
    HEADER + words as u32 * WORD
}

/// The position of a frame of `length` bytes, and how many bytes that takes: a frame
/// never wraps, so the rest of the memory is skipped where it is too short.
#[inline]
pub(super) const fn fit(size: u32, head: u32, length: u32) -> (u32, u32) {
    let to_end = to_end(size, head);
    if length > to_end {
        (head.wrapping_add(to_end), length.saturating_add(to_end))
    } else {
        (head, length)
    }
}

/// Bytes from `position` to the end of the memory.
#[inline]
pub(super) const fn to_end(size: u32, position: u32) -> u32 {
    size - (position & (size - 1))
}

/// The order of the store that commits a frame.
#[inline]
pub(super) fn commit_order() -> Ordering {
    #[cfg(loom)]
    if crate::loom_model::weakened(crate::loom_model::Weakness::Commit) {
        return Ordering::Relaxed;
    }
    Ordering::Release
}

/// Reserved, not yet committed.
pub(super) const OPEN: u32 = 1 << 31;

/// To be skipped.
pub(super) const PAD: u32 = 1 << 30;

/// Length of the frame in bytes, header included.
pub(super) const LENGTH: u32 = PAD - 1;

/// Bytes of the commit word and the sequence number.
pub(crate) const HEADER: u32 = 8;

pub(super) const WORD: u32 = crate::arch::WORD as u32;
