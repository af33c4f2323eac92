//! The children of all libraries and shapes, and their results.

use super::child::{MARK, Outcome};
use super::{ALL, Entry, LARGEST, LIBRARIES, Plan, SHAPES, Shape, search};
use crate::process;
use crate::programs::sink::Sink;
use crate::results::Record;

/// Numbers of rounds.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Rounds of a burst of a given size.
    pub(crate) rounds: usize,
    /// Rounds of each size that is tried to find the largest; none of them may lose a span.
    pub(crate) tried: usize,
    /// The largest size that is tried.
    pub(crate) most: usize,
}

/// What a process may use, and the names of its figures.
struct Processors {
    count: usize,
    lost_median: &'static str,
    lost_worst: &'static str,
    largest: &'static str,
    growth: &'static str,
}

const PROCESSORS: [Processors; 2] = [
    Processors {
        count: 2,
        lost_median: "lost_percent_median",
        lost_worst: "lost_percent_worst",
        largest: "largest",
        growth: "rss_growth_bytes",
    },
    Processors {
        count: 1,
        lost_median: "pinned_lost_percent_median",
        lost_worst: "pinned_lost_percent_worst",
        largest: "pinned_largest",
        growth: "pinned_rss_growth_bytes",
    },
];

/// Outcome of one child, and the spans that arrived from it where it sends them.
struct Received {
    outcome: Outcome,
    arrived: u64,
}

/// Runs the selected libraries in the selected shapes.
pub(crate) fn measure(
    effort: Effort,
    is_wanted: impl Fn(&str, &str) -> bool,
) -> Result<Vec<Record>, String> {
    let select = |shapes: &'static [Shape]| {
        let pairs = shapes
            .iter()
            .flat_map(|shape| LIBRARIES.iter().map(move |entry| (shape, entry)));
        pairs.filter(|(shape, entry)| {
            is_wanted(ALL, entry.name) || is_wanted(shape.name, entry.name)
        })
    };
    let given = select(SHAPES).map(|(shape, entry)| measure_given(entry, shape, effort));
    let largest = select(LARGEST).map(|(shape, entry)| measure_largest(entry, shape, effort));
    given.chain(largest).collect()
}

/// Measures a burst of a given size.
fn measure_given(entry: &Entry, shape: &Shape, effort: Effort) -> Result<Record, String> {
    let mut record = Record::new(shape.name, entry.name, entry.package);
    let mut all = Vec::new();
    for processors in &PROCESSORS {
        let received = run(entry, shape, effort.rounds, processors.count)?;
        let made = (shape.threads * shape.spans) as u64;
        let (median, worst) = shares(&received.outcome.lost, made);
        record.set(processors.lost_median, median);
        record.set(processors.lost_worst, worst);
        all.push(received);
    }
    set_counts(&mut record, entry, &all);
    Ok(record)
}

fn set_counts(record: &mut Record, entry: &Entry, all: &[Received]) {
    let outcomes = || all.iter().map(|received| &received.outcome);
    let lost: u64 = outcomes().flat_map(|it| &it.lost).sum();
    record.set("lost", lost as f64);
    let missing: i64 = outcomes().map(|it| it.missing).sum();
    record.set("missing", missing as f64);
    let exported: u64 = outcomes().map(|it| it.exported).sum();
    record.set("exported", exported as f64);
    if entry.is_sending() {
        let arrived: u64 = all.iter().map(|received| received.arrived).sum();
        record.set("arrived", arrived as f64);
    }
}

/// Searches for the largest burst of which nothing is lost, and the memory that it takes.
fn measure_largest(entry: &Entry, shape: &Shape, effort: Effort) -> Result<Record, String> {
    let mut record = Record::new(shape.name, entry.name, entry.package);
    for processors in &PROCESSORS {
        let found = search::largest(effort.most, |spans| {
            let shape = Shape { spans, ..*shape };
            let outcome = run(entry, &shape, effort.tried, processors.count)?.outcome;
            let is_whole = outcome.lost.iter().all(|lost| *lost == 0);
            Ok::<_, String>(is_whole.then_some(outcome.rss_growth))
        })?;
        let (spans, growth) = found.unwrap_or_default();
        record.set(processors.largest, spans as f64);
        record.set(processors.growth, growth as f64);
    }
    Ok(record)
}

fn run(entry: &Entry, shape: &Shape, rounds: usize, processors: usize) -> Result<Received, String> {
    let failed = |error: String| format!("{} in {}: {error}", entry.name, shape.name);
    let sink = Sink::open(entry.sink).map_err(|error| failed(error.to_string()))?;
    let plan = Plan {
        rounds,
        processors,
        ..Plan::new(entry, shape, sink.address)
    };
    let outcome = process::run(MARK, &plan.to_args())
        .and_then(|line| Outcome::from_line(&line))
        .map_err(failed)?;
    if entry.must_add_up() && outcome.missing != 0 {
        let missing = outcome.missing;
        return Err(failed(format!("{missing} spans were lost without a count")));
    }
    let received = sink.close().map_err(|error| failed(error.to_string()))?;
    Ok(Received {
        outcome,
        arrived: received.spans,
    })
}

/// Returns the median and the largest of the rounds' losses, in percent of the spans of a round.
fn shares(lost: &[u64], made: u64) -> (f64, f64) {
    let mut ascending = lost.to_vec();
    ascending.sort_unstable();
    let percent = |lost: u64| lost as f64 * 100.0 / made as f64;
    let median = ascending[ascending.len() / 2];
    (percent(median), percent(ascending[ascending.len() - 1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_a_round() {
        assert_eq!(shares(&[100, 0, 50], 200), (25.0, 50.0));
        assert_eq!(shares(&[0, 0, 0, 1], 1000), (0.0, 0.1));
        assert_eq!(shares(&[0], 10), (0.0, 0.0));
    }

    #[test]
    fn counts_are_of_all_rounds() {
        let received = |lost: &[u64], missing, arrived| Received {
            outcome: Outcome {
                exported: 70,
                missing,
                rss_growth: 0,
                lost: lost.to_vec(),
            },
            arrived,
        };
        let all = [received(&[1, 0], 0, 69), received(&[0, 4], 2, 70)];
        for entry in LIBRARIES {
            let mut record = Record::new("burst-16-1x50000", entry.name, entry.package);
            set_counts(&mut record, entry, &all);
            let figures = ["lost", "missing", "exported"].map(|name| record.get(name));
            assert_eq!(figures, [Some(5.0), Some(2.0), Some(140.0)]);
            let arrived = (entry.name == "picojaeger-udp").then_some(139.0);
            assert_eq!(record.get("arrived"), arrived, "{}", entry.name);
        }
    }
}
