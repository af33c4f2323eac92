//! The atomics of the ring: those of `core`, or loom's where it is modelled.

#[cfg(not(loom))]
pub(super) use core::sync::atomic::{AtomicU32, Ordering};

#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicU32, Ordering};
