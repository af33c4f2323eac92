//! The rate limiter of the adapter's samplers, which guard it in ways of their own.

use picojaeger_core::{Description, Param, RateLimiter, SamplerError};

use crate::sys::clock::SECOND;

/// Makes a limiter to so many traces a second, with a random credit: processes that start together do
/// not sample their first roots alike then.
pub(super) fn limiter(rate: f64) -> Result<RateLimiter, SamplerError> {
    let random = getrandom::u32().unwrap_or_default();
    RateLimiter::new(rate, SECOND).map(|limiter| limiter.with_random_credit(random))
}

/// Returns the description of a trace that the limiter sampled.
pub(super) fn description(limiter: &RateLimiter) -> Description {
    Description::new("ratelimiting", Param::F64(limiter.rate()))
}
