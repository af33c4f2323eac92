//! Finished spans, read in place.

use super::{Fixed, bits, header, instant, key_words, kind, value_words};
use crate::arch::{halves, load_bits};
use crate::context::SpanContext;
use crate::id::{SpanId, TraceId};
use crate::ring::Word;
use crate::time::Timestamp;
use crate::value::Value;

/// A finished span, read in place.
///
/// Reading costs a walk over the area for each kind of entry asked for.
///
/// ```
/// use picojaeger_core::record::{Timestamp, Open};
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
/// assert_eq!((record.start(), record.finish()), (Timestamp::Ticks(1_000), Timestamp::Ticks(1_500)));
/// assert_eq!(record.tags().count(), 1);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Record<'r> {
    pub(super) fixed: &'r Fixed,
    pub(super) area: &'r [Word],
    pub(super) sequence: u32,
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
/// use picojaeger_core::record::{Timestamp, Open};
/// use picojaeger_core::ring::Word;
/// use picojaeger_core::{Flags, SpanContext, SpanId, TraceId};
///
/// let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
/// let mut span = Open::<[Word; 16]>::new("read", context, SpanId::default(), 1_000);
/// assert!(span.try_log(Timestamp::Ticks(1_200)));
/// span.field("event".into(), "retry".into());
///
/// let log = span.record().logs().next().unwrap();
/// assert_eq!(log.time, Timestamp::Ticks(1_200));
/// assert_eq!(log.fields().next().unwrap().key, "event");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Log<'r> {
    /// When it was written.
    pub time: Timestamp,
    entries: Entries<'r>,
}

/// The entries of an area, in the order they were appended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entries<'r> {
    rest: &'r [Word],
}

/// An entry of an area: a header word and what it heads.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'r> {
    header: u32,
    key: &'r [Word],
    value: &'r [Word],
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
    pub fn start(&self) -> Timestamp {
        self.fixed.start()
    }

    /// When the span finished.
    #[inline]
    pub fn finish(&self) -> Timestamp {
        instant(self.fixed.end, self.fixed.bits & bits::EXPLICIT_END != 0)
    }

    /// The clock's segment at the start, 0 to 3.
    #[inline]
    pub fn segment(&self) -> u8 {
        ((self.fixed.bits & bits::SEGMENT) >> bits::SEGMENT_SHIFT) as u8
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
        let tags = self.entries().filter(|entry| entry.is_value(false));
        tags.map(Entry::tag)
    }

    /// The references, in order; the parent in the same trace is not among them
    /// unless it is a follows-from.
    #[inline]
    pub fn references(&self) -> impl Iterator<Item = Reference> + Clone + use<'r> {
        let mut entries = self.some(bits::REFERENCES);
        core::iter::from_fn(move || Some(entries.next_of(kind::REFERENCE)?.reference()))
    }

    /// The logs, in order.
    #[inline]
    pub fn logs(&self) -> impl Iterator<Item = Log<'r>> + Clone + use<'r> {
        let mut entries = self.some(bits::LOGS);
        core::iter::from_fn(move || {
            let time = entries.next_of(kind::LOG)?.time();
            Some(Log { time, entries })
        })
    }

    /// All entries, in order.
    #[inline(always)]
    pub(crate) fn entries(&self) -> Entries<'r> {
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
        let (mut entries, mut name) = (self.entries(), "");
        while let Some(entry) = entries.next_of(kind::OPERATION) {
            name = entry.text();
        }
        name
    }
}

impl<'r> Log<'r> {
    /// The fields, in order.
    #[inline]
    pub fn fields(&self) -> impl Iterator<Item = Tag<'r>> + Clone + use<'r> {
        let fields = self.entries.take_while(|entry| entry.is_value(true));
        fields.map(Entry::tag)
    }

    /// The entries behind it: its fields come first.
    #[inline(always)]
    pub(crate) fn entries(&self) -> Entries<'r> {
        self.entries
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

impl<'r> Entries<'r> {
    /// The next entry of a kind.
    #[inline(never)]
    fn next_of(&mut self, kind: u32) -> Option<Entry<'r>> {
        self.find(|entry| entry.header & header::KIND == kind)
    }
}

impl<'r> Entry<'r> {
    /// Whether it is a tag of the span, or a field of the log before it.
    #[inline(always)]
    pub(crate) fn is_value(&self, of_log: bool) -> bool {
        let owner = if of_log { header::FIELD } else { 0 };
        (self.header & (header::KIND | header::FIELD)) ^ owner <= kind::UNSIGNED
    }

    #[inline(always)]
    fn tag(self) -> Tag<'r> {
        Tag {
            key: self.key(),
            value: self.value(),
        }
    }

    #[inline(always)]
    pub(crate) fn key(&self) -> &'r str {
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
    pub(crate) fn value(&self) -> Value<'r> {
        match self.header & header::KIND {
            kind::DOUBLE => Value::F64(f64::from_bits(self.number())),
            kind::BOOL => Value::Bool(self.header >> header::TRUE_SHIFT & 1 != 0),
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
        // SAFETY: only called for numbers and times, which `store_bits` wrote.
        unsafe { load_bits(self.value) }
    }

    fn time(&self) -> Timestamp {
        instant(halves(self.number()), self.header & header::EXPLICIT != 0)
    }

    fn reference(self) -> Reference {
        let [low, high, span] = match self.bytes().as_chunks().0 {
            [low, high, span] => [*low, *high, *span].map(u64::from_ne_bytes),
            _ => [0; 3],
        };
        Reference {
            follows: self.header & header::FOLLOWS != 0,
            trace: TraceId::from_parts(high, low),
            span: SpanId::new(span),
        }
    }
}

/// # Safety
/// `length` bytes of UTF-8 at `at` live for `'t`.
#[inline(always)]
unsafe fn text<'t>(at: *const u8, length: usize) -> &'t str {
    // SAFETY: the caller's promise.
    unsafe { core::str::from_utf8_unchecked(core::slice::from_raw_parts(at, length)) }
}
