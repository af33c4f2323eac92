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

/// Counts forks from now on, takes the forking thread's desk from it in the child, and
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
        crate::say::say(log::Level::Warn, line);
    }
}

/// Forks do not exist here; the exit hook is left to `close`.
#[cfg(not(unix))]
pub(crate) fn install(_at_exit: extern "C" fn()) {}

#[cfg(unix)]
extern "C" fn forked() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    crate::local::forget_desk();
}

/// Keeps all signals from the calling thread, so that the program's own threads
/// handle them.
#[cfg(all(unix, not(miri)))]
pub(crate) fn block_signals() {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: `sigfillset` initialises the set that it is given, and the second call
    // only reads it.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, set.as_ptr(), std::ptr::null_mut());
    }
}

/// Signals do not exist here.
#[cfg(not(all(unix, not(miri))))]
pub(crate) fn block_signals() {}

/// The two halves of an asymmetric fence. Where the kernel has a process-wide
/// barrier the frequent half costs nothing; elsewhere both are full fences.
pub(crate) mod fence {
    use std::sync::atomic::{AtomicBool, Ordering, compiler_fence, fence};

    static EXPEDITED: AtomicBool = AtomicBool::new(false);

    /// Finds out whether the kernel has the barrier. To be called before the
    /// first pair of fences that matters.
    pub(crate) fn prepare() {
        EXPEDITED.store(register(), Ordering::SeqCst);
    }

    /// The frequent half: orders this thread's stores before its later loads,
    /// together with [`heavy`] in the other thread.
    #[inline(always)]
    pub(crate) fn light() {
        if EXPEDITED.load(Ordering::Relaxed) {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }

    /// The rare half: about 1 µs.
    pub(crate) fn heavy() {
        fence(Ordering::SeqCst);
        if EXPEDITED.load(Ordering::Relaxed) && !barrier() {
            // Never seen after a registration that succeeded; from here on all pay.
            EXPEDITED.store(false, Ordering::SeqCst);
        }
        fence(Ordering::SeqCst);
    }

    #[cfg(all(target_os = "linux", not(miri)))]
    fn register() -> bool {
        membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
    }

    #[cfg(all(target_os = "linux", not(miri)))]
    fn barrier() -> bool {
        membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED)
    }

    #[cfg(all(target_os = "linux", not(miri)))]
    fn membarrier(command: libc::c_int) -> bool {
        // SAFETY: the call takes three integers and touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    #[cfg(not(all(target_os = "linux", not(miri))))]
    fn register() -> bool {
        false
    }

    #[cfg(not(all(target_os = "linux", not(miri))))]
    fn barrier() -> bool {
        false
    }
}
