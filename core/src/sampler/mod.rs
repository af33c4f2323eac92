//! Samplers, which decide what traces are recorded.
//!
//! A tracer calls its sampler once for each local root. [`Decision`] is open for samplers that
//! decide later, when the operation is named or a tag is set.

mod const_sampler;
mod guaranteed_throughput;
mod per_operation;
mod probabilistic;
mod rate_limiting;
mod rules;
mod throughput;
mod token_bucket;
mod update;

use core::error::Error;
use core::fmt;

use crate::debug::debug_as_display;
use crate::id::TraceId;

pub use crate::sampler_description::{Description, Param};
pub use const_sampler::Const;
pub use guaranteed_throughput::GuaranteedThroughput;
pub use per_operation::PerOperation;
pub use probabilistic::Probabilistic;
pub use rate_limiting::RateLimiting;
pub use rules::{PriorityChange, SamplingDecision, sampling_decision, sampling_priority};
pub use throughput::Throughput;
pub use token_bucket::RateLimiter;

/// Decides which traces are recorded.
///
/// Called on the hot path of each local root, interrupts included.
///
/// ```
/// use picojaeger_core::{Decision, Description, Param, Query, Sampler};
///
/// /// Samples every trace of one operation.
/// struct Only(&'static str);
/// impl Sampler for Only {
///     fn sample(&self, query: &Query<'_>) -> Decision {
///         if query.operation == self.0 {
///             Decision::Sample { code: 1 }
///         } else {
///             Decision::Drop
///         }
///     }
///     fn description(&self, code: u8) -> Option<Description> {
///         (code == 1).then_some(Description::new("only", Param::Bool(true)))
///     }
/// }
/// ```
pub trait Sampler {
    /// Decides for a new local root.
    fn sample(&self, query: &Query<'_>) -> Decision;

    /// Returns the values of `sampler.type` and `sampler.param` on root spans sampled with this
    /// code; `None` for an unknown code.
    fn description(&self, code: u8) -> Option<Description>;
}

/// The input of a sampler's decision.
///
/// ```
/// use picojaeger_core::{Const, Decision, Query, Sampler, TraceId};
///
/// let query = Query::new(TraceId::new(1), "boot", 0);
/// assert_eq!(Const(false).sample(&query), Decision::Drop);
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Query<'a> {
    /// The new trace.
    pub trace_id: TraceId,
    /// The root's operation name.
    pub operation: &'a str,
    /// The tracer's clock, extended to 64 bits.
    pub ticks: u64,
}

/// A sampler's decision.
///
/// ```
/// use picojaeger_core::Decision;
///
/// assert!(Decision::Sample { code: 1 }.is_sample());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Decision {
    /// The trace is not recorded.
    Drop,
    /// The trace is recorded.
    Sample {
        /// 1 to 15, which [`Sampler::description`] explains; 0 for no description.
        code: u8,
    },
}

/// The error of a sampler's parameter.
///
/// ```
/// use picojaeger_core::{Probabilistic, SamplerError};
///
/// assert_eq!(Probabilistic::new(f64::NAN), Err(SamplerError::Probability));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SamplerError {
    /// The probability is not within 0 to 1.
    Probability,
    /// The rate is negative or not finite.
    Rate,
    /// The call interrupted another one on the sampler; try again.
    Busy,
}

impl<'a> Query<'a> {
    /// Makes the query for a trace that begins with this operation, at these ticks.
    #[inline(always)]
    pub const fn new(trace_id: TraceId, operation: &'a str, ticks: u64) -> Self {
        Query {
            trace_id,
            operation,
            ticks,
        }
    }
}

impl Decision {
    /// Returns whether the trace is recorded.
    #[inline(always)]
    pub const fn is_sample(self) -> bool {
        matches!(self, Decision::Sample { .. })
    }
}

impl<S: Sampler + ?Sized> Sampler for &S {
    #[inline(always)]
    fn sample(&self, query: &Query<'_>) -> Decision {
        (**self).sample(query)
    }
    fn description(&self, code: u8) -> Option<Description> {
        (**self).description(code)
    }
}

impl fmt::Display for SamplerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SamplerError::Probability => "the sampling probability must be a number from 0 to 1",
            SamplerError::Rate => {
                "the rate limit must be a finite number of traces a second, at least 0"
            }
            SamplerError::Busy => {
                "the sampler is in use by a call that this one interrupted: try again"
            }
        })
    }
}

impl Error for SamplerError {}

debug_as_display!(SamplerError);

/// The code of samplers that have one description.
const CODE: u8 = 1;

/// Makes the decision of a sampler that has one description.
#[inline(always)]
const fn decide(sample: bool) -> Decision {
    if sample {
        Decision::Sample { code: CODE }
    } else {
        Decision::Drop
    }
}

/// Makes the description of a sampler that has one.
fn describe(code: u8, kind: &'static str, param: Param) -> Option<Description> {
    (code == CODE).then_some(Description { kind, param })
}
