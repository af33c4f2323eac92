//! Propagation of contexts between processes.

mod baggage_counts;
pub mod carriers;
mod codec;
mod decode_errors;
#[cfg(feature = "http")]
mod restrictions;

pub(crate) use baggage_counts::BaggageCounts;
pub(crate) use codec::{baggage_limit, binary_codec, propagator};
pub(crate) use decode_errors::DecodeErrors;
#[cfg(feature = "http")]
pub(crate) use restrictions::Restrictions;
