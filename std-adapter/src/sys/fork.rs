//! What the C library is asked for: hooks for fork and exit, signals, and the
//! process-wide memory barrier. On other systems these do nothing or less.

#[cfg(unix)]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many forks lie between the first process and this one.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// The fork generation of this process.
#[inline(always)]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Counts forks from now on, takes the forking thread's shard from it in the child, and
/// runs `at_exit` when the process ends normally.
/// Only the first call has an effect.
///
/// No lock keeps calls apart, since a fork might leave it held: two calls at once
/// may both install the hooks, and then a fork counts twice and the exit is told
/// twice, which does no harm.
#[cfg(unix)]
pub(crate) fn install(at_exit: extern "C" fn()) {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if INSTALLED.load(Ordering::Acquire) || cfg!(miri) {
        return;
    }
    // SAFETY: the handler only changes an atomic and two thread-local words without a
    // destructor, which is allowed in the child of a process with threads.
    let forks = unsafe { libc::pthread_atfork(None, None, Some(forked)) };
    // SAFETY: a C function that takes nothing; it stays valid for the process's life.
    let exits = unsafe { libc::atexit(at_exit) };
    INSTALLED.store(true, Ordering::Release);
    if forks != 0 || exits != 0 {
        let line = format_args!(
            "no memory for the hooks of fork and exit: call close() before the process ends, and do \
             not trace in forked children"
        );
        crate::sys::log::log_guarded(log::Level::Warn, line);
    }
}

/// Forks do not exist here; the exit hook is left to `close`.
#[cfg(not(unix))]
pub(crate) fn install(_at_exit: extern "C" fn()) {}

#[cfg(unix)]
extern "C" fn forked() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    crate::state::thread_local::forget_shard();
}
