//! Runs one case, with the measured part alone inside the function
//! `measured`, so that callgrind can count that function and nothing else.
//!
//! `instructions --list` prints the cases, one name a line. `instructions
//! CASE` runs one and prints how many spans the measured part made. One
//! thread, a fixed span count; `benches/instructions.py` is its caller.

use std::env;
use std::process::ExitCode;

use picojaeger_workloads::encode::{Records, StraightLine};
use picojaeger_workloads::floor::Floor;
use picojaeger_workloads::picojaeger::Picojaeger;
use picojaeger_workloads::propagation::Propagators;
use picojaeger_workloads::tracing::{Layer, Registry};
use picojaeger_workloads::{Direction, Drained, Format, Library, Workload};

/// Every case. A new one is a line here, and a run of
/// `benches/instructions.py --update`.
const CASES: &[Case] = &[
    Case::new("floor W1", floor, Workload::W1, Part::Burst),
    Case::new("floor W2", floor, Workload::W2, Part::Burst),
    Case::new("floor W2-moved", floor, Workload::W2Moved, Part::Burst),
    Case::new("floor drain", floor, Workload::W2, Part::Drain),
    Case::new("W1", picojaeger, Workload::W1, Part::Burst),
    Case::new("W2", picojaeger, Workload::W2, Part::Burst),
    Case::new("W1, 128-bit ids", wide_ids, Workload::W1, Part::Burst),
    Case::new("W2, 128-bit ids", wide_ids, Workload::W2, Part::Burst),
    Case::new("W2-moved", picojaeger, Workload::W2Moved, Part::Burst),
    Case::new(
        "unsampled-child",
        picojaeger,
        Workload::UnsampledChild,
        Part::Burst,
    ),
    Case::new("floor polls", floor, Workload::Polls, Part::Burst),
    Case::new("polls", picojaeger, Workload::Polls, Part::Burst),
    Case::new("registry tracing", registry, Workload::Tracing, Part::Burst),
    Case::new("tracing", layer, Workload::Tracing, Part::Burst),
    Case::new(
        "tracing-events",
        layer,
        Workload::TracingEvents,
        Part::Burst,
    ),
    Case::new("disabled", disabled, Workload::UnsampledChild, Part::Burst),
    Case::new("drain", picojaeger, Workload::W2, Part::Drain),
    Case::new("encode", records, Workload::Encode, Part::Burst),
    Case::new(
        "encode, straight-line",
        straight_line,
        Workload::Encode,
        Part::Burst,
    ),
    Case::new("encode-otlp", records, Workload::EncodeOtlp, Part::Burst),
    Case::new(
        "encode-otlp, straight-line",
        straight_line,
        Workload::EncodeOtlp,
        Part::Burst,
    ),
    Case::propagation("extract-w3c", Direction::Extract, Format::W3c),
    Case::propagation("extract-jaeger", Direction::Extract, Format::Jaeger),
    Case::propagation("extract-b3", Direction::Extract, Format::B3),
    Case::propagation("extract-b3multi", Direction::Extract, Format::B3Multi),
    Case::propagation("extract-both", Direction::Extract, Format::Both),
];

/// Bursts before the measured ones: caches, pools and lazy statics settle.
const WARM_UP: usize = 3;

/// Bursts that are measured.
const MEASURED: usize = 10;

struct Case {
    name: &'static str,
    library: fn() -> Box<dyn Library>,
    workload: Workload,
    part: Part,
}

/// The measured half of a burst's work.
#[derive(Clone, Copy)]
enum Part {
    /// The application's: making the spans.
    Burst,
    /// The worker's: delivering them, called on this thread.
    Drain,
}

impl Case {
    const fn new(
        name: &'static str,
        library: fn() -> Box<dyn Library>,
        workload: Workload,
        part: Part,
    ) -> Self {
        Self {
            name,
            library,
            workload,
            part,
        }
    }

    const fn propagation(name: &'static str, direction: Direction, format: Format) -> Self {
        let workload = Workload::Propagation(direction, format);
        Self::new(name, propagators, workload, Part::Burst)
    }

    /// Runs the case; returns the number of spans of the measured part.
    fn run(&self) -> Result<usize, String> {
        let mut library = (self.library)();
        for round in 0..WARM_UP + MEASURED {
            let part = (round >= WARM_UP).then_some(self.part);
            let drained = self.round(library.as_mut(), part);
            if drained.exported != self.workload.exported() as u64 {
                return Err(format!(
                    "{}: {drained:?} of {} spans",
                    self.name,
                    self.workload.spans()
                ));
            }
        }
        Ok(MEASURED * self.workload.spans())
    }

    /// One burst and its drain, with `part` inside [`measured`].
    fn round(&self, library: &mut dyn Library, part: Option<Part>) -> Drained {
        match part {
            None => {
                library.burst(self.workload);
                library.drain()
            }
            Some(Part::Burst) => {
                measured(|| library.burst(self.workload));
                library.drain()
            }
            Some(Part::Drain) => {
                library.burst(self.workload);
                measured(|| library.drain())
            }
        }
    }
}

fn main() -> ExitCode {
    match run(env::args().skip(1)) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("instructions: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut args: impl Iterator<Item = String>) -> Result<String, String> {
    let name = args.next().ok_or("which case? --list names them")?;
    if name == "--list" {
        let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
        return Ok(names.join("\n"));
    }
    let case = CASES
        .iter()
        .find(|case| case.name == name)
        .ok_or_else(|| format!("no case is called \"{name}\"; --list names them"))?;
    case.run().map(|spans| spans.to_string())
}

fn floor() -> Box<dyn Library> {
    Box::new(Floor)
}

fn picojaeger() -> Box<dyn Library> {
    Box::new(Picojaeger::tsc())
}

fn wide_ids() -> Box<dyn Library> {
    Box::new(Picojaeger::wide_ids())
}

fn registry() -> Box<dyn Library> {
    Box::new(Registry::new())
}

fn layer() -> Box<dyn Library> {
    Box::new(Layer::new())
}

fn disabled() -> Box<dyn Library> {
    Box::new(Picojaeger::disabled())
}

fn records() -> Box<dyn Library> {
    Box::new(Records::new())
}

fn propagators() -> Box<dyn Library> {
    Box::new(Propagators::new())
}

fn straight_line() -> Box<dyn Library> {
    Box::new(StraightLine::new())
}

/// The function that callgrind counts, so it must not be inlined.
#[inline(never)]
fn measured<R>(part: impl FnOnce() -> R) -> R {
    part()
}
