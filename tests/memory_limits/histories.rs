//! Random histories, after which the limits are as if nothing had come before.
//!
//! Threads take steps in turn, so that a seed makes the same history each time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use picojaeger_std::{SendOutcome, Span, Tracer, Transport};

use crate::common::SplitMix64;
use crate::{MIB, SOON, burst, config, fill, fill_by_many, fill_rings, settled};

const SEEDS: u64 = 20;
const STEPS: usize = 500;
/// The threads of a history, each of which may keep slots while it is idle.
const ACTORS: usize = 40;
/// The most spans that are open at once.
const MOST_OPEN: usize = 3_000;
const NAMES: [&str; 4] = ["get", "put", "delete", "list"];

/// Accepts packets while it is open.
#[derive(Clone)]
struct Gate(Arc<AtomicBool>);

impl Transport for Gate {
    fn send(&mut self, _: &[u8]) -> SendOutcome {
        match self.0.load(Ordering::Relaxed) {
            true => SendOutcome::Accepted,
            false => SendOutcome::Retry,
        }
    }
}

/// What the steps of a history share.
struct World {
    random: SplitMix64,
    tracer: Tracer,
    gate: Gate,
    open: Vec<Span>,
}

impl World {
    fn new(seed: u64) -> Self {
        let gate = Gate(Arc::new(AtomicBool::new(true)));
        let kept = gate.clone();
        let builder = config(MIB).tracer_builder();
        World {
            random: SplitMix64(seed),
            tracer: builder.transport(move || kept.clone()).build().unwrap(),
            gate,
            open: Vec::new(),
        }
    }

    fn step(&mut self) {
        match self.random.below(16) {
            0 => self.start_many(),
            1 => self.start_unsampled(),
            2 => self.burst(),
            3 => self.flush(),
            11 => self.warm(),
            4..7 => self.change(),
            7..11 => self.end(),
            _ => self.start(),
        }
        while self.open.len() > MOST_OPEN {
            self.end();
        }
    }

    /// Starts a span, with a static or a copied name, perhaps with tags before its start.
    fn start(&mut self) {
        let name = NAMES[self.random.below(4)];
        let copied = format!("{name} {}", self.random.below(1_000));
        let built = self.tracer.span_builder(&copied);
        self.open.push(match self.random.below(4) {
            0 => self.tracer.start(&copied),
            1 => built
                .tag("text", &"x".repeat(self.random.below(800)))
                .start(),
            2 => {
                // A builder that starts nothing.
                drop(built.tag("first", 1));
                self.tracer.start(name)
            }
            _ => self.tracer.start(name),
        });
    }

    /// Leaves as many slots in the thread's cache as fit.
    fn warm(&mut self) {
        let spans: Vec<_> = (0..16).map(|_| self.tracer.start("warm")).collect();
        drop(spans);
    }

    fn fill_rings(&mut self) {
        fill_rings(&self.tracer);
    }

    fn start_many(&mut self) {
        let count = self.random.below(600);
        let name = NAMES[self.random.below(4)];
        self.open
            .extend((0..count).map(|_| self.tracer.start(name)));
    }

    fn start_unsampled(&mut self) {
        let parent = self.tracer.span_builder("root").tag("sampling.priority", 0);
        let parent = parent.start();
        for number in 0..self.random.below(100) {
            let name = format!("unsampled {number}");
            let child = match number % 2 {
                0 => self.tracer.span_builder(&name),
                _ => self.tracer.span_builder("unsampled"),
            };
            self.open.push(child.child_of(&parent).start());
        }
    }

    /// Tags, logs, renames or reprioritises an open span.
    fn change(&mut self) {
        let Some(at) = self.any() else { return };
        let size = self.random.below(1_000);
        let span = &mut self.open[at];
        match self.random.below(6) {
            0 => drop(span.set_operation_name(&"n".repeat(size % 150)).log()),
            1 => drop(span.tag("sampling.priority", 1).log()),
            2 => drop(span.tag("sampling.priority", 0).log()),
            3 => span.finish(),
            4 => {
                // Up to the largest size.
                let text = "x".repeat(1_000);
                for _ in 0..size / 10 {
                    span.tag("text", &text);
                }
            }
            _ => drop(span.tag("text", &"x".repeat(size)).log().field("n", 1)),
        }
    }

    /// Drops one span, or those after it too.
    fn end(&mut self) {
        let Some(at) = self.any() else { return };
        match self.random.below(8) {
            0 => self.open.truncate(at),
            _ => drop(self.open.swap_remove(at)),
        }
    }

    fn burst(&mut self) {
        let text = "x".repeat(self.random.below(1_000));
        let tags = self.random.below(6);
        for _ in 0..self.random.below(300) {
            let mut span = self.tracer.start("burst");
            for _ in 0..tags {
                span.tag("text", &text);
            }
        }
    }

    fn flush(&mut self) {
        let accepts = self.random.below(3) > 0;
        self.gate.0.store(accepts, Ordering::Relaxed);
        // Spans may have been lost, or are kept for the next one.
        let _outcome = self.tracer.flush(Duration::ZERO);
    }

    fn any(&mut self) -> Option<usize> {
        let count = self.open.len();
        (count > 0).then(|| self.random.below(count))
    }

    /// Ends all spans, and sends what is in rings.
    fn settle(&mut self) {
        self.open.clear();
        self.gate.0.store(true, Ordering::Relaxed);
        let _outcome = self.tracer.flush(SOON);
        self.gate.0.store(false, Ordering::Relaxed);
        let stats = settled(&self.tracer);
        assert_eq!(stats.queued, 0, "{stats}");
    }
}

/// A thread that takes steps when it is told to.
struct Actor {
    steps: Sender<Told>,
    thread: thread::JoinHandle<()>,
}

/// A step, and where its end is told.
type Told = (fn(&mut World), Sender<()>);

impl Actor {
    fn new(world: &Arc<Mutex<World>>) -> Self {
        let (world, (steps, told)) = (world.clone(), channel::<Told>());
        let thread = thread::spawn(move || {
            for (step, done) in told {
                step(&mut world.lock().unwrap());
                done.send(()).unwrap();
            }
        });
        Actor { steps, thread }
    }

    fn take(&self, step: fn(&mut World)) {
        let (done, is_done) = channel();
        self.steps.send((step, done)).unwrap();
        is_done.recv().expect("the step did not panic");
    }

    fn end(self) {
        drop(self.steps);
        self.thread.join().unwrap();
    }
}

/// Checks what may be open while rings are empty.
fn check_with_empty_rings(world: &mut World) {
    let (one, other) = (fill(&world.tracer, "one"), fill(&world.tracer, "other"));
    let opened = [one.len(), other.len()];
    assert!(opened[0] >= 515 && opened[1] >= 150, "{opened:?}");
    drop((one, other));
    let opened = fill_by_many(&world.tracer).len();
    assert!(opened >= 815, "{opened}");
}

/// Checks what a burst keeps beside the open spans of the history.
fn check_burst(world: &mut World) {
    world.gate.0.store(true, Ordering::Relaxed);
    let _lost = world.tracer.flush(SOON);
    world.gate.0.store(false, Ordering::Relaxed);
    let kept = burst(&world.tracer);
    assert!(kept >= 450, "{kept}");
}

/// Checks what may be open while rings hold all they may.
fn check_with_full_rings(world: &mut World) {
    let opened = fill(&world.tracer, "one").len();
    assert!(opened >= 290, "{opened}");
    let opened = fill_by_many(&world.tracer).len();
    assert!(opened >= 580, "{opened}");
    world.settle();
}

#[test]
fn the_limits_hold_after_any_history() {
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let world = Arc::new(Mutex::new(World::new(seed)));
        let new_actor = || Actor::new(&world);
        let mut actors: Vec<_> = (0..ACTORS).map(|_| new_actor()).collect();
        let mut turns = SplitMix64(!seed);
        for _ in 0..STEPS {
            let at = turns.below(actors.len());
            actors[at].take(World::step);
            if turns.below(100) == 0 {
                actors.swap_remove(at).end();
                actors.push(new_actor());
            }
        }
        let new = new_actor();
        new.take(check_burst);
        actors.push(new);
        // Now all threads become idle, with as many slots as each may keep.
        actors[0].take(World::settle);
        actors.iter().for_each(|actor| actor.take(World::warm));
        let new = new_actor();
        new.take(check_with_empty_rings);
        actors
            .iter()
            .for_each(|actor| actor.take(World::fill_rings));
        new.take(check_with_full_rings);
        actors.push(new);
        actors.into_iter().for_each(Actor::end);
    }
}
