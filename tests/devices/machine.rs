//! Emulated machines.

use std::path::Path;
use std::process::{Command, Stdio};

/// The longest that a program may run, in seconds.
const LIMIT: &str = "60";
/// The scripts that run a program in QEMU.
pub const KERNEL: &str = "examples/kernel-aarch64/run";
pub const CORTEX_M: &str = "examples/cortex-m/run";
pub const RISCV: &str = "examples/riscv32/run";

/// Runs the kernel; returns what it printed. `agent` is the port of the agent on this machine's
/// loopback.
pub fn run_kernel(kernel: &Path, agent: u16) -> Result<String, String> {
    let port = format!("loader,addr=0x47fffffc,data={agent},data-len=4");
    let mut command = limited();
    command.arg(KERNEL).arg(kernel).args(["-device", &port]);
    run(command)
}

/// Runs a program whose UART is the relay's source, by one of the scripts; `destination` is the
/// relay's option. Returns the relay's summary.
pub fn run_behind_relay(
    relay: &Path,
    destination: [&str; 2],
    script: &str,
    program: &Path,
) -> Result<String, String> {
    let mut command = limited();
    command.arg(relay).arg("run").args(destination);
    command.args(["--source", "tcp-listen:127.0.0.1:0", "--", script]);
    command.arg(program);
    command.args(["-serial", "tcp:127.0.0.1:{port}"]);
    run(command)
}

fn limited() -> Command {
    let mut command = Command::new("timeout");
    command.arg(LIMIT);
    command
}

/// Returns what the command wrote to standard output, and then to standard error.
fn run(mut command: Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    let text = [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
    match output.status.success() {
        true => Ok(text.concat()),
        false => Err(format!("{command:?}: {}\n{}", output.status, text.concat())),
    }
}
