//! The workload `burst`: threads that finish many spans at once, and how many of them are lost.
//!
//! A process for each library and shape, once on two processors and once on one. Its threads
//! live through all rounds and have recorded spans before the first, and each round starts when
//! everything was delivered. A burst is one tree a thread, of spans with two tags. Spans are
//! counted where the library hands them out; the others are lost.

mod child;
mod picojaeger;
mod plan;
mod rounds;
mod search;

use crate::peers::{fastrace, opentelemetry};
use crate::programs::sink::Kind;

use plan::Plan;

pub(crate) use child::{MARK, run_child};
pub(crate) use rounds::{Effort, measure};

/// A library that runs with all its threads, and whose spans are counted at its exporter.
pub(crate) trait BurstTracer: Sync {
    /// Finishes this many spans with two tags on the calling thread; any thread may call it.
    fn make(&self, spans: usize);

    /// Delivers everything that was made; returns how many spans reached the exporter since the
    /// last call.
    fn deliver(&self) -> u64;

    /// Ends the library's threads; returns how many spans it counted as lost.
    fn close(&mut self) -> u64;
}

/// A library with its settings.
pub(crate) struct Entry {
    name: &'static str,
    package: &'static str,
    /// Receiver of its packets.
    sink: Kind,
    start: fn(&Plan) -> Box<dyn BurstTracer>,
}

impl Entry {
    /// Returns whether each span must come out or be counted as lost; peers may do otherwise.
    fn must_add_up(&self) -> bool {
        self.package == "picojaeger-std"
    }

    fn is_sending(&self) -> bool {
        self.sink != Kind::None
    }
}

/// Every library, in the order of the table.
const LIBRARIES: &[Entry] = &[
    Entry {
        name: "picojaeger",
        package: "picojaeger-std",
        sink: Kind::None,
        start: |plan| Box::new(picojaeger::Counted::new(plan.memory)),
    },
    Entry {
        name: "picojaeger-udp",
        package: "picojaeger-std",
        sink: Kind::Udp,
        start: |plan| Box::new(picojaeger::Sending::new(plan.memory, plan.sink)),
    },
    Entry {
        name: "fastrace",
        package: "fastrace",
        sink: Kind::None,
        start: |_| Box::new(fastrace::Traced::counting()),
    },
    Entry {
        name: "opentelemetry",
        package: "opentelemetry_sdk",
        sink: Kind::None,
        start: |_| Box::new(opentelemetry::Traced::counting()),
    },
];

/// A burst: how many threads finish how many spans each, and picojaeger's `memory_limit`.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// The name in tables, results and arguments.
    name: &'static str,
    threads: usize,
    spans: usize,
    memory: usize,
}

const SHAPES: &[Shape] = &[
    Shape::of("burst-16-1x50000", 16, 1, 50_000),
    Shape::of("burst-16-8x6000", 16, 8, 6_000),
    Shape::of("burst-16-16x1000", 16, 16, 1_000),
    Shape::of("burst-16-64x1000", 16, 64, 1_000),
    Shape::of("burst-16-200x1000", 16, 200, 1_000),
    Shape::of("burst-64-1x200000", 64, 1, 200_000),
    Shape::of("burst-64-200x1000", 64, 200, 1_000),
];

/// Bursts of one thread, made larger for as long as nothing is lost.
const LARGEST: &[Shape] = &[
    Shape::of("burst-16-largest", 16, 1, 0),
    Shape::of("burst-64-largest", 64, 1, 0),
];

impl Shape {
    const fn of(name: &'static str, mebibytes: usize, threads: usize, spans: usize) -> Self {
        Self {
            name,
            threads,
            spans,
            memory: mebibytes << 20,
        }
    }
}

/// The name of all shapes together, as an argument.
const ALL: &str = "burst";

/// Names of the bursts of a given size, as in the table.
pub(crate) fn given() -> Vec<&'static str> {
    SHAPES.iter().map(|shape| shape.name).collect()
}

/// Names of the searches for the largest burst, as in the table.
pub(crate) fn largest() -> Vec<&'static str> {
    LARGEST.iter().map(|shape| shape.name).collect()
}

/// Every shape with every library.
pub(crate) fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    let shapes = [ALL].into_iter().chain(given()).chain(largest());
    shapes.flat_map(|shape| LIBRARIES.iter().map(move |entry| (shape, entry.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::sink::Sink;

    #[test]
    fn a_name_tells_memory_threads_and_spans() {
        for shape in SHAPES {
            let Shape {
                threads,
                spans,
                memory,
                ..
            } = shape;
            let name = format!("burst-{}-{threads}x{spans}", memory >> 20);
            assert_eq!(shape.name, name);
        }
    }

    /// Without the peers: both set something for the whole process, and so would need one for
    /// each test.
    #[test]
    fn what_is_made_comes_out() {
        for entry in &LIBRARIES[..2] {
            let sink = Sink::open(entry.sink).expect("a port is free");
            let plan = Plan::new(entry, &SHAPES[0], sink.address);
            let mut tracer = (entry.start)(&plan);
            for spans in [7, 1] {
                tracer.make(spans);
                assert_eq!(tracer.deliver(), spans as u64, "{}", entry.name);
            }
            assert_eq!(tracer.close(), 0, "{}", entry.name);
            sink.close().expect("the sink works");
        }
    }
}
