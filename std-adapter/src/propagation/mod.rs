//! Propagation of contexts between processes.

mod baggage_counts;
pub mod carriers;
mod codec;
mod decode_errors;
#[cfg(feature = "http")]
mod restrictions;

pub(crate) use baggage_counts::BaggageCounts;
#[cfg(any(feature = "tower", feature = "reqwest-013"))]
pub(crate) use carriers::remove_contexts;
pub(crate) use codec::{baggage_limit, binary_codec, propagator};
pub(crate) use decode_errors::DecodeErrors;
#[cfg(feature = "http")]
pub(crate) use restrictions::Restrictions;
