//! The child process: one program under one load, measured from within.

use std::thread;
use std::time::{Duration, Instant};

use picojaeger_workloads::BURST;
use rustix::time::{ClockId, clock_gettime};

use super::outcome::Outcome;
use super::{CLOSING, ENTRIES, Load, Plan, Program};
use crate::allocations;
use crate::process::{end_at_last, rss_peak};

/// The argument that makes a process a child.
pub(crate) const MARK: &str = "--child";

/// Pause between two bursts of a pipeline.
const PAUSE: Duration = Duration::from_millis(2);

/// Threads that make spans flat out.
const THREADS: usize = 2;

/// Runs the program that the arguments after [`MARK`] name, and prints its outcome.
pub(crate) fn run_child(args: impl Iterator<Item = String>) -> Result<(), String> {
    let plan = Plan::from_args(args)?;
    end_at_last(plan.duration * 2 + CLOSING);
    let entry = ENTRIES
        .iter()
        .find(|entry| (entry.load.name(), entry.name) == (&plan.load, &plan.name))
        .ok_or_else(|| format!("there is no {} under {}", plan.name, plan.load))?;
    let mut program = (entry.start)(&plan);
    let rss_before = rss_peak()?;
    let program = program.as_mut();
    let outcome = match entry.load {
        Load::Pipeline => pipeline(program, &plan, Some(PAUSE)),
        Load::Inline => pipeline(program, &plan, None),
        Load::FlatOut => flat_out(program, &plan),
    };
    let outcome = Outcome {
        rss_before,
        rss_peak: rss_peak()?,
        ..outcome
    };
    println!("{}", outcome.to_line());
    Ok(())
}

fn pipeline(program: &mut dyn Program, plan: &Plan, pause: Option<Duration>) -> Outcome {
    let start = Instant::now();
    let mut cpu = Cpu::start();
    let warm_up = paced(program, plan.duration / 10, pause, &mut cpu);
    let (allocations, counted) = counted(plan, || paced(program, plan.duration, pause, &mut cpu));
    let making_ns = nanos(start.elapsed());
    let drained = cpu.work(|| program.close());
    Outcome {
        made: warm_up + counted,
        exported: drained.exported,
        lost: drained.lost,
        cpu_ns: cpu.total(),
        making_ns,
        all_ns: nanos(start.elapsed()),
        counted,
        allocations,
        ..Outcome::default()
    }
}

/// Makes bursts with pauses between them, if any; returns the number of spans.
fn paced(program: &dyn Program, duration: Duration, pause: Option<Duration>, cpu: &mut Cpu) -> u64 {
    let until = Instant::now() + duration;
    let mut made = 0;
    while Instant::now() < until {
        cpu.work(|| program.burst());
        made += BURST as u64;
        if let Some(pause) = pause {
            thread::sleep(pause);
        }
    }
    made
}

fn flat_out(program: &mut dyn Program, plan: &Plan) -> Outcome {
    let start = Instant::now();
    let (allocations, made) = counted(plan, || unpaced(program, plan.duration));
    let making_ns = nanos(start.elapsed());
    let drained = program.close();
    Outcome {
        made,
        exported: drained.exported,
        lost: drained.lost,
        making_ns,
        all_ns: nanos(start.elapsed()),
        counted: made,
        allocations,
        ..Outcome::default()
    }
}

/// Makes bursts on all threads without a pause; returns the number of spans.
fn unpaced(program: &dyn Program, duration: Duration) -> u64 {
    let until = Instant::now() + duration;
    let produce = || {
        let mut made = 0;
        while Instant::now() < until {
            program.burst();
            made += BURST as u64;
        }
        made
    };
    thread::scope(|scope| {
        let producers = [(); THREADS].map(|()| scope.spawn(produce));
        let made = producers.map(|producer| producer.join().expect("no producer panics"));
        made.iter().sum()
    })
}

fn counted<R>(plan: &Plan, part: impl FnOnce() -> R) -> (u64, R) {
    match plan.count {
        true => allocations::count(part),
        false => (0, part()),
    }
}

/// Processor time of all other threads, and of this one while it works.
///
/// So it excludes the pauses of a load, and includes the work of a library's own
/// threads to sleep and to wake.
struct Cpu {
    process: u64,
    thread: u64,
    work: u64,
}

impl Cpu {
    fn start() -> Self {
        Self {
            process: clock(ClockId::ProcessCPUTime),
            thread: clock(ClockId::ThreadCPUTime),
            work: 0,
        }
    }

    fn work<R>(&mut self, part: impl FnOnce() -> R) -> R {
        let before = clock(ClockId::ThreadCPUTime);
        let result = part();
        self.work += clock(ClockId::ThreadCPUTime) - before;
        result
    }

    fn total(&self) -> u64 {
        let process = clock(ClockId::ProcessCPUTime) - self.process;
        let thread = clock(ClockId::ThreadCPUTime) - self.thread;
        process.saturating_sub(thread) + self.work
    }
}

fn clock(id: ClockId) -> u64 {
    let time = clock_gettime(id);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn nanos(duration: Duration) -> u64 {
    duration.as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_no_work() {
        let mut cpu = Cpu::start();
        spin();
        assert_eq!(cpu.work, 0);
        cpu.work(spin);
        assert!(cpu.work >= SPIN, "{} ns", cpu.work);
        // Threads of other tests count, as a library's would.
        assert!(cpu.total() >= cpu.work);
    }

    const SPIN: u64 = 3_000_000;

    fn spin() {
        let start = clock(ClockId::ThreadCPUTime);
        while clock(ClockId::ThreadCPUTime) - start < SPIN {}
    }
}
