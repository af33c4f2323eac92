//! Stretches of time with one clock, and the Unix time of an instant in one.

use super::{Anchor, Rate, Timestamp};
use crate::arch::{Kept, inline_on_servers};

/// A stretch of time with one clock: the clock's rate and its anchors.
///
/// ```
/// use picojaeger_core::adapter::{ClockSegment, Rate};
/// use picojaeger_core::Anchor;
///
/// let anchors = [Anchor::new(0, 1_700_000_000_000_000)];
/// let segment = ClockSegment::new(Rate::new(1_000_000), &anchors);
/// assert_eq!(segment.anchor_at(7), Some(&anchors[0]));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ClockSegment<'t> {
    /// The clock's rate.
    pub rate: Rate,
    /// The anchors that are kept, oldest first; none if Unix time is not known.
    pub anchors: &'t [Anchor],
}

/// An instant in Unix time, and how that is known.
#[derive(Clone, Copy)]
pub(super) struct Converted<'t> {
    /// The anchor by which ticks were converted.
    pub(super) anchor: Kept<Option<&'t Anchor>>,
    /// From tick 0 on where not `synced`.
    pub(super) micros: u64,
    pub(super) synced: bool,
    pub(super) uncertainty_micros: u32,
}

impl<'t> ClockSegment<'t> {
    /// A segment of this rate, with the anchors that are kept, oldest first.
    pub const fn new(rate: Rate, anchors: &'t [Anchor]) -> Self {
        ClockSegment { rate, anchors }
    }

    /// The anchor nearest to `ticks`, before or after; of two, the older.
    ///
    /// Looks from the newest back.
    #[inline]
    pub fn anchor_at(&self, ticks: u64) -> Option<&'t Anchor> {
        let (mut nearest, mut least) = (None, u64::MAX);
        for anchor in self.anchors.iter().rev() {
            let distance = anchor.ticks.abs_diff(ticks);
            if distance > least {
                break;
            }
            (nearest, least) = (Some(anchor), distance);
        }
        nearest
    }

    inline_on_servers! {
        /// An instant in Unix time.
        pub(super) fn convert(&self, instant: Timestamp) -> Converted<'t> {
            let mut found = None;
            let (micros, uncertainty_micros, synced) = match instant {
                Timestamp::UnixMicros(micros) => (micros, 0, true),
                Timestamp::Ticks(ticks) => match self.anchor_at(ticks) {
                    Some(anchor) => {
                        found = Some(anchor);
                        let micros = anchor.unix_micros_at(ticks, self.rate);
                        (micros, anchor.uncertainty_micros, true)
                    }
                    None => (self.rate.micros(ticks), 0, false),
                },
            };
            Converted {
                anchor: Kept::new(found),
                micros,
                synced,
                uncertainty_micros,
            }
        }
    }
}

impl<'t> Converted<'t> {
    /// The time since another instant, 0 where either is not known; and this instant.
    #[cold]
    pub(super) fn since(self, earlier: Converted<'t>) -> (u64, Converted<'t>) {
        if self.synced && earlier.synced {
            (self.micros.saturating_sub(earlier.micros), self)
        } else {
            (0, self)
        }
    }
}

/// A segment of which nothing is known: its ticks count as microseconds.
pub(super) static UNKNOWN: ClockSegment<'static> = ClockSegment {
    rate: Rate::new(1_000_000),
    anchors: &[],
};
