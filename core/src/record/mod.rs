//! The record: the memory image that an open span fills and an encoder reads.
//!
//! An image is a [`Fixed`] part and an area of words. Tags, logs and references
//! are appended to the area, each with one packed header word:
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
//! Key and value follow, each padded to whole words with zeros. An image never
//! leaves the process: what does is encoded.

mod append;
mod area;
mod open;
#[cfg(test)]
mod tests;
mod view;

use crate::arch::{WORD, halves, join};
use crate::context::{Flags, SpanContext};
use crate::id::{SpanId, TraceId};
use crate::ring::{Frame, Payload, Word};
pub use crate::time::Timestamp;
use crate::value::Key;

pub use area::{Area, AreaBytes, ByteArea};
pub use open::Open;
pub(crate) use view::Entries;
pub use view::{Log, Record, Reference, Tag};

/// The part of an image that every span has: 64 bytes, 60 on a 32-bit chip.
///
/// Read through [`Open`], which alone changes it.
///
/// ```
/// use picojaeger_core::record::Fixed;
///
/// assert_eq!(size_of::<Fixed>(), 56 + size_of::<usize>());
/// ```
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Fixed {
    /// Null where the name lies in the area.
    operation: *const u8,
    operation_length: u16,
    /// Words of the area that are written.
    used: u16,
    bits: u16,
    /// Entries that found no room.
    dropped: u16,
    trace: TraceId,
    span: SpanId,
    parent: SpanId,
    start: [u32; 2],
    end: [u32; 2],
}

// SAFETY: `operation` is null or points to text that lives as long as the program.
unsafe impl Send for Fixed {}
// SAFETY: as above; nothing is changed through a shared reference.
unsafe impl Sync for Fixed {}

/// The kind of frames that carry records: a ring of them takes [`Image`]s and
/// gives [`Record`]s.
///
/// ```
/// use picojaeger_core::record::{Open, Records};
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
pub struct Records;

/// What a producer hands to a ring: the two halves of an image. See [`Records`]
/// for an example.
#[derive(Clone, Copy, Debug)]
pub struct Image<'i> {
    fixed: &'i Fixed,
    area: &'i [Word],
}

/// The state of a span, beside its wire flags.
mod bits {
    /// The clock was not read at the start. Jaeger's flags leave this bit free.
    pub(super) const UNTIMED: u16 = 1 << 2;
    pub(super) const FINISHED: u16 = 1 << 4;
    pub(super) const CUT: u16 = 1 << 5;
    pub(super) const REFERENCES: u16 = 1 << 6;
    pub(super) const LOGS: u16 = 1 << 7;
    pub(super) const SEGMENT: u16 = 3 << 8;
    pub(super) const SEGMENT_SHIFT: u16 = 8;
    pub(super) const EXPLICIT_START: u16 = 1 << 10;
    pub(super) const EXPLICIT_END: u16 = 1 << 11;
    pub(super) const SAMPLER_SHIFT: u16 = 12;
}

/// The fields of a header word.
mod header {
    pub(super) const KIND: u32 = 0xf;
    pub(super) const FIELD: u32 = 1 << 4;
    pub(super) const COPIED: u32 = 1 << 5;
    pub(super) const EXPLICIT: u32 = 1 << 6;
    pub(super) const FOLLOWS: u32 = 1 << 6;
    pub(super) const TRUE_SHIFT: u32 = 6;
    pub(super) const KEY_SHIFT: u32 = 8;
    pub(super) const VALUE_SHIFT: u32 = 16;
}

/// The kinds of entries.
mod kind {
    pub(super) const STRING: u32 = 0;
    pub(super) const DOUBLE: u32 = 1;
    pub(super) const BOOL: u32 = 2;
    pub(super) const LONG: u32 = 3;
    pub(super) const BINARY: u32 = 4;
    pub(super) const UNSIGNED: u32 = 5;
    pub(super) const REFERENCE: u32 = 6;
    pub(super) const LOG: u32 = 7;
    pub(super) const OPERATION: u32 = 8;
}

const FIXED_WORDS: usize = size_of::<Fixed>() / WORD;
const _: () = assert!(size_of::<Fixed>() == FIXED_WORDS * WORD);
const _: () = assert!(size_of::<Fixed>() == 56 + WORD);
const LONGEST_KEY: usize = u8::MAX as usize;
const LONGEST_VALUE: usize = u16::MAX as usize;
/// Words of a key that is kept by reference.
const POINTER: usize = 1;
/// For entries without a key: takes no word.
const NO_KEY: Key<'static> = Key::Copied("");

impl Fixed {
    /// The span's context; its flags are the wire flags.
    #[inline(always)]
    pub const fn context(&self) -> SpanContext {
        SpanContext::new(self.trace, self.span, self.flags())
    }

    /// The parent's span id, zero for a root.
    #[inline(always)]
    pub const fn parent(&self) -> SpanId {
        self.parent
    }

    /// The wire flags.
    #[inline(always)]
    pub const fn flags(&self) -> Flags {
        Flags::from_wire(self.bits as u8)
    }

    /// Whether the span is recorded and has not finished.
    #[inline(always)]
    pub const fn is_writable(&self) -> bool {
        self.bits & (Flags::SAMPLED.wire() as u16 | bits::FINISHED) == Flags::SAMPLED.wire() as u16
    }

    /// Whether the span has finished.
    #[inline(always)]
    pub const fn is_finished(&self) -> bool {
        self.bits & bits::FINISHED != 0
    }

    /// Whether the span knows when it started.
    #[inline(always)]
    pub const fn is_timed(&self) -> bool {
        self.bits & bits::UNTIMED == 0
    }

    /// When the span started.
    #[inline(always)]
    pub const fn start(&self) -> Timestamp {
        instant(self.start, self.bits & bits::EXPLICIT_START != 0)
    }

    /// Words of the image.
    #[inline(always)]
    pub const fn image_words(&self) -> usize {
        FIXED_WORDS + self.used as usize
    }

    #[inline(always)]
    const fn new(
        operation: &'static str,
        context: SpanContext,
        parent: SpanId,
        start: u64,
    ) -> Self {
        Fixed::starting(operation, context, parent, start, 0)
    }

    /// The fixed part of a span that starts, with a sampler's code and
    /// whether the clock was read, as [`Fixed::state`] says.
    #[inline(always)]
    pub(crate) const fn starting(
        operation: &'static str,
        context: SpanContext,
        parent: SpanId,
        start: u64,
        state: u16,
    ) -> Self {
        Fixed {
            operation: operation.as_ptr(),
            operation_length: name_length(operation),
            used: 0,
            bits: context.flags.wire() as u16 | state,
            dropped: 0,
            trace: context.trace,
            span: context.span,
            parent,
            start: halves(start),
            end: [0; 2],
        }
    }

    /// The fixed part of a span without ids, which is not recorded.
    #[cold]
    #[inline(never)]
    pub(crate) const fn absent(operation: &'static str) -> Self {
        let context = SpanContext::new(TraceId::from_parts(0, 0), SpanId::new(0), Flags::NONE);
        Fixed::starting(operation, context, SpanId::new(0), 0, bits::UNTIMED)
    }

    #[inline(always)]
    pub(crate) const fn finish(&mut self, ticks: u64) {
        self.bits |= bits::FINISHED;
        self.end = halves(ticks);
    }

    #[inline(always)]
    pub(crate) const fn discard(&mut self) {
        self.bits |= bits::FINISHED;
    }

    /// Notes a given end, in Unix microseconds; the span stays open.
    #[inline(always)]
    pub(crate) const fn set_end(&mut self, unix_micros: u64) {
        self.bits |= bits::EXPLICIT_END;
        self.end = halves(unix_micros);
    }

    /// Notes the end at these ticks, unless one is given; the span stays open.
    #[inline(always)]
    pub(crate) const fn note_end(&mut self, ticks: u64) {
        if self.bits & bits::EXPLICIT_END == 0 {
            self.end = halves(ticks);
        }
    }

    /// Notes that the span was sampled and is no more; its end is free until it finishes.
    pub(crate) const fn mark_cleared(&mut self) {
        self.end = [1; 2];
    }

    /// Whether the span, which is not sampled, once was.
    pub(crate) const fn was_cleared(&self) -> bool {
        join(self.end) != 0
    }

    #[inline(always)]
    pub(crate) const fn set_flags(&mut self, flags: Flags) {
        let kept = self.bits & !(Flags::WIRE.wire() as u16);
        self.bits = kept | flags.wire() as u16;
    }

    #[inline(always)]
    pub(crate) const fn set_start(&mut self, start: Timestamp) {
        let (time, bit) = match start {
            Timestamp::Ticks(ticks) => (ticks, 0),
            Timestamp::UnixMicros(micros) => (micros, bits::EXPLICIT_START),
        };
        self.start = halves(time);
        self.bits = self.bits & !(bits::EXPLICIT_START | bits::UNTIMED) | bit;
    }

    #[inline(always)]
    pub(crate) const fn set_untimed(&mut self) {
        self.bits |= bits::UNTIMED;
    }

    #[inline(always)]
    pub(crate) const fn set_sampler(&mut self, code: u8) {
        let kept = self.bits & !(0xf << bits::SAMPLER_SHIFT);
        self.bits = kept | (code as u16 & 0xf) << bits::SAMPLER_SHIFT;
    }

    /// A state for [`Fixed::starting`].
    #[inline(always)]
    pub(crate) const fn state(sampler: u8, timed: bool) -> u16 {
        let untimed = if timed { 0 } else { bits::UNTIMED };
        (sampler as u16 & 0xf) << bits::SAMPLER_SHIFT | untimed
    }

    #[cold]
    #[inline(never)]
    const fn mark_dropped(&mut self) {
        self.bits |= bits::CUT;
        self.dropped = self.dropped.saturating_add(1);
    }
}

impl<'i> Image<'i> {
    /// The image of a fixed part and what is written of its area.
    #[inline(always)]
    pub(crate) const fn new(fixed: &'i Fixed, area: &'i [Word]) -> Self {
        Image { fixed, area }
    }

    /// The words of an image with so many of its area written.
    #[inline(always)]
    pub(crate) const fn words(area: &[Word]) -> usize {
        FIXED_WORDS + area.len()
    }
}

// SAFETY: `parts` gives a whole `Fixed` and then the written words of its area, which
// is what `view` reads back; the pointers in them are to static text.
unsafe impl Payload for Records {
    type Body<'b> = Image<'b>;
    type View<'v> = Record<'v>;

    #[inline(always)]
    fn parts<'b>(body: &'b Image<'_>) -> [&'b [Word]; 2] {
        let fixed: *const Fixed = body.fixed;
        // SAFETY: `Fixed` is whole words without padding, aligned as words are.
        let words = unsafe { core::slice::from_raw_parts(fixed.cast::<Word>(), FIXED_WORDS) };
        [words, body.area]
    }

    #[inline(always)]
    unsafe fn view(frame: Frame<'_>) -> Record<'_> {
        Record {
            // SAFETY: the frame begins with a `Fixed`, by this trait's contract.
            fixed: unsafe { &*frame.words.as_ptr().cast() },
            area: frame.words.get(FIXED_WORDS..).unwrap_or(&[]),
            sequence: frame.sequence,
        }
    }
}

#[inline(always)]
const fn instant(time: [u32; 2], explicit: bool) -> Timestamp {
    if explicit {
        Timestamp::UnixMicros(join(time))
    } else {
        Timestamp::Ticks(join(time))
    }
}

#[inline(always)]
const fn key_words(head: u32) -> usize {
    if head & header::COPIED == 0 {
        return POINTER;
    }
    ((head >> header::KEY_SHIFT & 0xff) as usize).div_ceil(WORD)
}

#[inline(always)]
const fn value_words(head: u32) -> usize {
    ((head >> header::VALUE_SHIFT) as usize).div_ceil(WORD)
}

/// The greatest length up to `limit` that does not cut a character of UTF-8.
pub const fn boundary(text: &[u8], limit: usize) -> usize {
    let mut at = limit;
    if at >= text.len() {
        return text.len();
    }
    while at > 0 && byte(text, at) & 0xc0 == 0x80 {
        at -= 1;
    }
    at
}

/// The byte at `at`, 0 past the end.
const fn byte(text: &[u8], at: usize) -> u8 {
    match text.split_at_checked(at) {
        Some((_, [first, ..])) => *first,
        _ => 0,
    }
}

#[inline(always)]
const fn name_length(name: &str) -> u16 {
    if name.len() > LONGEST_VALUE {
        boundary(name.as_bytes(), LONGEST_VALUE) as u16
    } else {
        name.len() as u16
    }
}
