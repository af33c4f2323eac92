//! The sampler with a constant decision.

use crate::sampler::{Decision, Description, Param, Query, Sampler, decide, describe};

/// Samples every trace or none.
///
/// ```
/// use picojaeger_core::{Const, Decision, Query, Sampler, TraceId};
///
/// let query = Query::new(TraceId::new(1), "boot", 0);
/// assert!(Const(true).sample(&query).is_sample());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "on or off is all there is")]
pub struct Const(
    /// Whether traces are sampled.
    pub bool,
);

impl Sampler for Const {
    #[inline(always)]
    fn sample(&self, _query: &Query<'_>) -> Decision {
        decide(self.0)
    }

    fn description(&self, code: u8) -> Option<Description> {
        describe(code, "const", Param::Bool(self.0))
    }
}
