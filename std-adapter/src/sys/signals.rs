//! Actions of signals.

/// Gives SIGINT and SIGTERM their default action, which ends the process.
pub(crate) fn restore_default_actions() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // SAFETY: a plain system call; the default action runs no code of this process.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}
