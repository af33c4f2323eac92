//! `cargo compare`: every library under every workload, in one run.
//!
//! Prints a table and writes `benches/target/bench/compare.json`. `cargo
//! compare -- --quick` takes a second, proves that everything works, and its
//! figures mean nothing.
//!
//! A run fails where a library delivers fewer spans than were made, less
//! those that it counted as lost, or more: its times would be of other work.

mod allocations;
mod machine;
mod measure;
mod peers;
mod report;

use std::env;
use std::process::ExitCode;

use picojaeger_workloads::Library;
use picojaeger_workloads::encode::{Records, StraightLine};
use picojaeger_workloads::floor::Floor;
use picojaeger_workloads::picojaeger::Picojaeger;

use allocations::Counting;
use measure::Effort;
use peers::{fastrace, opentelemetry, tracing};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const FULL: Effort = Effort {
    warm_up: 50,
    timed: 1000,
    counted: 50,
};

const QUICK: Effort = Effort {
    warm_up: 2,
    timed: 5,
    counted: 2,
};

/// The whole program.
pub fn compare() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("compare: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let effort = effort(env::args().skip(1))?;
    let rows = measure::measure(&mut libraries(), effort);
    report::print(&rows);
    let complete = rows.iter().all(|row| row.missing() == 0);
    report::save(complete.then_some(&rows))
        .map_err(|error| format!("{}: {error}", report::RESULTS))?;
    if !complete {
        return Err("spans are missing, no results are kept".into());
    }
    println!("written to {}", report::RESULTS);
    Ok(())
}

/// Every library, in the order of the table. A new one is a line here and a
/// file that implements [`Library`].
fn libraries() -> Vec<Box<dyn Library>> {
    vec![
        Box::new(Floor),
        Box::new(Picojaeger::tsc()),
        Box::new(Picojaeger::system_clock()),
        Box::new(Picojaeger::disabled()),
        Box::new(StraightLine::new()),
        Box::new(Records::new()),
        Box::new(fastrace::Local::new()),
        Box::new(fastrace::Sent::new()),
        Box::new(opentelemetry::Sdk::new()),
        Box::new(tracing::NoSubscriber),
    ]
}

fn effort(args: impl Iterator<Item = String>) -> Result<Effort, String> {
    let mut effort = FULL;
    for arg in args {
        match arg.as_str() {
            "--quick" => effort = QUICK,
            // What cargo itself adds.
            "--bench" => {}
            _ => return Err(format!("unknown argument \"{arg}\", there is only --quick")),
        }
    }
    Ok(effort)
}
