//! The floor: the least work of any tracer on this machine.
//!
//! A span is two reads of the time stamp counter, and one record of 64 bytes
//! written to a thread-local ring and published by one Release store. It has
//! no tags, no ids but a running number, and no test for a full ring.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::polls::{Waiting, poll_often};
use crate::{BURST, CHILD, Drained, Library, ROOT, TREE, Workload};

/// Capacity of the ring in records: a burst fits.
const CAPACITY: usize = BURST.next_power_of_two();

thread_local! {
    static RING: Ring = const { Ring::new() };
}

/// The floor as a library under measure.
#[derive(Debug, Clone, Copy, Default)]
pub struct Floor;

impl Library for Floor {
    fn name(&self) -> &'static str {
        "floor"
    }

    fn package(&self) -> &'static str {
        env!("CARGO_PKG_NAME")
    }

    fn workloads(&self) -> &'static [Workload] {
        &[
            Workload::W1,
            Workload::W2,
            Workload::W2Moved,
            Workload::Polls,
        ]
    }

    fn burst(&mut self, workload: Workload) {
        match workload {
            Workload::W1 => w1(),
            Workload::W2 => w2(),
            Workload::W2Moved => w2_moved(),
            Workload::Polls => polls(),
            Workload::UnsampledChild
            | Workload::Tracing
            | Workload::TracingEvents
            | Workload::Encode
            | Workload::EncodeOtlp
            | Workload::Propagation(..) => {}
        }
    }

    fn drain(&mut self) -> Drained {
        RING.with(Ring::drain)
    }
}

#[inline(never)]
fn w1() {
    for _ in 0..BURST {
        Span::start(ROOT, 0).finish();
    }
}

#[inline(never)]
fn w2() {
    for _ in 0..BURST / TREE {
        let root = Span::start(ROOT, 0);
        for index in 1..TREE {
            Span::start(CHILD, index as u64).finish();
        }
        root.finish();
    }
}

#[inline(never)]
fn w2_moved() {
    for _ in 0..BURST / TREE {
        let root = Span::start(ROOT, 0);
        for index in 1..TREE {
            finish(hold(index as u64));
        }
        root.finish();
    }
}

/// The bare polls, beside a span.
fn polls() {
    let root = Span::start(ROOT, 0);
    poll_often(Waiting::default());
    root.finish();
}

/// An open span, as its caller holds it.
struct Held {
    span: Span,
}

#[inline(never)]
fn make(index: u64) -> Span {
    Span::start(CHILD, index)
}

#[inline(never)]
fn hold(index: u64) -> Held {
    Held { span: make(index) }
}

#[inline(never)]
fn finish(held: Held) {
    held.span.finish();
}

struct Span {
    operation: &'static str,
    index: u64,
    started: u64,
}

impl Span {
    #[inline]
    fn start(operation: &'static str, index: u64) -> Self {
        Self {
            operation,
            index,
            started: ticks(),
        }
    }

    #[inline]
    fn finish(self) {
        let ended = ticks();
        RING.with(|ring| ring.push(self, ended));
    }
}

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Record {
    number: u64,
    operation: &'static str,
    index: u64,
    started: u64,
    ended: u64,
    unused: [u64; 2],
}

const _: () = assert!(size_of::<Record>() == 64);

impl Record {
    const EMPTY: Self = Self {
        number: u64::MAX,
        operation: "",
        index: 0,
        started: 0,
        ended: 0,
        unused: [0; 2],
    };

    /// Returns whether this is record `number`, complete.
    fn is(&self, number: u64) -> bool {
        self.number == number && !self.operation.is_empty() && self.ended >= self.started
    }
}

struct Ring {
    records: [Cell<Record>; CAPACITY],
    head: AtomicU64,
    tail: Cell<u64>,
}

impl Ring {
    const fn new() -> Self {
        Self {
            records: [const { Cell::new(Record::EMPTY) }; CAPACITY],
            head: AtomicU64::new(0),
            tail: Cell::new(0),
        }
    }

    #[inline]
    fn push(&self, span: Span, ended: u64) {
        let number = self.head.load(Ordering::Relaxed);
        self.records[number as usize % CAPACITY].set(Record {
            number,
            operation: span.operation,
            index: span.index,
            started: span.started,
            ended,
            unused: [0; 2],
        });
        self.head.store(number + 1, Ordering::Release);
    }

    fn drain(&self) -> Drained {
        let head = self.head.load(Ordering::Acquire);
        let made = self.tail.replace(head)..head;
        let exported = made
            .clone()
            .filter(|&number| self.records[number as usize % CAPACITY].get().is(number))
            .count() as u64;
        Drained {
            exported,
            lost: made.end - made.start - exported,
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn ticks() -> u64 {
    // SAFETY: every x86_64 has the instruction, and it touches no memory.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(not(target_arch = "x86_64"))]
compile_error!("the floor reads the time stamp counter of x86_64");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_leaves_a_burst_of_records() {
        for &workload in Floor.workloads() {
            Floor.burst(workload);
            let expected = Drained {
                exported: workload.exported() as u64,
                lost: 0,
            };
            assert_eq!(Floor.drain(), expected, "{}", workload.name());
        }
    }

    #[test]
    fn an_overrun_ring_says_what_it_lost() {
        Floor.burst(Workload::W1);
        Floor.burst(Workload::W1);
        let drained = Floor.drain();
        assert_eq!(drained.exported, CAPACITY as u64);
        assert_eq!(drained.lost, (2 * BURST - CAPACITY) as u64);
    }
}
