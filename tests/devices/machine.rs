//! Emulated machines.

use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::made::board;

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

/// Runs a program whose UART is the relay's source as above, and beside it a server, which is given the address of
/// the relay's way down to the program; returns what both printed.
pub fn run_with_server(
    relay: &Path,
    agent: &str,
    program: &Path,
    mut server: Command,
) -> Result<String, String> {
    let mut command = limited();
    command.arg(relay).args(["run", "--agent", agent, "--time"]);
    command.args([
        "--downlink",
        "tcp:0",
        "--source",
        "tcp-listen:127.0.0.1:0",
        "--",
    ]);
    // Without a count of instructions, so that the program's time passes as the server's does.
    command.args([
        "qemu-system-arm",
        "-M",
        board(program),
        "-nographic",
        "-monitor",
        "none",
    ]);
    command.args(["-semihosting-config", "enable=on,target=native"]);
    command.args(["-serial", "tcp:127.0.0.1:{port},nodelay=on", "-kernel"]);
    command.arg(program);
    let started = command.stdin(Stdio::null()).stdout(Stdio::piped());
    let started = started.stderr(Stdio::piped()).spawn();
    let mut relay = started.map_err(|error| format!("{command:?}: {error}"))?;
    let (Some(text), Some(messages)) = (relay.stdout.take(), relay.stderr.take()) else {
        return Err("the relay has no output".into());
    };
    let (mut text, mut messages) = (BufReader::new(text), BufReader::new(messages));
    let place = read_line(&mut messages)?;
    let address = place.rsplit(' ').next().unwrap_or_default();
    let ready = read_line(&mut text)?;
    let mut printed = match ready.as_str() {
        "ready" => {
            server.arg(address);
            run(server)?
        }
        other => {
            return Err(format!(
                "the program printed {other:?}, not that it is ready"
            ));
        }
    };
    let ended = relay.wait().map_err(|error| error.to_string())?;
    let rest = messages.read_to_string(&mut printed);
    rest.map_err(|error| error.to_string())?;
    match ended.success() {
        true => Ok(printed),
        false => Err(format!("{command:?}: {ended}\n{printed}")),
    }
}

/// Runs a program by one of the scripts; what its UART sends goes to a file.
pub fn run_into_file(script: &str, program: &Path, uart: &Path) -> Result<String, String> {
    let mut command = limited();
    command.arg(script).arg(program).arg("-serial");
    command.arg(format!("file:{}", uart.display()));
    run(command)
}

/// Sends the spans of a dump to an agent; returns what the relay printed.
pub fn decode(relay: &Path, image: &Path, dump: &Path, agent: &str) -> Result<String, String> {
    let mut command = limited();
    command.arg(relay).arg("decode").arg(image).arg(dump);
    command.args(["--agent", agent]);
    run(command)
}

fn read_line(from: &mut impl BufRead) -> Result<String, String> {
    let mut line = String::new();
    let read = from.read_line(&mut line);
    read.map_err(|error| format!("the relay's output: {error}"))?;
    Ok(line.trim_end().to_owned())
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
