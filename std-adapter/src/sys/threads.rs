//! The adapter's threads: named, and with the program's signals blocked.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread with all signals blocked, so that the program's own threads handle them.
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name.to_owned()).spawn(move || {
        block_signals();
        run();
    })
}

/// Blocks all signals in the calling thread.
#[cfg(all(unix, not(miri)))]
fn block_signals() {
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
fn block_signals() {}
