//! Memory that `memory_limit` bounds: slots for open spans, and rings for finished ones.

pub(crate) mod budget;
pub(crate) mod copy_ring;
pub(crate) mod hand_over;
#[allow(unsafe_code, reason = "makes names of their parts")]
pub(crate) mod open_name;
pub(crate) mod open_names;
#[allow(unsafe_code, reason = "frees rings")]
pub(crate) mod ring_ends;
mod ring_pool;
pub(crate) mod rings;
pub(crate) mod span_cache;
pub(crate) mod span_pool;
#[allow(unsafe_code, reason = "restores the static size of a box")]
pub(crate) mod span_slot;
