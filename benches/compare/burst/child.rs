//! The child process: all rounds of one library and shape.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use super::{BurstTracer, LIBRARIES, Plan};
use crate::machine;
use crate::process::{end_at_last, parse, rss_peak};

/// The argument that makes a process a child.
pub(crate) const MARK: &str = "--burst";

/// Spans of each thread before the first round.
const WARM_UP: usize = 4;

/// Pause before each round, in which the library's own threads go to sleep.
const PAUSE: Duration = Duration::from_millis(5);

/// Longest time of a child.
const LIMIT: Duration = Duration::from_secs(120);

/// Result of all rounds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Spans that reached the exporter.
    pub(super) exported: u64,
    /// Spans that neither reached the exporter nor were counted as lost, over all rounds;
    /// negative if spans came out twice.
    pub(super) missing: i64,
    /// Growth of the peak of resident memory since the first round.
    pub(super) rss_growth: u64,
    /// Spans of each round that did not reach the exporter.
    pub(super) lost: Vec<u64>,
}

/// Runs the rounds of the library that the arguments after [`MARK`] name, and prints their outcome.
pub(crate) fn run_child(args: impl Iterator<Item = String>) -> Result<(), String> {
    let plan = Plan::from_args(args)?;
    machine::keep_processors(plan.processors)?;
    end_at_last(LIMIT);
    let entry = LIBRARIES.iter().find(|entry| entry.name == plan.library);
    let entry = entry.ok_or_else(|| format!("there is no {} in bursts", plan.library))?;
    let mut tracer = (entry.start)(&plan);
    println!("{}", outcome(tracer.as_mut(), &plan)?.to_line());
    Ok(())
}

fn outcome(tracer: &mut dyn BurstTracer, plan: &Plan) -> Result<Outcome, String> {
    let mut rss_before = Ok(0);
    let mut exported = Vec::new();
    rounds(tracer, plan, |spans| {
        if exported.is_empty() {
            rss_before = rss_peak();
        }
        exported.push(spans);
    });
    let rss_growth = rss_peak()? - rss_before?;
    let warm_up = (plan.threads * WARM_UP) as u64;
    let made = warm_up + plan.rounds as u64 * plan.made();
    let all = exported.iter().sum();
    let lost = exported[1..].iter().map(|spans| plan.made() - spans);
    Ok(Outcome {
        exported: all,
        missing: made as i64 - (all + tracer.close()) as i64,
        rss_growth,
        lost: lost.collect(),
    })
}

/// Calls `after_round` with the number of exported spans, first of the warm-up, then of each round.
fn rounds(tracer: &dyn BurstTracer, plan: &Plan, mut after_round: impl FnMut(u64)) {
    let all = Barrier::new(plan.threads + 1);
    let sizes = || {
        [WARM_UP]
            .into_iter()
            .chain([plan.spans].repeat(plan.rounds))
    };
    thread::scope(|scope| {
        for _ in 0..plan.threads {
            scope.spawn(|| {
                for spans in sizes() {
                    all.wait();
                    tracer.make(spans);
                    all.wait();
                }
            });
        }
        for _ in sizes() {
            thread::sleep(PAUSE);
            all.wait();
            all.wait();
            after_round(tracer.deliver());
        }
    });
}

impl Outcome {
    fn to_line(&self) -> String {
        let lost: Vec<_> = self.lost.iter().map(u64::to_string).collect();
        let (exported, missing, growth) = (self.exported, self.missing, self.rss_growth);
        format!("{exported} {missing} {growth} {}", lost.join(" "))
    }

    pub(super) fn from_line(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let mut next = || words.next().ok_or("a child printed too little");
        Ok(Self {
            exported: parse(next()?)?,
            missing: parse(next()?)?,
            rss_growth: parse(next()?)?,
            lost: words.map(parse).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use super::*;
    use crate::burst::SHAPES;

    #[test]
    fn a_line_carries_an_outcome() {
        let outcome = Outcome {
            exported: 90,
            missing: -3,
            rss_growth: 4096,
            lost: vec![0, 10],
        };
        assert_eq!(Outcome::from_line(&outcome.to_line()), Ok(outcome));
        assert!(Outcome::from_line("90 0").is_err());
        assert!(Outcome::from_line("90 0 4096 x").is_err());
    }

    /// Exports all but one span of each delivery, and counts one as lost in the end.
    #[derive(Default)]
    struct Leaky(AtomicU64);

    impl BurstTracer for Leaky {
        fn make(&self, spans: usize) {
            self.0.fetch_add(spans as u64, Relaxed);
        }

        fn deliver(&self) -> u64 {
            self.0.swap(0, Relaxed) - 1
        }

        fn close(&mut self) -> u64 {
            1
        }
    }

    #[test]
    fn each_round_tells_its_loss() {
        let sink = "127.0.0.1:1".parse().expect("an address");
        let plan = Plan {
            threads: 2,
            spans: 10,
            rounds: 3,
            ..Plan::new(&LIBRARIES[0], &SHAPES[0], sink)
        };
        let outcome = outcome(&mut Leaky::default(), &plan).expect("the system tells its memory");
        assert_eq!(outcome.lost, [1, 1, 1]);
        assert_eq!(outcome.exported, 2 * WARM_UP as u64 + 60 - 4);
        assert_eq!(outcome.missing, 3);
    }
}
