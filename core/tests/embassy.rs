//! Spans of embassy's tasks on the host: its real executor, polled by hand, with a clock that the test sets.

use std::cell::Cell;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Poll, Waker};

use embassy_executor::raw::Executor;
use picojaeger_core::adapter::record::{Record, Records};
use picojaeger_core::ring::{Bytes, Consumer};
use picojaeger_core::{
    Clock, Const, CurrentSpans, Execution, InSpan, Interrupts, Ring, Seed, SpanId, TaskSpans,
    ToContext, Tracer, Value, embassy_trace_hooks, tags,
};

/// Ticks of 500 ns.
static TICKS: AtomicU32 = AtomicU32::new(0);

struct Timer;

impl Clock for Timer {
    const BITS: u32 = 32;
    fn ticks(&self) -> u64 {
        TICKS.load(Ordering::Relaxed).into()
    }
    fn frequency(&self) -> u64 {
        2_000_000
    }
}

thread_local! {
    /// The number of what runs; an interrupt changes it for its time.
    static RUNNING: Cell<usize> = const { Cell::new(0) };
    static WAKER: Cell<Option<Waker>> = const { Cell::new(None) };
}

struct Here;

impl Execution for Here {
    fn id() -> usize {
        RUNNING.get()
    }
}

type Platform = (Timer, Const);

static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
static TRACER: Tracer<Platform> = Tracer::new((Timer, Const(true)), &RING);
static CURRENT: CurrentSpans<Here, 2> = CurrentSpans::new();
static TASKS: TaskSpans<Platform, 4, 2> = TaskSpans::new(&TRACER, &CURRENT);
embassy_trace_hooks!(TASKS);

/// Called when an executor has work; the test polls them anyhow.
#[unsafe(export_name = "__pender")]
fn pender(_executor: *mut ()) {}

/// Stores its waker, and ends at the second poll, 8 ticks after its start.
async fn wait() {
    let mut polled = false;
    poll_fn(|context| {
        TICKS.fetch_add(4, Ordering::Relaxed);
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        WAKER.set(Some(context.waker().clone()));
        Poll::Pending
    })
    .await;
}

fn child(name: &'static str) {
    drop(TRACER.span_builder(name).child_of(&CURRENT).start::<0>());
}

#[embassy_executor::task(pool_size = 2)]
async fn work(urgent: Option<&'static Executor>) {
    child("first");
    if let Some(executor) = urgent {
        // An interrupt of a higher priority, in the middle of this poll.
        RUNNING.set(16);
        // SAFETY: this executor's polls do not nest.
        unsafe { executor.poll() };
        RUNNING.set(0);
        child("interrupted");
    }
    let span = TRACER.span_builder("request").child_of(&CURRENT);
    wait().in_span(span.start::<0>(), &CURRENT).await;
    child("last");
}

#[embassy_executor::task]
async fn urgent() {
    child("urgent child");
}

#[embassy_executor::task]
async fn report() {
    child("of no task");
}

fn executor() -> &'static Executor {
    Box::leak(Box::new(Executor::new(std::ptr::null_mut())))
}

/// Polls an executor, in thread mode.
fn poll(executor: &'static Executor) {
    // SAFETY: the test has one thread, and a task polls another executor than its own.
    unsafe { executor.poll() }
}

/// A span: its name, its own id, its parent's, its microseconds of readiness.
type Seen = (String, SpanId, SpanId, Option<u64>);

fn seen(record: &Record<'_>) -> Seen {
    let ready = record.tags().find(|tag| tag.key == tags::TASK_READY);
    let micros = ready.map(|tag| match tag.value {
        Value::U64(micros) => micros,
        other => panic!("{other:?}"),
    });
    let name = record.operation().to_owned();
    (name, record.context().span_id(), record.parent(), micros)
}

fn take(consumer: &mut Consumer<'_, Records>) -> Vec<Seen> {
    let mut spans = Vec::new();
    while let Some(record) = consumer.peek() {
        spans.push(seen(&record));
        consumer.advance();
    }
    consumer.release();
    spans
}

fn names(spans: &[Seen]) -> Vec<&str> {
    spans.iter().map(|span| span.0.as_str()).collect()
}

/// One test: there is one set of hooks in a program.
#[test]
fn polls_have_spans_with_names_latency_and_children() {
    TRACER.seed(Seed::from_words([1, 2, 3]));
    let mut consumer = RING.consumer().unwrap();
    let (thread, interrupt) = (executor(), executor());

    interrupt
        .spawner()
        .spawn(TASKS.named("urgent", urgent().unwrap()));
    TICKS.store(100, Ordering::Relaxed);
    thread
        .spawner()
        .spawn(TASKS.named("work", work(Some(interrupt)).unwrap()));
    TICKS.store(150, Ordering::Relaxed);
    poll(thread);
    let spans = take(&mut consumer);
    let all = ["first", "urgent child", "urgent", "interrupted", "work"];
    assert_eq!(names(&spans), all);
    let [first, urgent_child, urgent, interrupted, work_1] = &spans[..] else {
        unreachable!()
    };
    let root = SpanId::default();
    assert_eq!((work_1.2, work_1.3), (root, Some(25)));
    assert_eq!((first.2, interrupted.2), (work_1.1, work_1.1));
    assert_eq!(
        (urgent.2, urgent.3),
        (root, Some(75)),
        "no child of what it interrupts"
    );
    assert_eq!(urgent_child.2, urgent.1);
    assert_eq!(CURRENT.to_context(), None);

    // The second poll, after a wake-up 3 µs before; the span of the request is older than it.
    WAKER.take().unwrap().wake();
    TICKS.fetch_add(6, Ordering::Relaxed);
    poll(thread);
    let spans = take(&mut consumer);
    assert_eq!(names(&spans), ["request", "last", "work"]);
    let [request, last, work_2] = &spans[..] else {
        unreachable!()
    };
    assert_eq!(request.2, work_1.1);
    assert_eq!((last.2, work_2.3), (work_2.1, Some(3)));
    assert_ne!(work_1.1, work_2.1);

    // A poll of a task that has ended, and tasks without a name, have no span.
    thread.spawner().spawn(work(None).unwrap());
    thread.spawner().spawn(report().unwrap());
    poll(thread);
    WAKER.take().unwrap().wake();
    poll(thread);
    let spans = take(&mut consumer);
    let all = ["of no task", "first", "request", "last"];
    assert_eq!(names(&spans), all);
    assert!(spans.iter().all(|span| span.2 == root));
    assert_eq!((TASKS.missed(), CURRENT.missed()), (0, 0));
    assert!(TRACER.stats().adds_up());
}
