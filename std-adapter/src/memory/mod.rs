//! What `memory_limit` divides: areas for open spans, and rings for finished ones.

pub(crate) mod rings;
#[allow(unsafe_code, reason = "tells a box the size that it forgot")]
pub(crate) mod span_pool;
