//! The rate of a clock.

use crate::arch::inline_on_servers;

/// Ticks to microseconds by one multiplication and a shift, no division.
///
/// Exact to 1 part in 2³²; rounds down.
///
/// ```
/// use picojaeger_core::adapter::Rate;
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

impl Rate {
    /// The rate of a clock of `frequency` ticks a second; 0 counts as 1.
    pub const fn new(frequency: u64) -> Self {
        let frequency = if frequency == 0 { 1 } else { frequency };
        // Long division, digit by digit: no call of the division of 128 bits, which is a kilobyte.
        let (mut scaled, mut rest) = (1_000_000 / frequency, 1_000_000 % frequency);
        // The greatest shift for which the mantissa has 32 bits.
        let mut shift = 0;
        while shift < 95 && scaled >> 31 == 0 {
            let digit = rest >= frequency - rest;
            scaled = scaled << 1 | digit as u64;
            rest = if digit {
                rest - (frequency - rest)
            } else {
                rest << 1
            };
            shift += 1;
        }
        // Rounded up, so that a whole number of microseconds stays one.
        let mantissa = (scaled as u32).saturating_add((rest > 0) as u32);
        Rate { mantissa, shift }
    }

    inline_on_servers! {
        /// The microseconds of `ticks`, rounded down, saturating.
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

    /// The nanoseconds of `ticks`, rounded down, saturating.
    #[inline]
    pub const fn nanos(self, ticks: u64) -> u64 {
        if cfg!(target_pointer_width = "64") {
            // The product has at most 106 bits. A chip has to multiply in parts.
            let product = ticks as u128 * (self.mantissa as u64 * 1_000) as u128;
            let nanos = product >> self.shift;
            let saturates = nanos > u64::MAX as u128;
            return if saturates { u64::MAX } else { nanos as u64 };
        }
        let whole = self.micros(ticks).saturating_mul(1_000);
        whole.saturating_add(self.rest_nanos(ticks) as u64)
    }

    /// The microseconds of `ticks`, rounded up if a nanosecond or more is beyond whole ones.
    #[inline(never)]
    pub(super) const fn micros_rounded_up(self, ticks: u64) -> u64 {
        let more = self.rest_nanos(ticks) > 0;
        self.micros(ticks).saturating_add(more as u64)
    }

    /// The nanoseconds of `ticks` beyond whole microseconds, rounded down.
    const fn rest_nanos(self, ticks: u64) -> u32 {
        let low = (ticks as u32) as u64 * self.mantissa as u64;
        let mut high = (ticks >> 32) * self.mantissa as u64 + (low >> 32);
        let (mut shift, mut low) = (self.shift, low as u32);
        while shift < 32 {
            high = high << 1 | (low >> 31) as u64;
            low <<= 1;
            shift += 1;
        }
        // Below 2^45 for any frequency, and times 1000 below 2^55.
        let fraction = high & ((1 << (shift - 32)) - 1);
        let carried = (low as u64 * 1_000) >> 32;
        ((fraction * 1_000 + carried) >> (shift - 32)) as u32
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
    fn nanoseconds_agree_with_division() {
        for frequency in [
            1,
            32_768,
            1_000_000,
            25_000_000,
            2_799_998_123,
            1 << 40,
            u64::MAX,
        ] {
            let rate = Rate::new(frequency);
            for ticks in [0, 1, 31, 40, 32_768, 25_000_001, 1 << 33] {
                let exact = (ticks as u128 * 1_000_000_000 / frequency as u128) as u64;
                let found = rate.nanos(ticks);
                let error = found.abs_diff(exact);
                assert!(
                    error <= 1 + (exact >> 31),
                    "{ticks} at {frequency} Hz: {found}"
                );
                assert_eq!(found / 1_000, rate.micros(ticks));
            }
        }
        assert_eq!(Rate::new(25_000_000).nanos(1), 40);
        assert_eq!(Rate::new(1).nanos(u64::MAX), u64::MAX);
    }

    #[test]
    fn rates_saturate() {
        assert_eq!(Rate::new(1).micros(u64::MAX), u64::MAX);
        assert_eq!(Rate::new(u64::MAX).micros(1), 0);
        assert_eq!(Rate::new(0), Rate::new(1));
    }
}
