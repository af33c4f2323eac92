//! Finished spans, read in place.

use super::entry::{Entries, Entry, text};
use super::fixed::{CUT, bits, instant};
use super::layout::kind;
use super::{Fixed, Image};
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
/// use picojaeger_core::adapter::record::{Timestamp, Open};
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
/// use picojaeger_core::Value;
/// use picojaeger_core::adapter::record::Tag;
///
/// fn is_error(tag: &Tag<'_>) -> bool {
///     tag.key == "error" && tag.value == Value::Bool(true)
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Tag<'r> {
    /// The key, at most 255 bytes.
    pub key: &'r str,
    /// The value, cut where it did not fit.
    pub value: Value<'r>,
}

/// A reference of a record to another span.
///
/// ```
/// use picojaeger_core::adapter::record::{Open, Reference};
/// use picojaeger_core::ring::Word;
/// use picojaeger_core::{Flags, SpanContext, SpanId, TraceId};
///
/// let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
/// let mut span = Open::<[Word; 16]>::new("read", context, SpanId::default(), 1_000);
/// let other = Reference::new(true, TraceId::new(7), SpanId::new(8));
/// assert!(span.try_reference(other));
/// assert_eq!(span.record().references().next(), Some(other));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Reference {
    /// Whether this span follows from the other instead of being its child.
    pub follows: bool,
    /// The other span's trace.
    pub trace: TraceId,
    /// The other span.
    pub span: SpanId,
}

impl<'r> Tag<'r> {
    /// A tag or field of this key and value.
    #[inline(always)]
    pub const fn new(key: &'r str, value: Value<'r>) -> Self {
        Tag { key, value }
    }
}

impl Reference {
    /// A reference to the span of these ids, which this one follows from or is a child of.
    pub const fn new(follows: bool, trace: TraceId, span: SpanId) -> Self {
        Reference {
            follows,
            trace,
            span,
        }
    }
}

/// A log of a record.
///
/// ```
/// use picojaeger_core::adapter::record::{Timestamp, Open};
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
    /// The time at which it was written.
    pub time: Timestamp,
    entries: Entries<'r>,
}

impl<'r> Record<'r> {
    /// The record's number on its ring; a gap before it is as many as were dropped.
    pub fn sequence(&self) -> u32 {
        self.sequence
    }

    /// Returns the record's image, to be pushed into another ring.
    #[inline]
    pub const fn image(&self) -> Image<'r> {
        Image::new(self.fixed, self.area)
    }

    /// Returns the same record with another number.
    pub(crate) const fn numbered(self, sequence: u32) -> Self {
        Record { sequence, ..self }
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

    /// The operation name, unless it was copied.
    pub fn static_operation(&self) -> Option<&'static str> {
        if self.fixed.operation.is_null() {
            return None;
        }
        // SAFETY: as above; and text that a pointer leads to lives as long as the program.
        Some(unsafe { text(self.fixed.operation, self.fixed.operation_length as usize) })
    }

    /// The start of the span.
    #[inline]
    pub fn start(&self) -> Timestamp {
        self.fixed.start()
    }

    /// The end of the span.
    #[inline]
    pub fn finish(&self) -> Timestamp {
        instant(self.fixed.end, self.fixed.bits & bits::EXPLICIT_END != 0)
    }

    /// The clock's segment at the start, 0 to 3.
    #[inline]
    pub fn segment(&self) -> u8 {
        self.fixed.segment()
    }

    /// The code of the sampler's answer, 0 for none.
    #[inline]
    pub fn sampler(&self) -> u8 {
        (self.fixed.bits >> bits::SAMPLER_SHIFT) as u8
    }

    /// Whether an entry was cut or refused.
    #[inline]
    pub fn is_cut(&self) -> bool {
        self.fixed.dropped & CUT != 0
    }

    /// The number of entries that were refused, at most 32,767.
    #[inline]
    pub fn dropped(&self) -> u16 {
        self.fixed.dropped & !CUT
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
    #[inline]
    pub(crate) fn entries(&self) -> Entries<'r> {
        Entries { rest: self.area }
    }

    /// The entries if the image has any of a kind, none otherwise.
    #[inline]
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
    #[inline]
    pub(crate) fn entries(&self) -> Entries<'r> {
        self.entries
    }
}
