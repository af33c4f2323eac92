//! Atomics, fences and locks as the worker's parking uses them; the loom model replaces this
//! module by its own.

/// Names of their own, so that models can weaken them.
#[cfg(feature = "tracing")]
pub(crate) use std::sync::atomic::AtomicBool as AtomicHeld;
pub(crate) use std::sync::atomic::AtomicU64 as AtomicVersion;
pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering};
pub(crate) use std::sync::{Condvar, Mutex};

use std::sync::{MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

pub(crate) use super::membarrier::{heavy as heavy_fence, light as light_fence};

/// Locks a mutex, poisoned or not.
///
/// A panic of another thread leaves the data consistent: nothing in the adapter panics between
/// two changes that belong together.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks a mutex, poisoned or not, unless it is held.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Lets others go on, before the next of so many looks at what one of them holds.
#[cfg(feature = "tracing")]
pub(crate) fn pause(looks: u32) {
    match looks {
        ..64 => std::hint::spin_loop(),
        64..128 => std::thread::yield_now(),
        // Also to threads of a lower priority.
        _ => std::thread::sleep(Duration::from_micros(50)),
    }
}

/// Waits while the condition holds, at most for `timeout`.
pub(crate) fn wait_while<'g, T>(
    changed: &Condvar,
    guard: MutexGuard<'g, T>,
    timeout: Duration,
    condition: impl Fn(&T) -> bool,
) -> MutexGuard<'g, T> {
    let waited = changed.wait_timeout_while(guard, timeout, |value| condition(value));
    let (guard, _) = waited.unwrap_or_else(PoisonError::into_inner);
    guard
}

/// Runs `f` while the calling thread holds the lock; for tests of fork.
#[cfg(test)]
pub(crate) fn hold<T>(mutex: &Mutex<T>, f: impl FnOnce()) {
    let _guard = lock(mutex);
    f();
}
