//! The normal end of the process.

#[cfg(unix)]
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs `at_exit` when the process ends normally.
///
/// Only the first call has an effect. No lock serialises calls, since a fork might leave it held:
/// two concurrent calls may both install the hook, which then runs twice.
#[cfg(unix)]
pub(crate) fn install(at_exit: extern "C" fn()) {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    // Miri has no `atexit`.
    if INSTALLED.load(Ordering::Acquire) || cfg!(miri) {
        return;
    }
    // SAFETY: a C function that takes nothing; it stays valid for the process's life.
    let failed = unsafe { libc::atexit(at_exit) } != 0;
    INSTALLED.store(true, Ordering::Release);
    if failed {
        let line = format_args!("no memory for the hook of exit: call close() before the end");
        super::log::log_guarded(log::Level::Warn, line);
    }
}

/// Does nothing: there is no such hook here, and `close` takes its place.
#[cfg(not(unix))]
pub(crate) fn install(_at_exit: extern "C" fn()) {}
