//! A Jaeger for development: see `picojaeger-collector --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    picojaeger_std::collector_server::run(std::env::args_os().skip(1))
}
