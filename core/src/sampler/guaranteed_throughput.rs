//! The sampler of a probability with a lower bound.

use crate::raw_mutex::{Guarded, RawMutex};
use crate::sampler::update::update_outside;
use crate::sampler::{Decision, Description, Query, Sampler, SamplerError, Throughput};

/// Samples traces with a probability, and so many a second in any case; shared by all producers of
/// spans.
///
/// Each call holds the mutex for a few additions and comparisons. A re-entrant call returns
/// [`Decision::Drop`].
///
/// ```
/// use picojaeger_core::{GuaranteedThroughput, Interrupts, Query, Sampler, Throughput, TraceId};
///
/// let rule = Throughput::new(0.01, 1.0 / 600.0, 1_000)?; // on a clock of 1 kHz
/// let sampler = GuaranteedThroughput::<Interrupts>::new(rule);
/// let query = Query::new(TraceId::new(u128::MAX), "poll", 0);
/// let by_bound = sampler.sample(&query);
/// assert!(by_bound.is_sample());
/// assert_eq!(sampler.description(2).unwrap().kind, "lowerbound");
/// # Ok::<(), picojaeger_core::SamplerError>(())
/// ```
#[derive(Debug)]
pub struct GuaranteedThroughput<X> {
    throughput: Guarded<X, Throughput>,
}

impl<X: RawMutex> GuaranteedThroughput<X> {
    /// Makes a sampler of this rule.
    #[cfg(not(loom))]
    pub const fn new(throughput: Throughput) -> Self {
        GuaranteedThroughput {
            throughput: Guarded::new(throughput),
        }
    }

    /// Changes probability and lower bound at `ticks`; the credit stays the same share of the most.
    ///
    /// # Errors
    /// A value is out of range, or the call is re-entrant; the sampler is unchanged.
    pub fn update(
        &self,
        probability: f64,
        lower_bound: f64,
        ticks: u64,
    ) -> Result<(), SamplerError> {
        update_outside(&self.throughput, Throughput::is_unchanged_since, |rule| {
            rule.update(probability, lower_bound, ticks)
        })
    }
}

impl<X: RawMutex> Sampler for GuaranteedThroughput<X> {
    #[inline]
    fn sample(&self, query: &Query<'_>) -> Decision {
        let decided = self
            .throughput
            .with(|throughput| throughput.sample(query.trace_id, query.ticks));
        decided.unwrap_or(Decision::Drop)
    }

    fn description(&self, code: u8) -> Option<Description> {
        self.throughput
            .with(|throughput| throughput.description(code))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TraceId;
    use crate::raw_mutex::Interrupts;
    use crate::sampler::Param;

    fn sampled(sampler: &impl Sampler, low: u64, calls: u32) -> u32 {
        let query = Query::new(TraceId::from_parts(0, low), "op", 0);
        (0..calls)
            .map(|_| u32::from(sampler.sample(&query).is_sample()))
            .sum()
    }

    #[test]
    fn an_update_changes_decisions_and_tags() {
        let rule = Throughput::new(0.0, 2.0, 1_000).unwrap();
        let sampler = GuaranteedThroughput::<Interrupts>::new(rule);
        let unlikely = u64::MAX >> 1;
        assert_eq!(sampled(&&sampler, unlikely, 9), 2);
        assert_eq!(sampled(&sampler, 1, 9), 0);
        sampler.update(0.5, 4.0, 0).unwrap();
        assert_eq!(sampled(&sampler, unlikely, 9), 0);
        assert_eq!(sampled(&sampler, 1, 9), 9);
        for (code, kind) in [(1, "probabilistic"), (2, "lowerbound")] {
            let found = sampler.description(code).unwrap();
            assert_eq!((found.kind, found.param), (kind, Param::F64(0.5)));
        }
        assert_eq!(sampler.update(0.5, -1.0, 0), Err(SamplerError::Rate));
    }

    #[test]
    fn a_reentrant_call_is_refused() {
        let rule = Throughput::new(1.0, 2.0, 1_000).unwrap();
        let sampler = GuaranteedThroughput::<Interrupts>::new(rule);
        sampler.throughput.with(|_| {
            assert_eq!(sampled(&sampler, 1, 2), 0);
            assert_eq!(sampler.update(1.0, 1.0, 0), Err(SamplerError::Busy));
            assert_eq!(sampler.description(1), None);
        });
        assert_eq!(sampled(&sampler, 1, 2), 2);
    }
}
