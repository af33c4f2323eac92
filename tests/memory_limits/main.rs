//! Limits of the memory of open spans, which hold whatever came before.

#[path = "../common/mod.rs"]
mod common;

mod floors;
mod histories;
mod left_behind;
mod long_lived;

use std::thread;
use std::time::Duration;

use picojaeger_std::config::Sampler;
use picojaeger_std::reporters::InMemoryReporter;
use picojaeger_std::{Config, Span, Stats, Tracer};

const MIB: usize = 1 << 20;
const SOON: Duration = Duration::from_secs(20);

fn config(memory_limit: usize) -> Config {
    Config::new("limits")
        .sampler(Sampler::Const(true))
        .agent(false)
        // Nothing leaves the rings before a flush.
        .background(false)
        .memory_limit(memory_limit)
}

fn tracer(memory_limit: usize) -> Tracer {
    config(memory_limit).new_tracer().unwrap()
}

/// A tracer, and the reporter that gets its spans.
fn reported(memory_limit: usize) -> (Tracer, InMemoryReporter) {
    let spans = InMemoryReporter::new();
    let builder = config(memory_limit).reporter(spans.clone());
    (builder.build().unwrap(), spans)
}

/// Opens spans of this name until none more is recorded, at least one.
fn fill(tracer: &Tracer, name: &'static str) -> Vec<Span> {
    let lost = tracer.stats().lost.memory;
    let mut spans = Vec::new();
    loop {
        // The counts are not read for each span, which takes long.
        spans.extend((0..100).map(|_| tracer.start(name)));
        let refused = tracer.stats().lost.memory - lost;
        if refused > 0 {
            // Once one is refused, so are those that follow.
            spans.truncate(spans.len() - refused as usize);
            return spans;
        }
    }
}

/// Opens spans of ever more names until none more is recorded.
fn fill_by_many(tracer: &Tracer) -> Vec<Span> {
    let lost = tracer.stats().lost.memory;
    let mut spans = Vec::new();
    while tracer.stats().lost.memory == lost {
        let first = spans.len();
        spans.extend((first..first + 100).map(|number| tracer.start(&number.to_string())));
    }
    let refused = tracer.stats().lost.memory - lost;
    spans.truncate(spans.len() - refused as usize);
    spans
}

/// Finishes spans with two tags until a ring is full, and returns how many were kept.
fn burst(tracer: &Tracer) -> u64 {
    let before = tracer.stats();
    loop {
        for _ in 0..100 {
            tracer.start("burst").tag("first", 1).tag("second", 2);
        }
        let now = tracer.stats();
        if now.lost.total() > before.lost.total() {
            return now.queued - before.queued;
        }
    }
}

/// Finishes spans of all sizes until neither the shared ring nor the thread's own takes more.
fn fill_rings(tracer: &Tracer) {
    let (text, lost) = ("x".repeat(1_000), tracer.stats().lost);
    while tracer.stats().lost == lost {
        let mut large = tracer.start("large");
        for _ in 0..20 {
            large.tag("text", &text);
        }
    }
    burst(tracer);
}

/// Runs `f` on threads that then stay idle while `then` runs.
fn beside_idle_threads<R>(threads: usize, f: impl Fn() + Sync, then: impl FnOnce() -> R) -> R {
    let (idle, over) = (
        std::sync::Barrier::new(threads + 1),
        std::sync::Barrier::new(threads + 1),
    );
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                f();
                idle.wait();
                over.wait();
            });
        }
        idle.wait();
        let result = then();
        over.wait();
        result
    })
}

/// Checks the sum of all counts, with no span open, and returns them.
#[track_caller]
fn settled(tracer: &Tracer) -> Stats {
    let stats = tracer.stats();
    assert!(stats.adds_up(), "{stats}");
    assert_eq!(stats.open, 0, "{stats}");
    stats
}
