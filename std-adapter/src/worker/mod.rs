//! The worker of a tracer: when it sleeps and who wakes it, and the thread that it is.

pub(crate) mod parking;
mod thread;

pub(crate) use thread::{WorkerHandle, as_worker, is_worker, spawn};
