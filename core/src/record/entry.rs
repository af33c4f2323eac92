//! The entries of an area, read in place.

use super::fixed::instant;
use super::layout::{header, key_words, kind, value_words};
use super::{Reference, Tag};
use crate::arch::{WORD, halves, load_bits};
use crate::id::{SpanId, TraceId};
use crate::ring::Word;
use crate::time::Timestamp;
use crate::value::Value;

/// Words of a number of 64 bits.
const NUMBER: usize = 8 / WORD;

/// The entries of an area, in the order they were appended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entries<'r> {
    pub(super) rest: &'r [Word],
}

/// An entry of an area: a header word and what it heads.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'r> {
    pub(super) header: u32,
    key: &'r [Word],
    value: &'r [Word],
}

impl<'r> Iterator for Entries<'r> {
    type Item = Entry<'r>;

    #[inline]
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
    pub(super) fn next_of(&mut self, kind: u32) -> Option<Entry<'r>> {
        self.find(|entry| entry.header & header::KIND == kind)
    }
}

impl<'r> Entry<'r> {
    /// Whether it is a tag of the span, or a field of the log before it.
    #[inline]
    pub(crate) fn is_value(&self, of_log: bool) -> bool {
        let owner = if of_log { header::FIELD } else { 0 };
        (self.header & (header::KIND | header::FIELD)) ^ owner <= kind::UNSIGNED
    }

    /// Whether it refers to another span.
    #[inline]
    #[cfg(feature = "relay")]
    pub(crate) fn is_reference(&self) -> bool {
        self.header & header::KIND == kind::REFERENCE
    }

    /// Whether it begins a log.
    #[inline]
    pub(crate) fn is_log(&self) -> bool {
        self.header & header::KIND == kind::LOG
    }

    #[inline]
    pub(super) fn tag(self) -> Tag<'r> {
        Tag {
            key: self.key(),
            value: self.value(),
        }
    }

    #[inline]
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

    #[inline]
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
    #[inline]
    fn bytes(&self) -> &'r [u8] {
        let length = (self.header >> header::VALUE_SHIFT) as usize;
        // SAFETY: only called for text, bytes and references, of which this many bytes were
        // written into these words, and the rest of the last filled up.
        unsafe { core::slice::from_raw_parts(self.value.as_ptr().cast(), length) }
    }

    #[inline]
    pub(super) fn text(&self) -> &'r str {
        // SAFETY: text was appended whole, or cut at a boundary.
        unsafe { core::str::from_utf8_unchecked(self.bytes()) }
    }

    #[inline]
    fn number(&self) -> u64 {
        // SAFETY: only called for numbers and times, which `store_bits` wrote.
        unsafe { load_bits(self.value) }
    }

    pub(crate) fn time(&self) -> Timestamp {
        instant(halves(self.number()), self.header & header::EXPLICIT != 0)
    }

    pub(crate) fn reference(self) -> Reference {
        // By words: where memory is read in aligned words only, bytes would take four times the code.
        let [low, high, span] = match self.value.as_chunks::<NUMBER>().0 {
            // SAFETY: only called for references, whose numbers were written as `store_bits` lays them.
            [low, high, span] => unsafe { [load_bits(low), load_bits(high), load_bits(span)] },
            _ => [0; 3],
        };
        Reference {
            follows: self.header & header::FOLLOWS != 0,
            trace: TraceId::from_parts(high, low),
            span: SpanId::new(span),
        }
    }
}

/// Text in memory that is not known to hold it.
///
/// # Safety
/// `length` bytes of UTF-8 at `at` live for `'t`.
#[inline]
pub(super) unsafe fn text<'t>(at: *const u8, length: usize) -> &'t str {
    // SAFETY: the caller's promise.
    unsafe { core::str::from_utf8_unchecked(core::slice::from_raw_parts(at, length)) }
}
