//! The user's wish that a program ends.

use std::io;
#[cfg(feature = "relay")]
use std::process::Child;

/// Calls `stop` at each SIGINT and SIGTERM, with whether it is the latter. Once it returns `false` the
/// program ends at once.
///
/// Blocks both signals in the calling thread, and so in those that it starts: it is called first.
#[cfg(unix)]
pub(crate) fn on_interrupt(mut stop: impl FnMut(bool) -> bool + Send + 'static) -> io::Result<()> {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: `sigemptyset` initialises the set, and the other calls add to it and read it.
    let set = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGINT);
        libc::sigaddset(set.as_mut_ptr(), libc::SIGTERM);
        libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
        set.assume_init()
    };
    super::threads::spawn("picojaeger-signals", move || {
        loop {
            let mut signal = 0;
            // SAFETY: the set is initialised, and the signal is written to a variable.
            unsafe { libc::sigwait(&raw const set, &raw mut signal) };
            if !stop(signal == libc::SIGTERM) {
                std::process::exit(128 | signal);
            }
        }
    })?;
    Ok(())
}

/// Does nothing: here a program ends at once.
#[cfg(not(unix))]
pub(crate) fn on_interrupt(_: impl FnMut(bool) -> bool + Send + 'static) -> io::Result<()> {
    Ok(())
}

/// Asks a command to end.
#[cfg(all(unix, feature = "relay"))]
pub(crate) fn terminate(child: &mut Child) {
    if let (Ok(None), Ok(id)) = (child.try_wait(), child.id().try_into()) {
        // SAFETY: a plain system call. The command has not been waited for, so the id is still its.
        unsafe { libc::kill(id, libc::SIGTERM) };
    }
}

/// Ends a command.
#[cfg(all(not(unix), feature = "relay"))]
pub(crate) fn terminate(child: &mut Child) {
    // It fails where the command has ended.
    drop(child.kill());
}
