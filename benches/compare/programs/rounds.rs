//! Rounds of child processes, and their results.

use std::time::Duration;

use picojaeger_workloads::BURST;

use super::outcome::Outcome;
use super::sink::{Received, Sink};
use super::{ENTRIES, Entry, Load, MARK, Plan};
use crate::process;
use crate::results::Record;

/// Duration of the programs.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    /// Time during which spans are made in each round.
    pub(crate) duration: Duration,
}

/// An entry with the results of its rounds.
struct Row {
    entry: &'static Entry,
    rounds: Vec<Round>,
}

/// Outcome of one child, and the packets that arrived from it.
#[derive(Debug, Clone, Copy, Default)]
struct Round {
    outcome: Outcome,
    received: Received,
}

/// Runs the selected programs, and those that they imitate. Each runs once a
/// round; allocations are counted in a separate round.
pub(crate) fn measure(
    effort: Effort,
    is_wanted: impl Fn(&str, &str) -> bool,
) -> Result<Vec<Record>, String> {
    let is_needed = |entry: &Entry| {
        let is_imitated = |other: &Entry| {
            (other.load, other.imitates) == (entry.load, Some(entry.name))
                && is_wanted(other.load.name(), other.name)
        };
        is_wanted(entry.load.name(), entry.name) || ENTRIES.iter().any(is_imitated)
    };
    let mut records = Vec::new();
    for load in Load::ALL {
        let rows = ENTRIES
            .iter()
            .filter(|entry| entry.load == load && is_needed(entry));
        let mut rows: Vec<_> = rows.map(Row::new).collect();
        for _ in 0..effort.rounds {
            take_turns(&mut rows, effort.duration, false)?;
        }
        take_turns(&mut rows, effort.duration, true)?;
        records.extend(rows.iter().map(Row::record));
    }
    Ok(records)
}

fn take_turns(rows: &mut [Row], duration: Duration, count: bool) -> Result<(), String> {
    for turn in 0..rows.len() {
        let imitated = rows[turn].entry.imitates;
        let imitated = rows.iter().find(|row| Some(row.entry.name) == imitated);
        let imitated = imitated.and_then(|row| row.rounds.last());
        let round = run(rows[turn].entry, imitated, duration, count)?;
        rows[turn].rounds.push(round);
    }
    Ok(())
}

/// One round of one program.
fn run(
    entry: &Entry,
    imitated: Option<&Round>,
    duration: Duration,
    count: bool,
) -> Result<Round, String> {
    let failed = |error: String| format!("{} under {}: {error}", entry.name, entry.load.name());
    let sink = Sink::open(entry.sink).map_err(|error| failed(error.to_string()))?;
    let plan = Plan {
        duration,
        count,
        packets_per_burst: imitated.map_or(0.0, Round::packets_per_burst),
        packet_bytes: imitated.map_or(0, Round::bytes_per_packet),
        ..Plan::for_sink(entry, sink.address)
    };
    let outcome = process::run(MARK, &plan.to_args())
        .and_then(|line| Outcome::from_line(&line))
        .map_err(failed)?;
    let received = sink.close().map_err(|error| failed(error.to_string()))?;
    Ok(Round { outcome, received })
}

impl Round {
    fn packets_per_burst(&self) -> f64 {
        per(self.received.packets, self.outcome.made) * BURST as f64
    }

    fn bytes_per_packet(&self) -> usize {
        per(self.received.bytes, self.received.packets).round() as usize
    }

    /// Returns the cost of a delivered span: processor time, or flat out elapsed time.
    fn nanos_per_span(&self, load: Load) -> f64 {
        let nanos = match load {
            Load::Pipeline | Load::Inline => self.outcome.cpu_ns,
            Load::FlatOut => self.outcome.all_ns,
        };
        per(nanos, self.outcome.exported)
    }
}

impl Row {
    fn new(entry: &'static Entry) -> Self {
        Self {
            entry,
            rounds: Vec::new(),
        }
    }

    fn record(&self) -> Record {
        let (counted, timed) = self.rounds.split_last().expect("a round was counted");
        let load = self.entry.load;
        let nanos = ascending(timed, |round| round.nanos_per_span(load));
        let outcomes = || timed.iter().map(|round| &round.outcome);
        let mut record = Record::new(load.name(), self.entry.name, self.entry.package);
        record.set("min_ns", nanos[0]);
        record.set("median_ns", median(&nanos));
        let allocations = per(counted.outcome.allocations, counted.outcome.counted);
        record.set("allocations_per_span", allocations);
        record.set("made", outcomes().map(|it| it.made).sum::<u64>() as f64);
        record.set("lost", outcomes().map(|it| it.lost).sum::<u64>() as f64);
        record.set(
            "missing",
            outcomes().map(Outcome::missing).sum::<i64>() as f64,
        );
        match load {
            Load::Pipeline | Load::Inline => set_packets(&mut record, self.entry, timed),
            Load::FlatOut => set_rates(&mut record, timed),
        }
        record
    }
}

fn set_packets(record: &mut Record, entry: &Entry, rounds: &[Round]) {
    let sum = |field: fn(&Round) -> u64| rounds.iter().map(field).sum::<u64>();
    let packets = sum(|round| round.received.packets);
    if entry.imitates.is_none() {
        record.set("arrived", sum(|round| round.received.spans) as f64);
    }
    record.set("packets", packets as f64);
    let bytes = per(sum(|round| round.received.bytes), packets);
    record.set("bytes_per_packet", bytes);
}

fn set_rates(record: &mut Record, rounds: &[Round]) {
    let made = ascending(rounds, |Round { outcome, .. }| {
        per(outcome.made, outcome.making_ns) * 1e9
    });
    let delivered = ascending(rounds, |Round { outcome, .. }| {
        per(outcome.exported, outcome.all_ns) * 1e9
    });
    let peak = ascending(rounds, |round| round.outcome.rss_peak as f64);
    let growth = ascending(rounds, |Round { outcome, .. }| {
        (outcome.rss_peak - outcome.rss_before) as f64
    });
    record.set("made_per_s", median(&made).round());
    record.set("delivered_per_s", median(&delivered).round());
    record.set("peak_rss_bytes", peak[peak.len() - 1]);
    record.set("rss_growth_bytes", growth[growth.len() - 1]);
}

fn ascending(rounds: &[Round], figure: impl Fn(&Round) -> f64) -> Vec<f64> {
    let mut figures: Vec<_> = rounds.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures
}

fn median(ascending: &[f64]) -> f64 {
    ascending[ascending.len() / 2]
}

/// Divides; a divisor of 0 counts as 1, so that 0 / 0 is 0.
fn per(amount: u64, of: u64) -> f64 {
    amount as f64 / of.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_sums_counts_and_orders_times() {
        let round = |cpu_ns, lost| Round {
            outcome: Outcome {
                made: 10,
                exported: 8,
                lost,
                cpu_ns,
                counted: 10,
                allocations: 5,
                ..Outcome::default()
            },
            received: Received {
                packets: 2,
                bytes: 800,
                spans: 8,
            },
        };
        let row = Row {
            entry: &ENTRIES[0],
            rounds: vec![round(800, 2), round(400, 1), round(1600, 2), round(80, 0)],
        };
        let record = row.record();
        let expected = [
            ("min_ns", 50.0),
            ("median_ns", 100.0),
            ("allocations_per_span", 0.5),
            ("made", 30.0),
            ("lost", 5.0),
            ("missing", 1.0),
            ("arrived", 24.0),
            ("packets", 6.0),
            ("bytes_per_packet", 400.0),
        ];
        for (field, value) in expected {
            assert_eq!(record.get(field), Some(value), "{field}");
        }
    }
}
