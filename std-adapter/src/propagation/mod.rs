//! Propagation of contexts between processes.

pub mod carriers;
mod codec;

pub(crate) use codec::text_map_codec;
