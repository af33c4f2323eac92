//! Runs one case, with the measured part alone inside the function
//! `measured`, so that callgrind can count that function and nothing else.
//!
//! `instructions --list` prints the cases, one name a line. `instructions
//! CASE` runs one and prints how many spans the measured part made. One
//! thread, a fixed span count; `benches/instructions.py` is its caller.

use std::env;
use std::process::ExitCode;

use picojaeger_workloads::floor::Floor;
use picojaeger_workloads::{BURST, Library, Workload};

/// Every case. A new one is a line here, and a run of
/// `benches/instructions.py --update`.
const CASES: &[Case] = &[
    Case::burst("floor W1", || Box::new(Floor), Workload::W1),
    Case::burst("floor W2", || Box::new(Floor), Workload::W2),
    Case::burst("floor W2-moved", || Box::new(Floor), Workload::W2Moved),
    Case::drain("floor drain", || Box::new(Floor), Workload::W2),
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

/// Which half of a burst's life is measured.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Burst,
    Drain,
}

impl Case {
    /// Measures the application's side: making the spans.
    const fn burst(
        name: &'static str,
        library: fn() -> Box<dyn Library>,
        workload: Workload,
    ) -> Self {
        Self {
            name,
            library,
            workload,
            part: Part::Burst,
        }
    }

    /// Measures the other side: delivering them, on this thread.
    const fn drain(
        name: &'static str,
        library: fn() -> Box<dyn Library>,
        workload: Workload,
    ) -> Self {
        Self {
            name,
            library,
            workload,
            part: Part::Drain,
        }
    }

    /// Runs the case; returns the spans that the measured part made.
    fn run(&self) -> Result<usize, String> {
        let mut library = (self.library)();
        for round in 0..WARM_UP + MEASURED {
            let part = (round >= WARM_UP).then_some(self.part);
            let drained = self.round(library.as_mut(), part);
            if drained != self.workload.exported() as u64 {
                return Err(format!("{}: {drained} spans came out", self.name));
            }
        }
        Ok(MEASURED * BURST)
    }

    /// One burst and its drain; returns what came out.
    fn round(&self, library: &mut dyn Library, part: Option<Part>) -> u64 {
        let workload = self.workload;
        if part == Some(Part::Burst) {
            measured(|| library.burst(workload));
        } else {
            library.burst(workload);
        }
        if part == Some(Part::Drain) {
            measured(|| library.drain()).exported
        } else {
            library.drain().exported
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

/// The function that callgrind is told to count. It is its own symbol
/// whatever `part` is, because nothing may inline it.
#[inline(never)]
fn measured<R>(part: impl FnOnce() -> R) -> R {
    part()
}
