//! The program `picojaeger-relay`.

mod args;
mod decode;
mod downlink;
mod runner;
mod service;
mod sinks;
mod summary;
mod terminal;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, sync_channel};

use super::Relay;
use super::elf::ElfImage;
use super::output::{self, Output};
use super::source::{Input, Inputs, Recorder, Source, open};
use crate::sys::interrupt::on_interrupt;
use args::{Args, Command, Destination, HELP};
use downlink::Downlink;
use service::Service;
use sinks::Sinks;
use terminal::{Beside, Terminal};

/// Runs the program `picojaeger-relay` with the arguments behind its name.
///
/// Prints errors, and returns the exit code: that of the command where it runs one, 2 for wrong
/// arguments, 1 for what cannot be opened.
///
/// ```
/// use picojaeger_std::relay::run;
///
/// let code = run(["--help"].map(Into::into));
/// assert_eq!(code, std::process::ExitCode::SUCCESS);
/// ```
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::parse(arguments) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("error: {error}; --help shows the usage");
            return ExitCode::from(2);
        }
    };
    match start(args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// An error that is printed.
type Failure = Box<dyn std::error::Error>;

fn start(mut args: Args) -> Result<ExitCode, Failure> {
    let command = std::mem::replace(&mut args.command, Command::Help);
    match command {
        Command::Help => {
            print!("{HELP}");
            std::io::stdout().flush()?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Relay => {
            let (inputs, received) = channel();
            let mut service = service(&args, &inputs)?;
            drop(inputs);
            service.run(&received);
            service.finish();
            Ok(ExitCode::SUCCESS)
        }
        Command::Run(command) => runner::run(command, &args),
        Command::Decode(elf, dump) => decode::run(&elf, &dump, &args.destination),
    }
}

/// The pieces of bytes that wait for the loop.
const WAITING: usize = 64;

fn channel() -> (Inputs, Receiver<Input>) {
    sync_channel(WAITING)
}

/// Opens all that the arguments name. The threads of sources hold copies of `inputs`.
fn service(args: &Args, inputs: &Inputs) -> Result<Service, Failure> {
    let sources = args.sources.iter().map(|spec| Source::parse(spec));
    let sources = sources.collect::<Result<Vec<_>, _>>()?;
    service_of(args, sources, inputs)
}

fn service_of(args: &Args, sources: Vec<Source>, inputs: &Inputs) -> Result<Service, Failure> {
    let stop = inputs.clone();
    // Where the loop is gone or hangs, the next signal ends the program.
    on_interrupt(move |is_term| stop.try_send(Input::Stop { is_term }).is_ok())?;
    let mut relay = Relay::new();
    if let Some(path) = &args.elf {
        relay = relay.with_image(ElfImage::open(path)?);
    }
    let recorder = args
        .record
        .as_ref()
        .map(|path| Recorder::create(path))
        .transpose()?;
    let output = output(&args.destination)?;
    let patient = sources
        .iter()
        .map(|source| matches!(source, Source::File(_)))
        .collect();
    let (mut uplinks, mut terminal) = (Vec::new(), Terminal::new());
    for (line, source) in sources.into_iter().enumerate() {
        uplinks.push(open(source, line, inputs.clone(), args.once)?);
    }
    let downlink = args.downlink.map(|spec| {
        let device = uplinks.first().cloned().unwrap_or_default();
        Downlink::open(spec, device)
    });
    let downlink = downlink.transpose()?;
    if let Some(downlink) = &downlink {
        let place = downlink.place();
        terminal.message(&format!("programs reach the first source by {place}"));
    }
    let sinks = Sinks::new(output, terminal, uplinks, args.time).with_downlink(downlink);
    Ok(Service::new(relay, sinks, recorder, patient))
}

fn output(destination: &Destination) -> Result<Box<dyn Output>, Failure> {
    Ok(match destination {
        Destination::Agent { host, port } => output::agent(host, *port)?,
        Destination::Otlp(url) => output::otlp(url)?,
        Destination::Print => output::print(Beside(std::io::stdout())),
        Destination::PrintAside => output::print(Beside(std::io::stderr())),
    })
}
