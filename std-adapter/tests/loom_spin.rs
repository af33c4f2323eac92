//! The lock of a cell of the table of spans, in every interleaving that loom explores.
//!
//! The model also has to fail where the release or the take orders nothing, which proves that it would find such a fault. The
//! code under test is the adapter's own.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p picojaeger-std --test loom_spin -- --nocapture
//! ```
#![cfg(loom)]

#[allow(dead_code, unused_imports, reason = "a lock needs parts of it")]
mod loom_model;
#[path = "../src/sys/spin.rs"]
mod spin;

use std::sync::Arc;

use loom::sync::atomic::AtomicUsize;
use loom::sync::atomic::Ordering::Relaxed;
use loom::thread;

use loom_model::{Model, Weakness, sys};
use spin::Spin;

/// Two counts, which only the lock keeps alike.
type Counts = [AtomicUsize; 2];

/// Counts in two steps; returns the count before.
fn count(spin: &Spin<Counts>) -> usize {
    let counts = spin.lock();
    let [first, second] = counts.each_ref().map(|count| count.load(Relaxed));
    assert_eq!(first, second, "a part of what another thread did");
    for count in &*counts {
        count.store(first + 1, Relaxed);
    }
    first
}

/// Two threads count twice each.
fn two_threads() -> usize {
    let spin = Arc::new(Spin::<Counts>::default());
    let other = {
        let spin = spin.clone();
        thread::spawn(move || [count(&spin), count(&spin)])
    };
    let own = [count(&spin), count(&spin)];
    let others = other.join().unwrap();
    let mut all = [own, others].concat();
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3], "a count was lost");
    usize::from(others[0] == 0)
}

#[test]
fn what_one_thread_did_is_seen_whole_by_the_next() {
    Model {
        name: "a lock of two threads",
        run: two_threads,
        preemptions: Some(3),
        executions: 80,
        fails_under: &[
            (Weakness::UnorderedRelease, "a count was lost"),
            (Weakness::UnorderedTake, "a count was lost"),
        ],
    }
    .check();
}
