//! The program's signals, blocked in the adapter's threads.

/// Blocks all signals in the calling thread, so that the program's own threads handle them.
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

/// Does nothing: there are no signals here.
#[cfg(not(all(unix, not(miri))))]
pub(crate) fn block_signals() {}
