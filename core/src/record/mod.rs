//! The record: the memory image that an open span fills and an encoder reads.
//!
//! An image is a fixed part of 64 bytes, 60 on a 32-bit chip, and an area of words. Tags, logs
//! and references are appended to the area, each with one packed header word:
//!
//! | Bits | Meaning |
//! |---|---|
//! | 0–3 | kind: a [`Value`](crate::Value)'s type, reference, log, or operation name |
//! | 4 | field of the log before it |
//! | 5 | key copied behind the header; otherwise a pointer to static text |
//! | 6 | log: time is explicit; reference: follows-from; boolean: true |
//! | 8–15 | length of the key in bytes |
//! | 16–31 | length of the value in bytes |
//!
//! Key and value follow, each padded to whole words with zeros. An image leaves the device in a dump
//! of its memory only, which the relay's `decode` reads: another layout is another magic number in
//! `tracer/retained/header`. All else is encoded.

mod append;
mod area;
mod check;
#[cfg(feature = "relay")]
mod content;
mod dated;
mod entry;
mod entry_limits;
mod entry_writer;
mod fixed;
mod formatted;
mod layout;
mod logs;
mod open;
#[cfg(test)]
mod tests;
mod view;

use crate::ring::{Frame, Payload, Word};
pub use crate::time::Timestamp;

pub use area::{Area, AreaBytes, ByteArea};
pub(crate) use check::check;
pub(crate) use entry::Entries;
#[cfg(feature = "relay")]
pub(crate) use entry::Entry;
pub use entry_limits::EntryLimits;
use fixed::FIXED_WORDS;
pub(crate) use fixed::Fixed;
pub use layout::boundary;
pub use open::Open;
pub use view::{Log, Record, Reference, Tag};

/// The kind of frames that carry records: a ring of them takes [`Image`]s and
/// gives [`Record`]s.
///
/// ```
/// use picojaeger_core::adapter::record::{Open, Records};
/// use picojaeger_core::ring::{Bytes, FrameRing, Spsc, Word};
/// use picojaeger_core::{Flags, SpanContext, SpanId, TraceId};
///
/// let mut ring = FrameRing::<Spsc, (), Bytes<512>, _, Records>::spsc();
/// let (mut producer, mut consumer) = ring.split();
/// let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
/// let mut span = Open::<[Word; 8]>::new("read", context, SpanId::default(), 1_000);
/// span.finish(1_500);
/// producer.push(0, &span.image()).unwrap();
/// assert_eq!(consumer.peek().unwrap().operation(), "read");
/// ```
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a marker")]
pub struct Records;

/// The two halves of an image, as a producer hands them to a ring. See [`Records`]
/// for an example.
#[derive(Clone, Copy, Debug)]
pub struct Image<'i> {
    fixed: &'i Fixed,
    area: &'i [Word],
}

impl<'i> Image<'i> {
    /// The image of a fixed part and what is written of its area.
    #[inline]
    pub(crate) const fn new(fixed: &'i Fixed, area: &'i [Word]) -> Self {
        Image { fixed, area }
    }

    /// The words of an image with so many of its area written.
    #[inline]
    pub(crate) const fn words(area: &[Word]) -> usize {
        FIXED_WORDS + area.len()
    }
}

// SAFETY: `parts` gives a whole `Fixed` and then the written words of its area, which
// is what `view` reads back; the pointers in them are to static text.
unsafe impl Payload for Records {
    type Body<'b> = Image<'b>;
    type View<'v> = Record<'v>;

    #[inline]
    fn parts<'b>(body: &'b Image<'_>) -> [&'b [Word]; 2] {
        let fixed: *const Fixed = body.fixed;
        // SAFETY: `Fixed` is whole words without padding, aligned as words are.
        let words = unsafe { core::slice::from_raw_parts(fixed.cast::<Word>(), FIXED_WORDS) };
        [words, body.area]
    }

    #[inline]
    unsafe fn view(frame: Frame<'_>) -> Record<'_> {
        Record {
            // SAFETY: the frame begins with a `Fixed`, by this trait's contract.
            fixed: unsafe { &*frame.words.as_ptr().cast() },
            area: frame.words.get(FIXED_WORDS..).unwrap_or(&[]),
            sequence: frame.sequence,
        }
    }
}
