//! Lines for the program's log.

use std::fmt::Arguments;
use std::panic::{AssertUnwindSafe, catch_unwind};

use log::Level;

/// Writes a line through the [`log`] crate, target `picojaeger`.
///
/// A logger that panics costs its line and no more: not the worker, and not the lock that
/// its caller holds.
pub(crate) fn log_guarded(level: Level, line: Arguments<'_>) {
    let log_guarded = || log::log!(target: "picojaeger", level, "{line}");
    // What the panic was about, its hook has said.
    let _ = catch_unwind(AssertUnwindSafe(log_guarded));
}
