//! What `memory_limit` divides: areas for open spans, and rings for finished ones.

pub(crate) mod ring_reader;
pub(crate) mod rings;
pub(crate) mod span_cache;
pub(crate) mod span_pool;
#[allow(unsafe_code, reason = "gives a box back the size that it forgot")]
pub(crate) mod span_slot;
