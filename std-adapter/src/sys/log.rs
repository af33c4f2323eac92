//! Lines for the program's log.

use std::fmt::Arguments;
use std::panic::{AssertUnwindSafe, catch_unwind};

use log::Level;

/// Writes a line through the [`log`] crate, target `picojaeger`.
///
/// A logger that panics loses its line only: it neither ends the worker nor poisons a lock that
/// the caller holds.
pub(crate) fn log_guarded(level: Level, line: Arguments<'_>) {
    let write = || log::log!(target: "picojaeger", level, "{line}");
    // The result holds nothing but the payload, which the panic hook has printed already.
    let _ = catch_unwind(AssertUnwindSafe(write));
}
