//! `cargo compare`: every library under every workload, in one run.

use std::process::ExitCode;

fn main() -> ExitCode {
    picojaeger_benches::compare()
}
