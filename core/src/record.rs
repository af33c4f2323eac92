//! The record: the memory image that an open span fills and an encoder reads.
//!
//! An image is a [`Fixed`] part and an area of words. Tags, logs and references
//! are appended to the area, each with one packed header word:
//!
//! | Bits | Meaning |
//! |---|---|
//! | 0–3 | kind: a [`Value`]'s type, reference, log, or operation name |
//! | 4 | field of the log before it |
//! | 5 | key copied behind the header; otherwise a pointer to static text |
//! | 6 | log: time is explicit; reference: follows-from |
//! | 8–15 | length of the key in bytes |
//! | 16–31 | length of the value in bytes; of a boolean, its value |
//!
//! Key and value follow, each padded to whole words with zeros. An image never
//! leaves the process: what does is encoded.

use core::mem::MaybeUninit;

use crate::context::{Flags, SpanContext};
use crate::id::{SpanId, TraceId, halves, join};
use crate::ring::{Carried, Frame, Word};
pub use crate::time::Instant;
use crate::value::{Key, Value};

/// The image of an open span: its fixed part and an area of words for tags,
/// logs and references.
///
/// `A` is `[Word; N]`, at most 65,535 of them; a reference coerces to one without `N`. An
/// entry is 8 bytes and its value on a 32-bit chip, 16 bytes and its value
/// elsewhere, if its key is static. Nothing is taken after `finish`; whoever
/// appends asks [`Fixed::is_writable`] first.
///
/// ```
/// use picojaeger_core::record::Open;
/// use picojaeger_core::ring::Word;
/// use picojaeger_core::{Flags, SpanContext, SpanId, TraceId};
///
/// let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
/// let mut span = Open::<[Word; 8]>::new("read", context, SpanId::default(), 1_000);
/// span.tag("unit".into(), "celsius".into());
/// span.finish(1_500);
///
/// let record = span.record();
/// assert_eq!(record.operation(), "read");
/// assert_eq!(record.tags().next().unwrap().key, "unit");
/// ```
#[repr(C)]
#[derive(Debug)]
pub struct Open<A: ?Sized = [Word]> {
    fixed: Fixed,
    area: A,
}

/// The areas of an [`Open`] image: `[Word; N]` and `[Word]`.
pub trait Area: sealed::Sealed {
    /// The words.
    #[doc(hidden)]
    fn words(&self) -> &[Word];
    /// The words, to be written.
    #[doc(hidden)]
    fn words_mut(&mut self) -> &mut [Word];
}

/// The areas that are given in bytes.
pub trait Bytes: Area {
    /// The image without its size, so that code which is not generic takes it.
    #[doc(hidden)]
    fn erase(open: &mut Open<Self>) -> &mut Open<Room>;
}

impl Bytes for Room {
    #[inline(always)]
    fn erase(open: &mut Open<Self>) -> &mut Open<Room> {
        open
    }
}

impl<const N: usize> Bytes for Room<[MaybeUninit<u8>; N]> {
    #[inline(always)]
    fn erase(open: &mut Open<Self>) -> &mut Open<Room> {
        open
    }
}

/// An area that is given in bytes: `Room<[MaybeUninit<u8>; N]>`, or without `N`.
///
/// Bytes behind the last whole word stay unused.
///
/// ```
/// use core::mem::MaybeUninit;
///
/// use picojaeger_core::record::Room;
///
/// assert_eq!(size_of::<Room<[MaybeUninit<u8>; 96]>>(), 96);
/// ```
#[repr(C)]
pub struct Room<B: ?Sized = [MaybeUninit<u8>]> {
    aligned: [Word; 0],
    bytes: B,
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for [super::Word] {}
    impl<const N: usize> Sealed for [super::Word; N] {}
    impl Sealed for super::Room {}
    impl<const N: usize> Sealed for super::Room<[super::MaybeUninit<u8>; N]> {}
}

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
/// use picojaeger_core::ring::{Bytes, FrameRing, Sole, Word};
/// use picojaeger_core::{Flags, SpanContext, SpanId, TraceId};
///
/// let mut ring = FrameRing::<Sole, (), Bytes<512>, _, Records>::sole();
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

/// A finished span, read in place.
///
/// Reading costs a walk over the area for each kind of entry asked for.
///
/// ```
/// use picojaeger_core::record::{Instant, Open};
/// use picojaeger_core::ring::Word;
/// use picojaeger_core::{Flags, SpanContext, SpanId, TraceId};
///
/// let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
/// let mut span = Open::<[Word; 16]>::new("read", context, SpanId::default(), 1_000);
/// span.tag("unit".into(), "celsius".into());
/// span.finish(1_500);
///
/// let record = span.record();
/// assert_eq!((record.operation(), record.context()), ("read", context));
/// assert_eq!((record.start(), record.finish()), (Instant::Ticks(1_000), Instant::Ticks(1_500)));
/// assert_eq!(record.tags().count(), 1);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Record<'r> {
    fixed: &'r Fixed,
    area: &'r [Word],
    sequence: u32,
}

/// A tag or a log field of a record.
///
/// ```
/// use picojaeger_core::record::Tag;
///
/// let tag = Tag { key: "channel", value: 3.into() };
/// assert_eq!(tag.value, picojaeger_core::Value::I64(3));
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tag<'r> {
    /// The key, at most 255 bytes.
    pub key: &'r str,
    /// The value, cut where it found no room.
    pub value: Value<'r>,
}

/// A reference of a record to another span.
///
/// ```
/// use picojaeger_core::record::{Open, Reference};
/// use picojaeger_core::ring::Word;
/// use picojaeger_core::{Flags, SpanContext, SpanId, TraceId};
///
/// let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
/// let mut span = Open::<[Word; 16]>::new("read", context, SpanId::default(), 1_000);
/// let other = Reference { follows: true, trace: TraceId::from_parts(0, 7), span: SpanId::new(8) };
/// assert!(span.try_reference(other));
/// assert_eq!(span.record().references().next(), Some(other));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reference {
    /// Whether this span follows from the other instead of being its child.
    pub follows: bool,
    /// The other span's trace.
    pub trace: TraceId,
    /// The other span.
    pub span: SpanId,
}

/// A log of a record.
///
/// ```
/// use picojaeger_core::record::{Instant, Open};
/// use picojaeger_core::ring::Word;
/// use picojaeger_core::{Flags, SpanContext, SpanId, TraceId};
///
/// let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
/// let mut span = Open::<[Word; 16]>::new("read", context, SpanId::default(), 1_000);
/// assert!(span.try_log(Instant::Ticks(1_200)));
/// span.field("event".into(), "retry".into());
///
/// let log = span.record().logs().next().unwrap();
/// assert_eq!(log.time, Instant::Ticks(1_200));
/// assert_eq!(log.fields().next().unwrap().key, "event");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Log<'r> {
    /// When it was written.
    pub time: Instant,
    entries: Entries<'r>,
}

/// The entries of an area, in the order they were appended.
#[derive(Clone, Copy, Debug)]
struct Entries<'r> {
    rest: &'r [Word],
}

/// A header word and what it heads.
#[derive(Clone, Copy)]
struct Entry<'r> {
    header: u32,
    key: &'r [Word],
    value: &'r [Word],
}

/// The state of a span, beside its wire flags.
mod bits {
    /// The clock was not read at the start. Jaeger's flags leave this bit free.
    pub(super) const UNTIMED: u16 = 1 << 2;
    pub(super) const FINISHED: u16 = 1 << 4;
    pub(super) const CUT: u16 = 1 << 5;
    pub(super) const REFERENCES: u16 = 1 << 6;
    pub(super) const LOGS: u16 = 1 << 7;
    pub(super) const EPOCH: u16 = 3 << 8;
    pub(super) const EPOCH_SHIFT: u16 = 8;
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

const WORD: usize = size_of::<usize>();
const FIXED_WORDS: usize = size_of::<Fixed>() / WORD;
const _: () = assert!(size_of::<Fixed>() == FIXED_WORDS * WORD);
const _: () = assert!(size_of::<Fixed>() == 56 + WORD);
const LONGEST_KEY: usize = u8::MAX as usize;
const LONGEST_VALUE: usize = u16::MAX as usize;
/// Words of a key that is kept by reference.
const POINTER: usize = 1;
/// For entries without a key: takes no word.
const NO_KEY: Key<'static> = Key::Copied("");

impl<const N: usize> Open<[Word; N]> {
    /// The image of a span that started at `start` ticks; a zero `parent` is none.
    #[inline(always)]
    pub const fn new(
        operation: &'static str,
        context: SpanContext,
        parent: SpanId,
        start: u64,
    ) -> Self {
        const { assert!(N <= u16::MAX as usize, "an area has at most 65,535 words") };
        Open {
            fixed: Fixed::new(operation, context, parent, start),
            area: [const { Word::uninit() }; N],
        }
    }
}

impl<A> Open<A> {
    /// The image with this fixed part and nothing in its area.
    #[inline(always)]
    pub(crate) const fn begun(fixed: Fixed, area: A) -> Self {
        Open { fixed, area }
    }
}

impl<A: Area + ?Sized> Open<A> {
    /// Starts over as the image of another span.
    #[inline(always)]
    pub fn restart(
        &mut self,
        operation: &'static str,
        context: SpanContext,
        parent: SpanId,
        start: u64,
    ) {
        self.fixed = Fixed::new(operation, context, parent, start);
    }

    /// Gives the span its identity, and keeps what was appended.
    #[inline(always)]
    pub fn identify(&mut self, context: SpanContext, parent: SpanId, start: u64) {
        self.set_flags(context.flags);
        self.fixed.trace = context.trace;
        self.fixed.span = context.span;
        self.fixed.parent = parent;
        self.fixed.start = halves(start);
    }

    /// Replaces the wire flags.
    #[inline(always)]
    pub const fn set_flags(&mut self, flags: Flags) {
        self.fixed.set_flags(flags);
    }

    /// Names the code of the sampler's answer, 1 to 15; its description becomes
    /// the tags `sampler.type` and `sampler.param`. 0 names none.
    #[inline(always)]
    pub const fn set_sampler(&mut self, code: u8) {
        self.fixed.set_sampler(code);
    }

    /// Names the clock's epoch at the start, 0 to 3.
    #[inline(always)]
    pub const fn set_epoch(&mut self, epoch: u8) {
        let kept = self.fixed.bits & !bits::EPOCH;
        self.fixed.bits = kept | (epoch as u16 & 3) << bits::EPOCH_SHIFT;
    }

    /// Sets the start again.
    #[inline(always)]
    pub const fn set_start(&mut self, start: Instant) {
        self.fixed.set_start(start);
    }

    /// Says that the clock was not read at the start, until that is set again.
    #[inline(always)]
    pub const fn set_untimed(&mut self) {
        self.fixed.set_untimed();
    }

    /// Sets the parent again; zero for none.
    #[inline(always)]
    pub const fn set_parent(&mut self, parent: SpanId) {
        self.fixed.parent = parent;
    }

    /// Ends the span at these ticks.
    #[inline(always)]
    pub const fn finish(&mut self, ticks: u64) {
        self.fixed.finish(ticks);
    }

    /// Ends the span at a given Unix time, in microseconds.
    #[inline(always)]
    pub const fn finish_at(&mut self, unix_micros: u64) {
        self.fixed.bits |= bits::FINISHED | bits::EXPLICIT_END;
        self.fixed.end = halves(unix_micros);
    }

    /// Ends a span that is not recorded.
    #[inline(always)]
    pub const fn discard(&mut self) {
        self.fixed.discard();
    }

    /// The image, to be handed to a ring.
    #[inline(always)]
    pub fn image(&self) -> Image<'_> {
        Image {
            fixed: &self.fixed,
            area: self.written(),
        }
    }

    /// The record that this image is so far; its sequence number is 0.
    pub fn record(&self) -> Record<'_> {
        Record {
            fixed: &self.fixed,
            area: self.written(),
            sequence: 0,
        }
    }

    /// Copies the whole image into another; `false` if its area is too small.
    pub fn copy_to(&self, other: &mut Open) -> bool {
        let written = self.written();
        let Some(room) = other.area.get_mut(..written.len()) else {
            return false;
        };
        room.copy_from_slice(written);
        other.fixed = self.fixed;
        true
    }

    /// Marks the span as cut: it gets the tag `picojaeger.truncated`.
    #[inline(always)]
    pub const fn mark_cut(&mut self) {
        self.fixed.bits |= bits::CUT;
    }

    /// Counts an entry that was refused; the span gets the tag `picojaeger.dropped`.
    pub const fn mark_dropped(&mut self) {
        self.fixed.mark_dropped();
    }

    /// Replaces the operation name by static text, of which 65,535 bytes are kept.
    #[inline]
    pub fn set_operation(&mut self, name: &'static str) {
        self.fixed.operation = name.as_ptr();
        self.fixed.operation_length = name_length(name);
    }

    /// Replaces the operation name by a copy in the area if it fits whole.
    pub fn try_copy_operation(&mut self, name: &str) -> bool {
        let (fixed, area) = self.both();
        let copied = fixed.append_bytes(area, kind::OPERATION, NO_KEY, name.as_bytes());
        if copied {
            fixed.operation = core::ptr::null();
        }
        copied
    }

    /// Replaces the operation name by a copy in the area, cut to its room; if
    /// there is none the old name stays, and the change is counted.
    pub fn copy_operation(&mut self, name: &str) {
        let (fixed, area) = self.both();
        if fixed.append_cut(area, kind::OPERATION, NO_KEY, name.as_bytes()) {
            fixed.operation = core::ptr::null();
        } else {
            fixed.mark_dropped();
        }
    }

    /// Appends a tag. What does not fit is cut or refused, and marked.
    #[inline(always)]
    pub fn tag(&mut self, key: Key<'_>, value: Value<'_>) {
        let (fixed, area) = self.both();
        fixed.append_or_cut(area, 0, key, value);
    }

    /// Appends a tag if it fits whole.
    #[inline(always)]
    pub fn try_tag(&mut self, key: Key<'_>, value: Value<'_>) -> bool {
        let (fixed, area) = self.both();
        fixed.append(area, 0, key, value)
    }

    /// Begins a log; its fields follow. `false` if there is no room, which the
    /// caller counts.
    pub fn try_log(&mut self, time: Instant) -> bool {
        let (time, explicit) = match time {
            Instant::Ticks(ticks) => (ticks, 0),
            Instant::UnixMicros(micros) => (micros, header::EXPLICIT),
        };
        let (fixed, area) = self.both();
        let begun = fixed.append_number(area, kind::LOG | explicit, NO_KEY, time);
        if begun {
            fixed.bits |= bits::LOGS;
        }
        begun
    }

    /// Appends a field to the log that was begun last. What does not fit is cut
    /// or refused, and marked.
    pub fn field(&mut self, key: Key<'_>, value: Value<'_>) {
        let (fixed, area) = self.both();
        fixed.append_or_cut(area, header::FIELD, key, value);
    }

    /// Appends a field if it fits whole.
    #[inline(always)]
    pub fn try_field(&mut self, key: Key<'_>, value: Value<'_>) -> bool {
        let (fixed, area) = self.both();
        fixed.append(area, header::FIELD, key, value)
    }

    /// Appends a reference if it fits.
    pub fn try_reference(&mut self, reference: Reference) -> bool {
        let kind = kind::REFERENCE
            | if reference.follows {
                header::FOLLOWS
            } else {
                0
            };
        let ids = [
            reference.trace.low(),
            reference.trace.high(),
            reference.span.get(),
        ];
        // In native byte order: the record stays in this process.
        let mut bytes = [0; 24];
        for (to, id) in bytes.chunks_exact_mut(8).zip(ids) {
            to.copy_from_slice(&id.to_ne_bytes());
        }
        let (fixed, area) = self.both();
        let written = fixed.append_bytes(area, kind, NO_KEY, &bytes);
        if written {
            fixed.bits |= bits::REFERENCES;
        }
        written
    }

    /// The fixed part, and what is written of the area.
    #[inline(always)]
    pub(crate) fn parts(&mut self) -> (&mut Fixed, &[Word]) {
        let words = self.area.words().get(..self.fixed.used as usize);
        (&mut self.fixed, words.unwrap_or(&[]))
    }

    #[inline(always)]
    pub(crate) const fn fixed_mut(&mut self) -> &mut Fixed {
        &mut self.fixed
    }

    /// Notes a given end, in Unix microseconds; the span stays open.
    #[inline(always)]
    pub(crate) const fn set_end(&mut self, unix_micros: u64) {
        self.fixed.set_end(unix_micros);
    }

    #[inline(always)]
    fn both(&mut self) -> (&mut Fixed, &mut [Word]) {
        (&mut self.fixed, self.area.words_mut())
    }

    #[inline(always)]
    fn written(&self) -> &[Word] {
        self.area
            .words()
            .get(..self.fixed.used as usize)
            .unwrap_or(&[])
    }
}

impl<A: ?Sized> core::ops::Deref for Open<A> {
    type Target = Fixed;

    #[inline(always)]
    fn deref(&self) -> &Fixed {
        &self.fixed
    }
}

impl Area for [Word] {
    #[inline(always)]
    fn words(&self) -> &[Word] {
        self
    }
    #[inline(always)]
    fn words_mut(&mut self) -> &mut [Word] {
        self
    }
}

impl<const N: usize> Area for [Word; N] {
    #[inline(always)]
    fn words(&self) -> &[Word] {
        self
    }
    #[inline(always)]
    fn words_mut(&mut self) -> &mut [Word] {
        self
    }
}

impl Room {
    #[inline(always)]
    fn words(&self) -> &[Word] {
        let words = self.bytes.len() / WORD;
        // SAFETY: aligned to words by the field before, and undefined bytes are words.
        unsafe { core::slice::from_raw_parts(self.bytes.as_ptr().cast(), words) }
    }

    #[inline(always)]
    fn words_mut(&mut self) -> &mut [Word] {
        let words = self.bytes.len() / WORD;
        // SAFETY: as above.
        unsafe { core::slice::from_raw_parts_mut(self.bytes.as_mut_ptr().cast(), words) }
    }
}

impl<const N: usize> Room<[MaybeUninit<u8>; N]> {
    /// Nothing is written yet.
    #[inline(always)]
    pub const fn new() -> Self {
        Room {
            aligned: [],
            bytes: [const { MaybeUninit::uninit() }; N],
        }
    }
}

impl<const N: usize> Default for Room<[MaybeUninit<u8>; N]> {
    fn default() -> Self {
        Room::new()
    }
}

impl<B: ?Sized> core::fmt::Debug for Room<B> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let bytes = size_of_val(self) - size_of_val(&self.aligned);
        f.debug_struct("Room").field("bytes", &bytes).finish()
    }
}

impl Area for Room {
    #[inline(always)]
    fn words(&self) -> &[Word] {
        self.words()
    }
    #[inline(always)]
    fn words_mut(&mut self) -> &mut [Word] {
        self.words_mut()
    }
}

impl<const N: usize> Area for Room<[MaybeUninit<u8>; N]> {
    #[inline(always)]
    fn words(&self) -> &[Word] {
        let unsized_room: &Room = self;
        unsized_room.words()
    }
    #[inline(always)]
    fn words_mut(&mut self) -> &mut [Word] {
        let unsized_room: &mut Room = self;
        unsized_room.words_mut()
    }
}

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
    pub const fn start(&self) -> Instant {
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

    /// Ends the span at these ticks, or at the end that was noted.
    #[inline(always)]
    pub(crate) const fn close(&mut self, ticks: u64) {
        if self.bits & bits::EXPLICIT_END == 0 {
            self.end = halves(ticks);
        }
        self.bits |= bits::FINISHED;
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
    pub(crate) const fn set_start(&mut self, start: Instant) {
        let (time, bit) = match start {
            Instant::Ticks(ticks) => (ticks, 0),
            Instant::UnixMicros(micros) => (micros, bits::EXPLICIT_START),
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

    /// Sets id and start of a span that starts.
    #[inline(always)]
    pub(crate) const fn set_drawn(&mut self, span: SpanId, start: u64) {
        self.span = span;
        self.start = halves(start);
    }

    /// A state for [`Fixed::starting`].
    #[inline(always)]
    pub(crate) const fn state(sampler: u8, timed: bool) -> u16 {
        let untimed = if timed { 0 } else { bits::UNTIMED };
        (sampler as u16 & 0xf) << bits::SAMPLER_SHIFT | untimed
    }

    const fn mark_dropped(&mut self) {
        self.bits |= bits::CUT;
        self.dropped = self.dropped.saturating_add(1);
    }

    #[inline(always)]
    fn append(&mut self, area: &mut [Word], flags: u32, key: Key<'_>, value: Value<'_>) -> bool {
        match key {
            Key::Static(key) if key.len() <= LONGEST_KEY => {
                self.append_static(area, flags, key, value)
            }
            _ => self.append_any(area, flags, key, value),
        }
    }

    /// Appends an entry, or as much of it as fits.
    #[inline(always)]
    fn append_or_cut(&mut self, area: &mut [Word], flags: u32, key: Key<'_>, value: Value<'_>) {
        let Key::Static(key) = key else {
            return self.append_any_or_cut(area, flags, key, value);
        };
        if key.len() > LONGEST_KEY {
            return self.append_any_or_cut(area, flags, Key::Static(key), value);
        }
        if self.append_static(area, flags, key, value) {
            return;
        }
        // Key and value go on as plain words: as enums they would have to lie in memory,
        // where they are written long before it is known whether this is reached.
        match value {
            Value::Str(text) => self.cut_static(area, flags | kind::STRING, key, text.as_bytes()),
            Value::Bytes(bytes) => self.cut_static(area, flags | kind::BINARY, key, bytes),
            _ => self.refuse(),
        }
    }

    #[inline(never)]
    fn append_any_or_cut(&mut self, area: &mut [Word], flags: u32, key: Key<'_>, value: Value<'_>) {
        if !self.append_any(area, flags, key, value) {
            self.cut(area, flags, key, value);
        }
    }

    /// Appends an entry whose key is kept by reference, if it fits: the fast way.
    #[inline(always)]
    fn append_static(
        &mut self,
        area: &mut [Word],
        flags: u32,
        key: &'static str,
        value: Value<'_>,
    ) -> bool {
        let flags = flags | (key.len() as u32) << header::KEY_SHIFT;
        let key = pointer(key.as_ptr());
        let (kind, bytes) = match value {
            Value::Str(text) => (kind::STRING, text.as_bytes()),
            Value::Bytes(bytes) => (kind::BINARY, bytes),
            Value::Bool(n) => {
                let head = flags | kind::BOOL | (n as u32) << header::VALUE_SHIFT;
                return self.append_keyed_bytes(area, head, key, &[]);
            }
            Value::I64(n) => {
                return self.append_keyed_number(area, flags | kind::LONG, key, n as u64);
            }
            Value::U64(n) => return self.append_keyed_number(area, flags | kind::UNSIGNED, key, n),
            Value::F64(n) => {
                return self.append_keyed_number(area, flags | kind::DOUBLE, key, n.to_bits());
            }
        };
        if bytes.len() > LONGEST_VALUE {
            return false;
        }
        let head = flags | kind | (bytes.len() as u32) << header::VALUE_SHIFT;
        self.append_keyed_bytes(area, head, key, bytes)
    }

    /// Appends an entry with this header and this pointer to its key, if it fits.
    #[inline(never)]
    fn append_keyed_bytes(
        &mut self,
        area: &mut [Word],
        head: u32,
        key: Word,
        value: &[u8],
    ) -> bool {
        let used = self.used as usize;
        let end = used + 1 + POINTER + value.len().div_ceil(WORD);
        let Some([first, at, room @ ..]) = area.get_mut(used..end) else {
            return false;
        };
        *first = Word::new(head as usize);
        *at = key;
        copy_bytes(value, room);
        self.used = end as u16;
        true
    }

    /// Appends a number with this header, but for its length, and this pointer
    /// to its key, if it fits.
    #[inline(never)]
    fn append_keyed_number(&mut self, area: &mut [Word], head: u32, key: Word, value: u64) -> bool {
        let used = self.used as usize;
        let end = used + 1 + POINTER + 8 / WORD;
        let Some([first, at, room @ ..]) = area.get_mut(used..end) else {
            return false;
        };
        *first = Word::new((head | 8 << header::VALUE_SHIFT) as usize);
        *at = key;
        write_number(value, room);
        self.used = end as u16;
        true
    }

    #[inline(always)]
    fn append_any(
        &mut self,
        area: &mut [Word],
        flags: u32,
        key: Key<'_>,
        value: Value<'_>,
    ) -> bool {
        match value {
            Value::Str(text) => self.append_bytes(area, flags | kind::STRING, key, text.as_bytes()),
            Value::Bytes(bytes) => self.append_bytes(area, flags | kind::BINARY, key, bytes),
            Value::I64(n) => self.append_number(area, flags | kind::LONG, key, n as u64),
            Value::U64(n) => self.append_number(area, flags | kind::UNSIGNED, key, n),
            Value::F64(n) => self.append_number(area, flags | kind::DOUBLE, key, n.to_bits()),
            Value::Bool(n) => {
                let value = (n as u32) << header::VALUE_SHIFT;
                self.append_bytes(area, flags | kind::BOOL | value, key, &[])
            }
        }
    }

    /// Appends text or bytes if they fit.
    #[inline(never)]
    fn append_bytes(&mut self, area: &mut [Word], head: u32, key: Key<'_>, value: &[u8]) -> bool {
        let words = value.len().div_ceil(WORD);
        if value.len() > LONGEST_VALUE {
            return false;
        }
        let head = head | (value.len() as u32) << header::VALUE_SHIFT;
        let Some(room) = self.open_entry(area, head, key, words) else {
            return false;
        };
        copy_bytes(value, room);
        true
    }

    /// Appends eight bytes if they fit.
    #[inline(never)]
    fn append_number(&mut self, area: &mut [Word], head: u32, key: Key<'_>, value: u64) -> bool {
        let head = head | 8 << header::VALUE_SHIFT;
        let Some(room) = self.open_entry(area, head, key, 8 / WORD) else {
            return false;
        };
        write_number(value, room);
        true
    }

    /// Writes header and key, and gives the room for the value's words.
    #[inline(always)]
    fn open_entry<'a>(
        &mut self,
        area: &'a mut [Word],
        head: u32,
        key: Key<'_>,
        value_words: usize,
    ) -> Option<&'a mut [Word]> {
        let free = area.get_mut(self.used as usize..)?;
        let (first, rest) = free.split_first_mut()?;
        let (head, key_words, room) = match key {
            Key::Static(text) => {
                let length = if text.len() > LONGEST_KEY {
                    cut_key(text, &mut self.bits)
                } else {
                    text.len()
                };
                let (at, room) = rest.split_first_mut()?;
                if room.len() < value_words {
                    return None;
                }
                *at = pointer(text.as_ptr());
                (head | (length as u32) << header::KEY_SHIFT, POINTER, room)
            }
            Key::Copied(text) => {
                let length = if text.len() > LONGEST_KEY {
                    cut_key(text, &mut self.bits)
                } else {
                    text.len()
                };
                let words = length.div_ceil(WORD);
                let (at, room) = rest.split_at_mut_checked(words)?;
                if room.len() < value_words {
                    return None;
                }
                copy_bytes(text.as_bytes().get(..length)?, at);
                let head = head | header::COPIED | (length as u32) << header::KEY_SHIFT;
                (head, words, room)
            }
        };
        *first = Word::new(head as usize);
        self.used += (1 + key_words + value_words) as u16;
        room.get_mut(..value_words)
    }

    /// Counts an entry that finds no room.
    #[cold]
    #[inline(never)]
    fn refuse(&mut self) {
        self.mark_dropped();
    }

    /// Appends as much of text or bytes as fits, and marks the span.
    #[cold]
    #[inline(never)]
    fn cut_static(&mut self, area: &mut [Word], head: u32, key: &'static str, value: &[u8]) {
        if !self.append_cut(area, head, Key::Static(key), value) {
            self.mark_dropped();
        }
    }

    /// Appends as much of a value as fits, and marks the span.
    #[cold]
    #[inline(never)]
    fn cut(&mut self, area: &mut [Word], flags: u32, key: Key<'_>, value: Value<'_>) {
        let appended = match value {
            Value::Str(text) => self.append_cut(area, flags | kind::STRING, key, text.as_bytes()),
            Value::Bytes(bytes) => self.append_cut(area, flags | kind::BINARY, key, bytes),
            _ => false,
        };
        if !appended {
            self.mark_dropped();
        }
    }

    /// Appends as much of `value` as there is room for; `false` if there is none.
    #[cold]
    fn append_cut(&mut self, area: &mut [Word], head: u32, key: Key<'_>, value: &[u8]) -> bool {
        let key_words = match key {
            Key::Static(_) => POINTER,
            Key::Copied(text) => text.len().min(LONGEST_KEY).div_ceil(WORD),
        };
        let free = area.len().saturating_sub(self.used as usize);
        let room = free.saturating_sub(1 + key_words) * WORD;
        let room = room.min(LONGEST_VALUE);
        let kept = if value.len() <= room {
            value.len()
        } else if head & header::KIND == kind::BINARY {
            room
        } else {
            boundary(value, room)
        };
        if kept == 0 && !value.is_empty() {
            return false;
        }
        if kept < value.len() {
            self.bits |= bits::CUT;
        }
        self.append_bytes(area, head, key, value.get(..kept).unwrap_or(&[]))
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

impl<'r> Record<'r> {
    /// The record's number on its ring; a gap before it says how many were dropped.
    pub fn sequence(&self) -> u32 {
        self.sequence
    }

    /// The span's context.
    #[inline]
    pub fn context(&self) -> SpanContext {
        self.fixed.context()
    }

    /// The parent's span id, zero for a root.
    #[inline]
    pub fn parent(&self) -> SpanId {
        self.fixed.parent
    }

    /// The operation name.
    #[inline]
    pub fn operation(&self) -> &'r str {
        if self.fixed.operation.is_null() {
            return self.copied_operation();
        }
        // SAFETY: not null, so it is a `&'static str`'s pointer, and the length is
        // its own or a boundary in it.
        unsafe { text(self.fixed.operation, self.fixed.operation_length as usize) }
    }

    /// When the span started.
    #[inline]
    pub fn start(&self) -> Instant {
        self.fixed.start()
    }

    /// When the span finished.
    #[inline]
    pub fn finish(&self) -> Instant {
        instant(self.fixed.end, self.fixed.bits & bits::EXPLICIT_END != 0)
    }

    /// The clock's epoch at the start, 0 to 3.
    #[inline]
    pub fn epoch(&self) -> u8 {
        ((self.fixed.bits & bits::EPOCH) >> bits::EPOCH_SHIFT) as u8
    }

    /// The code of the sampler's answer, 0 for none.
    #[inline]
    pub fn sampler(&self) -> u8 {
        (self.fixed.bits >> bits::SAMPLER_SHIFT) as u8
    }

    /// Whether an entry was cut or refused.
    #[inline]
    pub fn is_cut(&self) -> bool {
        self.fixed.bits & bits::CUT != 0
    }

    /// How many entries were refused, at most 65,535.
    #[inline]
    pub fn dropped(&self) -> u16 {
        self.fixed.dropped
    }

    /// Whether there are references.
    #[inline]
    pub fn has_references(&self) -> bool {
        self.fixed.bits & bits::REFERENCES != 0
    }

    /// Whether there are logs.
    #[inline]
    pub fn has_logs(&self) -> bool {
        self.fixed.bits & bits::LOGS != 0
    }

    /// The tags, in order.
    #[inline]
    pub fn tags(&self) -> impl Iterator<Item = Tag<'r>> + Clone + use<'r> {
        self.entries().filter(Entry::is_tag).map(Entry::tag)
    }

    /// The references, in order; the parent in the same trace is not among them
    /// unless it is a follows-from.
    #[inline]
    pub fn references(&self) -> impl Iterator<Item = Reference> + Clone + use<'r> {
        let entries = self.some(bits::REFERENCES);
        entries
            .filter(|entry| entry.kind() == kind::REFERENCE)
            .map(Entry::reference)
    }

    /// The logs, in order.
    #[inline]
    pub fn logs(&self) -> impl Iterator<Item = Log<'r>> + Clone + use<'r> {
        let mut entries = self.some(bits::LOGS);
        core::iter::from_fn(move || {
            let log = entries.find(|entry| entry.kind() == kind::LOG)?;
            Some(Log {
                time: log.time(),
                entries,
            })
        })
    }

    #[inline(always)]
    fn entries(&self) -> Entries<'r> {
        Entries { rest: self.area }
    }

    /// The entries if the image has any of a kind, none otherwise.
    #[inline(always)]
    fn some(&self, bit: u16) -> Entries<'r> {
        if self.fixed.bits & bit == 0 {
            return Entries { rest: &[] };
        }
        self.entries()
    }

    #[cold]
    fn copied_operation(&self) -> &'r str {
        let names = self
            .entries()
            .filter(|entry| entry.kind() == kind::OPERATION);
        names.last().map_or("", |entry| entry.text())
    }
}

impl<'r> Log<'r> {
    /// The fields, in order.
    #[inline]
    pub fn fields(&self) -> impl Iterator<Item = Tag<'r>> + Clone + use<'r> {
        self.entries
            .take_while(|entry| entry.header & header::FIELD != 0)
            .map(Entry::tag)
    }
}

impl<'r> Iterator for Entries<'r> {
    type Item = Entry<'r>;

    #[inline(always)]
    fn next(&mut self) -> Option<Entry<'r>> {
        let (first, rest) = self.rest.split_first()?;
        // SAFETY: `used` only moves behind a whole entry, so `rest` begins with a header
        // that was written, or is empty.
        let header = unsafe { first.assume_init() } as u32;
        let (key, rest) = rest.split_at_checked(key_words(header))?;
        let (value, rest) = rest.split_at_checked(value_words(header))?;
        self.rest = rest;
        Some(Entry { header, key, value })
    }
}

impl<'r> Entry<'r> {
    #[inline(always)]
    fn kind(&self) -> u32 {
        self.header & header::KIND
    }

    #[inline(always)]
    fn is_tag(&self) -> bool {
        self.header & header::FIELD == 0 && self.kind() <= kind::UNSIGNED
    }

    #[inline(always)]
    fn tag(self) -> Tag<'r> {
        Tag {
            key: self.key(),
            value: self.value(),
        }
    }

    #[inline(always)]
    fn key(&self) -> &'r str {
        let length = (self.header >> header::KEY_SHIFT & 0xff) as usize;
        let at = self.key;
        // SAFETY: the header says which was written: the pointer of static text, of which
        // the length is its own or a boundary in it, or so much text itself.
        unsafe {
            if self.header & header::COPIED != 0 {
                text(at.as_ptr().cast(), length)
            } else {
                text(at.as_ptr().cast::<*const u8>().read(), length)
            }
        }
    }

    #[inline(always)]
    fn value(&self) -> Value<'r> {
        match self.kind() {
            kind::DOUBLE => Value::F64(f64::from_bits(self.number())),
            kind::BOOL => Value::Bool(self.header >> header::VALUE_SHIFT != 0),
            kind::LONG => Value::I64(self.number() as i64),
            kind::BINARY => Value::Bytes(self.bytes()),
            kind::UNSIGNED => Value::U64(self.number()),
            _ => Value::Str(self.text()),
        }
    }

    /// The bytes of the value.
    #[inline(always)]
    fn bytes(&self) -> &'r [u8] {
        let length = (self.header >> header::VALUE_SHIFT) as usize;
        // SAFETY: only asked of text, bytes and references, of which this many bytes were
        // written into these words, and the rest of the last filled up.
        unsafe { core::slice::from_raw_parts(self.value.as_ptr().cast(), length) }
    }

    #[inline(always)]
    fn text(&self) -> &'r str {
        // SAFETY: text was appended whole, or cut at a boundary.
        unsafe { core::str::from_utf8_unchecked(self.bytes()) }
    }

    #[inline(always)]
    fn number(&self) -> u64 {
        match self.value {
            // SAFETY: a number's words were all written, by `write_number`.
            [one] => unsafe { one.assume_init() as u64 },
            // SAFETY: as above.
            [low, high, ..] => unsafe {
                join([low.assume_init() as u32, high.assume_init() as u32])
            },
            [] => 0,
        }
    }

    fn time(&self) -> Instant {
        instant(halves(self.number()), self.header & header::EXPLICIT != 0)
    }

    fn reference(self) -> Reference {
        let mut ids = [0u64; 3];
        for (id, bytes) in ids.iter_mut().zip(self.bytes().chunks_exact(8)) {
            let mut word = [0; 8];
            word.copy_from_slice(bytes);
            *id = u64::from_ne_bytes(word);
        }
        Reference {
            follows: self.header & header::FOLLOWS != 0,
            trace: TraceId::from_parts(ids[1], ids[0]),
            span: SpanId::new(ids[2]),
        }
    }
}

// SAFETY: `parts` gives a whole `Fixed` and then the written words of its area, which
// is what `view` reads back; the pointers in them are to static text.
unsafe impl Carried for Records {
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
const fn instant(time: [u32; 2], explicit: bool) -> Instant {
    if explicit {
        Instant::UnixMicros(join(time))
    } else {
        Instant::Ticks(join(time))
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
    if head & header::KIND == kind::BOOL {
        return 0;
    }
    ((head >> header::VALUE_SHIFT) as usize).div_ceil(WORD)
}

/// A pointer as a word, provenance and all.
#[inline(always)]
fn pointer(at: *const u8) -> Word {
    let mut word = Word::uninit();
    // SAFETY: a pointer has the size and alignment of a word.
    unsafe { word.as_mut_ptr().cast::<*const u8>().write(at) };
    word
}

/// Writes a number to its one or two words.
#[inline(always)]
fn write_number(value: u64, words: &mut [Word]) {
    let [low, high] = halves(value);
    match words {
        [one] => *one = Word::new(value as usize),
        [first, second, ..] => {
            *first = Word::new(low as usize);
            *second = Word::new(high as usize);
        }
        [] => {}
    }
}

/// Copies `bytes` to the front of `words`, the last of them filled up with zeros.
#[inline(always)]
fn copy_bytes(bytes: &[u8], words: &mut [Word]) {
    debug_assert!(bytes.len() <= size_of_val(words));
    if cfg!(target_pointer_width = "32") {
        return copy_by_words(bytes, words);
    }
    if let [word] = words {
        *word = Word::new(one_word(bytes));
        return;
    }
    if let Some(last) = words.last_mut() {
        *last = Word::new(0);
    }
    let to = words.as_mut_ptr().cast::<u8>();
    // SAFETY: the callers give room for all bytes.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) }
}

/// The same without a call, for chips, where text is short.
#[inline(always)]
fn copy_by_words(bytes: &[u8], words: &mut [Word]) {
    let (whole, rest) = bytes.as_chunks::<WORD>();
    let mut to = words.iter_mut();
    for (chunk, word) in whole.iter().zip(&mut to) {
        let value = Word::new(usize::from_ne_bytes(*chunk));
        // SAFETY: a reference is valid. Volatile, so that the compiler does not
        // make a call of it.
        unsafe { core::ptr::from_mut(word).write_volatile(value) };
    }
    if let Some(word) = to.next() {
        let mut last = 0;
        for byte in rest.iter().rev() {
            last = last << 8 | *byte as usize;
        }
        *word = Word::new(usize::from_le(last));
    }
}

/// A word's bytes or fewer, filled up with zeros.
#[inline(always)]
fn one_word(bytes: &[u8]) -> usize {
    if cfg!(all(target_pointer_width = "64", target_endian = "little"))
        && let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk())
    {
        // Four to eight bytes, as two overlapping halves.
        let [head, tail] = [head, tail].map(|half| u32::from_le_bytes(*half) as u64);
        return (head | tail << ((8 * (bytes.len() - 4)) & 63)) as usize;
    }
    let mut word = [0; WORD];
    for (byte, from) in word.iter_mut().zip(bytes) {
        *byte = *from;
    }
    usize::from_ne_bytes(word)
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

#[cold]
fn cut_key(text: &str, state: &mut u16) -> usize {
    *state |= bits::CUT;
    boundary(text.as_bytes(), LONGEST_KEY)
}

/// # Safety
/// `length` bytes of UTF-8 at `at` live for `'t`.
#[inline(always)]
unsafe fn text<'t>(at: *const u8, length: usize) -> &'t str {
    // SAFETY: the caller's promise.
    unsafe { core::str::from_utf8_unchecked(core::slice::from_raw_parts(at, length)) }
}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec::Vec;

    use super::*;
    use crate::value::Copied;

    type Span<const N: usize> = Open<[Word; N]>;

    fn span<const N: usize>() -> Span<N> {
        let context = SpanContext::new(TraceId::from_parts(1, 2), SpanId::new(3), Flags::SAMPLED);
        Open::new("op", context, SpanId::new(4), 5)
    }

    fn tags<A: Area + ?Sized>(span: &Open<A>) -> Vec<(String, Value<'_>)> {
        span.record()
            .tags()
            .map(|tag| (tag.key.into(), tag.value))
            .collect()
    }

    #[test]
    fn an_image_gives_back_what_was_appended() {
        let mut span = span::<64>();
        let name = String::from("copied.key");
        span.tag("s".into(), "text".into());
        span.tag(Copied(&name).into(), (-7i64).into());
        span.tag("u".into(), u64::MAX.into());
        span.tag("f".into(), 1.5.into());
        span.tag("yes".into(), true.into());
        span.tag("no".into(), false.into());
        span.tag("raw".into(), b"\x00\xff".into());
        let other = Reference {
            follows: true,
            trace: TraceId::from_parts(8, 9),
            span: SpanId::new(10),
        };
        assert!(span.try_reference(other));
        assert!(span.try_log(Instant::UnixMicros(11)));
        span.field("event".into(), "e".into());
        span.field("n".into(), 1.into());
        assert!(span.try_log(Instant::Ticks(12)));
        span.tag("after".into(), "".into());
        span.finish(13);

        let record = span.record();
        assert_eq!((record.operation(), record.parent().get()), ("op", 4));
        assert_eq!(
            (record.start(), record.finish()),
            (Instant::Ticks(5), Instant::Ticks(13))
        );
        let keys = ["s", "copied.key", "u", "f", "yes", "no", "raw", "after"];
        let values = [
            Value::Str("text"),
            Value::I64(-7),
            Value::U64(u64::MAX),
            Value::F64(1.5),
            Value::Bool(true),
            Value::Bool(false),
            Value::Bytes(b"\x00\xff"),
            Value::Str(""),
        ];
        let expected: Vec<_> = keys
            .iter()
            .map(|key| String::from(*key))
            .zip(values)
            .collect();
        assert_eq!(tags(&span), expected);
        assert_eq!(record.references().collect::<Vec<_>>(), [other]);
        let logs: Vec<_> = record.logs().collect();
        assert_eq!(
            (logs[0].time, logs[1].time),
            (Instant::UnixMicros(11), Instant::Ticks(12))
        );
        let fields: Vec<_> = logs[0]
            .fields()
            .map(|field| (field.key, field.value))
            .collect();
        assert_eq!(fields, [("event", Value::Str("e")), ("n", Value::I64(1))]);
        assert_eq!(logs[1].fields().count(), 0);
        assert!(!record.is_cut());
    }

    #[test]
    fn the_newest_entry_is_cut_at_a_character_or_refused() {
        let mut span = span::<4>();
        span.tag("k".into(), "äöüäöüäöüäöü".into());
        let room = 2 * WORD;
        let kept = "äöüäöüäöüäöü".get(..room - room % 2).unwrap();
        assert_eq!(tags(&span), [(String::from("k"), Value::Str(kept))]);
        assert!(span.record().is_cut());
        assert_eq!(span.record().dropped(), 0);
        span.tag("l".into(), 1.into());
        assert_eq!(span.record().dropped(), 1);
        assert_eq!(tags(&span).len(), 1);
    }

    #[test]
    fn what_fits_exactly_is_not_marked() {
        let mut span = span::<3>();
        span.tag("k".into(), [b'x'; WORD].as_slice().into());
        assert!(!span.record().is_cut());
        assert_eq!(tags(&span)[0].1, Value::Bytes(&[b'x'; WORD]));
    }

    #[test]
    fn long_keys_and_values_are_cut() {
        let mut span = span::<20_000>();
        let key = String::from("ß").repeat(200);
        span.tag(Copied(&key).into(), 1.into());
        let value = String::from("x").repeat(1 << 20);
        span.tag("v".into(), value.as_str().into());
        let found = tags(&span);
        assert_eq!(found[0].0.len(), 254, "127 characters of two bytes");
        assert_eq!(found[1].1, Value::Str(&value[..65_535]));
        assert!(span.record().is_cut());
    }

    #[test]
    fn the_longest_value_is_kept_and_one_byte_more_is_cut() {
        const ROOM: usize = (LONGEST_VALUE + 1) / WORD + 3;
        let text = String::from("x").repeat(LONGEST_VALUE + 1);
        let kept = &text[..LONGEST_VALUE];
        for key in [Key::Static("k"), Copied("k").into()] {
            let mut span = span::<ROOM>();
            assert!(!span.try_tag(key, text.as_str().into()));
            assert!(!span.try_tag(key, text.as_bytes().into()));
            assert!(span.try_tag(key, kept.into()));
            assert_eq!(tags(&span)[0].1, Value::Str(kept));
            assert!(!span.record().is_cut());
            span.restart("op", span.context(), SpanId::new(4), 5);
            span.tag(key, text.as_str().into());
            assert_eq!(tags(&span)[0].1, Value::Str(kept));
            assert!(span.record().is_cut());
        }
    }

    #[test]
    fn a_count_of_refused_entries_stays_at_its_most() {
        let mut span = span::<0>();
        span.fixed.dropped = u16::MAX - 1;
        for _ in 0..3 {
            span.tag("n".into(), 1.into());
        }
        assert_eq!(span.record().dropped(), u16::MAX);
    }

    #[test]
    fn ten_thousand_tags_are_counted() {
        let mut span = span::<16>();
        for i in 0..10_000 {
            span.tag("n".into(), i.into());
        }
        assert_eq!(
            tags(&span).len() + usize::from(span.record().dropped()),
            10_000
        );
    }

    #[test]
    fn the_last_operation_name_holds() {
        let mut span = span::<16>();
        span.copy_operation("first");
        span.tag("k".into(), 1.into());
        span.copy_operation("second");
        assert_eq!(span.record().operation(), "second");
        span.set_operation("static");
        assert_eq!(span.record().operation(), "static");
        let mut full = self::span::<1>();
        full.copy_operation("no room");
        assert_eq!(full.record().operation(), "op");
        assert_eq!(full.record().dropped(), 1);
    }

    #[test]
    fn a_copy_has_all_of_the_image() {
        let (mut small, mut large) = (span::<8>(), span::<64>());
        small.tag("k".into(), 1.into());
        small.set_sampler(9);
        small.set_epoch(2);
        assert!(small.copy_to(&mut large));
        assert_eq!(tags(&large), tags(&small));
        assert_eq!((large.record().sampler(), large.record().epoch()), (9, 2));
        assert!(!large.copy_to(&mut span::<1>()));
    }

    #[test]
    fn states_do_not_touch_each_other() {
        let mut span = span::<1>();
        span.set_flags(Flags::SAMPLED | Flags::DEBUG | Flags::FIREHOSE);
        span.set_sampler(15);
        span.set_epoch(3);
        span.set_start(Instant::UnixMicros(1));
        assert!(span.is_writable());
        span.finish_at(2);
        assert!(!span.is_writable() && span.is_finished());
        assert_eq!(span.flags().wire(), 11);
        let record = span.record();
        assert_eq!(
            (record.sampler(), record.epoch(), record.is_cut()),
            (15, 3, false)
        );
        assert_eq!(
            (record.start(), record.finish()),
            (Instant::UnixMicros(1), Instant::UnixMicros(2))
        );
    }

    #[test]
    fn boundaries_are_those_of_characters() {
        for limit in 0..12 {
            let at = boundary("aé€😀x".as_bytes(), limit);
            assert!("aé€😀x".is_char_boundary(at) && at <= limit);
            assert!(limit > 11 || at + 4 > limit);
        }
    }
}
