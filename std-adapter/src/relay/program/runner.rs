//! A command that is run while its device's spans are shown.

use std::ffi::OsString;
use std::io;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::args::Args;
use super::service::Service;
use super::{Failure, channel, service_of};
use crate::relay::source::{Input, Source};
use crate::sys::interrupt::terminate;

/// The time between two looks at the command.
const TICK: Duration = Duration::from_millis(20);
/// The silence after which no more frames come of a command that has ended.
const SILENCE: Duration = Duration::from_secs(1);
const DRAIN_LIMIT: Duration = Duration::from_secs(3);

/// Runs a command, and returns its exit code.
pub(super) fn run(command: Vec<OsString>, args: &Args) -> Result<ExitCode, Failure> {
    let (inputs, received) = channel();
    let wants_output = args.sources.iter().any(|source| source == "-");
    let specs = args.sources.iter().filter(|source| *source != "-");
    let mut sources = specs
        .map(|spec| Source::parse(spec))
        .collect::<Result<Vec<_>, _>>()?;
    let mut child = spawn(command, wants_output, port(&sources)?)?;
    if let Some(output) = child.stdout.take() {
        sources.push(Source::Stream(Box::new(output)));
    }
    let service = service_of(args, sources, &inputs);
    let mut service = service.inspect_err(|_| {
        // A command without its relay is of no use; it may have ended by itself.
        drop(child.kill().and_then(|()| child.wait()));
    })?;
    drop(inputs);
    let status = follow(&mut child, &mut service, &received)?;
    service.drain(&received, SILENCE, DRAIN_LIMIT);
    service.finish();
    Ok(code(status))
}

/// Passes inputs on until the command has ended.
fn follow(
    child: &mut Child,
    service: &mut Service,
    inputs: &Receiver<Input>,
) -> io::Result<ExitStatus> {
    loop {
        match inputs.recv_timeout(TICK) {
            Ok(Input::Stop { is_term: true }) => terminate(child),
            // The terminal has sent the signal to the command too, which decides when it ends.
            Ok(Input::Stop { is_term: false }) | Err(RecvTimeoutError::Timeout) => {}
            Ok(input) => service.input(input),
            Err(RecvTimeoutError::Disconnected) => return child.wait(),
        }
        service.step();
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
    }
}

fn spawn(command: Vec<OsString>, wants_output: bool, port: Option<u16>) -> Result<Child, Failure> {
    let mut words = command.into_iter().map(|word| with_port(word, port));
    let name = words.next().unwrap_or_default();
    let mut command = Command::new(&name);
    command.args(words);
    if wants_output {
        command.stdout(Stdio::piped());
    }
    let child = command.spawn();
    child.map_err(|error| format!("cannot run `{}`: {error}", name.display()).into())
}

/// Returns the port of the first source that listens.
fn port(sources: &[Source]) -> io::Result<Option<u16>> {
    let mut listeners = sources.iter().filter_map(|source| match source {
        Source::Listen(listener) => Some(listener.local_addr()),
        _ => None,
    });
    listeners
        .next()
        .transpose()
        .map(|address| address.map(|address| address.port()))
}

fn with_port(word: OsString, port: Option<u16>) -> OsString {
    match (word.to_str(), port) {
        (Some(text), Some(port)) => text.replace("{port}", &port.to_string()).into(),
        _ => word,
    }
}

/// Returns the exit code of a command, and as shells do 128 and the signal that ended it.
fn code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return ExitCode::from(128 | signal as u8);
    }
    ExitCode::from(status.code().map_or(1, |code| code as u8))
}
