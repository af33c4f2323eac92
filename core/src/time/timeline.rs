//! The Unix times of spans.

use super::segment::UNKNOWN;
use super::{Anchor, ClockSegment, Timestamp};

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
    #[inline]
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
    segment: &'t ClockSegment<'t>,
}

impl Times<'_> {
    /// Microseconds of an instant of the same span, on the scale of its start.
    ///
    /// Ticks are measured from the span's start. Where that was given in Unix
    /// time they are converted with the anchor nearest to them, and without
    /// one are the start.
    pub fn micros_at(&self, instant: Timestamp) -> u64 {
        if let (Timestamp::Ticks(start), Timestamp::Ticks(ticks)) = (self.start, instant) {
            let anchor = Anchor::new(start, self.start_micros);
            return anchor.unix_micros_at(ticks, self.segment.rate);
        }
        let converted = self.segment.convert(instant);
        if converted.synced {
            converted.micros
        } else {
            self.start_micros
        }
    }
}
