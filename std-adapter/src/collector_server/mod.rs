//! The program `picojaeger-collector`: receives traces in each of Jaeger's ways, and shows them on a page.
//!
//! One thread runs all connections over TCP, one each listens to a UDP port, and two do what takes
//! long: bodies and queries. Any local process, and any page in the user's browser, can send requests, so
//! each port has its own paths, and bounds for all that a peer can take.

mod api;
mod args;
mod config;
mod demo;
mod export;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod help;
mod http;
mod live;
mod page;
mod ports;
mod receive;
mod relay;
mod routes;
mod sampling;
mod script;
mod server;
mod token;

use std::ffi::OsString;
use std::fmt::Display;
use std::fs;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use crate::collector::{Collector, Inbox, json};
use crate::sys::interrupt::on_interrupt;
use args::{Args, Command};
use ports::{Sockets, line};
use sampling::Strategies;
use script::End;
use server::{Server, Settings};

/// The exit codes beside success, which `--help` documents.
const FAILED: u8 = 1;
const WRONG_ARGUMENTS: u8 = 2;
const TOO_FEW_TRACES: u8 = 3;

/// Runs the program `picojaeger-collector` with the arguments behind its name.
///
/// Prints errors, and returns the exit code, of which `--help` has a list.
///
/// ```
/// use picojaeger_std::collector_server::run;
///
/// let code = run(["--help"].map(Into::into));
/// assert_eq!(code, std::process::ExitCode::SUCCESS);
/// ```
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Command::parse(arguments) {
        Ok(Command::Run(args)) => args,
        Ok(Command::Help) => return print_help(),
        Err(error) => return wrong_arguments(&error),
    };
    if let Some(Err(error)) = args.export.as_deref().map(export::check) {
        return wrong_arguments(&error);
    }
    match start(*args) {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::Short(whole)) => {
            warn(&format!(
                "error: --wait: {whole} traces were whole when it ended; a trace is whole once its root has ended"
            ));
            ExitCode::from(TOO_FEW_TRACES)
        }
        Err(error) => {
            warn(&format!("error: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

fn wrong_arguments(error: &dyn Display) -> ExitCode {
    warn(&format!("error: {error}; --help shows the usage"));
    ExitCode::from(WRONG_ARGUMENTS)
}

fn print_help() -> ExitCode {
    let mut out = std::io::stdout().lock();
    let printed = out.write_all(help::HELP.as_bytes());
    match printed.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILED),
    }
}

/// Prints a line for the user, without what would control a terminal: it may have text of peers.
fn warn(message: &str) {
    let line: String = message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    // An output that is closed ends nothing.
    drop(writeln!(std::io::stderr(), "{line}"));
}

fn start(mut args: Args) -> Result<End, String> {
    let (stop, stopped) = sync_channel(1);
    // Where the end of the program hangs, the next signal ends it at once.
    on_interrupt(move |_| stop.try_send(()).is_ok()).map_err(|error| error.to_string())?;
    let token = token::of(&args)?;
    let strategies = match args.sampling.take() {
        Some(path) => Strategies::open(path).map_err(|error| format!("--sampling {error}"))?,
        None => Strategies::all(),
    };
    let inbox = Arc::new(Inbox::of_program(args.memory));
    import(&args, &inbox)?;
    let sockets = Sockets::bind(args.listen, &args.ports)?;
    let line = line(&sockets, token.as_deref());
    let agent = sockets.udp_compact.place.address;
    let settings = Settings::new(&args, token.as_deref());
    let server = Server::start(sockets, &inbox, settings, strategies);
    let server = server.map_err(|error| format!("cannot start: {error}"))?;
    warn(&line);
    if args.demo {
        demo::send(agent)?;
    }
    let end =
        script::run(&args, &inbox, &stopped).map_err(|error| format!("cannot print: {error}"))?;
    drop(server);
    script::finish(&args, &inbox)?;
    Ok(end)
}

/// Stores the traces of a file.
fn import(args: &Args, inbox: &Inbox) -> Result<(), String> {
    let Some(path) = &args.import else {
        return Ok(());
    };
    let failed = |error: &dyn Display| format!("--import {}: {error}", path.display());
    let bytes = fs::read(path).map_err(|error| failed(&error))?;
    let batches = json::import(&bytes).map_err(|error| failed(&error))?;
    batches.into_iter().for_each(|batch| inbox.store(batch));
    Ok(())
}
