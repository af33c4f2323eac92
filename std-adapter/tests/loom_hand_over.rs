//! The way of rings from threads to the exporter and back, in every interleaving that loom
//! explores.
//!
//! Each model also has to fail under the weaknesses that concern it, which proves that it would
//! find such a fault. The code under test is the adapter's own.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p picojaeger-std --test loom_hand_over -- --nocapture
//! ```
#![cfg(loom)]

#[path = "../src/memory/hand_over.rs"]
mod hand_over;
mod loom_model;
#[path = "../src/worker/parking.rs"]
#[allow(dead_code, reason = "no model is stuck or flushes")]
mod parking;

use std::cell::RefCell;
// Not loom's `Arc`, whose drop panics again after a deadlock has ended the model.
use std::sync::Arc;
use std::time::Duration;

use loom::sync::atomic::{AtomicBool, AtomicUsize};
use loom::sync::{Condvar, Mutex};
use loom::thread;

use hand_over::ReadingEnd;
use loom_model::{Model, Token, Weakness, is_weak, sys};
use parking::{Parking, Pass, Rest, Tickets, Urgency, Work, run};
use sys::sync::Ordering;

/// Records that a ring of the models holds.
const CAPACITY: usize = 1;

/// A ring of a few records.
struct Ring {
    head: AtomicUsize,
    tail: AtomicUsize,
    records: [AtomicUsize; CAPACITY],
}

struct Producer {
    ring: Arc<Ring>,
    head: usize,
}

struct Consumer {
    ring: Arc<Ring>,
    cursor: usize,
    /// Whether the ring was empty when it was read last.
    was_empty: bool,
}

type HeldRing = hand_over::HeldRing<Producer>;
type RingReader = hand_over::RingReader<Producer, Consumer>;

/// Makes the ends of a ring.
fn ring() -> (Producer, Consumer) {
    let ring = Arc::new(Ring {
        head: AtomicUsize::new(0),
        tail: AtomicUsize::new(0),
        records: std::array::from_fn(|_| AtomicUsize::new(0)),
    });
    let producer = Producer {
        ring: ring.clone(),
        head: 0,
    };
    let consumer = Consumer {
        ring,
        cursor: 0,
        was_empty: false,
    };
    (producer, consumer)
}

impl Producer {
    /// Appends a record; `false` if the ring is full.
    fn push(&mut self, record: usize) -> bool {
        let ring = &self.ring;
        if self.head - ring.tail.load(Ordering::Acquire) == CAPACITY {
            return false;
        }
        ring.records[self.head % CAPACITY].store(record, Ordering::Relaxed);
        self.head += 1;
        ring.head.store(self.head, Ordering::Release);
        true
    }

    /// Returns a second producing end, for a thread that pushes too late.
    fn twin(&self) -> Producer {
        Producer {
            ring: self.ring.clone(),
            head: self.head,
        }
    }
}

impl Consumer {
    /// Moves the records to `read`.
    fn read(&mut self, read: &mut Vec<usize>) {
        let head = self.ring.head.load(Ordering::Acquire);
        for at in self.cursor..head {
            let record = self.ring.records[at % CAPACITY].load(Ordering::Relaxed);
            read.push(record);
        }
        self.cursor = head;
        self.ring.tail.store(head, Ordering::Release);
        self.was_empty = self.backlog() == 0;
    }
}

impl ReadingEnd<Producer> for Consumer {
    type Ring = Arc<Ring>;

    fn backlog(&self) -> usize {
        if is_weak(Weakness::EarlyBacklog) && self.was_empty {
            return 0;
        }
        self.ring.head.load(Ordering::Acquire) - self.cursor
    }

    fn join(self, producer: Producer) -> Arc<Ring> {
        assert!(Arc::ptr_eq(&self.ring, &producer.ring), "ends of two rings");
        let head = self.ring.head.load(Ordering::Acquire);
        assert_eq!(head, self.cursor, "joined with a record left");
        self.ring
    }
}

/// The rings of a tracer, and the sleep of its worker.
struct World {
    registry: hand_over::RingRegistry<Producer, Consumer>,
    progress: Mutex<Progress>,
    changed: Condvar,
    parking: Parking,
    token: Token,
    closed: AtomicBool,
}

#[derive(Default)]
struct Progress {
    /// Records that the exporter has read.
    read: Vec<usize>,
    /// Rings that are back, from a thread or from the exporter.
    back: Vec<Arc<Ring>>,
}

/// The rings that the exporter reads.
#[derive(Default)]
struct Exporter {
    readers: Vec<RingReader>,
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(World {
            registry: hand_over::RingRegistry::new(),
            progress: Mutex::default(),
            changed: Condvar::new(),
            parking: Parking::new(),
            token: Token::new(),
            closed: AtomicBool::new(false),
        })
    }

    fn hand_out(&self) -> HeldRing {
        let (producer, end) = ring();
        self.registry.hand_out(producer, end)
    }

    fn exchange(&self, held: &mut HeldRing) {
        let (producer, end) = ring();
        self.registry.exchange(held, producer, end);
    }

    /// Appends a record, in another ring if this one is full; returns the number of exchanges.
    fn push(&self, held: &mut HeldRing, record: usize) -> usize {
        if held.producer.push(record) {
            return 0;
        }
        self.exchange(held);
        assert!(held.producer.push(record));
        1
    }

    /// Takes back the ring of a thread that ends; returns whether the exporter has to be woken.
    fn take_back(&self, held: HeldRing) -> bool {
        let ring = self.registry.take_back(held);
        ring.map(|ring| self.put(ring)).is_none()
    }

    fn put(&self, ring: Arc<Ring>) {
        let back = &mut self.progress.lock().unwrap().back;
        assert!(!back.iter().any(|it| Arc::ptr_eq(it, &ring)), "back twice");
        back.push(ring);
        self.changed.notify_all();
    }

    fn records_read(&self) -> usize {
        self.progress.lock().unwrap().read.len()
    }

    /// Waits for so many records and rings.
    fn wait_for(&self, records: usize, rings: usize) {
        let mut progress = self.progress.lock().unwrap();
        while progress.read.len() < records || progress.back.len() < rings {
            progress = self.changed.wait(progress).unwrap();
        }
    }

    /// Checks that these records were read once, and that so many rings are back.
    fn assert_settled(&self, records: usize, rings: usize) {
        let mut progress = self.progress.lock().unwrap();
        progress.read.sort_unstable();
        let all: Vec<_> = (0..records).collect();
        assert_eq!(progress.read, all, "a record is lost, or was read twice");
        assert_eq!(progress.back.len(), rings, "a ring is lost");
    }

    fn wake(&self) {
        self.parking.mark_awake();
        self.token.unpark();
    }

    fn wake_after_push(&self) {
        if self.parking.needs_wake(Urgency::Low) {
            self.wake();
        }
    }
}

impl Exporter {
    /// Reads the records of all rings, and puts back the rings that are over.
    fn pass(&mut self, world: &World) {
        world.registry.take_readers(&mut self.readers);
        let mut read = Vec::new();
        for reader in &mut self.readers {
            reader.end.read(&mut read);
        }
        world.progress.lock().unwrap().read.extend(read);
        world.changed.notify_all();
        // As the adapter's exporter does.
        let is_over = |reader: &mut RingReader| reader.end.backlog() == 0 && reader.is_over();
        let over = self.readers.extract_if(.., is_over);
        over.filter_map(RingReader::join)
            .for_each(|ring| world.put(ring));
    }

    fn holds(&mut self, world: &World) -> bool {
        world.registry.take_readers(&mut self.readers);
        self.backlog() > 0
    }

    fn backlog(&self) -> usize {
        self.readers.iter().map(|reader| reader.end.backlog()).sum()
    }
}

/// The worker's side.
struct Worker {
    world: Arc<World>,
    exporter: RefCell<Exporter>,
}

fn start(world: &Arc<World>) -> thread::JoinHandle<()> {
    let worker = Worker {
        world: world.clone(),
        exporter: RefCell::default(),
    };
    thread::spawn(move || run(&worker, &worker.world.parking, &Tickets::new()))
}

impl Work for Worker {
    fn is_closed(&self) -> bool {
        self.world.closed.load(Ordering::Acquire)
    }

    fn pass(&self, _: bool) -> Pass {
        let mut exporter = self.exporter.borrow_mut();
        exporter.pass(&self.world);
        let rest = match exporter.backlog() {
            0 => Rest::Nothing,
            _ => Rest::More,
        };
        Pass {
            complete: rest == Rest::Nothing,
            rest,
        }
    }

    fn holds(&self) -> bool {
        !is_weak(Weakness::NoSecondLook) && self.exporter.borrow_mut().holds(&self.world)
    }

    fn park(&self, timeout: Option<Duration>) {
        self.world.token.park(timeout.is_some());
    }

    fn drained(&self) {}
}

/// Threads push records, each its own, while the exporter passes, and end.
fn burst(threads: usize, records: usize) -> usize {
    let world = World::new();
    let filling: Vec<_> = (0..threads)
        .map(|thread| {
            let world = world.clone();
            thread::spawn(move || fill(&world, thread * records, records))
        })
        .collect();
    let mut exporter = Exporter::default();
    exporter.pass(&world);
    exporter.pass(&world);
    let early = world.records_read();
    let rings = filling.into_iter().map(|it| it.join().unwrap()).sum();
    exporter.pass(&world);
    assert!(exporter.readers.is_empty(), "a ring is not over");
    world.assert_settled(threads * records, rings);
    early
}

/// Pushes records from `first` on, in as many rings as it takes; returns how many those were.
fn fill(world: &World, first: usize, records: usize) -> usize {
    let (mut held, last) = (world.hand_out(), first + records - 1);
    let exchanges: usize = (first..last).map(|it| world.push(&mut held, it)).sum();
    // Empty now, so that the last record fits in any case.
    world.exchange(&mut held);
    let mut late = is_weak(Weakness::EarlyReturn).then(|| held.producer.twin());
    if late.is_none() {
        assert!(held.producer.push(last));
    }
    world.take_back(held);
    late.iter_mut().for_each(|late| assert!(late.push(last)));
    exchanges + 2
}

#[test]
fn each_record_is_read_once_and_each_ring_comes_back() {
    Model {
        name: "burst of one thread",
        run: || burst(1, 3),
        preemptions: Some(6),
        executions: 60_000,
        fails_under: &[
            (Weakness::EarlyBacklog, "joined with a record left"),
            (Weakness::EarlyReturn, "record"),
        ],
    }
    .check();
}

#[test]
fn two_threads_end_beside_a_pass() {
    Model {
        name: "bursts of two threads",
        run: || burst(2, 1),
        preemptions: Some(4),
        executions: 50_000,
        fails_under: &[
            (Weakness::EarlyBacklog, "joined with a record left"),
            (Weakness::EarlyReturn, "record"),
        ],
    }
    .check();
}

/// A thread ends beside a pass, with or without a record: its ring comes back, from the thread or
/// by the wake that follows.
fn end(records: usize) -> usize {
    let world = World::new();
    let worker = start(&world);
    let mut held = world.hand_out();
    for record in 0..records {
        assert!(held.producer.push(record));
        world.wake_after_push();
    }
    let needs_wake = world.take_back(held);
    if needs_wake && !is_weak(Weakness::NoWakeAtEnd) {
        world.wake();
    }
    world.wait_for(records, 1);
    close(&world, worker);
    world.assert_settled(records, 1);
    usize::from(needs_wake)
}

fn close(world: &World, worker: thread::JoinHandle<()>) {
    world.closed.store(true, Ordering::SeqCst);
    world.wake();
    worker.join().unwrap();
}

#[test]
fn the_ring_of_a_thread_that_ends_comes_back() {
    for (name, run, executions) in [
        (
            "end with an empty ring",
            (|| end(0)) as fn() -> usize,
            1_700,
        ),
        ("end with a record", || end(1), 110_000),
    ] {
        Model {
            name,
            run,
            preemptions: Some(4),
            executions,
            fails_under: &[(Weakness::NoWakeAtEnd, "deadlock")],
        }
        .check();
    }
}

/// A thread waits until a record that it pushed to a new ring is read, without a flush.
fn exchange() -> usize {
    let world = World::new();
    let worker = start(&world);
    let mut held = world.hand_out();
    let early = if is_weak(Weakness::LateReader) {
        let (mut producer, end) = ring();
        assert!(producer.push(0));
        world.wake_after_push();
        world.registry.exchange(&mut held, producer, end);
        0
    } else {
        world.exchange(&mut held);
        assert!(held.producer.push(0));
        world.wake_after_push();
        world.records_read()
    };
    world.wait_for(1, 0);
    close(&world, worker);
    world.take_back(held);
    early
}

#[test]
fn the_worker_finds_the_record_for_which_it_is_woken() {
    Model {
        name: "exchange",
        run: exchange,
        preemptions: Some(3),
        executions: 7_000,
        fails_under: &[
            (Weakness::LateReader, "deadlock"),
            (Weakness::NoFence, "deadlock"),
            (Weakness::NoSecondLook, "deadlock"),
        ],
    }
    .check();
}
