//! Lines for the program's log.

use std::fmt::Arguments;
use std::time::Duration;

use log::Level;

use crate::sys::unwind::caught;

/// Writes a line through the [`log`] crate, target `picojaeger`.
///
/// A logger that panics loses its line only: it neither ends the worker nor poisons a lock that
/// the caller holds.
pub(crate) fn log_guarded(level: Level, line: Arguments<'_>) {
    caught(|| log::log!(target: "picojaeger", level, "{line}"));
}

/// The last line about something that is counted.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct LogThrottle {
    /// The part of the count that has been logged.
    count: u64,
    at: Option<Duration>,
}

impl LogThrottle {
    /// Returns the number to log now, and marks it as logged; `None` if there is nothing new, or if
    /// the last line is younger than the interval. Times are those of any monotonic clock.
    pub(crate) fn take(&mut self, count: u64, now: Duration, interval: Duration) -> Option<u64> {
        let is_early = |at| now.saturating_sub(at) < interval;
        let new = count.saturating_sub(self.count);
        if new == 0 || self.at.is_some_and(is_early) {
            return None;
        }
        *self = LogThrottle {
            count,
            at: Some(now),
        };
        Some(new)
    }
}
