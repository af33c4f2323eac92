//! The ring in every interleaving that loom finds, with negative controls: each model fails under
//! the weaknesses that concern it.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p picojaeger-core --test loom -- --nocapture
//! ```
#![cfg(loom)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::model::Builder;
use loom::sync::Arc;
use loom::thread;
use picojaeger_core::loom_model::{Locked, Places, Weakness, weaken};
use picojaeger_core::ring::{
    Consumer, DropNewest, FrameRing, OverwriteOldest, Policy, PushError, Spsc, Word,
};

type Ring<P> = FrameRing<Locked, (), Places, P>;

/// Frames with one word of body, and a ring that holds two of them.
const TWO_FRAMES: usize = 4;

/// Loom's message for two unordered accesses to a word.
const RACE: &str = "Causality violation";

/// A model, and the expectations of its run.
struct Model {
    name: &'static str,
    /// Runs once for each execution; returns the number of records that the consumer read while
    /// their producer still ran.
    run: fn() -> usize,
    /// `None` explores every interleaving; a bound where that takes over a minute.
    preemptions: Option<usize>,
    /// The least executions, so that a model does not shrink unnoticed.
    executions: usize,
    /// The weaknesses that must make the model fail, with the text of the failure.
    fails_under: &'static [(Weakness, &'static str)],
}

impl Model {
    /// Runs the model, then once with each weakness.
    fn check(&self) {
        let (executions, early) = self.explore();
        println!(
            "{}: {executions} executions, {early} records seen early",
            self.name
        );
        assert!(early > 0, "the consumer never overtook a producer");
        assert!(
            executions >= self.executions,
            "{executions} of {} executions",
            self.executions
        );
        for (weakness, expected) in self.fails_under {
            let message = self.failure(*weakness);
            println!("{}: {weakness:?} fails: {message}", self.name);
            assert!(message.contains(expected), "{message}");
        }
    }

    fn explore(&self) -> (usize, usize) {
        let seen = std::sync::Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let (counts, run) = (seen.clone(), self.run);
        let mut builder = Builder::new();
        builder.preemption_bound = self.preemptions;
        builder.check(move || {
            counts.1.fetch_add(run(), Ordering::Relaxed);
            counts.0.fetch_add(1, Ordering::Relaxed);
        });
        (
            seen.0.load(Ordering::Relaxed),
            seen.1.load(Ordering::Relaxed),
        )
    }

    /// Returns loom's message of the model's failure under this weakness.
    fn failure(&self, weakness: Weakness) -> String {
        weaken(Some(weakness));
        let outcome = catch_unwind(AssertUnwindSafe(|| self.explore()));
        weaken(None);
        let Err(panic) = outcome else {
            panic!("{} passes under {weakness:?}", self.name);
        };
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or(panic.downcast_ref().map(|text: &&str| text.to_string()));
        text.unwrap_or_default().trim().to_string()
    }
}

fn push<P: Policy>(ring: &Ring<P>, value: usize) -> Result<(), PushError> {
    let (_, reservation) = ring.reserve(1, |_, _| ());
    reservation.map(|reservation| reservation.commit(&[Word::new(value)]))
}

/// Returns the value of the frame at the cursor, all of whose words are the same.
fn look(consumer: &mut Consumer<'_>) -> Option<usize> {
    let frame = consumer.peek()?;
    // SAFETY: producers write every word.
    let mut values = frame.words.iter().map(|w| unsafe { w.assume_init() });
    let value = values.next()?;
    assert!(values.all(|other| other == value), "a torn frame");
    Some(value)
}

fn pop(consumer: &mut Consumer<'_>) -> Option<usize> {
    let value = look(consumer)?;
    consumer.advance();
    consumer.release();
    Some(value)
}

/// Tries to pop `tries` times while producers run.
fn pop_early(consumer: &mut Consumer<'_>, tries: usize) -> Vec<usize> {
    let mut found = Vec::new();
    for _ in 0..tries {
        found.extend(pop(consumer));
        // Without it loom takes the poll for a loop without progress.
        thread::yield_now();
    }
    found
}

fn drain(consumer: &mut Consumer<'_>) -> Vec<usize> {
    std::iter::from_fn(|| pop(consumer)).collect()
}

/// Three frames for a ring of two, so that the third needs freed space.
fn two_producers() -> usize {
    let ring = Arc::new(Ring::<DropNewest>::over(Places::new(TWO_FRAMES), ()));
    let producers = [vec![10, 11], vec![20]].map(|values| {
        let ring = ring.clone();
        thread::spawn(move || values.iter().filter(|v| push(&ring, **v).is_ok()).count())
    });
    let mut consumer = ring.consumer().unwrap();
    let mut found = pop_early(&mut consumer, 2);
    let early = found.len();
    let pushed: usize = producers.map(|p| p.join().unwrap()).iter().sum();
    found.extend(drain(&mut consumer));
    assert_eq!(found.len(), pushed);
    assert_eq!(pushed + ring.dropped().full, 3);
    let first: Vec<_> = found.iter().filter(|value| **value < 20).collect();
    assert!(first.is_sorted(), "{found:?}");
    early
}

#[test]
fn two_producers_share_a_ring() {
    Model {
        name: "two producers, drop-newest",
        run: two_producers,
        preemptions: None,
        executions: 300_000,
        fails_under: &[(Weakness::Commit, RACE), (Weakness::Release, RACE)],
    }
    .check();
}

/// Frames that were pushed by the fast path, in all executions.
static PUSHED_FAST: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// Frames of a little less than half the ring: the second takes the fast path if the consumer has
/// freed the first in time; the third needs a pad and freed space.
fn sole_producer_fast() -> usize {
    let ring = FrameRing::<Spsc, (), _>::spsc_over(Places::new(16));
    let ring = Box::into_raw(Box::new(ring));
    // SAFETY: it lives until the end of this function, when both ends are gone.
    let (mut producer, mut consumer) = unsafe { &mut *ring }.split();
    let pushing = thread::spawn(move || {
        let pushed = (1..=3).filter(|value| {
            let body = [Word::new(*value as usize); 5];
            let fast = producer.push_fast(*value, &body);
            PUSHED_FAST.fetch_add(fast as usize, std::sync::atomic::Ordering::Relaxed);
            fast || producer.push(*value, &body).is_ok()
        });
        pushed.map(|value| value as usize).collect::<Vec<_>>()
    });
    let mut found = pop_early(&mut consumer, 3);
    let early = found.len();
    let pushed = pushing.join().unwrap();
    found.extend(drain(&mut consumer));
    assert_eq!(found, pushed);
    drop(consumer);
    // SAFETY: made by `into_raw` above; both ends are gone.
    drop(unsafe { Box::from_raw(ring) });
    early
}

#[test]
fn one_producer_on_the_fast_path() {
    Model {
        name: "sole producer, fast path",
        run: sole_producer_fast,
        preemptions: None,
        executions: 2_000,
        fails_under: &[(Weakness::Commit, RACE), (Weakness::Release, RACE)],
    }
    .check();
    assert!(PUSHED_FAST.load(std::sync::atomic::Ordering::Relaxed) > 0);
}

/// Frames of three words in a ring of four: each but the first needs a pad and the space of the one
/// before.
fn sole_producer() -> usize {
    let ring = FrameRing::<Spsc, (), _>::spsc_over(Places::new(4));
    let ring = Box::into_raw(Box::new(ring));
    // SAFETY: it lives until the end of this function, when both ends are gone.
    let (mut producer, mut consumer) = unsafe { &mut *ring }.split();
    let pushing = thread::spawn(move || {
        let pushed = (1..=3).filter(|value| {
            let word = Word::new(*value as usize);
            producer.push(*value, &[word; 2]).is_ok()
        });
        let pushed: Vec<_> = pushed.map(|value| value as usize).collect();
        (pushed, producer.dropped().full)
    });
    let mut found = pop_early(&mut consumer, 3);
    let early = found.len();
    let (pushed, full) = pushing.join().unwrap();
    found.extend(drain(&mut consumer));
    assert_eq!(found, pushed);
    assert_eq!(pushed.len() + full, 3);
    drop(consumer);
    // SAFETY: made by `into_raw` above; both ends are gone.
    drop(unsafe { Box::from_raw(ring) });
    early
}

#[test]
fn one_producer_without_a_mutex() {
    Model {
        name: "sole producer",
        run: sole_producer,
        preemptions: None,
        executions: 200,
        fails_under: &[(Weakness::Commit, RACE), (Weakness::Release, RACE)],
    }
    .check();
}

/// A full ring; the consumer peeks, leaves, peeks again and advances while
/// `producers` push their values.
fn overwriting(producers: &[&'static [usize]]) -> usize {
    let ring = Arc::new(Ring::<OverwriteOldest>::over(Places::new(TWO_FRAMES), ()));
    push(&ring, 1).unwrap();
    push(&ring, 2).unwrap();
    let pushing: Vec<_> = producers
        .iter()
        .map(|values| {
            let (ring, values) = (ring.clone(), *values);
            thread::spawn(move || values.iter().filter(|v| push(&ring, **v).is_err()).count())
        })
        .collect();

    let mut consumer = ring.consumer().unwrap();
    let left = look(&mut consumer);
    thread::yield_now();
    if left.is_some() {
        assert_eq!(left, look(&mut consumer), "a pinned frame stays");
    }
    consumer.leave();
    thread::yield_now();
    let mut found = pop_early(&mut consumer, 3);
    let early = found.iter().filter(|value| **value >= 10).count();

    let blocked = pushing.into_iter().map(|p| p.join().unwrap()).sum();
    found.extend(drain(&mut consumer));
    let dropped = ring.dropped();
    assert_eq!(dropped.blocked, blocked);
    let pushed: usize = producers.iter().map(|values| values.len()).sum();
    assert_eq!(found.len() + dropped.evicted + blocked, 2 + pushed);
    early
}

#[test]
fn one_producer_overwrites() {
    Model {
        name: "one producer, overwrite-oldest",
        run: || overwriting(&[&[10, 11]]),
        preemptions: None,
        executions: 1_500,
        fails_under: &[(Weakness::Commit, RACE), (Weakness::Pin, RACE)],
    }
    .check();
}

#[test]
fn two_producers_overwrite() {
    Model {
        name: "two producers, overwrite-oldest",
        run: || overwriting(&[&[10], &[20]]),
        preemptions: Some(3),
        executions: 8_000,
        fails_under: &[(Weakness::Commit, RACE), (Weakness::Pin, RACE)],
    }
    .check();
}

/// The consumer reads the backlog only, so only the positions order its reads.
fn watched() -> usize {
    let ring = Arc::new(Ring::<OverwriteOldest>::over(Places::new(TWO_FRAMES), ()));
    let consumer = ring.consumer().unwrap();
    let pushing = {
        let ring = ring.clone();
        thread::spawn(move || (0..4).for_each(|value| push(&ring, value).unwrap()))
    };
    let mut early = 0;
    for _ in 0..2 {
        let backlog = consumer.backlog();
        // Four frames, of which two may be evicted between the two reads.
        assert!(backlog <= 2 * consumer.capacity(), "backlog {backlog}");
        early += (backlog > 0) as usize;
        thread::yield_now();
    }
    pushing.join().unwrap();
    assert_eq!(consumer.backlog(), consumer.capacity());
    drop(consumer);
    early
}

#[test]
fn the_backlog_is_never_negative() {
    Model {
        name: "backlog of a ring that overwrites",
        run: watched,
        preemptions: None,
        executions: 100,
        fails_under: &[(Weakness::Tail, "backlog")],
    }
    .check();
}

/// One producer gives its frame up, another commits one, in a ring of so many words.
fn given_up(words: usize) -> usize {
    let ring = Arc::new(Ring::<DropNewest>::over(Places::new(words), ()));
    let giving_up = {
        let ring = ring.clone();
        thread::spawn(move || {
            let (_, reservation) = ring.reserve(1, |_, _| ());
            reservation.map(drop).is_ok()
        })
    };
    let pushing = {
        let ring = ring.clone();
        thread::spawn(move || push(&ring, 2).is_ok())
    };
    let mut consumer = ring.consumer().unwrap();
    let mut found = pop_early(&mut consumer, 2);
    let early = found.len();
    let given_up = giving_up.join().unwrap() as usize;
    let pushed = pushing.join().unwrap() as usize;
    found.extend(drain(&mut consumer));
    assert_eq!(found, [2][..pushed]);
    assert_eq!(ring.dropped().full, 2 - pushed - given_up);
    early
}

/// The other frame lies before it or behind it, and is committed before that or after.
#[test]
fn a_frame_that_is_given_up_is_skipped() {
    Model {
        name: "a frame given up",
        run: || given_up(TWO_FRAMES),
        preemptions: None,
        executions: 35_000,
        fails_under: &[(Weakness::Commit, RACE)],
    }
    .check();
}

/// There is room for one of both frames at a time.
#[test]
fn the_room_of_a_frame_that_is_given_up_is_used_again() {
    Model {
        name: "the room of a frame given up",
        run: || given_up(TWO_FRAMES / 2),
        preemptions: None,
        executions: 8_000,
        fails_under: &[(Weakness::Commit, RACE), (Weakness::Release, RACE)],
    }
    .check();
}
