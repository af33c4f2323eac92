//! Logs beyond a limit of their number: removed from an open span, and counted by a log.

use core::ops::Range;

use super::{Entries, Log, Open};
use crate::tags;
use crate::value::Value;

impl Log<'_> {
    /// The number of dropped logs that this one stands for, as the server's limit writes it.
    pub fn dropped(&self) -> Option<u64> {
        let mut fields = self.fields();
        if fields.next()?.value != Value::Str(tags::DROPPED_LOGS) {
            return None;
        }
        match fields.next()?.value {
            Value::U64(count) => Some(count),
            _ => None,
        }
    }
}

impl Open {
    /// Removes the logs with these numbers, counted from 0, and their fields.
    pub fn remove_logs(&mut self, numbers: Range<usize>) {
        let (mut read, mut kept, mut logs) = (0, 0, 0);
        while let Some(extent) = self.extent(read) {
            logs += usize::from(extent.is_log);
            let is_of_log = extent.is_log || extent.is_field;
            if !(is_of_log && numbers.contains(&(logs - 1))) {
                self.area.copy_within(read..read + extent.words, kept);
                kept += extent.words;
            }
            read += extent.words;
        }
        self.fixed.used = kept as u16;
    }

    /// Moves the log that was begun last, with its fields, to be the log of this number.
    pub fn move_last_log(&mut self, number: usize) {
        let (mut at, mut logs, mut to, mut last) = (0, 0, None, None);
        while let Some(extent) = self.extent(at) {
            if extent.is_log {
                to = to.or((logs == number).then_some(at));
                last = Some(at);
                logs += 1;
            }
            at += extent.words;
        }
        if let (Some(to), Some(last)) = (to, last)
            && let Some(moved) = self.area.get_mut(to..at)
        {
            moved.rotate_right(at - last);
        }
    }

    /// Returns the extent of the entry at a word; `None` behind the last one.
    fn extent(&self, at: usize) -> Option<Extent> {
        let written = self.area.get(at..self.fixed.used as usize)?;
        let mut entries = Entries { rest: written };
        let entry = entries.next()?;
        Some(Extent {
            words: written.len() - entries.rest.len(),
            is_log: entry.is_log(),
            is_field: entry.is_value(true),
        })
    }
}

/// The words of an entry, and what it is.
struct Extent {
    words: usize,
    is_log: bool,
    is_field: bool,
}
