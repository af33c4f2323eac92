//! The hot path: starts, writes and ends of spans.

#[allow(unsafe_code, reason = "borrows the thread's shard")]
pub(crate) mod fast_path;
mod sampling_priority;
pub(crate) mod slow_path;
mod write;
