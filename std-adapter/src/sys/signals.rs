//! Signals of the program's own, kept from the adapter's threads.

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
