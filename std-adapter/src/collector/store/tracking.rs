//! Books of the program alone: time, open spans, and the losses that clients report.

use std::time::{SystemTime, UNIX_EPOCH};

use super::losses::Losses;
use super::open_spans::OpenSpans;

/// The books of a store that belongs to the program. A store of a test has none, and keeps each copy of an open span.
#[derive(Debug, Default)]
pub(super) struct Tracking {
    pub(super) clock: Clock,
    pub(super) open: OpenSpans,
    pub(super) losses: Losses,
}

/// The time of arrivals.
#[derive(Debug, Default)]
pub(super) enum Clock {
    #[default]
    System,
    #[cfg(test)]
    At(i64),
}

impl Clock {
    /// Returns microseconds since 1970.
    pub(super) fn now_us(&self) -> i64 {
        match self {
            Self::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH);
                since.map_or(0, |since| {
                    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
                })
            }
            #[cfg(test)]
            Self::At(us) => *us,
        }
    }
}
