//! Memory that `memory_limit` bounds: areas for open spans, and rings for finished ones.

pub(crate) mod ring_reader;
pub(crate) mod rings;
pub(crate) mod span_cache;
pub(crate) mod span_pool;
#[allow(unsafe_code, reason = "restores the static size of a box")]
pub(crate) mod span_slot;
