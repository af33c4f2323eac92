//! Propagation of contexts between processes.

pub mod carriers;
mod codec;
mod decode_errors;

pub(crate) use codec::{baggage_limit, binary_codec, propagator};
pub(crate) use decode_errors::DecodeErrors;
