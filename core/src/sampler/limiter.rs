//! The limiter: so many a second, with a bounded burst.

use crate::sampler::SamplerError;

/// Lets through so many a second.
///
/// Credit grows with time, up to one second's worth, or one's worth if the rate
/// is below one a second; each one let through costs one's worth. A rate of 0
/// lets none through.
///
/// Credit is counted in 256ths of a tick, so asking takes additions and
/// comparisons only; setting a rate takes a few operations on floats. What one
/// costs is rounded to that unit, and lies between one unit and 2⁵⁴ ticks.
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
    /// Ticks a second, scaled.
    second: u64,
    /// Ticks that one costs, scaled; 0 if the rate is.
    cost: u64,
    /// Ticks saved up, scaled; at most [`RateLimiter::most`].
    credit: u64,
    /// The latest ticks seen, once there were any.
    latest: Option<u64>,
}

impl RateLimiter {
    /// Lets through `rate` a second on a clock of `frequency` ticks a second
    /// (0 counts as 1); starts with all the credit that it can hold.
    ///
    /// # Errors
    /// The rate is negative or not finite.
    pub const fn new(rate: f64, frequency: u64) -> Result<Self, SamplerError> {
        let second = match frequency {
            0 => 1 << SCALE,
            1..MOST_TICKS => frequency << SCALE,
            _ => MOST_TICKS << SCALE,
        };
        let cost = match cost(rate, second) {
            Ok(cost) => cost,
            Err(error) => return Err(error),
        };
        let mut limiter = RateLimiter {
            rate,
            second,
            cost,
            credit: 0,
            latest: None,
        };
        limiter.credit = limiter.most();
        Ok(limiter)
    }

    /// This limiter with a start credit of `random` / 2³² of the whole, so that
    /// processes started together do not all begin with a burst.
    #[must_use]
    pub const fn with_random_credit(mut self, random: u32) -> Self {
        let (most, random) = (self.most(), random as u64);
        self.credit = (most >> 32) * random + (((most & u32::MAX as u64) * random) >> 32);
        self
    }

    /// Whether one more may pass at `ticks`; if so, it is paid for.
    ///
    /// A clock that steps back gives no credit until it is ahead again.
    #[inline]
    pub fn allow(&mut self, ticks: u64) -> bool {
        self.refresh(ticks);
        if self.cost == 0 || self.credit < self.cost {
            return false;
        }
        self.credit -= self.cost;
        true
    }

    /// Changes the rate at `ticks`; what is saved up stays the same share of
    /// the whole.
    ///
    /// # Errors
    /// The rate is negative or not finite; the limiter is as it was.
    pub fn update(&mut self, rate: f64, ticks: u64) -> Result<(), SamplerError> {
        let cost = cost(rate, self.second)?;
        self.refresh(ticks);
        let share = self.credit as f64 / self.most() as f64;
        self.rate = rate;
        self.cost = cost;
        self.credit = ((share * self.most() as f64) as u64).min(self.most());
        Ok(())
    }

    /// How many a second pass.
    pub const fn rate(&self) -> f64 {
        self.rate
    }

    /// Adds the credit of the time since the latest ticks.
    fn refresh(&mut self, ticks: u64) {
        let latest = *self.latest.get_or_insert(ticks);
        if ticks <= latest {
            return;
        }
        self.latest = Some(ticks);
        if self.cost == 0 {
            return;
        }
        let (elapsed, most) = (ticks - latest, self.most());
        self.credit = if elapsed > most >> SCALE {
            most
        } else {
            most.min(self.credit + (elapsed << SCALE))
        };
    }

    /// The credit's upper bound.
    const fn most(&self) -> u64 {
        if self.cost > self.second {
            self.cost
        } else {
            self.second
        }
    }
}

/// Scaled ticks that one costs at this rate; 0 for a rate of 0.
const fn cost(rate: f64, second: u64) -> Result<u64, SamplerError> {
    if !(rate >= 0.0 && rate <= f64::MAX) {
        return Err(SamplerError::Rate);
    }
    if rate == 0.0 {
        return Ok(0);
    }
    let cost = (second as f64 / rate + 0.5) as u64; // saturates
    Ok(match cost {
        0 => 1,
        1..MOST => cost,
        _ => MOST,
    })
}

/// Binary digits of a tick's fraction.
const SCALE: u32 = 8;
/// The greatest second or cost, so that sums stay within 64 bits.
const MOST: u64 = MOST_TICKS << SCALE;
const MOST_TICKS: u64 = 1 << 54;

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `calls` pass at these ticks.
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
        assert_eq!(passed(&mut limiter, u64::MAX, 9), 3);
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
            (5_000.0, 1_000),
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
                error <= 1.0 + expected / 200.0,
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
                    assert!(limiter.credit <= limiter.most());
                }
                limiter.update(1.0, u64::MAX).unwrap();
                assert!(limiter.credit <= limiter.most());
            }
        }
    }
}
