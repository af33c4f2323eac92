//! Guaranteed throughput: a probability, and a lower bound for what it leaves out.

use crate::id::TraceId;
use crate::sampler::{
    CODE, Decision, Description, Param, Probabilistic, RateLimiter, SamplerError, decide, describe,
};

/// A probability with a lower bound: so many traces a second are sampled even where the probability
/// takes none.
///
/// A trace that the probability takes spends the credit of the lower bound too, so both together
/// seldom exceed the greater of the two rates.
///
/// ```
/// use picojaeger_core::{Throughput, TraceId};
///
/// let mut throughput = Throughput::new(0.0, 1.0, 1_000)?; // at least one a second, at 1 kHz
/// let unlikely = TraceId::new(u128::MAX);
/// assert!(throughput.sample(unlikely, 0).is_sample());
/// assert!(!throughput.sample(unlikely, 999).is_sample());
/// assert!(throughput.sample(unlikely, 1_000).is_sample());
/// # Ok::<(), picojaeger_core::SamplerError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Throughput {
    probabilistic: Probabilistic,
    lower_bound: RateLimiter,
}

/// The code of a trace that only the lower bound sampled; [`CODE`] is the probability's.
pub(super) const LOWER_BOUND: u8 = CODE + 1;

impl Throughput {
    /// Makes a rule with this probability, and this lower bound in traces a second on a clock of
    /// `frequency` ticks a second; it starts with the most credit.
    ///
    /// # Errors
    /// A probability outside of 0 to 1, or a lower bound that is negative or not finite.
    pub const fn new(
        probability: f64,
        lower_bound: f64,
        frequency: u64,
    ) -> Result<Self, SamplerError> {
        let probabilistic = match Probabilistic::new(probability) {
            Ok(probabilistic) => probabilistic,
            Err(error) => return Err(error),
        };
        let lower_bound = match RateLimiter::new(lower_bound, frequency) {
            Ok(lower_bound) => lower_bound,
            Err(error) => return Err(error),
        };
        Ok(Throughput {
            probabilistic,
            lower_bound,
        })
    }

    /// Sets the start credit of an unused rule, as [`RateLimiter::with_random_credit`] does.
    #[must_use]
    pub const fn with_random_credit(mut self, random: u32) -> Self {
        self.lower_bound = self.lower_bound.with_random_credit(random);
        self
    }

    /// Decides for a trace at these ticks, and spends the credit.
    #[inline]
    pub fn sample(&mut self, trace_id: TraceId, ticks: u64) -> Decision {
        // Spent in either case.
        let is_below_bound = self.lower_bound.allow(ticks);
        if self.probabilistic.takes(trace_id) {
            Decision::Sample { code: CODE }
        } else if is_below_bound {
            Decision::Sample { code: LOWER_BOUND }
        } else {
            Decision::Drop
        }
    }

    /// Changes probability and lower bound at `ticks`; the credit stays the same share of the most.
    ///
    /// # Errors
    /// The same as for [`Throughput::new`]; the rule is unchanged.
    pub fn update(
        &mut self,
        probability: f64,
        lower_bound: f64,
        ticks: u64,
    ) -> Result<(), SamplerError> {
        let probabilistic = Probabilistic::new(probability)?;
        self.lower_bound.update(lower_bound, ticks)?;
        self.probabilistic = probabilistic;
        Ok(())
    }

    /// Returns the probability, 0 to 1.
    pub const fn probability(&self) -> f64 {
        self.probabilistic.probability()
    }

    /// Returns the lower bound, in traces a second.
    pub const fn lower_bound(&self) -> f64 {
        self.lower_bound.rate()
    }

    /// Returns the description of a decision's code: `probabilistic` or `lowerbound`, each with the
    /// probability.
    pub fn description(&self, code: u8) -> Option<Description> {
        let param = Param::F64(self.probability());
        if code == LOWER_BOUND {
            return Some(Description::new("lowerbound", param));
        }
        describe(code, "probabilistic", param)
    }

    /// Decides by the probability alone.
    pub(super) fn by_probability(&self, trace_id: TraceId) -> Decision {
        decide(self.probabilistic.takes(trace_id))
    }

    /// Returns whether the rule is unchanged since it was `before`.
    pub(super) fn is_unchanged_since(&self, before: &Self) -> bool {
        self.lower_bound.is_unchanged_since(&before.lower_bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIKELY: TraceId = TraceId::from_parts(0, 1);
    const UNLIKELY: TraceId = TraceId::from_parts(0, u64::MAX >> 1);
    const BY_PROBABILITY: Decision = Decision::Sample { code: 1 };
    const BY_BOUND: Decision = Decision::Sample { code: 2 };

    #[test]
    fn the_lower_bound_samples_what_the_probability_leaves_out() {
        let mut throughput = Throughput::new(0.5, 2.0, 1_000).unwrap();
        let mut at = |id, ticks| throughput.sample(id, ticks);
        assert_eq!(at(UNLIKELY, 0), BY_BOUND);
        assert_eq!(at(UNLIKELY, 0), BY_BOUND);
        assert_eq!(at(UNLIKELY, 0), Decision::Drop);
        assert_eq!(at(LIKELY, 0), BY_PROBABILITY, "without credit");
        assert_eq!(at(UNLIKELY, 500), BY_BOUND);
    }

    #[test]
    fn the_probability_spends_the_credit_of_the_lower_bound() {
        let mut throughput = Throughput::new(0.5, 2.0, 1_000).unwrap();
        for expected in [BY_PROBABILITY, BY_PROBABILITY, BY_PROBABILITY] {
            assert_eq!(throughput.sample(LIKELY, 0), expected);
        }
        assert_eq!(throughput.sample(UNLIKELY, 0), Decision::Drop);
        assert_eq!(throughput.sample(LIKELY, 500), BY_PROBABILITY);
        assert_eq!(throughput.sample(UNLIKELY, 500), Decision::Drop);
    }

    #[test]
    fn both_codes_are_described_with_the_probability() {
        let throughput = Throughput::new(0.25, 2.0, 1_000).unwrap();
        let kind = |code| throughput.description(code).map(|it| (it.kind, it.param));
        assert_eq!(kind(1), Some(("probabilistic", Param::F64(0.25))));
        assert_eq!(kind(2), Some(("lowerbound", Param::F64(0.25))));
        assert_eq!((kind(0), kind(3)), (None, None));
    }

    #[test]
    fn an_update_keeps_the_share_of_credit() {
        let mut throughput = Throughput::new(0.0, 4.0, 1_000).unwrap();
        for _ in 0..3 {
            assert_eq!(throughput.sample(UNLIKELY, 0), BY_BOUND);
        }
        throughput.update(0.5, 8.0, 0).unwrap();
        assert_eq!(
            (throughput.probability(), throughput.lower_bound()),
            (0.5, 8.0)
        );
        // One of four was left, so two of eight are.
        let left = (0..9).filter(|_| throughput.sample(UNLIKELY, 0).is_sample());
        assert_eq!(left.count(), 2);
    }

    #[test]
    fn a_refused_update_changes_nothing() {
        let before = Throughput::new(0.5, 4.0, 1_000).unwrap();
        let mut throughput = before;
        assert_eq!(
            throughput.update(1.5, 1.0, 0),
            Err(SamplerError::Probability)
        );
        assert_eq!(throughput.update(0.1, -1.0, 0), Err(SamplerError::Rate));
        assert_eq!(throughput, before);
        assert_eq!(Throughput::new(2.0, 1.0, 1), Err(SamplerError::Probability));
        assert_eq!(Throughput::new(0.1, -1.0, 1), Err(SamplerError::Rate));
    }
}
