//! Tests of current spans and of futures in spans, polled by hand.

use core::cell::Cell;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use std::boxed::Box;
use std::string::{String, ToString};
use std::vec::Vec;

use super::*;
use crate::ring::Bytes;
use crate::{Clock, Const, Interrupts, Ring, SpanContext, SpanId, ToContext, TraceId, Tracer};

std::thread_local! {
    /// The number of what runs; an interrupt changes it for its time.
    static RUNNING: Cell<usize> = const { Cell::new(0) };
}

pub(super) struct Here;

impl Execution for Here {
    fn id() -> usize {
        RUNNING.get()
    }
}

/// Runs `f` as an interrupt of this number.
pub(super) fn interrupt<T>(number: usize, f: impl FnOnce() -> T) -> T {
    let interrupted = RUNNING.replace(number);
    let result = f();
    RUNNING.set(interrupted);
    result
}

pub(super) struct Timer;

impl Clock for Timer {
    const BITS: u32 = 32;
    fn ticks(&self) -> u64 {
        7
    }
    fn frequency(&self) -> u64 {
        1_000_000
    }
}

pub(super) type Spans<const N: usize> = CurrentSpans<Here, N>;
pub(super) type Test = Tracer<(Timer, Const)>;

pub(super) type TestRing = Ring<Interrupts, Bytes<4096>>;

/// Makes a tracer of its own for each test, and a reader of its ring.
macro_rules! tracer {
    () => {{
        use $crate::tasks::tests::{Test, TestRing, Timer, reader};
        static RING: TestRing = $crate::Ring::new();
        static TRACER: Test = $crate::Tracer::new((Timer, $crate::Const(true)), &RING);
        TRACER.seed($crate::Seed::from_words([1, 2, 3]));
        (&TRACER, reader(&RING))
    }};
}
pub(super) use tracer;

/// A span: its name, its id and its parent's.
pub(super) type Seen = (String, SpanId, SpanId);

/// Returns a function that takes the finished spans.
pub(super) fn reader(ring: &'static TestRing) -> impl FnMut() -> Vec<Seen> {
    let mut consumer = ring.consumer().unwrap();
    move || {
        let mut records = Vec::new();
        while let Some(record) = consumer.peek() {
            let name = record.operation().to_string();
            records.push((name, record.context().span_id(), record.parent()));
            consumer.advance();
        }
        consumer.release();
        records
    }
}

pub(super) fn names(spans: &[Seen]) -> Vec<&str> {
    spans.iter().map(|(name, ..)| name.as_str()).collect()
}

fn context(number: u64) -> SpanContext {
    SpanContext::new(
        TraceId::new(number.into()),
        SpanId::new(number),
        crate::Flags::SAMPLED,
    )
}

/// Polls a future once, without a waker.
fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Is ready at the second poll.
async fn yield_now() {
    let mut polled = false;
    poll_fn(|_| {
        let ready = core::mem::replace(&mut polled, true);
        if ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

#[test]
fn the_last_span_that_was_entered_is_current_until_its_guard_ends() {
    let current = Spans::<1>::new();
    assert_eq!(current.to_context(), None);
    let outer = current.enter(context(1));
    {
        let _inner = current.enter(context(2));
        assert_eq!(current.to_context(), Some(context(2)));
        let _none = current.enter(None::<SpanContext>);
        assert_eq!(current.to_context(), None);
    }
    assert_eq!(current.to_context(), Some(context(1)));
    drop(outer);
    assert_eq!((current.to_context(), current.missed()), (None, 0));
}

#[test]
fn an_interrupt_has_no_span_of_what_it_interrupts() {
    let current = Spans::<2>::new();
    let _thread = current.enter(context(1));
    interrupt(15, || {
        assert_eq!(current.to_context(), None);
        let _entered = current.enter(context(2));
        assert_eq!(current.to_context(), Some(context(2)));
        assert_eq!(interrupt(16, || current.to_context()), None);
    });
    assert_eq!(interrupt(15, || current.to_context()), None);
    assert_eq!(current.to_context(), Some(context(1)));
}

#[test]
fn a_full_table_counts_and_keeps_what_it_has() {
    let current = Spans::<1>::new();
    let _thread = current.enter(context(1));
    interrupt(15, || {
        let _missed = current.enter(context(2));
        assert_eq!((current.to_context(), current.missed()), (None, 1));
    });
    assert_eq!(current.to_context(), Some(context(1)));
    // The place is free again once its owner has no span.
    drop(_thread);
    interrupt(15, || {
        let _entered = current.enter(context(2));
        assert_eq!(
            (current.to_context(), current.missed()),
            (Some(context(2)), 1)
        );
    });
}

#[test]
fn children_of_futures_are_told_apart_while_these_run_in_turn() {
    static CURRENT: Spans<1> = Spans::new();
    let (tracer, mut read) = tracer!();
    let serve = |name: &'static str| {
        let span = tracer.start::<0>(name);
        let work = async {
            for _ in 0..2 {
                drop(tracer.span_builder("step").child_of(&CURRENT).start::<0>());
                yield_now().await;
            }
        };
        (span.context().span_id(), work.in_span(span, &CURRENT))
    };
    let ((a, first), (b, second)) = (serve("a"), serve("b"));
    let (mut first, mut second) = (pin!(first), pin!(second));
    for _ in 0..2 {
        assert!(poll(first.as_mut()).is_pending());
        assert_eq!(CURRENT.to_context(), None);
        assert!(poll(second.as_mut()).is_pending());
    }
    let steps: Vec<_> = read().into_iter().map(|(_, _, parent)| parent).collect();
    assert_eq!(steps, [a, b, a, b]);

    assert!(poll(second.as_mut()).is_ready());
    assert!(poll(first.as_mut()).is_ready());
    let ended = read();
    let root = SpanId::default();
    assert_eq!(
        ended,
        [("b".to_string(), b, root), ("a".to_string(), a, root)]
    );
}

#[test]
fn a_dropped_future_ends_before_its_span_and_an_unpolled_one_too() {
    let (tracer, mut read) = tracer!();
    let current = Spans::<1>::new();
    {
        let work = async {
            let _inner = tracer.span_builder("inner").child_of(&current).start::<0>();
            yield_now().await;
        };
        let mut future = pin!(work.in_span(tracer.start::<0>("outer"), &current));
        assert!(poll(future.as_mut()).is_pending());
        drop(yield_now().in_span(tracer.start::<0>("unpolled"), &current));
    }
    assert_eq!(names(&read()), ["unpolled", "inner", "outer"]);
    assert!(tracer.stats().adds_up());
}

#[test]
fn futures_nest_and_a_panic_leaves_no_span_behind() {
    let (tracer, mut read) = tracer!();
    let current = Spans::<1>::new();
    let inner = async {
        drop(tracer.span_builder("leaf").child_of(&current).start::<0>());
        std::panic::resume_unwind(Box::new(()));
    };
    let outer = async {
        let span = tracer.span_builder("inner").child_of(&current).start::<0>();
        inner.in_span(span, &current).await
    };
    {
        let mut future = pin!(outer.in_span(tracer.start::<0>("outer"), &current));
        let run = std::panic::AssertUnwindSafe(|| poll(future.as_mut()).is_ready());
        assert!(std::panic::catch_unwind(run).is_err());
    }
    assert_eq!(current.to_context(), None);
    let spans = read();
    let find = |name| spans.iter().find(|(own, ..)| own == name).unwrap();
    let ((_, outer, _), (_, inner, of_inner)) = (find("outer"), find("inner"));
    assert_eq!((of_inner, &find("leaf").2), (outer, inner));
}

#[test]
fn a_future_in_a_span_is_as_large_as_both() {
    let (tracer, _) = tracer!();
    let current = Spans::<1>::new();
    let work = async {
        let bytes = [1_u8; 400];
        yield_now().await;
        core::hint::black_box(&bytes);
    };
    let span = tracer.start::<32>("work");
    let (of_work, of_span) = (size_of_val(&work), size_of_val(&span));
    let future = work.in_span(span, &current);
    assert!(size_of_val(&future) <= of_work + of_span + 3 * size_of::<usize>());
}
