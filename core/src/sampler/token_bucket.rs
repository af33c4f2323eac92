//! The rate limiter: a token bucket.

use crate::sampler::SamplerError;

/// Limits a rate, with bursts of one second's worth (a token bucket).
///
/// Credit grows with time, up to one second's worth, or the cost of one call if the rate is below
/// one a second; each call that passes spends its cost. A rate of 0 lets none pass.
///
/// Credit is counted as time, in ticks and 2⁻³² of a tick. So a call takes a few additions and
/// comparisons, and only a change of the rate uses floating point.
///
/// ```
/// use picojaeger_core::RateLimiter;
///
/// let mut limiter = RateLimiter::new(2.0, 1_000)?; // two a second, on a clock of 1 kHz
/// assert!(limiter.allow(0) && limiter.allow(0));
/// assert!(!limiter.allow(499));
/// assert!(limiter.allow(500));
/// # Ok::<(), picojaeger_core::SamplerError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RateLimiter {
    rate: f64,
    /// Ticks a second.
    second: u64,
    cost: Cost,
    /// The most ticks of credit.
    most: u64,
    /// The ticks and their fraction at which there was no credit; until started,
    /// the ticks of credit to start with.
    empty: u64,
    fraction: u32,
    /// Whether credit grows.
    started: bool,
}

/// The cost of one call: ticks and 2⁻³² of a tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Cost {
    ticks: u64,
    fraction: u32,
}

impl RateLimiter {
    /// Makes a limiter of `rate` a second on a clock of `frequency` ticks a second (0 counts as 1);
    /// it starts with the most credit.
    ///
    /// # Errors
    /// The rate is negative or not finite.
    pub const fn new(rate: f64, frequency: u64) -> Result<Self, SamplerError> {
        let second = match frequency {
            0 => 1,
            1..MOST => frequency,
            _ => MOST,
        };
        let cost = match Cost::new(rate, second) {
            Ok(cost) => cost,
            Err(error) => return Err(error),
        };
        let most = cost.most(second);
        Ok(RateLimiter {
            rate,
            second,
            cost,
            most,
            empty: most,
            fraction: 0,
            started: false,
        })
    }

    /// Sets the start credit of an unused limiter to `random` / 2³² of the most, so that processes
    /// started together do not all begin with a burst.
    #[must_use]
    pub const fn with_random_credit(mut self, random: u32) -> Self {
        let (most, random) = (self.most, random as u64);
        self.empty = (most >> 32) * random + (((most & u32::MAX as u64) * random) >> 32);
        self.started = false;
        self
    }

    /// Returns whether a call may pass at `ticks`; if so, it spends its cost.
    ///
    /// A clock that steps back adds no credit until it is ahead again.
    #[inline]
    pub fn allow(&mut self, ticks: u64) -> bool {
        if self.cost.ticks == NEVER {
            return false;
        }
        let credit = self.credit(ticks);
        let (fraction, carry) = self.fraction.overflowing_add(self.cost.fraction);
        let cost = self.cost.ticks + u64::from(carry);
        if credit < cost + u64::from(fraction != 0) {
            return false;
        }
        self.empty = self.empty.wrapping_add(cost);
        self.fraction = fraction;
        true
    }

    /// Changes the rate at `ticks`; the credit stays the same share of the most.
    ///
    /// # Errors
    /// The rate is negative or not finite; the limiter is unchanged.
    pub fn update(&mut self, rate: f64, ticks: u64) -> Result<(), SamplerError> {
        let cost = Cost::new(rate, self.second)?;
        let (mut credit, mut now) = (self.empty, ticks);
        if self.started {
            credit = self.credit(ticks);
            now = self.empty.wrapping_add(credit); // not before the latest
        }
        let share = credit as f64 / self.most as f64;
        self.rate = rate;
        self.cost = cost;
        self.most = cost.most(self.second);
        let credit = ((share * self.most as f64) as u64).min(self.most);
        self.started = cost.ticks != NEVER;
        self.empty = if self.started {
            now.wrapping_sub(credit)
        } else {
            credit
        };
        Ok(())
    }

    /// Returns the rate, a second.
    pub const fn rate(&self) -> f64 {
        self.rate
    }

    /// Returns whether the limiter is unchanged since it was `before`.
    pub(super) fn is_unchanged_since(&self, before: &Self) -> bool {
        self.empty == before.empty
            && self.fraction == before.fraction
            && self.started == before.started
            && self.cost == before.cost
    }

    /// Returns the ticks of credit at `ticks`; drops credit above the most.
    fn credit(&mut self, ticks: u64) -> u64 {
        if !self.started {
            self.started = true;
            self.empty = ticks.wrapping_sub(self.empty);
        }
        let credit = ticks.wrapping_sub(self.empty);
        if credit > u64::MAX >> 1 {
            return 0; // the clock is behind
        }
        if credit > self.most {
            self.empty = ticks.wrapping_sub(self.most);
            self.fraction = 0;
            return self.most;
        }
        credit
    }
}

impl Cost {
    /// Returns the cost of a call at this rate; [`NEVER`] at a rate of 0.
    const fn new(rate: f64, second: u64) -> Result<Self, SamplerError> {
        if !(rate >= 0.0 && rate <= f64::MAX) {
            return Err(SamplerError::Rate);
        }
        if rate == 0.0 {
            return Ok(Cost {
                ticks: NEVER,
                fraction: 0,
            });
        }
        let exact = second as f64 / rate;
        if exact >= MOST as f64 {
            return Ok(Cost {
                ticks: MOST,
                fraction: 0,
            });
        }
        let ticks = exact as u64;
        let fraction = ((exact - ticks as f64) * (1u64 << 32) as f64) as u32;
        let least = (ticks == 0 && fraction == 0) as u32;
        Ok(Cost {
            ticks,
            fraction: fraction | least,
        })
    }

    /// Returns the most ticks of credit at this cost.
    const fn most(self, second: u64) -> u64 {
        if self.ticks == NEVER || self.ticks < second {
            second
        } else {
            self.ticks + (self.fraction != 0) as u64
        }
    }
}

/// The ticks of a cost that no credit reaches.
const NEVER: u64 = u64::MAX;
/// The greatest second or cost in ticks; differences of ticks stay within 63 bits.
const MOST: u64 = 1 << 62;

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the number of `calls` that pass at these ticks.
    fn passed(limiter: &mut RateLimiter, ticks: u64, calls: u32) -> u32 {
        (0..calls).map(|_| u32::from(limiter.allow(ticks))).sum()
    }

    #[test]
    fn a_burst_is_one_seconds_worth() {
        let mut limiter = RateLimiter::new(3.0, 1_000).unwrap();
        assert_eq!(passed(&mut limiter, 5_000, 9), 3);
        assert_eq!(passed(&mut limiter, 5_333, 9), 0);
        assert_eq!(passed(&mut limiter, 5_334, 9), 1);
        assert_eq!(passed(&mut limiter, 1_000_000, 9), 3);
        assert_eq!(passed(&mut limiter, 1 << 62, 9), 3);
    }

    #[test]
    fn slow_rates_save_up_one() {
        let mut limiter = RateLimiter::new(1.0 / 600.0, 3_000_000_000).unwrap();
        assert_eq!(passed(&mut limiter, 0, 2), 1);
        assert_eq!(passed(&mut limiter, 600 * 3_000_000_000 - 3, 2), 0);
        assert_eq!(passed(&mut limiter, 600 * 3_000_000_000 + 3, 2), 1);
        assert_eq!(passed(&mut limiter, 1_000_000 * 3_000_000_000, 2), 1);
    }

    #[test]
    fn the_rate_is_kept_over_time() {
        for (rate, frequency) in [
            (1.5, 32_768),
            (1_000.0, 32_768),
            (7.0, 1_000),
            (50_000.0, 1_000),
        ] {
            let mut limiter = RateLimiter::new(rate, frequency)
                .unwrap()
                .with_random_credit(0);
            let (seconds, mut count) = (20, 0);
            for tick in 0..=seconds * frequency {
                while limiter.allow(tick) {
                    count += 1;
                }
            }
            let expected = rate * seconds as f64;
            let error = (count as f64 - expected).abs();
            assert!(
                error <= 1.0 + expected / 1e6,
                "{rate} at {frequency}: {count}"
            );
        }
    }

    #[test]
    fn a_rate_of_zero_lets_none_through() {
        let mut limiter = RateLimiter::new(0.0, 1_000).unwrap();
        assert_eq!(passed(&mut limiter, 0, 2), 0);
        assert_eq!(passed(&mut limiter, 1 << 40, 2), 0);
    }

    #[test]
    fn a_clock_that_steps_back_gives_nothing() {
        let mut limiter = RateLimiter::new(1.0, 1_000).unwrap();
        assert_eq!(passed(&mut limiter, 10_000, 2), 1);
        for ticks in [0, 9_000, 10_000, 5_000, 10_999] {
            assert_eq!(passed(&mut limiter, ticks, 2), 0);
        }
        assert_eq!(passed(&mut limiter, 11_000, 2), 1);
    }

    #[test]
    fn the_start_credit_can_be_random() {
        for (random, expected) in [(0, 0), (1 << 30, 2), (1 << 31, 5), (u32::MAX, 9)] {
            let limiter = RateLimiter::new(10.0, 1_000_000).unwrap();
            assert_eq!(
                passed(&mut limiter.with_random_credit(random), 77, 20),
                expected
            );
        }
    }

    #[test]
    fn an_update_keeps_the_share() {
        let mut limiter = RateLimiter::new(10.0, 1_000).unwrap();
        assert_eq!(passed(&mut limiter, 0, 5), 5);
        limiter.update(20.0, 0).unwrap();
        assert_eq!(passed(&mut limiter, 0, 30), 10);
        limiter.update(4.0, 250).unwrap(); // a quarter of a second's credit at 20
        assert_eq!(limiter.rate(), 4.0);
        assert_eq!(passed(&mut limiter, 250, 30), 1);
        limiter.update(0.0, 500).unwrap();
        assert_eq!(passed(&mut limiter, 9_000, 30), 0);
        limiter.update(4.0, 10_000).unwrap();
        assert_eq!(passed(&mut limiter, 10_000, 30), 1);
        assert_eq!(passed(&mut limiter, 10_500, 30), 2);
    }

    #[test]
    fn other_rates_are_errors() {
        for rate in [f64::NAN, -1.0, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(RateLimiter::new(rate, 1), Err(SamplerError::Rate));
            let mut limiter = RateLimiter::new(2.0, 1).unwrap();
            assert_eq!(limiter.update(rate, 5), Err(SamplerError::Rate));
            assert_eq!(limiter, RateLimiter::new(2.0, 1).unwrap());
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        for rate in [f64::MIN_POSITIVE, 1e-9, 1e9, f64::MAX] {
            for frequency in [0, 1, 1 << 32, u64::MAX] {
                let mut limiter = RateLimiter::new(rate, frequency).unwrap();
                assert!(limiter.allow(0));
                for ticks in [1, 1 << 33, 1 << 62, u64::MAX] {
                    limiter.allow(ticks);
                    assert!(limiter.credit(ticks) <= limiter.most);
                }
                limiter.update(1.0, u64::MAX).unwrap();
                assert!(limiter.credit(u64::MAX) <= limiter.most);
            }
        }
    }
}
