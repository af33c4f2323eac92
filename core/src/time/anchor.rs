//! Anchors: where a clock's ticks and Unix time meet.

use super::Rate;

/// One instant on both time scales: a clock's extended ticks and Unix time.
///
/// ```
/// use picojaeger_core::adapter::Rate;
/// use picojaeger_core::Anchor;
///
/// let anchor = Anchor::new(1_000, 1_700_000_000_000_000);
/// let rate = Rate::new(1_000); // a clock of 1 kHz
/// assert_eq!(anchor.unix_micros_at(3_000, rate), 1_700_000_002_000_000);
/// assert_eq!(anchor.unix_micros_at(0, rate), 1_699_999_999_000_000);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Anchor {
    /// Extended ticks of the clock.
    pub ticks: u64,
    /// Microseconds since 1970-01-01 UTC at those ticks.
    pub unix_micros: u64,
    /// The most by which `unix_micros` may be off, in microseconds.
    pub uncertainty_micros: u32,
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

    /// Returns the same anchor, which may be off by so many microseconds.
    #[must_use]
    pub const fn with_uncertainty(mut self, micros: u32) -> Self {
        self.uncertainty_micros = micros;
        self
    }

    /// Unix microseconds at `ticks`, before or after the anchor.
    #[cfg_attr(
        all(target_pointer_width = "64", not(target_os = "none")),
        inline(always)
    )]
    #[cfg_attr(not(all(target_pointer_width = "64", not(target_os = "none"))), inline)]
    pub const fn unix_micros_at(&self, ticks: u64, rate: Rate) -> u64 {
        if ticks >= self.ticks {
            let after = rate.micros(ticks - self.ticks);
            self.unix_micros.saturating_add(after)
        } else {
            let distance = self.ticks - ticks;
            let before = if cfg!(target_pointer_width = "64") {
                // Rounded up, so that the instant is rounded down like those behind the anchor.
                rate.micros_rounded_up(distance)
            } else {
                // A microsecond is not worth a chip's flash.
                rate.micros(distance)
            };
            self.unix_micros.saturating_sub(before)
        }
    }

    /// Unix nanoseconds at `ticks`, before or after the anchor.
    #[inline]
    pub const fn unix_nanos_at(&self, ticks: u64, rate: Rate) -> u64 {
        let nanos = self.unix_micros.saturating_mul(1_000);
        if ticks >= self.ticks {
            nanos.saturating_add(rate.nanos(ticks - self.ticks))
        } else {
            nanos.saturating_sub(rate.nanos(self.ticks - ticks))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microseconds_are_nanoseconds_rounded_down() {
        let (anchor, rate) = (Anchor::new(1_000, 5_000), Rate::new(7_000_000));
        for ticks in 0..2_000 {
            let nanos = anchor.unix_nanos_at(ticks, rate);
            assert_eq!(anchor.unix_micros_at(ticks, rate), nanos / 1_000, "{ticks}");
        }
        assert_eq!(anchor.unix_nanos_at(1_001, rate), 5_000_142);
        assert_eq!(anchor.unix_nanos_at(999, rate), 4_999_858);
    }

    #[test]
    fn an_anchor_reaches_back_no_further_than_1970() {
        assert_eq!(Anchor::new(100, 5).unix_micros_at(0, Rate::new(1)), 0);
    }
}
