//! Lines for the program's log.

use std::fmt::Arguments;
use std::panic::{AssertUnwindSafe, catch_unwind};

use log::Level;

/// Writes a line through the [`log`] crate, target `picojaeger`.
///
/// A logger that panics costs its line and no more: not the worker, and not the lock that
/// its caller holds.
pub(crate) fn say(level: Level, line: Arguments<'_>) {
    let say = || log::log!(target: "picojaeger", level, "{line}");
    // What the panic was about, its hook has said.
    let _ = catch_unwind(AssertUnwindSafe(say));
}
