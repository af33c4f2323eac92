//! Emulated machines.

use std::path::Path;
use std::process::{Command, Stdio};

/// The longest that a program may run, in seconds.
const LIMIT: &str = "60";

/// Runs the kernel in QEMU with two processors; returns what it printed.
///
/// `agent` is the port of the agent on this machine's loopback.
pub fn run_kernel(kernel: &Path, agent: u16) -> Result<String, String> {
    let port = format!("loader,addr=0x47fffffc,data={agent},data-len=4");
    let mut command = Command::new("timeout");
    command.args([LIMIT, "examples/kernel-aarch64/run"]);
    command.arg(kernel).args(["-device", &port]);
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?}: {}\n{printed}{errors}", output.status));
    }
    Ok(printed)
}
