//! The worker's sleep, flushes and close in every interleaving that loom explores.
//!
//! Each model also has to fail under the weaknesses that concern it, which proves that it would
//! find such a fault. The code under test is the adapter's own.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p picojaeger-std --test loom_worker -- --nocapture
//! ```
#![cfg(loom)]

mod loom_model;
#[path = "../src/worker/parking.rs"]
#[allow(dead_code, reason = "no model is stuck or without a worker")]
mod parking;

use std::cell::Cell;
// Not loom's `Arc`, whose drop panics again after a deadlock has ended the model.
use std::sync::Arc;
use std::time::Duration;

use loom::sync::atomic::{AtomicBool, AtomicUsize};
use loom::sync::{Condvar, Mutex};
use loom::thread;

use loom_model::{Model, Token, Weakness, is_weak, sys};
use parking::{Parking, Pass, Rest, Tickets, Urgency, Work, run};
use sys::sync::Ordering;

/// A tracer with the rings of one or two threads, of which only the positions matter.
struct World {
    parking: Parking,
    tickets: Tickets,
    closed: AtomicBool,
    heads: Vec<AtomicUsize>,
    /// Records of each ring that have their outcome.
    sent: Mutex<[usize; 2]>,
    changed: Condvar,
    token: Token,
}

/// The worker's side.
struct Worker {
    world: Arc<World>,
    /// The interval is over.
    waited: Cell<bool>,
    /// Heads read too early, under `TicketsAfterHeads`.
    early: Cell<[usize; 2]>,
}

impl World {
    fn new(rings: usize) -> Arc<Self> {
        Arc::new(World {
            parking: Parking::new(),
            tickets: Tickets::new(),
            closed: AtomicBool::new(false),
            heads: (0..rings).map(|_| AtomicUsize::new(0)).collect(),
            sent: Mutex::new([0; 2]),
            changed: Condvar::new(),
            token: Token::new(),
        })
    }

    fn push(&self, ring: usize, urgency: Urgency) {
        let head = &self.heads[ring];
        head.store(head.load(Ordering::Relaxed) + 1, Ordering::Release);
        if self.parking.needs_wake(urgency) {
            self.wake();
        }
    }

    fn wake(&self) {
        self.parking.mark_awake();
        self.token.unpark();
    }

    fn flush(&self) {
        let ticket = self.tickets.take();
        self.wake();
        assert!(self.tickets.wait(ticket, Duration::ZERO));
    }

    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.flush();
    }

    fn heads(&self) -> [usize; 2] {
        let mut heads = [0; 2];
        for (place, head) in heads.iter_mut().zip(&self.heads) {
            *place = head.load(Ordering::Acquire);
        }
        heads
    }

    fn sent(&self, ring: usize) -> usize {
        self.sent.lock().unwrap()[ring]
    }

    /// Waits for a record without a flush.
    fn wait_for(&self, ring: usize, count: usize) {
        let mut sent = self.sent.lock().unwrap();
        while sent[ring] < count {
            sent = self.changed.wait(sent).unwrap();
        }
    }
}

fn start(world: &Arc<World>) -> thread::JoinHandle<()> {
    let worker = Worker {
        world: world.clone(),
        waited: Cell::new(false),
        early: Cell::new([0; 2]),
    };
    thread::spawn(move || run(&worker, &worker.world.parking, &worker.world.tickets))
}

impl Work for Worker {
    fn is_closed(&self) -> bool {
        if is_weak(Weakness::TicketsAfterHeads) {
            // The worker's last step before it reads the tickets.
            self.early.set(self.world.heads());
        }
        match is_weak(Weakness::CloseUnordered) {
            true => self.world.closed.load(Ordering::Relaxed),
            false => self.world.closed.load(Ordering::Acquire),
        }
    }

    fn pass(&self, flush: bool) -> Pass {
        let marks = match is_weak(Weakness::TicketsAfterHeads) {
            true => self.early.get(),
            false => self.world.heads(),
        };
        let mut sent = self.world.sent.lock().unwrap();
        let due = flush || self.waited.take();
        let complete = due || *sent == marks;
        if due {
            *sent = marks;
            self.world.changed.notify_all();
        }
        // Later records are found by the second look.
        let rest = match *sent == marks {
            true => Rest::Nothing,
            false => Rest::Held(Duration::ZERO),
        };
        Pass { complete, rest }
    }

    fn holds(&self) -> bool {
        let sent = *self.world.sent.lock().unwrap();
        !is_weak(Weakness::NoSecondLook) && self.world.heads() != sent
    }

    fn park(&self, timeout: Option<Duration>) {
        self.world.token.park(timeout.is_some());
        self.waited.set(timeout.is_some());
    }

    fn drained(&self) {}
}

/// A push while the worker goes to sleep is sent without a request.
fn push_while_falling_asleep() -> usize {
    let world = World::new(1);
    let worker = start(&world);
    world.push(0, Urgency::Low);
    let early = world.sent(0);
    world.wait_for(0, 1);
    world.close();
    worker.join().unwrap();
    early
}

#[test]
fn no_push_is_missed_by_a_sleeping_worker() {
    Model {
        name: "push while falling asleep",
        run: push_while_falling_asleep,
        preemptions: Some(3),
        executions: 3_500,
        fails_under: &[
            (Weakness::NoFence, "deadlock"),
            (Weakness::NoSecondLook, "deadlock"),
        ],
    }
    .check();
}

/// Two threads push, one of them urgently.
fn two_producers() -> usize {
    let world = World::new(2);
    let worker = start(&world);
    let other = world.clone();
    let pushing = thread::spawn(move || other.push(1, Urgency::Low));
    world.push(0, Urgency::Half);
    let early = world.sent(0) + world.sent(1);
    world.wait_for(0, 1);
    world.wait_for(1, 1);
    pushing.join().unwrap();
    world.close();
    worker.join().unwrap();
    early
}

#[test]
fn two_producers_wake_one_worker() {
    Model {
        name: "two producers",
        run: two_producers,
        preemptions: Some(3),
        executions: 300_000,
        fails_under: &[
            (Weakness::NoFence, "deadlock"),
            (Weakness::NoSecondLook, "deadlock"),
        ],
    }
    .check();
}

/// A flush finds what was pushed before it.
fn flush() -> usize {
    let world = World::new(1);
    let worker = start(&world);
    world.push(0, Urgency::Low);
    let early = world.sent(0);
    world.flush();
    assert_eq!(world.sent(0), 1, "a flush came too early");
    world.close();
    worker.join().unwrap();
    early
}

#[test]
fn a_flush_finds_what_came_before_it() {
    Model {
        name: "flush",
        run: flush,
        preemptions: Some(3),
        executions: 13_000,
        fails_under: &[(Weakness::TicketsAfterHeads, "a flush came too early")],
    }
    .check();
}

/// A flush and a close at once: both are completed, and the worker ends.
fn flush_and_close() -> usize {
    let world = World::new(1);
    let worker = start(&world);
    let other = world.clone();
    let flushing = thread::spawn(move || other.flush());
    world.push(0, Urgency::Low);
    let early = world.sent(0);
    world.close();
    assert_eq!(world.sent(0), 1, "closed too early");
    // The flush is completed even if its ticket is taken after the worker's end.
    flushing.join().unwrap();
    worker.join().unwrap();
    early
}

#[test]
fn a_flush_beside_a_close_completes() {
    Model {
        name: "flush and close",
        run: flush_and_close,
        preemptions: Some(3),
        executions: 320_000,
        fails_under: &[(Weakness::CloseUnordered, "closed too early")],
    }
    .check();
}
