//! The Unix times of spans.

use super::segment::UNKNOWN;
use super::{Anchor, ClockSegment, Timestamp};
use crate::arch::Kept;

/// The clock's segments, by which ticks become Unix time.
///
/// A span is converted with the anchor nearest to its start, and lasts as
/// long as its ticks, whatever the Unix time did meanwhile. The nearest, and not the last one
/// before: after a step of the Unix time, a span is then off by that step only if it starts nearer
/// to the last reading before the step than to the first one after it.
///
/// ```
/// use picojaeger_core::adapter::{ClockSegment, Timestamp, Rate, Timeline};
/// use picojaeger_core::Anchor;
///
/// let anchors = [Anchor::new(1_000, 1_700_000_000_000_000)];
/// let segments = [ClockSegment::new(Rate::new(1_000_000), &anchors)];
/// let timeline = Timeline::new(&segments);
///
/// let times = timeline.times(0, Timestamp::Ticks(1_500), Timestamp::Ticks(1_540));
/// assert_eq!((times.start_micros, times.duration_micros), (1_700_000_000_000_500, 40));
/// assert!(times.synced);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Timeline<'t> {
    /// The segments, at most four, in the order of their numbers.
    pub segments: &'t [ClockSegment<'t>],
}

impl<'t> Timeline<'t> {
    /// The timeline of these segments, at most four, in the order of their numbers.
    pub const fn new(segments: &'t [ClockSegment<'t>]) -> Self {
        Timeline { segments }
    }

    /// The times of a span that started in this segment.
    ///
    /// Ends that were given in Unix time hold as given; a tick at the other end
    /// is converted with the anchor nearest to that tick. Without an anchor
    /// ticks count from 0, and such a mixed pair lasts 0. Nothing lasts less
    /// than 0. Ticks of a segment that is not there count as microseconds.
    #[cfg_attr(
        all(target_pointer_width = "64", not(target_os = "none")),
        inline(always)
    )]
    #[cfg_attr(not(all(target_pointer_width = "64", not(target_os = "none"))), inline)]
    pub fn times(&self, segment: u8, start: Timestamp, finish: Timestamp) -> Times<'t> {
        let segment = self.segments.get(segment as usize).unwrap_or(&UNKNOWN);
        let first = segment.convert(start);
        let (duration_micros, last) = match (start, finish) {
            (Timestamp::Ticks(start), Timestamp::Ticks(finish)) if start <= finish => {
                (segment.rate.micros(finish - start), first)
            }
            (Timestamp::Ticks(_), Timestamp::Ticks(_)) => (0, first),
            _ => segment.convert(finish).since(first),
        };
        Times {
            start_micros: first.micros,
            duration_micros,
            synced: first.synced && last.synced,
            uncertainty_micros: first.uncertainty_micros.max(last.uncertainty_micros),
            start,
            anchor: first.anchor,
            segment,
        }
    }
}

/// A span's times in microseconds, and how they are known.
///
/// ```
/// use picojaeger_core::adapter::{Timestamp, Timeline};
///
/// let unknown = Timeline::new(&[]);
/// let times = unknown.times(0, Timestamp::UnixMicros(70), Timestamp::UnixMicros(75));
/// assert_eq!(times.micros_at(Timestamp::UnixMicros(72)), 72);
/// assert!(times.synced, "both ends are given in Unix time");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Times<'t> {
    /// The start since 1970-01-01 UTC, or since tick 0 where not `synced`.
    pub start_micros: u64,
    /// From start to finish.
    pub duration_micros: u64,
    /// Whether Unix time was known where it was needed.
    pub synced: bool,
    /// The most by which the conversion may be off.
    pub uncertainty_micros: u32,
    start: Timestamp,
    /// The anchor of a start in ticks.
    anchor: Kept<Option<&'t Anchor>>,
    segment: &'t ClockSegment<'t>,
}

impl<'t> Times<'t> {
    /// Microseconds of an instant of the same span, on the scale of its start.
    ///
    /// Ticks are converted with the anchor of the span's start. Where that was given in Unix
    /// time they are converted with the anchor nearest to them, and without
    /// one are the start.
    pub fn micros_at(&self, instant: Timestamp) -> u64 {
        if let (Timestamp::Ticks(start), Timestamp::Ticks(ticks)) = (self.start, instant) {
            let anchor = if cfg!(target_pointer_width = "64") {
                self.anchor_of(start)
            } else {
                // Saves a chip the anchor; what the start exceeds a microsecond by is lost.
                &Anchor::new(start, self.start_micros)
            };
            return anchor.unix_micros_at(ticks, self.segment.rate);
        }
        let converted = self.segment.convert(instant);
        if converted.synced {
            converted.micros
        } else {
            self.start_micros
        }
    }

    /// Nanoseconds of an instant of the same span, like [`micros_at`](Self::micros_at).
    pub fn nanos_at(&self, instant: Timestamp) -> u64 {
        let rate = self.segment.rate;
        match (self.start, instant) {
            (Timestamp::Ticks(start), Timestamp::Ticks(ticks)) => {
                self.anchor_of(start).unix_nanos_at(ticks, rate)
            }
            (_, Timestamp::UnixMicros(micros)) => micros.saturating_mul(1_000),
            (_, Timestamp::Ticks(ticks)) => match self.segment.anchor_at(ticks) {
                Some(anchor) => anchor.unix_nanos_at(ticks, rate),
                None => self.start_micros.saturating_mul(1_000),
            },
        }
    }

    /// The start in nanoseconds.
    #[inline(always)]
    pub fn start_nanos(&self) -> u64 {
        match self.start {
            Timestamp::Ticks(start) => {
                let anchor = self.anchor_of(start);
                anchor.unix_nanos_at(start, self.segment.rate)
            }
            Timestamp::UnixMicros(micros) => micros.saturating_mul(1_000),
        }
    }

    /// The time from start to `finish`, the end that these times were made of.
    ///
    /// In whole microseconds where an end was given in Unix time.
    #[inline(always)]
    pub fn duration_nanos(&self, finish: Timestamp) -> u64 {
        match (self.start, finish) {
            (Timestamp::Ticks(start), Timestamp::Ticks(finish)) => {
                self.segment.rate.nanos(finish.saturating_sub(start))
            }
            // Converted again, so that who needs nanoseconds alone does not pay for microseconds.
            _ if self.synced => {
                let [start, finish] = [self.start, finish].map(|end| self.segment.convert(end));
                finish
                    .micros
                    .saturating_sub(start.micros)
                    .saturating_mul(1_000)
            }
            _ => 0,
        }
    }

    /// The anchor of a span that starts at these ticks.
    #[inline]
    fn anchor_of(&self, start: u64) -> &'t Anchor {
        let found = self.anchor.or_else(|| self.segment.anchor_at(start));
        found.unwrap_or(&ZERO)
    }
}

/// The anchor of ticks that count from 0.
static ZERO: Anchor = Anchor::new(0, 0);
