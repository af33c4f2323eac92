//! `cargo compare`: every library under every workload, in one run.
//!
//! Prints tables and the budgets, and writes `benches/target/bench/compare.json`.
//! `cargo compare -- --quick` takes half a minute, proves that everything works, and
//! its figures mean nothing. `cargo compare -- W2 pipeline` runs these workloads
//! alone; libraries can be named too.
//!
//! A run fails where a library delivers fewer spans of a burst than were made,
//! less those that it counted as lost, or more: its times would be of other work.

mod allocations;
mod budgets;
mod burst;
mod machine;
mod measure;
mod peers;
mod process;
mod programs;
mod report;
mod results;
mod selection;

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use picojaeger_workloads::Library;
use picojaeger_workloads::encode::{Records, StraightLine};
use picojaeger_workloads::floor::Floor;
use picojaeger_workloads::picojaeger::Picojaeger;
use picojaeger_workloads::propagation::Propagators;
use picojaeger_workloads::tracing::{Layer, Registry};

use allocations::Counting;
use peers::{fastrace, opentelemetry, tracing};
use selection::Arguments;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Duration of a run.
struct Effort {
    bursts: measure::Effort,
    programs: programs::Effort,
    burst: burst::Effort,
}

const FULL: Effort = Effort {
    bursts: measure::Effort {
        warm_up: 50,
        timed: 1000,
        counted: 50,
    },
    programs: programs::Effort {
        rounds: 7,
        duration: Duration::from_secs(1),
    },
    burst: burst::Effort {
        rounds: 20,
        tried: 5,
        most: 1 << 20,
    },
};

const QUICK: Effort = Effort {
    bursts: measure::Effort {
        warm_up: 2,
        timed: 5,
        counted: 2,
    },
    programs: programs::Effort {
        rounds: 1,
        duration: Duration::from_millis(50),
    },
    burst: burst::Effort {
        rounds: 1,
        tried: 1,
        most: 1024,
    },
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
    let mut args = env::args().skip(1).peekable();
    if args.next_if(|arg| arg == programs::MARK).is_some() {
        return programs::run_child(args);
    }
    if args.next_if(|arg| arg == burst::MARK).is_some() {
        return burst::run_child(args);
    }
    let mut libraries = libraries();
    let arguments = Arguments::parse(args, &known(&libraries))?;
    let effort = if arguments.quick { QUICK } else { FULL };
    let is_wanted = |workload: &str, library: &str| arguments.selection.wants(workload, library);
    let mut records = measure::measure(&mut libraries, effort.bursts, is_wanted);
    let is_complete = records
        .iter()
        .all(|record| record.get("missing") == Some(0.0));
    records.extend(programs::measure(effort.programs, is_wanted)?);
    records.extend(burst::measure(effort.burst, is_wanted)?);
    report::print(&records);
    budgets::print(&records);
    results::save(is_complete.then_some(&records))
        .map_err(|error| format!("{}: {error}", results::RESULTS))?;
    if !is_complete {
        return Err("spans of a burst are missing, no results are kept".into());
    }
    println!("\nwritten to {}", results::RESULTS);
    Ok(())
}

/// Every library that makes bursts, in the order of the table. A new one is a
/// line here and a file that implements [`Library`].
fn libraries() -> Vec<Box<dyn Library>> {
    vec![
        Box::new(Floor),
        Box::new(Picojaeger::tsc()),
        Box::new(Picojaeger::wide_ids()),
        Box::new(Picojaeger::system_clock()),
        Box::new(Picojaeger::disabled()),
        Box::new(Propagators::new()),
        Box::new(StraightLine::new()),
        Box::new(Records::new()),
        Box::new(fastrace::Local::new()),
        Box::new(fastrace::Sent::new()),
        Box::new(opentelemetry::Sdk::new()),
        Box::new(opentelemetry::W3c::new()),
        Box::new(tracing::NoSubscriber),
        Box::new(Registry::new()),
        Box::new(Layer::new()),
        Box::new(Layer::unfiltered()),
        Box::new(opentelemetry::Layer::new()),
    ]
}

/// Every workload with every library that does it.
fn known(libraries: &[Box<dyn Library>]) -> Vec<(&'static str, &'static str)> {
    let mut known = Vec::new();
    for library in libraries {
        let workloads = library.workloads().iter();
        known.extend(workloads.map(|workload| (workload.name(), library.name())));
    }
    known.extend(programs::names());
    known.extend(burst::names());
    known
}
