//! Memory of short-lived threads and tracers, counted by the allocator.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use picojaeger_std::config::Sampler;
use picojaeger_std::{Config, Tracer};

#[path = "common/heap.rs"]
mod heap;

use heap::in_use;

const SOON: Duration = Duration::from_secs(60);
const MIB: usize = 1 << 20;

fn tracer() -> Tracer {
    let config = Config::new("life").sampler(Sampler::Const(true));
    config.agent(false).new_tracer().unwrap()
}

/// Ten thousand threads, a hundred at a time.
fn short_threads(tracer: &Tracer) -> usize {
    let mut most = 0;
    for _ in 0..100 {
        thread::scope(|scope| {
            for _ in 0..100 {
                scope.spawn(|| tracer.start("short").finish());
            }
        });
        most = most.max(in_use());
    }
    most
}

fn tracers_that_come_and_go() {
    let live = || {
        let tracer = tracer();
        // All ten threads live at once, so each tracer needs the same number of rings.
        let together = Barrier::new(10);
        thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| {
                    drop(tracer.start("brief"));
                    together.wait();
                });
            }
        });
        tracer.start("brief").finish();
        tracer.close(SOON).unwrap();
        assert_eq!(tracer.stats().delivered, 11);
    };
    live();
    let before = in_use();
    (0..50).for_each(|_| live());
    let grown = in_use().saturating_sub(before);
    assert!(grown < MIB, "50 tracers left {grown} bytes");
}

fn unsampled_spans_that_were_open_at_once() {
    let sampler = Config::new("life").sampler(Sampler::Const(false));
    let tracer = sampler.agent(false).new_tracer().unwrap();
    let name = String::from("copied");
    let before = in_use();
    let mut spans = Vec::with_capacity(200_000);
    for number in 0..spans.capacity() {
        spans.push(match number % 2 {
            0 => tracer.start("static"),
            _ => tracer.start(&name),
        });
    }
    let most = in_use() - before;
    assert!(most > 20 * MIB, "{most} bytes while they are open");
    drop(spans);
    let left = in_use().saturating_sub(before);
    // A 64th of the limit for each of the two kinds, and their lists.
    assert!(left < MIB, "{left} bytes once they are gone");
}

/// One test only, since the count is of the whole process.
#[test]
fn memory_stays_within_its_limit() {
    let before = in_use();
    let tracer = tracer();
    let most = short_threads(&tracer) - before;
    assert!(most < 18 * MIB, "{most} bytes for a limit of 16 MiB");
    tracer.close(SOON).unwrap();
    let stats = tracer.stats();
    assert!(stats.adds_up(), "{stats}");
    assert_eq!(
        (stats.sampled, stats.open, stats.queued),
        (10_000, 0, 0),
        "{stats}"
    );
    assert_eq!(stats.delivered + stats.lost.total(), 10_000, "{stats}");
    drop(tracer);
    tracers_that_come_and_go();
    unsampled_spans_that_were_open_at_once();
}
