//! Lines for the program's log.

use std::fmt::Arguments;

use log::Level;

use crate::sys::unwind::caught;

/// Writes a line through the [`log`] crate, target `picojaeger`.
///
/// A logger that panics loses its line only: it neither ends the worker nor poisons a lock that
/// the caller holds.
pub(crate) fn log_guarded(level: Level, line: Arguments<'_>) {
    caught(|| log::log!(target: "picojaeger", level, "{line}"));
}
