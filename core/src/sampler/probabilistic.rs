//! The sampler that takes a fixed share of all traces.

use crate::id::TraceId;
use crate::sampler::{
    Decision, Description, Param, Query, Sampler, SamplerError, decide, describe,
};

/// Samples traces with a fixed probability, decided by the trace id alone.
///
/// So every process decides the same for one trace. The rule is that of Jaeger's Go client: a trace
/// is sampled if the lower 63 bits of its id are at most probability × 2⁶³; but 0 samples none.
///
/// ```
/// use picojaeger_core::{Probabilistic, SamplerError, TraceId};
///
/// let half = Probabilistic::new(0.5)?;
/// assert!(half.takes(TraceId::from_parts(0, 1 << 62)));
/// assert!(!half.takes(TraceId::from_parts(0, (1 << 62) + 1)));
/// assert_eq!(Probabilistic::new(1.5), Err(SamplerError::Probability));
/// # Ok::<(), SamplerError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Probabilistic {
    /// The lower 63 bits of a sampled id are below this.
    limit: u64,
    probability: f64,
}

impl Probabilistic {
    /// Makes a sampler of this probability, 0 to 1.
    ///
    /// # Errors
    /// The probability is not a number, or out of range.
    pub const fn new(probability: f64) -> Result<Self, SamplerError> {
        if !(probability >= 0.0 && probability <= 1.0) {
            return Err(SamplerError::Probability);
        }
        let limit = if probability == 0.0 {
            0
        } else {
            (probability * HALF) as u64 + 1
        };
        Ok(Probabilistic { limit, probability })
    }

    /// Returns the probability, 0 to 1.
    pub const fn probability(&self) -> f64 {
        self.probability
    }

    /// Returns the limit that the lower 63 bits of a sampled trace's id are below.
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// Returns whether the trace of this id is sampled.
    #[inline(always)]
    pub const fn takes(&self, trace_id: TraceId) -> bool {
        trace_id.low() & (u64::MAX >> 1) < self.limit
    }
}

impl Sampler for Probabilistic {
    #[inline]
    fn sample(&self, query: &Query<'_>) -> Decision {
        decide(self.takes(query.trace_id))
    }

    fn description(&self, code: u8) -> Option<Description> {
        describe(code, "probabilistic", Param::F64(self.probability))
    }
}

/// 2⁶³, which is what Go's 2⁶³ - 1 rounds to as a 64-bit float.
const HALF: f64 = (1u64 << 63) as f64;

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(sampler: Probabilistic, low: u64) -> bool {
        sampler.takes(TraceId::from_parts(7, low))
    }

    #[test]
    fn decides_as_go_does() {
        // The greatest sampled id: Go's `uint64(float64(1<<63 - 1) * rate)`.
        for (probability, boundary) in [
            (0.9999, 9_222_449_699_651_090_432),
            (0.5, 1 << 62),
            (1.0 / 3.0, 3_074_457_345_618_258_432),
            (0.1, 922_337_203_685_477_632),
            (0.001, 9_223_372_036_854_776),
            (1e-18, 9),
            (1e-300, 0),
        ] {
            let sampler = Probabilistic::new(probability).unwrap();
            for top in [0, 1 << 63] {
                assert!(takes(sampler, top | boundary), "{probability}");
                assert!(takes(sampler, top), "{probability}");
                assert!(!takes(sampler, top | (boundary + 1)), "{probability}");
                assert!(!takes(sampler, top | (u64::MAX >> 1)), "{probability}");
            }
        }
    }

    #[test]
    fn zero_is_never_and_one_is_always() {
        for low in [0, 1, 1 << 62, u64::MAX >> 1, 1 << 63, u64::MAX] {
            assert!(!takes(Probabilistic::new(0.0).unwrap(), low));
            assert!(!takes(Probabilistic::new(-0.0).unwrap(), low));
            assert!(takes(Probabilistic::new(1.0).unwrap(), low));
        }
    }

    #[test]
    fn other_probabilities_are_errors() {
        for probability in [
            f64::NAN,
            -0.1,
            1.000_000_1,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ] {
            assert_eq!(
                Probabilistic::new(probability),
                Err(SamplerError::Probability)
            );
        }
    }

    #[test]
    fn the_description_has_the_probability() {
        let sampler = Probabilistic::new(0.25).unwrap();
        let description = sampler.description(1).unwrap();
        assert_eq!(description.kind, "probabilistic");
        assert_eq!(description.param, Param::F64(0.25));
        assert_eq!(sampler.description(2), None);
    }
}
