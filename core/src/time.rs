//! Clocks, and the conversion of their ticks to Unix time.

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
            self.unix_micros
                .saturating_add(rate.micros(ticks - self.ticks))
        } else {
            self.unix_micros
                .saturating_sub(rate.micros(self.ticks - ticks))
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
        while shift < 96 && (1_000_000u128 << (shift + 1)) / frequency <= u32::MAX as u128 {
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
    #[inline]
    pub const fn micros(self, ticks: u64) -> u64 {
        let low = (ticks as u32) as u64 * self.mantissa as u64;
        let high = (ticks >> 32) * self.mantissa as u64 + (low >> 32);
        if self.shift >= 32 {
            let shift = self.shift - 32;
            if shift >= 64 { 0 } else { high >> shift }
        } else if high >> (32 + self.shift) != 0 {
            u64::MAX
        } else {
            high << (32 - self.shift) | (low as u32 as u64) >> self.shift
        }
    }
}

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
}
