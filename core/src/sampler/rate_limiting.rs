//! The sampler that takes a number of traces a second.

use crate::raw_mutex::{Guarded, RawMutex};
use crate::sampler::token_bucket::RateLimiter;
use crate::sampler::update::update_outside;
use crate::sampler::{
    Decision, Description, Param, Query, Sampler, SamplerError, decide, describe,
};

/// Samples a number of traces a second; shared by all producers of spans.
///
/// Each call holds the mutex for a few additions and comparisons. A re-entrant call, as from a
/// non-maskable interrupt, returns [`Decision::Drop`].
///
/// ```
/// use picojaeger_core::{Interrupts, Query, RateLimiter, RateLimiting, Sampler, TraceId};
///
/// let limiter = RateLimiter::new(1.0, 1_000)?; // one a second, on a clock of 1 kHz
/// let sampler = RateLimiting::<Interrupts>::new(limiter);
/// let at = |ticks| Query::new(TraceId::new(1), "poll", ticks);
/// assert!(sampler.sample(&at(0)).is_sample());
/// assert!(!sampler.sample(&at(999)).is_sample());
/// assert!(sampler.sample(&at(1_000)).is_sample());
/// # Ok::<(), picojaeger_core::SamplerError>(())
/// ```
#[derive(Debug)]
pub struct RateLimiting<X> {
    limiter: Guarded<X, RateLimiter>,
}

impl<X: RawMutex> RateLimiting<X> {
    /// Makes a sampler of the traces that this limiter lets pass.
    #[cfg(not(loom))]
    pub const fn new(limiter: RateLimiter) -> Self {
        RateLimiting {
            limiter: Guarded::new(limiter),
        }
    }

    /// Changes the rate at `ticks`; the credit stays the same share of the most.
    ///
    /// Calculates outside the mutex, and again if a trace was sampled in between.
    ///
    /// # Errors
    /// The rate is negative or not finite, or the call is re-entrant; the sampler is unchanged.
    pub fn update(&self, rate: f64, ticks: u64) -> Result<(), SamplerError> {
        update_outside(&self.limiter, RateLimiter::is_unchanged_since, |limiter| {
            limiter.update(rate, ticks)
        })
    }
}

impl<X: RawMutex> Sampler for RateLimiting<X> {
    #[inline]
    fn sample(&self, query: &Query<'_>) -> Decision {
        let allowed = self.limiter.with(|limiter| limiter.allow(query.ticks));
        decide(allowed == Some(true))
    }

    fn description(&self, code: u8) -> Option<Description> {
        let rate = self.limiter.with(|limiter| limiter.rate())?;
        describe(code, "ratelimiting", Param::F64(rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TraceId;
    use crate::raw_mutex::Interrupts;

    fn sampler(rate: f64) -> RateLimiting<Interrupts> {
        RateLimiting::new(RateLimiter::new(rate, 1_000).unwrap())
    }

    fn sampled(sampler: &impl Sampler, ticks: u64, calls: u32) -> u32 {
        let query = Query {
            trace_id: TraceId::from_parts(0, 1),
            operation: "op",
            ticks,
        };
        (0..calls)
            .map(|_| u32::from(sampler.sample(&query).is_sample()))
            .sum()
    }

    #[test]
    fn updates_change_rate_and_tags() {
        let sampler = sampler(4.0);
        assert_eq!(sampled(&&sampler, 0, 3), 3);
        sampler.update(8.0, 0).unwrap();
        let description = sampler.description(1).unwrap();
        assert_eq!(description.kind, "ratelimiting");
        assert_eq!(description.param, Param::F64(8.0));
        assert_eq!(sampler.description(0), None);
        // One of four was left, so two of eight are.
        assert_eq!(sampled(&sampler, 0, 9), 2);
        assert_eq!(sampler.update(-1.0, 0), Err(SamplerError::Rate));
        assert_eq!(sampled(&sampler, 125, 9), 1);
    }

    #[test]
    fn a_reentrant_call_is_refused() {
        let sampler = sampler(4.0);
        sampler.limiter.with(|_| {
            assert_eq!(sampled(&sampler, 0, 2), 0);
            assert_eq!(sampler.update(1.0, 0), Err(SamplerError::Busy));
            assert_eq!(sampler.description(1), None);
        });
        assert_eq!(sampled(&sampler, 0, 9), 4);
    }
}
