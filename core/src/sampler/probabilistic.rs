//! The sampler that takes a fixed share of all traces.

use crate::id::TraceId;
use crate::sampler::{
    Decision, Description, Param, Query, Sampler, SamplerError, decide, describe,
};

/// Samples traces with a fixed probability, decided by the trace id alone.
///
/// So every process decides the same for one trace. The rule is that of
/// Jaeger's Go client: the lower 63 bits of the id are at most
/// probability × 2⁶³; but 0 samples none.
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
    /// Samples with this probability, 0 to 1.
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

    /// The probability, 0 to 1.
    pub const fn probability(&self) -> f64 {
        self.probability
    }

    /// Whether the trace of this id is sampled.
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
