//! The program `picojaeger-collector`.

mod api;
mod page;

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the program `picojaeger-collector` with the arguments behind its name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let _ = arguments.into_iter();
    ExitCode::FAILURE
}
