//! Whole programs: each library with its threads, in a process of its own.
//!
//! A process is measured where a burst is not enough: for the cost of a span in
//! all threads together until it is sent, and for the losses of threads that
//! never pause. The process has its own memory, and the receiver of its packets
//! is in another process, so that neither is attributed to the library.

mod bare;
mod child;
mod outcome;
mod picojaeger;
mod plan;
mod rounds;
pub(crate) mod sink;

use std::time::Duration;

use picojaeger_workloads::Drained;

use crate::peers::{fastrace, opentelemetry};

use plan::Plan;
use sink::Kind;

pub(crate) use child::{MARK, run_child};
pub(crate) use rounds::{Effort, measure};

/// A library that runs with all its threads.
pub(crate) trait Program: Sync {
    /// Makes a burst of W2 spans on the calling thread; any thread may call it.
    fn burst(&self);

    /// Delivers all spans, ends the library's threads, and returns the totals.
    fn close(&mut self) -> Drained;
}

/// Load of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// One thread makes bursts with pauses between them, and all spans are sent:
    /// counts the processor's time.
    Pipeline,
    /// One thread makes bursts without a pause, and sends each itself: counts the
    /// processor's time where nothing is asleep or cold.
    Inline,
    /// Two threads make spans without a pause, and nothing is sent: counts what
    /// gets through.
    FlatOut,
}

impl Load {
    pub(crate) const ALL: [Self; 3] = [Self::Pipeline, Self::Inline, Self::FlatOut];

    /// The name in tables, results and arguments.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pipeline => "pipeline",
            Self::Inline => "inline",
            Self::FlatOut => "flat-out",
        }
    }
}

/// A line of the table: a library with its settings, under one load.
pub(crate) struct Entry {
    pub(crate) load: Load,
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
    /// Receiver of its packets.
    sink: Kind,
    /// The entry whose packets it imitates, if it makes no spans.
    imitates: Option<&'static str>,
    start: fn(&Plan) -> Box<dyn Program>,
}

impl Entry {
    const fn pipeline(
        name: &'static str,
        package: &'static str,
        sink: Kind,
        start: fn(&Plan) -> Box<dyn Program>,
    ) -> Self {
        Self {
            load: Load::Pipeline,
            name,
            package,
            sink,
            imitates: None,
            start,
        }
    }

    /// The packets of `other`, sent by a plain socket.
    const fn bare(name: &'static str, other: &'static str) -> Self {
        let start: fn(&Plan) -> Box<dyn Program> = |plan| Box::new(bare::Bare::new(plan));
        let package = env!("CARGO_PKG_NAME");
        Self {
            imitates: Some(other),
            ..Self::pipeline(name, package, Kind::Udp, start)
        }
    }

    const fn inline(self) -> Self {
        Self {
            load: Load::Inline,
            ..self
        }
    }

    const fn flat_out(
        name: &'static str,
        package: &'static str,
        start: fn(&Plan) -> Box<dyn Program>,
    ) -> Self {
        Self {
            load: Load::FlatOut,
            ..Self::pipeline(name, package, Kind::None, start)
        }
    }
}

/// Every program, in the order of the table. A new one is a line here and a
/// type that implements [`Program`]. Those that are imitated come first.
const ENTRIES: &[Entry] = &[
    Entry::pipeline("picojaeger-65000", "picojaeger-std", Kind::Udp, |plan| {
        Box::new(picojaeger::Picojaeger::sending(plan.sink, 65_000))
    }),
    Entry::bare("bare-send-65000", "picojaeger-65000"),
    Entry::pipeline("picojaeger-1400", "picojaeger-std", Kind::Udp, |plan| {
        Box::new(picojaeger::Picojaeger::sending(plan.sink, 1_400))
    }),
    Entry::bare("bare-send-1400", "picojaeger-1400"),
    Entry::pipeline("picojaeger-otlp", "picojaeger-std", Kind::Http, |plan| {
        Box::new(picojaeger::Picojaeger::sending_otlp(plan.sink, 4_096))
    }),
    Entry::pipeline(
        "picojaeger-otlp-512",
        "picojaeger-std",
        Kind::Http,
        |plan| Box::new(picojaeger::Picojaeger::sending_otlp(plan.sink, 512)),
    ),
    Entry::pipeline("fastrace-jaeger", "fastrace-jaeger", Kind::Udp, |plan| {
        Box::new(fastrace::Traced::sending(plan.sink))
    }),
    Entry::pipeline(
        "fastrace-jaeger-split",
        "fastrace-jaeger",
        Kind::Udp,
        |plan| Box::new(fastrace::Traced::sending_split(plan.sink)),
    ),
    Entry::pipeline(
        "opentelemetry-otlp",
        "opentelemetry-otlp",
        Kind::Http,
        |plan| Box::new(opentelemetry::Traced::sending(plan.sink)),
    ),
    Entry::pipeline("picojaeger-1400", "picojaeger-std", Kind::Udp, |plan| {
        Box::new(picojaeger::Inline::sending(plan.sink, 1_400))
    })
    .inline(),
    Entry::bare("bare-send-1400", "picojaeger-1400").inline(),
    Entry::flat_out("picojaeger", "picojaeger-std", |_| {
        Box::new(picojaeger::Picojaeger::dropping())
    }),
    Entry::flat_out("fastrace", "fastrace", |_| {
        Box::new(fastrace::Traced::counting())
    }),
    Entry::flat_out("opentelemetry", "opentelemetry_sdk", |_| {
        Box::new(opentelemetry::Traced::counting())
    }),
];

/// Longest time of a close.
pub(crate) const CLOSING: Duration = Duration::from_secs(20);

/// Every program's load and name.
pub(crate) fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    ENTRIES.iter().map(|entry| (entry.load.name(), entry.name))
}

#[cfg(test)]
mod tests {
    use picojaeger_workloads::BURST;

    use super::sink::Sink;
    use super::*;

    /// Without fastrace, which has one reporter in a process, and so a process
    /// for each test.
    #[test]
    fn what_is_sent_arrives() {
        for name in [
            "picojaeger-65000",
            "picojaeger-1400",
            "picojaeger-otlp",
            "opentelemetry-otlp",
        ] {
            let entry = ENTRIES.iter().find(|entry| entry.name == name);
            let entry = entry.expect("it is in the table");
            let sink = Sink::open(entry.sink).expect("a port is free");
            let mut program = (entry.start)(&Plan::for_sink(entry, sink.address));
            program.burst();
            let expected = Drained {
                exported: BURST as u64,
                lost: 0,
            };
            assert_eq!(program.close(), expected, "{name}");
            drop(program);
            let received = sink.close().expect("the sink works");
            assert_eq!(received.spans, BURST as u64, "{name}");
        }
    }

    #[test]
    fn a_bare_send_imitates_packets() {
        let sink = Sink::open(Kind::Udp).expect("a port is free");
        let plan = Plan {
            packets_per_burst: 2.5,
            packet_bytes: 100,
            ..Plan::for_sink(&ENTRIES[1], sink.address)
        };
        let mut program = bare::Bare::new(&plan);
        program.burst();
        program.burst();
        assert_eq!(program.close().exported, 2 * BURST as u64);
        let received = sink.close().expect("the sink works");
        assert_eq!((received.packets, received.bytes), (5, 500));
    }
}
