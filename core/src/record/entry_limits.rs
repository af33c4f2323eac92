//! Limits of the number of entries.

use super::fixed::bits;
use super::layout::{header, kind};
use super::{Area, Entries, Open};

/// The most entries of each kind that a span may have.
///
/// ```
/// use picojaeger_core::adapter::record::EntryLimits;
///
/// let limits = EntryLimits::NONE.with_tags(128);
/// assert_eq!((limits.tags, limits.references), (128, usize::MAX));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryLimits {
    /// Tags of the span.
    pub tags: usize,
    /// References, the parent not counted.
    pub references: usize,
    /// Fields of each log.
    pub fields: usize,
}

impl EntryLimits {
    /// No limits.
    pub const NONE: Self = EntryLimits {
        tags: usize::MAX,
        references: usize::MAX,
        fields: usize::MAX,
    };

    /// Limits the tags of the span.
    #[must_use]
    pub const fn with_tags(self, tags: usize) -> Self {
        EntryLimits { tags, ..self }
    }

    /// Limits the references.
    #[must_use]
    pub const fn with_references(self, references: usize) -> Self {
        EntryLimits { references, ..self }
    }

    /// Limits the fields of each log.
    #[must_use]
    pub const fn with_fields(self, fields: usize) -> Self {
        EntryLimits { fields, ..self }
    }

    /// Returns whether entries of so many words keep all limits, whatever they are.
    fn hold_for(&self, words: usize) -> bool {
        words <= self.tags.min(self.references).min(self.fields)
    }
}

impl<A: Area + ?Sized> Open<A> {
    /// Leaves out the entries beyond the limits, of each kind the last ones, and counts them like
    /// entries that did not fit.
    pub fn limit(&mut self, limits: EntryLimits) {
        if !limits.hold_for(self.fixed.used.into()) {
            A::erase(self).leave_out(limits);
        }
    }
}

impl Open {
    fn leave_out(&mut self, limits: EntryLimits) {
        let written = usize::from(self.fixed.used);
        let mut left = limits;
        let (mut from, mut to) = (0, 0);
        while let Some((head, words)) = self.entry_at(from, written) {
            if head & header::KIND == kind::LOG {
                left.fields = limits.fields;
            }
            if left.take(head) {
                self.move_words(from, words, to);
                to += words;
            } else {
                self.mark_dropped();
            }
            from += words;
        }
        // At most what it was.
        self.fixed.used = to as u16;
        if limits.references == 0 {
            self.fixed.bits &= !bits::REFERENCES;
        }
    }

    /// The header of the entry at this word, and the words that it takes.
    fn entry_at(&self, at: usize, end: usize) -> Option<(u32, usize)> {
        let rest = self.area.get(at..end)?;
        let mut entries = Entries { rest };
        let entry = entries.next()?;
        Some((entry.header, rest.len() - entries.rest.len()))
    }

    /// Moves words towards the begin of the area.
    fn move_words(&mut self, from: usize, words: usize, to: usize) {
        for step in 0..words {
            if let Some(&word) = self.area.get(from + step)
                && let Some(place) = self.area.get_mut(to + step)
            {
                *place = word;
            }
        }
    }
}

impl EntryLimits {
    /// Takes one entry of this header; `false` if none is left.
    fn take(&mut self, head: u32) -> bool {
        let left = match head & header::KIND {
            kind::LOG | kind::OPERATION => return true,
            kind::REFERENCE => &mut self.references,
            _ if head & header::FIELD != 0 => &mut self.fields,
            _ => &mut self.tags,
        };
        let has_one = *left > 0;
        *left -= usize::from(has_one);
        has_one
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::super::Reference;
    use super::*;
    use crate::context::{Flags, SpanContext};
    use crate::id::{SpanId, TraceId};
    use crate::ring::Word;
    use crate::time::Timestamp;
    use crate::value::{Key, Value};

    type Span = Open<[Word; 256]>;

    /// Two references, and twice two tags and a log of three fields.
    fn span() -> Span {
        let context = SpanContext::new(TraceId::new(1), SpanId::new(2), Flags::SAMPLED);
        let mut span = Span::new("name", context, SpanId::default(), 0);
        for other in [7_u64, 8] {
            let other = Reference::new(true, TraceId::new(other.into()), SpanId::new(other));
            assert!(span.try_reference(other));
        }
        for round in ["a", "b"] {
            span.tag(Key::Copied(round), Value::Str("some text"));
            span.tag("flag".into(), Value::Bool(true));
            assert!(span.try_log(Timestamp::Ticks(9)));
            for field in ["x", "y", "z"] {
                span.field(Key::Copied(field), Value::I64(-1));
            }
            span.copy_operation(if round == "a" { "first" } else { "renamed b" });
        }
        span
    }

    /// Keys of tags, spans of references, keys of the fields of each log.
    fn content(span: &Span) -> (Vec<&str>, Vec<u64>, Vec<Vec<&str>>) {
        let record = span.record();
        assert_eq!(record.operation(), "renamed b");
        (
            record.tags().map(|tag| tag.key).collect(),
            record.references().map(|it| it.span.get()).collect(),
            record
                .logs()
                .map(|log| log.fields().map(|tag| tag.key).collect())
                .collect(),
        )
    }

    #[test]
    fn the_last_entries_of_a_kind_go_and_are_counted() {
        let rows = [
            (EntryLimits::NONE, 0),
            (EntryLimits::NONE.with_tags(4), 0),
            (EntryLimits::NONE.with_tags(3), 1),
            (EntryLimits::NONE.with_references(1), 1),
            (EntryLimits::NONE.with_fields(1), 4),
            (
                EntryLimits::NONE
                    .with_tags(0)
                    .with_references(0)
                    .with_fields(0),
                12,
            ),
        ];
        for (limits, dropped) in rows {
            let mut limited = span();
            limited.limit(limits);
            let (tags, references, logs) = content(&limited);
            let all = ["a", "flag", "b", "flag"];
            assert_eq!(tags, all[..limits.tags.min(4)]);
            assert_eq!(references, [7, 8][..limits.references.min(2)]);
            let fields = &["x", "y", "z"][..limits.fields.min(3)];
            assert_eq!(logs, [fields, fields]);
            let record = limited.record();
            assert_eq!(record.dropped(), dropped, "{limits:?}");
            assert_eq!(record.is_cut(), dropped > 0);
            assert_eq!(record.has_references(), limits.references > 0);
            // The area goes on behind what is left.
            limited.tag("later".into(), Value::U64(1));
            assert_eq!(limited.record().tags().last().unwrap().key, "later");
        }
    }
}
