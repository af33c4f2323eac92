//! Passes the spans of devices on to Jaeger: see `picojaeger-relay --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    picojaeger_std::relay::run(std::env::args_os().skip(1))
}
