//! Forks: their count, and the first work of the child.

#[cfg(unix)]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicU32, Ordering};

/// The number of forks between the first process and this one.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Work of a forked child, done before `fork` returns in it.
pub(crate) trait InChild {
    /// Runs in the child, on its only thread. It may only do what is allowed in the child of a
    /// process with threads: change atomics, and thread-locals without a destructor.
    fn run();
}

/// Returns the fork generation of this process.
#[inline(always)]
pub(crate) fn generation() -> u32 {
    // Relaxed: it changes only in the child, while its one thread is still inside `fork`.
    GENERATION.load(Ordering::Relaxed)
}

/// Counts forks from now on, and runs `C` in each child.
///
/// Only the first call has an effect. No lock serialises calls, since a fork might leave it held:
/// two concurrent calls may both install the hook, and a fork then counts twice, which does no
/// harm, as generations are only compared.
#[cfg(unix)]
pub(crate) fn install<C: InChild>() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    // Miri has no `pthread_atfork`.
    if INSTALLED.load(Ordering::Acquire) || cfg!(miri) {
        return;
    }
    // SAFETY: the handler changes an atomic and does what `InChild` allows.
    let failed = unsafe { libc::pthread_atfork(None, None, Some(in_child::<C>)) } != 0;
    INSTALLED.store(true, Ordering::Release);
    if failed {
        let line = format_args!("no memory for the hook of fork: do not trace in forked children");
        super::log::log_guarded(log::Level::Warn, line);
    }
}

/// Does nothing: there are no forks.
#[cfg(not(unix))]
pub(crate) fn install<C: InChild>() {
    // Names the hook, so that the compiler checks its code on these systems too.
    let _unused: fn() = C::run;
}

#[cfg(unix)]
extern "C" fn in_child<C: InChild>() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    C::run();
}
