//! Sends spans of picojaeger's client to the collector's program at a steady rate, and compares what was sent with what
//! was received. See `benches/README.md`.

mod arguments;
mod client;
mod collector;
mod process;
mod report;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use client::Client;
use collector::Collector;
use report::Report;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::from(2)
        }
    }
}

/// Returns whether nothing is missing.
fn run() -> Result<bool> {
    match Command::parse(std::env::args().skip(1))? {
        Command::Help => {
            print!("{}", arguments::HELP);
            Ok(true)
        }
        Command::Run(arguments) => measure(&arguments),
    }
}

fn measure(arguments: &Arguments) -> Result<bool> {
    let mut collector = Collector::start(&arguments.program, &arguments.memory)?;
    let client = Client::new(arguments, &collector)?;
    let before = collector.usage()?;
    let made = client.run(arguments);
    let sent = client.close();
    let status = collector.settle(sent.spans)?;
    let after = collector.usage()?;
    let report = Report {
        arguments,
        made,
        sent,
        dropped: collector.dropped()?,
        status,
        processor: after.processor.saturating_sub(before.processor),
        usage: after,
    };
    print!("{report}");
    let faults = report.faults();
    for fault in &faults {
        eprintln!("load: {fault}");
    }
    Ok(faults.is_empty())
}
