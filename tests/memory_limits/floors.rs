//! The numbers of the README, section Limits: spans that can be open at once.
//!
//! A span takes 696 bytes while half of the memory of open spans is free, 88 of them for its name, and 224 bytes
//! after that.

use picojaeger_std::Tracer;

use crate::{
    MIB, SOON, beside_idle_threads, burst, fill, fill_by_many, fill_rings, settled, tracer,
};

/// The most spans of one operation, and of many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Most {
    of_one: usize,
    of_many: usize,
}

impl Most {
    fn measure(tracer: &Tracer) -> Most {
        let of_one = fill(tracer, "one").len();
        let of_many = fill_by_many(tracer).len();
        Most { of_one, of_many }
    }

    /// Checks that no fewer are allowed than promised, and not many more.
    #[track_caller]
    fn is_promised(self, of_one: usize, of_many: usize) {
        let near = |most: usize, promised: usize| (promised..promised * 21 / 20).contains(&most);
        let is_near = near(self.of_one, of_one) && near(self.of_many, of_many);
        assert!(is_near, "{self:?}");
    }
}

#[test]
fn spans_that_are_open_at_once() {
    for (limit, of_one, of_many) in [(16 * MIB, 15_300, 24_700), (MIB, 955, 1_535)] {
        let tracer = tracer(limit);
        for _ in 0..2 {
            Most::measure(&tracer).is_promised(of_one, of_many);
            let _lost_before = tracer.flush(SOON);
        }
        settled(&tracer);
    }
}

/// Makes rings take all the memory that they may: the first rings of as many threads as may have
/// one, which run on, the shared ring, and a burst.
fn with_full_rings<R>(tracer: &Tracer, threads: usize, then: impl FnOnce() -> R) -> R {
    let first = || drop(tracer.start("first"));
    beside_idle_threads(threads, first, || {
        fill_rings(tracer);
        then()
    })
}

#[test]
fn spans_that_are_open_at_once_while_rings_hold_all_they_may() {
    for (limit, threads, of_one, of_many) in [(16 * MIB, 127, 7_500, 12_200), (MIB, 15, 460, 750)] {
        let tracer = tracer(limit);
        with_full_rings(&tracer, threads, || Most::measure(&tracer)).is_promised(of_one, of_many);
        settled(&tracer);
    }
}

/// Idle threads hold all that they may too.
#[test]
fn spans_that_are_open_at_once_whatever_came_before() {
    for (limit, threads, of_one, of_many) in [(16 * MIB, 500, 4_650, 9_300), (MIB, 40, 290, 580)] {
        let tracer = tracer(limit);
        let work = || drop((0..16).map(|_| tracer.start("idle")).collect::<Vec<_>>());
        let most = beside_idle_threads(threads, work, || {
            with_full_rings(&tracer, 0, || Most::measure(&tracer))
        });
        assert!(most.of_one >= of_one && most.of_many >= of_many, "{most:?}");
        settled(&tracer);
    }
}

/// Spans took what they could beside full rings; a thread to come has its first ring all the same.
#[test]
fn open_spans_take_no_threads_first_ring() {
    for limit in [16 * MIB, MIB] {
        let tracer = tracer(limit);
        burst(&tracer);
        let mut spans = fill_by_many(&tracer);
        let before = tracer.stats();
        // Started before, since a start finds no memory now.
        let finished = spans.split_off(spans.len() - 20);
        std::thread::scope(|scope| {
            scope.spawn(|| drop(finished));
        });
        let stats = tracer.stats();
        assert_eq!(stats.lost, before.lost, "{stats}");
        assert_eq!(stats.queued, before.queued + 20, "{stats}");
    }
}
