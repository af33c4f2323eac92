//! The core's samplers, as selected by the configuration.

use std::sync::Mutex;

use picojaeger_core::{
    Const, Decision, Description, Param, Probabilistic, Query, RateLimiter, Sampler as _,
};

use crate::config::Sampler;
use crate::sys::clock::{SECOND, monotonic};
#[cfg(test)]
use crate::sys::sync::hold;
use crate::sys::sync::lock;

/// Sampler of local roots.
#[derive(Debug)]
pub(crate) enum RootSampler {
    Const(Const),
    Probabilistic(Probabilistic),
    RateLimiting(Mutex<RateLimiter>),
}

impl RootSampler {
    /// Makes the sampler of resolved settings, whose parameters are in range.
    pub(crate) fn new(sampler: Sampler) -> Self {
        let made = match sampler {
            Sampler::Const(on) => return RootSampler::Const(Const(on)),
            Sampler::Probabilistic(rate) => {
                Probabilistic::new(rate).map(RootSampler::Probabilistic)
            }
            Sampler::RateLimiting(rate) => RateLimiter::new(rate, SECOND).map(|limiter| {
                // Processes that start together do not sample their first roots alike then.
                let random = getrandom::u32().unwrap_or_default();
                RootSampler::RateLimiting(Mutex::new(limiter.with_random_credit(random)))
            }),
        };
        made.unwrap_or(RootSampler::Const(Const(false)))
    }

    /// Returns the decision, or the limiter that has to be locked for it.
    #[inline(always)]
    pub(crate) fn try_sample(&self, query: &Query<'_>) -> Result<Decision, &Mutex<RateLimiter>> {
        match self {
            RootSampler::Const(sampler) => Ok(sampler.sample(query)),
            RootSampler::Probabilistic(sampler) => Ok(sampler.sample(query)),
            RootSampler::RateLimiting(limiter) => Err(limiter),
        }
    }

    /// Returns the decision; takes the limiter's lock if there is one.
    pub(crate) fn sample(&self, query: &Query<'_>) -> Decision {
        self.try_sample(query)
            .unwrap_or_else(|limiter| match lock(limiter).allow(monotonic()) {
                true => Decision::Sample { code: 1 },
                false => Decision::Drop,
            })
    }

    #[cfg(test)]
    /// Runs `f` while the calling thread holds the sampler's state, if it has one.
    pub(crate) fn while_locked(&self, f: impl FnOnce()) {
        match self {
            RootSampler::RateLimiting(limiter) => hold(limiter, f),
            _ => f(),
        }
    }

    pub(crate) fn description(&self, code: u8) -> Option<Description> {
        match self {
            RootSampler::Const(sampler) => sampler.description(code),
            RootSampler::Probabilistic(sampler) => sampler.description(code),
            RootSampler::RateLimiting(limiter) => (code == 1)
                .then(|| Description::new("ratelimiting", Param::F64(lock(limiter).rate()))),
        }
    }
}
