//! Clocks, instants, and the conversion of ticks to Unix time.

use crate::arch::inline_on_word64;

/// A monotonic counter.
///
/// The hot path stores raw ticks; they become microseconds when a record is
/// encoded. `ticks` may be called with interrupts masked and from interrupts.
///
/// ```
/// use picojaeger_core::Clock;
///
/// /// A 24-bit timer that counts 32,768 times a second.
/// struct Rtc;
/// impl Clock for Rtc {
///     const BITS: u32 = 24;
///     fn ticks(&self) -> u64 {
///         0x12_3456 // a register read
///     }
///     fn frequency(&self) -> u64 {
///         32_768
///     }
/// }
/// ```
pub trait Clock {
    /// The counter's width, 1 to 64 bits; it wraps to 0 after its greatest value.
    const BITS: u32;

    /// The counter as it stands; bits above [`Clock::BITS`] are zero.
    fn ticks(&self) -> u64;

    /// Ticks a second, at least 1.
    fn frequency(&self) -> u64;
}

impl<C: Clock + ?Sized> Clock for &C {
    const BITS: u32 = C::BITS;
    #[inline(always)]
    fn ticks(&self) -> u64 {
        (**self).ticks()
    }
    #[inline(always)]
    fn frequency(&self) -> u64 {
        (**self).frequency()
    }
}

/// Widens a counter that wraps to 64 bits.
///
/// Exact as long as it is asked at least once in each period of the counter. A
/// counter that steps back counts as one that wrapped.
///
/// ```
/// use picojaeger_core::Extension;
///
/// let mut extension = Extension::new();
/// assert_eq!(extension.extend(0xff_fff0, 24), 0xff_fff0);
/// assert_eq!(extension.extend(0x00_0010, 24), 0x100_0010);
/// ```
#[derive(Clone, Debug)]
pub struct Extension {
    last: u64,
}

/// One instant on both time scales: a clock's extended ticks and Unix time.
///
/// ```
/// use picojaeger_core::{Anchor, Rate};
///
/// let anchor = Anchor::new(1_000, 1_700_000_000_000_000);
/// let rate = Rate::new(1_000); // a clock of 1 kHz
/// assert_eq!(anchor.unix_micros_at(3_000, rate), 1_700_000_002_000_000);
/// assert_eq!(anchor.unix_micros_at(0, rate), 1_699_999_999_000_000);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Anchor {
    /// Extended ticks of the clock.
    pub ticks: u64,
    /// Microseconds since 1970-01-01 UTC at those ticks.
    pub unix_micros: u64,
    /// How far `unix_micros` may be off, in microseconds.
    pub uncertainty_micros: u32,
}

/// Ticks to microseconds by one multiplication and a shift, no division.
///
/// Exact to 1 part in 2³²; rounds down.
///
/// ```
/// use picojaeger_core::Rate;
///
/// assert_eq!(Rate::new(25_000_000).micros(75), 3);
/// assert_eq!(Rate::new(32_768).micros(32_768), 1_000_000);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Microseconds a tick = `mantissa` / 2^`shift`.
    mantissa: u32,
    shift: u32,
}

impl Extension {
    /// An extension that has seen no ticks.
    pub const fn new() -> Self {
        Extension { last: 0 }
    }

    /// The extended value of `ticks`, read from a counter of `bits` bits.
    #[inline(always)]
    pub const fn extend(&mut self, ticks: u64, bits: u32) -> u64 {
        if bits >= 64 {
            return ticks;
        }
        let mask = (1 << bits) - 1;
        let mut extended = self.last & !mask | ticks & mask;
        if extended < self.last {
            extended = extended.wrapping_add(mask + 1);
        }
        self.last = extended;
        extended
    }
}

impl Default for Extension {
    fn default() -> Self {
        Extension::new()
    }
}

/// When something happened.
///
/// ```
/// use picojaeger_core::Timestamp;
///
/// assert_ne!(Timestamp::Ticks(5), Timestamp::UnixMicros(5));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timestamp {
    /// Extended ticks of the tracer's clock.
    Ticks(u64),
    /// Microseconds since 1970-01-01 UTC, as the user gave them.
    UnixMicros(u64),
}

/// What a clock's ticks meant while it was in use: its rate and its anchors.
///
/// ```
/// use picojaeger_core::{Anchor, ClockSegment, Rate};
///
/// let anchors = [Anchor::new(0, 1_700_000_000_000_000)];
/// let segment = ClockSegment { rate: Rate::new(1_000_000), anchors: &anchors };
/// assert_eq!(segment.anchor_at(7), Some(&anchors[0]));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockSegment<'t> {
    /// The clock's rate.
    pub rate: Rate,
    /// The anchors that are kept, oldest first; none if Unix time is not known.
    pub anchors: &'t [Anchor],
}

/// The clock's segments, by which ticks become Unix time.
///
/// A span is converted with the anchor in force at its start, and lasts what
/// its ticks say, whatever the Unix time did meanwhile.
///
/// ```
/// use picojaeger_core::{Anchor, ClockSegment, Timestamp, Rate, Timeline};
///
/// let anchors = [Anchor::new(1_000, 1_700_000_000_000_000)];
/// let segments = [ClockSegment { rate: Rate::new(1_000_000), anchors: &anchors }];
/// let timeline = Timeline { segments: &segments };
///
/// let times = timeline.times(0, Timestamp::Ticks(1_500), Timestamp::Ticks(1_540));
/// assert_eq!((times.start_micros, times.duration_micros), (1_700_000_000_000_500, 40));
/// assert!(times.synced);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timeline<'t> {
    /// The segments, at most four, in the order of their numbers.
    pub segments: &'t [ClockSegment<'t>],
}

/// A span's times in microseconds, and how they are known.
///
/// ```
/// use picojaeger_core::{Timestamp, Timeline};
///
/// let unknown = Timeline { segments: &[] };
/// let times = unknown.times(0, Timestamp::UnixMicros(70), Timestamp::UnixMicros(75));
/// assert_eq!(times.micros_at(Timestamp::UnixMicros(72)), 72);
/// assert!(times.synced, "both ends are given in Unix time");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Times<'t> {
    /// The start since 1970-01-01 UTC, or since tick 0 where not `synced`.
    pub start_micros: u64,
    /// From start to finish.
    pub duration_micros: u64,
    /// Whether Unix time was known where it was needed.
    pub synced: bool,
    /// How far the conversion may be off.
    pub uncertainty_micros: u32,
    start: Timestamp,
    segment: &'t ClockSegment<'t>,
}

/// An instant in Unix time, and how that is known.
#[derive(Clone, Copy)]
struct Converted {
    /// From tick 0 on where not `synced`.
    micros: u64,
    synced: bool,
    uncertainty_micros: u32,
}

impl Anchor {
    /// An anchor without uncertainty.
    pub const fn new(ticks: u64, unix_micros: u64) -> Self {
        Anchor {
            ticks,
            unix_micros,
            uncertainty_micros: 0,
        }
    }

    /// Unix microseconds at `ticks`, before or after the anchor.
    #[inline]
    pub const fn unix_micros_at(&self, ticks: u64, rate: Rate) -> u64 {
        if ticks >= self.ticks {
            let after = rate.micros(ticks - self.ticks);
            self.unix_micros.saturating_add(after)
        } else {
            let before = rate.micros(self.ticks - ticks);
            self.unix_micros.saturating_sub(before)
        }
    }
}

impl Rate {
    /// The rate of a clock of `frequency` ticks a second; 0 counts as 1.
    pub const fn new(frequency: u64) -> Self {
        let frequency = if frequency == 0 { 1 } else { frequency } as u128;
        // The greatest shift for which the mantissa has 32 bits. It is rounded up, so that
        // a whole number of microseconds stays one.
        let mut shift = 0;
        while shift < 95 && (1_000_000u128 << (shift + 1)) / frequency <= u32::MAX as u128 {
            shift += 1;
        }
        let scaled = (1_000_000u128 << shift).div_ceil(frequency);
        let mantissa = if scaled > u32::MAX as u128 {
            u32::MAX
        } else {
            scaled as u32
        };
        Rate { mantissa, shift }
    }

    /// The microseconds of `ticks`, rounded down, saturating.
    #[inline(never)]
    pub const fn micros(self, ticks: u64) -> u64 {
        let low = (ticks as u32) as u64 * self.mantissa as u64;
        let mut high = low >> 32;
        if ticks >> 32 != 0 {
            high += (ticks >> 32) * self.mantissa as u64;
        } else if self.shift >= 32 && self.shift < 64 {
            // A chip without long multiplication and shift has this case cheap.
            return (high as u32 >> (self.shift - 32)) as u64;
        }
        // A clock of less than 1 MHz: whole microseconds begin further down.
        let (mut shift, mut low) = (self.shift, low as u32);
        while shift < 32 {
            if high >> 63 != 0 {
                return u64::MAX;
            }
            high = high << 1 | (low >> 31) as u64;
            low <<= 1;
            shift += 1;
        }
        high.wrapping_shr(shift - 32)
    }
}

impl<'t> ClockSegment<'t> {
    /// The anchor in force at `ticks`: the last one taken by then, or the oldest.
    ///
    /// Looks from the newest back.
    #[inline]
    pub fn anchor_at(&self, ticks: u64) -> Option<&'t Anchor> {
        let mut in_force = None;
        for anchor in self.anchors.iter().rev() {
            in_force = Some(anchor);
            if anchor.ticks <= ticks {
                break;
            }
        }
        in_force
    }
}

impl<'t> Timeline<'t> {
    /// The times of a span that started in this segment.
    ///
    /// Ends that were given in Unix time hold as given; a tick at the other end
    /// is converted with the anchor in force at that tick. Without an anchor
    /// ticks count from 0, and such a mixed pair lasts 0. Nothing lasts less
    /// than 0. Ticks of a segment that is not there count as microseconds.
    #[inline(always)]
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

impl ClockSegment<'_> {
    inline_on_word64! {
        /// An instant in Unix time.
        fn convert(&self, instant: Timestamp) -> Converted {
            let (micros, uncertainty_micros, synced) = match instant {
                Timestamp::UnixMicros(micros) => (micros, 0, true),
                Timestamp::Ticks(ticks) => match self.anchor_at(ticks) {
                    Some(anchor) => {
                        let micros = anchor.unix_micros_at(ticks, self.rate);
                        (micros, anchor.uncertainty_micros, true)
                    }
                    None => (self.rate.micros(ticks), 0, false),
                },
            };
            Converted {
                micros,
                synced,
                uncertainty_micros,
            }
        }
    }
}

impl Converted {
    /// The time since another instant, 0 where either is not known; and this instant.
    #[cold]
    fn since(self, earlier: Converted) -> (u64, Converted) {
        if self.synced && earlier.synced {
            (self.micros.saturating_sub(earlier.micros), self)
        } else {
            (0, self)
        }
    }
}

impl Times<'_> {
    /// Microseconds of an instant of the same span, on the scale of its start.
    ///
    /// Ticks are measured from the span's start. Where that was given in Unix
    /// time they are converted with the anchor in force at them, and without
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

/// A segment of which nothing is known: its ticks count as microseconds.
static UNKNOWN: ClockSegment<'static> = ClockSegment {
    rate: Rate::new(1_000_000),
    anchors: &[],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_agree_with_division() {
        for frequency in [
            1,
            32_768,
            1_000_000,
            12_500_000,
            25_000_000,
            2_799_998_123,
            1 << 40,
        ] {
            let rate = Rate::new(frequency);
            for ticks in [0, 1, 31, 32_768, 25_000_000, 1 << 33, 86_400 * frequency] {
                let exact = (ticks as u128 * 1_000_000 / frequency as u128) as u64;
                let error = rate.micros(ticks).abs_diff(exact);
                assert!(
                    error <= 1 + (exact >> 32),
                    "{ticks} at {frequency} Hz: off by {error}"
                );
            }
        }
    }

    #[test]
    fn rates_saturate() {
        assert_eq!(Rate::new(1).micros(u64::MAX), u64::MAX);
        assert_eq!(Rate::new(u64::MAX).micros(1), 0);
        assert_eq!(Rate::new(0), Rate::new(1));
    }

    #[test]
    fn an_anchor_reaches_back_no_further_than_1970() {
        assert_eq!(Anchor::new(100, 5).unix_micros_at(0, Rate::new(1)), 0);
    }

    const ANCHORS: [Anchor; 2] = [
        Anchor {
            ticks: 1_000,
            unix_micros: 50_000,
            uncertainty_micros: 3,
        },
        Anchor::new(2_000, 90_000), // Unix time stepped meanwhile
    ];

    /// The times by a segment 1 of 1 MHz.
    fn times(anchors: &[Anchor], start: Timestamp, finish: Timestamp) -> (u64, u64, bool, u32) {
        let rate = Rate::new(1_000_000);
        let other = ClockSegment {
            rate: Rate::new(1),
            anchors: &[],
        };
        let segments = [other, ClockSegment { rate, anchors }];
        let times = Timeline {
            segments: &segments,
        }
        .times(1, start, finish);
        (
            times.start_micros,
            times.duration_micros,
            times.synced,
            times.uncertainty_micros,
        )
    }

    #[test]
    fn the_anchor_in_force_at_the_start_converts_a_span() {
        use Timestamp::{Ticks, UnixMicros};
        let cases = [
            (Ticks(1_999), Ticks(2_500), (50_999, 501, true, 3)),
            (Ticks(2_000), Ticks(2_500), (90_000, 500, true, 0)),
            (Ticks(900), Ticks(901), (49_900, 1, true, 3)),
            (Ticks(2_000), Ticks(1_999), (90_000, 0, true, 0)),
            (Ticks(1_100), UnixMicros(60_000), (50_100, 9_900, true, 3)),
            (Ticks(1_100), UnixMicros(50_099), (50_100, 0, true, 3)),
            (UnixMicros(80_000), Ticks(2_100), (80_000, 10_100, true, 0)),
            (UnixMicros(80_000), Ticks(1_100), (80_000, 0, true, 3)),
            (UnixMicros(7), UnixMicros(9), (7, 2, true, 0)),
            (UnixMicros(9), UnixMicros(7), (9, 0, true, 0)),
        ];
        for (start, finish, expected) in cases {
            assert_eq!(
                times(&ANCHORS, start, finish),
                expected,
                "{start:?} {finish:?}"
            );
        }
    }

    #[test]
    fn without_an_anchor_ticks_count_from_zero() {
        use Timestamp::{Ticks, UnixMicros};
        let cases = [
            (Ticks(30), Ticks(40), (30, 10, false, 0)),
            (Ticks(30), UnixMicros(1_000), (30, 0, false, 0)),
            (UnixMicros(1_000), Ticks(5_000), (1_000, 0, false, 0)),
            (UnixMicros(7), UnixMicros(9), (7, 2, true, 0)),
        ];
        for (start, finish, expected) in cases {
            assert_eq!(times(&[], start, finish), expected, "{start:?} {finish:?}");
        }
    }

    #[test]
    fn instants_within_a_span_keep_to_the_scale_of_its_start() {
        use Timestamp::{Ticks, UnixMicros};
        let known = [ClockSegment {
            rate: Rate::new(1_000_000),
            anchors: &ANCHORS,
        }];
        let unknown = [ClockSegment {
            rate: Rate::new(1_000_000),
            anchors: &[],
        }];
        let at = |segments, start, instant| {
            let times = Timeline { segments }.times(0, start, Ticks(9_000));
            times.micros_at(instant)
        };
        assert_eq!(at(&known, Ticks(1_500), Ticks(2_500)), 51_500);
        assert_eq!(at(&known, Ticks(1_500), Ticks(1_400)), 50_400);
        assert_eq!(at(&known, Ticks(1_500), UnixMicros(8)), 8);
        assert_eq!(at(&known, UnixMicros(1), Ticks(2_500)), 90_500);
        assert_eq!(at(&unknown, UnixMicros(60), Ticks(2_500)), 60);
        assert_eq!(at(&unknown, Ticks(60), Ticks(70)), 70);
    }

    #[test]
    fn an_epoch_that_is_not_there_counts_in_microseconds() {
        let times = Timeline { segments: &[] }.times(3, Timestamp::Ticks(5), Timestamp::Ticks(8));
        assert_eq!((times.start_micros, times.duration_micros), (5, 3));
        assert!(!times.synced);
    }
}
