//! Bursts, their times and their allocations.
//!
//! The libraries take turns in every round, each starting one round in so
//! many, so a noisy moment of the machine affects all alike. The spans of a
//! burst are delivered after its time was taken.

use std::time::Instant;

use picojaeger_workloads::{Drained, Library, Workload};

use crate::allocations;
use crate::results::Record;

/// Numbers of rounds of a run.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Rounds before the timed ones.
    pub(crate) warm_up: usize,
    /// Rounds that are timed.
    pub(crate) timed: usize,
    /// Rounds in which allocations are counted, and nothing is timed.
    pub(crate) counted: usize,
}

/// One library under one workload: a row of the table.
struct Row {
    workload: Workload,
    library: &'static str,
    package: &'static str,
    /// Nanoseconds per span, one entry a burst, ascending once measured.
    times: Vec<f64>,
    bursts: u64,
    counted: u64,
    made_allocations: u64,
    drain_allocations: u64,
    drained: Drained,
}

impl Row {
    fn new(library: &dyn Library, workload: Workload) -> Self {
        Self {
            workload,
            library: library.name(),
            package: library.package(),
            times: Vec::new(),
            bursts: 0,
            counted: 0,
            made_allocations: 0,
            drain_allocations: 0,
            drained: Drained::default(),
        }
    }

    /// Spans of the bursts that are neither exported nor counted as lost; negative
    /// if spans were exported twice.
    fn missing(&self) -> i64 {
        let made = self.bursts * self.workload.exported() as u64;
        made as i64 - (self.drained.exported + self.drained.lost) as i64
    }

    fn record(&self) -> Record {
        let mut record = Record::new(self.workload.name(), self.library, self.package);
        record.set("min_ns", self.times[0]);
        record.set("median_ns", self.times[self.times.len() / 2]);
        let made = self.per_span(self.made_allocations);
        record.set("allocations_per_span", made);
        let drained = self.per_span(self.drain_allocations);
        record.set("drain_allocations_per_span", drained);
        record.set("exported", self.drained.exported as f64);
        record.set("lost", self.drained.lost as f64);
        record.set("missing", self.missing() as f64);
        record
    }

    fn per_span(&self, count: u64) -> f64 {
        count as f64 / (self.counted * self.workload.spans() as u64) as f64
    }

    fn warm_up(&mut self, library: &mut dyn Library) {
        library.burst(self.workload);
        self.take(library.drain());
    }

    fn time(&mut self, library: &mut dyn Library) {
        let start = Instant::now();
        library.burst(self.workload);
        let elapsed = start.elapsed();
        let spans = self.workload.spans() as f64;
        self.times.push(elapsed.as_nanos() as f64 / spans);
        self.take(library.drain());
    }

    fn count(&mut self, library: &mut dyn Library) {
        let (made, ()) = allocations::count(|| library.burst(self.workload));
        let (delivered, drained) = allocations::count(|| library.drain());
        self.counted += 1;
        self.made_allocations += made;
        self.drain_allocations += delivered;
        self.take(drained);
    }

    fn take(&mut self, drained: Drained) {
        self.bursts += 1;
        self.drained.exported += drained.exported;
        self.drained.lost += drained.lost;
    }
}

/// Measures the selected libraries under the selected workloads that they support.
/// The records are in order of workload, then of library.
pub(crate) fn measure(
    libraries: &mut [Box<dyn Library>],
    effort: Effort,
    is_wanted: impl Fn(&str, &str) -> bool,
) -> Vec<Record> {
    let mut records = Vec::new();
    for workload in Workload::ALL {
        let is_wanted = |library: &str| is_wanted(workload.name(), library);
        records.extend(measure_workload(libraries, workload, effort, is_wanted));
    }
    records
}

fn measure_workload(
    libraries: &mut [Box<dyn Library>],
    workload: Workload,
    effort: Effort,
    is_wanted: impl Fn(&str) -> bool,
) -> Vec<Record> {
    let mut turns: Vec<Turn> = libraries
        .iter_mut()
        .filter(|library| library.workloads().contains(&workload) && is_wanted(library.name()))
        .map(|library| (Row::new(library.as_ref(), workload), library))
        .collect();
    take_turns(&mut turns, effort.warm_up, Row::warm_up);
    take_turns(&mut turns, effort.timed, Row::time);
    take_turns(&mut turns, effort.counted, Row::count);
    let mut records: Vec<_> = turns
        .into_iter()
        .map(|(mut row, _)| {
            row.times.sort_by(f64::total_cmp);
            row.record()
        })
        .collect();
    compare_with_floor(&mut records);
    records
}

/// Libraries with which the others are compared, one a workload.
const FLOORS: [&str; 2] = ["floor", "straight-line"];

fn compare_with_floor(records: &mut [Record]) {
    let floor = records
        .iter()
        .find(|record| FLOORS.contains(&record.library));
    let Some(floor) = floor.and_then(|floor| floor.get("min_ns")) else {
        return;
    };
    for record in records {
        if let Some(min) = record.get("min_ns") {
            record.set("times_floor", min / floor);
        }
    }
}

/// A library with its row.
type Turn<'a> = (Row, &'a mut Box<dyn Library>);

/// Runs `work` once for every library in each round, each time beginning with another library.
fn take_turns(turns: &mut [Turn], rounds: usize, work: fn(&mut Row, &mut dyn Library)) {
    for round in 0..rounds {
        for turn in 0..turns.len() {
            let next = (round + turn) % turns.len();
            let (row, library) = &mut turns[next];
            work(row, library.as_mut());
        }
    }
}
