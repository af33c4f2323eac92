//! The worker of a tracer: its sleep and wake-up, and its thread.

pub(crate) mod parking;
#[cfg(feature = "http")]
pub(crate) mod poller;
mod thread;

#[cfg(feature = "http")]
pub(crate) use thread::spawn_helper;
pub(crate) use thread::{WorkerHandle, as_worker, is_worker, spawn};
