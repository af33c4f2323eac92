//! Samplers: the choice of the traces that are recorded.

mod root_sampler;

pub(crate) use root_sampler::RootSampler;
