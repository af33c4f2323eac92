//! Books of the program alone: time, names, open spans, and the losses that clients report.

use std::time::SystemTime;

use super::losses::Losses;
use super::names::Names;
use super::open_spans::OpenSpans;
use crate::sys::clock::unix_micros;

/// The books of a store that belongs to the program. A store of a test has none, and keeps each copy of an open span.
#[derive(Debug, Default)]
pub(super) struct Tracking {
    pub(super) clock: Clock,
    /// The time of the batch that arrived last, in microseconds since 1970.
    pub(super) now_us: i64,
    pub(super) names: Names,
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
            Self::System => unix_micros(SystemTime::now()) as i64,
            #[cfg(test)]
            Self::At(us) => *us,
        }
    }
}
