//! The limits that the README states, after random histories.

use picojaeger_std::{Span, Tracer};

use crate::common::SplitMix64;
use crate::{MIB, SOON, burst, fill, settled, tracer};

/// Does something that a program may do.
fn step(random: &mut SplitMix64, tracer: &Tracer, open: &mut Vec<Span>) {
    let text = "x".repeat(100);
    let mut below = |most| random.below(most);
    match below(12) {
        0..=3 => {
            let name = format!("operation {}", below(5));
            open.extend((0..below(50)).map(|_| tracer.start(&name)));
        }
        4 => open.extend((0..below(100)).map(|_| {
            let unsampled = tracer.span_builder("unsampled");
            unsampled.tag("sampling.priority", 0).start()
        })),
        5 | 6 => {
            let tags = below(400);
            if let Some(span) = open.last_mut() {
                for _ in 0..tags {
                    span.tag("text", &text);
                }
            }
        }
        7 => {
            if let Some(span) = open.first_mut() {
                span.tag("sampling.priority", 1);
            }
        }
        8 | 9 => {
            let kept = below(open.len() + 1);
            // From both ends, so that no class of slots comes back in order.
            open.rotate_left(kept / 2);
            open.truncate(kept);
        }
        10 => {
            for _ in 0..below(3_000) {
                tracer.start("burst").tag("n", 1);
            }
        }
        _ => drop(tracer.flush(SOON)),
    }
}

/// With the smallest limit: at least a quarter of it is for open spans, half for finished ones.
#[test]
fn the_limits_hold_whatever_came_before() {
    for seed in 0..20 {
        let mut random = SplitMix64(seed);
        let tracer = tracer(MIB);
        let mut open = Vec::new();
        for _ in 0..200 {
            match random.below(4) {
                // On a thread that then ends, with spans that end on this one.
                0 => std::thread::scope(|scope| {
                    let work = || step(&mut random, &tracer, &mut open);
                    scope.spawn(work).join().unwrap();
                }),
                _ => step(&mut random, &tracer, &mut open),
            }
        }
        // With open spans of whatever number: a burst may take what is guaranteed to rings, less
        // what is kept for other threads and the shared ring.
        let _lost = tracer.flush(SOON);
        let kept = burst(&tracer);
        assert!(kept * 120 >= 150 << 10, "seed {seed}: {kept} spans");
        // While finished spans take all that they may: a quarter, half of which in full size.
        open.clear();
        let least = 128 * 1024 / 600 + 64 * 1024 / 216;
        let some = fill(&tracer, "one name");
        assert!(some.len() >= least - 16, "seed {seed}: {} open", some.len());
        drop(some);
        // And while no finished spans wait.
        let _lost = tracer.flush(SOON);
        let some = fill(&tracer, "one name");
        assert!(
            some.len() >= 2 * least - 16,
            "seed {seed}: {} open",
            some.len()
        );
        drop(some);
        let _lost = tracer.flush(SOON);
        settled(&tracer);
    }
}
