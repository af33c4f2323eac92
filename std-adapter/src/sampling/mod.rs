//! Samplers: the choice of the traces that are recorded.
//!
//! The configuration names one of the core's samplers, or Jaeger's remote one. A [`Sampler`] of
//! your own goes to [`TracerBuilder::sampler`](crate::TracerBuilder::sampler). Traces that are forced
//! need no sampler, but perhaps credit of a throttler.

mod poll_counts;
mod rate_limit;
#[cfg(feature = "http")]
mod remote;
mod root_sampler;
#[cfg(feature = "http")]
mod throttler;

pub use picojaeger_core::{
    Const, Decision, Description, GuaranteedThroughput, Param, PerOperation, Probabilistic, Query,
    RateLimiter, RateLimiting, Sampler, SamplerError, Throughput,
};
pub(crate) use poll_counts::PollCounts;
#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub use remote::StrategySource;
#[cfg(feature = "http")]
pub(crate) use remote::{MakeSource, RemoteSampler};
pub(crate) use root_sampler::{Choice, RootSampler, Timing, UserSampler};
#[cfg(feature = "http")]
pub(crate) use throttler::Throttler;
