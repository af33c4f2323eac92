//! Copies of records whose times no longer depend on a clock.

use super::layout::{header, kind};
use super::{Open, Record};
use crate::arch::{WORD, store_bits};
use crate::record::Entries;
use crate::ring::Word;
use crate::time::{Times, Timestamp};

impl Open {
    /// Copies a record into this image, with the Unix time of each tick by `times`, those of this record.
    ///
    /// Entries that would leave less than `reserve` words are left out, and counted.
    pub(crate) fn copy_dated(&mut self, record: &Record<'_>, times: &Times<'_>, reserve: usize) {
        self.fixed = *record.fixed;
        self.fixed.used = 0;
        self.set_segment(0);
        self.set_start(Timestamp::UnixMicros(times.start_micros));
        self.set_end(times.start_micros.saturating_add(times.duration_micros));
        let most = self.area.len().saturating_sub(reserve);
        let mut entries = record.entries();
        loop {
            let before = entries.rest;
            let Some(entry) = entries.next() else { break };
            let taken = before.get(..before.len() - entries.rest.len());
            let time = entry.is_log().then(|| times.micros_at(entry.time()));
            if !self.copy_entry(taken.unwrap_or(&[]), time, most) {
                // What follows may belong to it.
                let left = 1 + Entries { rest: entries.rest }.count();
                (0..left).for_each(|_| self.mark_dropped());
                break;
            }
        }
    }

    /// Appends the words of an entry, with another time if it is a log; `false` if they would end
    /// behind `most` words.
    fn copy_entry(&mut self, words: &[Word], unix_micros: Option<u64>, most: usize) -> bool {
        let used = self.fixed.used as usize;
        let end = used + words.len();
        let place = self.area.get_mut(used..end).filter(|_| end <= most);
        let Some(place) = place else { return false };
        place.copy_from_slice(words);
        if let (Some(micros), [head, value @ ..]) = (unix_micros, place) {
            let explicit = kind::LOG | header::COPIED | header::EXPLICIT;
            *head = super::entry_writer::header_word(explicit, value.len() * WORD);
            store_bits(micros, value);
        }
        self.fixed.used = end as u16;
        true
    }
}
