//! Bursts, their times and their allocations.
//!
//! The libraries take turns in every round, each starting one round in so
//! many, so a noisy moment of the machine hits all alike. Delivering what a
//! burst made happens after its time was taken.

use std::time::Instant;

use picojaeger_workloads::{BURST, Drained, Library, Workload};

use crate::allocations;

/// How long a run takes.
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
pub(crate) struct Row {
    pub(crate) workload: Workload,
    pub(crate) library: &'static str,
    pub(crate) package: &'static str,
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

    /// The fastest burst, in nanoseconds per span.
    pub(crate) fn min_ns(&self) -> f64 {
        self.times[0]
    }

    /// The burst in the middle, in nanoseconds per span.
    pub(crate) fn median_ns(&self) -> f64 {
        self.times[self.times.len() / 2]
    }

    /// Allocations per span on all threads, while the bursts were made.
    pub(crate) fn allocations(&self) -> f64 {
        self.per_span(self.made_allocations)
    }

    /// Allocations per span on all threads, while they were delivered.
    pub(crate) fn drain_allocations(&self) -> f64 {
        self.per_span(self.drain_allocations)
    }

    /// Spans that reached the exporter.
    pub(crate) fn exported(&self) -> u64 {
        self.drained.exported
    }

    /// Spans that the library counted as lost.
    pub(crate) fn lost(&self) -> u64 {
        self.drained.lost
    }

    /// Spans that should have come out and are neither exported nor counted
    /// as lost; below zero, spans that came out twice.
    pub(crate) fn missing(&self) -> i64 {
        let made = self.bursts * self.workload.exported() as u64;
        made as i64 - (self.exported() + self.lost()) as i64
    }

    fn per_span(&self, count: u64) -> f64 {
        count as f64 / (self.counted * BURST as u64) as f64
    }

    fn warm_up(&mut self, library: &mut dyn Library) {
        library.burst(self.workload);
        self.take(library.drain());
    }

    fn time(&mut self, library: &mut dyn Library) {
        let start = Instant::now();
        library.burst(self.workload);
        let elapsed = start.elapsed();
        self.times.push(elapsed.as_nanos() as f64 / BURST as f64);
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

/// Measures every library under every workload that it can do. The rows are
/// in order of workload, then of library.
pub(crate) fn measure(libraries: &mut [Box<dyn Library>], effort: Effort) -> Vec<Row> {
    let mut rows = Vec::new();
    for workload in Workload::ALL {
        rows.extend(measure_workload(libraries, workload, effort));
    }
    rows
}

fn measure_workload(
    libraries: &mut [Box<dyn Library>],
    workload: Workload,
    effort: Effort,
) -> Vec<Row> {
    let mut turns: Vec<Turn> = libraries
        .iter_mut()
        .filter(|library| library.workloads().contains(&workload))
        .map(|library| (Row::new(library.as_ref(), workload), library))
        .collect();
    take_turns(&mut turns, effort.warm_up, Row::warm_up);
    take_turns(&mut turns, effort.timed, Row::time);
    take_turns(&mut turns, effort.counted, Row::count);
    turns
        .into_iter()
        .map(|(mut row, _)| {
            row.times.sort_by(f64::total_cmp);
            row
        })
        .collect()
}

/// A library with its row.
type Turn<'a> = (Row, &'a mut Box<dyn Library>);

/// In each round every library does `work` once; another one begins.
fn take_turns(turns: &mut [Turn], rounds: usize, work: fn(&mut Row, &mut dyn Library)) {
    for round in 0..rounds {
        for turn in 0..turns.len() {
            let next = (round + turn) % turns.len();
            let (row, library) = &mut turns[next];
            work(row, library.as_mut());
        }
    }
}
