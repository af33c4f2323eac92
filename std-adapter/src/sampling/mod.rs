//! Which traces are recorded.

mod root_sampler;

pub(crate) use root_sampler::RootSampler;
