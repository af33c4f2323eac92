//! The lifecycle of a tracer: threads that start and end, flush, close, and the sum of its counts
//! after every kind of loss.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use picojaeger_std::collector::{CollectedSpan, Collector};
use picojaeger_std::config::{ClockSource, Sampler};
use picojaeger_std::model::{Log, RefKind, SpanRef, Tag, TagValue};
use picojaeger_std::reporters::{FinishedSpan, InMemoryReporter, Reporter};
use picojaeger_std::{Config, Flags, FlushError, Key, Span, SpanId, Stats, TraceId, Tracer, Value};

mod common;

const SOON: Duration = Duration::from_secs(20);

fn config() -> Config {
    Config::new("life")
        .sampler(Sampler::Const(true))
        .agent_host("127.0.0.1")
        // Nothing is sent before a flush.
        .flush_interval(Duration::from_secs(3_600))
}

/// A configuration, and the collector to which its tracer sends.
fn collected() -> (Config, Collector) {
    let collector = Collector::bind("127.0.0.1:0").unwrap();
    let port = collector.local_addr().port();
    (config().agent_port(port), collector)
}

/// A tracer and the collector that it sends to.
fn traced() -> (Tracer, Collector) {
    let (config, collector) = collected();
    (config.new_tracer().unwrap(), collector)
}

/// A tracer of this configuration whose spans go to this reporter only.
fn reported_by(config: Config) -> (Tracer, Arc<InMemoryReporter>) {
    let reporter = Arc::new(InMemoryReporter::new());
    let builder = config.agent(false).reporter(reporter.clone());
    (builder.build().unwrap(), reporter)
}

/// A tracer whose spans go to this reporter only.
fn reported() -> (Tracer, Arc<InMemoryReporter>) {
    reported_by(config())
}

/// Checks the sum of all counts, with no span open or queued.
#[track_caller]
fn assert_settled(tracer: &Tracer, sampled: u64) -> Stats {
    let stats = tracer.stats();
    assert!(stats.adds_up(), "{stats}");
    assert_eq!(
        (stats.sampled, stats.open, stats.queued),
        (sampled, 0, 0),
        "{stats}"
    );
    stats
}

#[track_caller]
fn assert_arrived(collector: &Collector, count: u64) {
    assert!(
        collector.wait_for_spans(count, SOON),
        "{}",
        collector.stats().spans
    );
    let mut ids: Vec<_> = collector
        .spans()
        .iter()
        .map(|it| it.span.span_id.get())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(
        ids.len() as u64,
        count,
        "a span came twice, or one too many"
    );
}

#[test]
fn threads_that_end_leave_their_spans() {
    let (tracer, collector) = traced();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                (0..10).for_each(|i| drop(tracer.span_builder("work").tag("i", i).start()))
            });
        }
    });
    assert!(tracer.stats().adds_up());
    tracer.flush(SOON).unwrap();
    assert_arrived(&collector, 80);
    assert_eq!(assert_settled(&tracer, 80).delivered, 80);
}

/// Guard of a span that ends when the thread's destructors run.
struct Late(RefCell<Option<Span>>, RefCell<Option<Tracer>>);

impl Drop for Late {
    fn drop(&mut self) {
        drop(self.0.take());
        if let Some(tracer) = self.1.take() {
            tracer.start("from a destructor").tag("late", true);
        }
    }
}

thread_local! {
    static LATE: Late = const { Late(RefCell::new(None), RefCell::new(None)) };
}

#[test]
fn thread_local_destructors_may_trace() {
    let (tracer, collector) = traced();
    for tracer_first in [true, false] {
        let tracer = tracer.clone();
        let run = move || {
            if !tracer_first {
                // Registered before the tracer's own state, so destroyed after it.
                LATE.with(|_| ());
            }
            let span = tracer.start("kept");
            LATE.with(|late| {
                late.0.replace(Some(span));
                late.1.replace(Some(tracer));
            });
        };
        thread::spawn(run).join().unwrap();
    }
    tracer.flush(SOON).unwrap();
    assert_arrived(&collector, 4);
    assert_settled(&tracer, 4);
}

#[test]
fn threads_may_outlive_the_tracer() {
    let (tracer, collector) = traced();
    let (go, wait) = channel();
    let outliving = {
        let tracer = tracer.clone();
        thread::spawn(move || {
            let mut open = tracer.start("open at close");
            tracer.start("before").finish();
            wait.recv().unwrap();
            open.tag("still", "harmless").finish();
            let late = tracer.start("after");
            assert!(late.is_sampled(), "its children elsewhere are sampled");
            late.context()
        })
    };
    while tracer.stats().sampled < 2 || tracer.stats().open > 1 {
        thread::yield_now();
    }
    tracer.close(SOON).unwrap();
    assert_arrived(&collector, 1);
    let stats = tracer.stats();
    assert_eq!((stats.open, stats.delivered), (1, 1), "{stats}");
    go.send(()).unwrap();
    let context = outliving.join().unwrap();
    assert_ne!(context.trace_id(), TraceId::default());
    assert_eq!(assert_settled(&tracer, 3).lost.closed, 2);
}

#[test]
fn a_span_stays_a_parent_after_finish_and_close() {
    let (tracer, collector) = traced();
    let mut span = tracer.start("parent");
    span.set_baggage_item("customer", "7").unwrap();
    let before = span.context();
    span.finish();
    span.finish();
    span.tag("late", 1).set_operation_name("other");
    span.log().field("event", "late");
    span.set_baggage_item("late", "1").unwrap();
    assert_eq!(span.remove_baggage_item("customer"), None);
    let look = |span: &Span| {
        assert_eq!(span.context(), before);
        let mut headers = HashMap::new();
        tracer.inject(span, &mut headers).unwrap();
        assert!(headers["uber-trace-id"].ends_with(":1"), "{headers:?}");
        assert_eq!(headers["uberctx-customer"], "7");
        let scope = span.activate();
        let child = tracer.start("child");
        assert_eq!(child.context().trace_id(), before.trace_id());
        assert_eq!(child.baggage_item("customer"), Some("7"));
        drop(scope);
    };
    look(&span);
    tracer.close(SOON).unwrap();
    look(&span);
    drop(span);
    assert_arrived(&collector, 2);
    let spans = collector.spans();
    let parent = spans.iter().find(|it| it.span.operation_name == "parent");
    let tags = &parent.unwrap().span.tags;
    assert!(tags.iter().all(|tag| tag.key != "late"), "{tags:?}");
    assert_eq!(assert_settled(&tracer, 3).lost.closed, 1);
}

#[test]
fn two_threads_finish_each_others_spans() {
    const EACH: usize = 500;
    let (tracer, reporter) = reported();
    let ((to_a, from_b), (to_b, from_a)) = (channel::<Span>(), channel::<Span>());
    thread::scope(|scope| {
        for (to, from) in [(to_b, from_b), (to_a, from_a)] {
            let tracer = &tracer;
            scope.spawn(move || {
                for _ in 0..EACH {
                    to.send(tracer.start("handed over")).unwrap();
                    drop(from.recv().unwrap());
                }
            });
        }
    });
    tracer.flush(SOON).unwrap();
    let stats = assert_settled(&tracer, 2 * EACH as u64);
    assert_eq!(stats.delivered, reporter.len() as u64);
    assert_eq!(stats.delivered + stats.lost.full, stats.sampled, "{stats}");
}

#[test]
fn many_threads_flush_at_once() {
    let (tracer, reporter) = reported();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let span = tracer.start("mine");
                    let id = span.context().span_id();
                    drop(span);
                    tracer.flush(SOON).unwrap();
                    let seen = reporter.spans();
                    assert!(
                        seen.iter().any(|it| it.span_id == id),
                        "flush came too early"
                    );
                }
            });
        }
    });
    assert_eq!(assert_settled(&tracer, 120).delivered, 120);
}

/// Reporter that calls its own tracer.
struct Nosy {
    tracer: Arc<OnceLock<Tracer>>,
    ends: Arc<Mutex<Vec<Result<(), FlushError>>>>,
}

impl Reporter for Nosy {
    fn report(&self, _: &FinishedSpan<'_>) {
        let tracer = self.tracer.get().unwrap();
        tracer.start("feeds back").finish();
        assert!(tracer.stats().adds_up());
        assert!(!tracer.process_tags().is_empty());
        let ends = [tracer.flush(SOON), tracer.close(SOON)];
        self.ends.lock().unwrap().extend(ends);
    }
}

#[test]
fn a_reporter_may_flush_and_close() {
    for background in [true, false] {
        let (tracer, ends) = (Arc::new(OnceLock::new()), Arc::default());
        let nosy = Nosy {
            tracer: tracer.clone(),
            ends: Arc::clone(&ends),
        };
        let config = config().agent(false).background(background);
        let tracer = tracer.get_or_init(|| config.reporter(nosy).build().unwrap());
        tracer.start("seen").finish();
        tracer.flush(SOON).unwrap();
        let ends = ends.lock().unwrap();
        assert_eq!(ends.len(), 2);
        let waits = |end: &Result<(), _>| matches!(end, Err(FlushError::TimedOut { .. }));
        assert!(
            ends.iter().all(waits),
            "the pass cannot wait for itself: {ends:?}"
        );
        assert_eq!(assert_settled(tracer, 1).delivered, 1);
    }
}

/// Reporter that always panics.
struct Panicking;

impl Reporter for Panicking {
    fn report(&self, _: &FinishedSpan<'_>) {
        panic!("a reporter that panics, as it should here");
    }
}

#[test]
fn a_reporter_that_panics_loses_nothing() {
    let (config, collector) = collected();
    let tracer = config.reporter(Panicking).build().unwrap();
    for round in 1..=3 {
        tracer.start("sent all the same").finish();
        tracer.flush(SOON).unwrap();
        assert_arrived(&collector, round);
    }
    assert_eq!(assert_settled(&tracer, 3).delivered, 3);
}

#[test]
fn closing_twice_is_harmless() {
    let (tracer, collector) = traced();
    tracer.start("once").finish();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| tracer.close(SOON).unwrap());
        }
    });
    tracer.close(Duration::ZERO).unwrap();
    tracer.flush(Duration::MAX).unwrap();
    assert_arrived(&collector, 1);
    assert_settled(&tracer, 1);
}

#[test]
fn no_span_that_finished_before_close_is_lost() {
    // Statistics are read at every moment of the close.
    for _ in 0..20 {
        let (tracer, reporter) = reported();
        (0..100).for_each(|_| tracer.start("in time").finish());
        thread::scope(|scope| {
            let closing = scope.spawn(|| tracer.close(SOON));
            while !closing.is_finished() {
                tracer.stats();
            }
            closing.join().unwrap().unwrap();
        });
        assert_eq!(assert_settled(&tracer, 100).delivered, 100);
        assert_eq!(reporter.len(), 100);
    }
}

/// Threads exchange rings, shrink them, and end, and the tracer is closed, all in the middle of a
/// burst that is more than fits.
#[test]
fn a_burst_that_is_cut_short_adds_up() {
    const THREADS: u64 = 20;
    const EACH: u64 = 1_000;
    for wait in 0..4 {
        let config = config().agent(false).memory_limit(1 << 20);
        let reporter = InMemoryReporter::new();
        let builder = config.tracer_builder().reporter(reporter.clone());
        let tracer = builder.build().unwrap();
        let made = AtomicU64::new(0);
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (tracer, made) = (&tracer, &made);
                scope.spawn(move || {
                    for number in 0..EACH - 40 * thread {
                        tracer.start("burst").tag("n", number);
                        made.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            while made.load(Ordering::Relaxed) < wait * 3_000 {
                thread::yield_now();
            }
            let _lost = tracer.close(SOON);
        });
        let stats = assert_settled(&tracer, made.into_inner());
        assert_eq!(
            stats.delivered + stats.lost.total(),
            stats.sampled,
            "{stats}"
        );
        assert_eq!(reporter.len() as u64, stats.delivered);
    }
}

#[test]
fn flush_and_close_may_race() {
    for _ in 0..300 {
        let (tracer, _) = reported();
        tracer.start("raced").finish();
        thread::scope(|scope| {
            scope.spawn(|| tracer.flush(SOON).unwrap());
            scope.spawn(|| tracer.close(SOON).unwrap());
        });
        assert_eq!(assert_settled(&tracer, 1).delivered, 1);
    }
}

#[test]
fn a_flush_completes_under_full_load() {
    let (tracer, _) = reported();
    let done = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    tracer.start("load").finish();
                }
            });
        }
        while tracer.stats().sampled == 0 {
            thread::yield_now();
        }
        for _ in 0..5 {
            let end = tracer.flush(SOON);
            assert!(!matches!(end, Err(FlushError::TimedOut { .. })), "{end:?}");
        }
        let end = tracer.close(SOON);
        // Waits until the load has met the closed tracer.
        while tracer.stats().lost.closed == 0 {
            thread::yield_now();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(!matches!(end, Err(FlushError::TimedOut { .. })), "{end:?}");
    });
    let stats = tracer.stats();
    assert!(stats.adds_up() && stats.open + stats.queued == 0, "{stats}");
}

#[test]
fn dropping_the_last_handle_flushes() {
    let (tracer, collector) = traced();
    let second = tracer.clone();
    tracer.start("held").finish();
    drop(tracer);
    assert_eq!(second.stats().queued, 1);
    drop(second);
    assert_arrived(&collector, 1);
}

#[test]
fn a_panic_marks_the_spans_that_it_ends() {
    let (tracer, collector) = traced();
    let fails = || {
        let _span = tracer.start("fails");
        panic!("intended by this test");
    };
    thread::scope(|scope| assert!(scope.spawn(fails).join().is_err()));
    tracer.start("fine").finish();
    tracer.flush(SOON).unwrap();
    assert_arrived(&collector, 2);
    for CollectedSpan { span, .. } in collector.spans() {
        let error = span.tags.iter().find(|tag| tag.key == "error");
        let fails = span.operation_name == "fails";
        assert_eq!(
            error.map(|tag| &tag.value),
            fails.then_some(&TagValue::Bool(true))
        );
    }
}

#[test]
fn priorities_add_up() {
    let (tracer, collector) = traced();
    let mut spans: Vec<_> = (0..4).map(|_| tracer.start("sampled")).collect();
    spans[0].tag("sampling.priority", 0);
    assert_eq!(tracer.stats().cleared, 1);
    assert_eq!(tracer.stats().open, 3);
    // Sampled again, now with a larger area.
    spans[1].tag("long", "x".repeat(3_000).as_str());
    spans[1]
        .tag("sampling.priority", 0)
        .tag("sampling.priority", 1);
    let stats = tracer.stats();
    assert_eq!(
        (stats.sampled, stats.open, stats.cleared),
        (5, 3, 2),
        "{stats}"
    );
    drop(spans);
    let stats = tracer.stats();
    assert_eq!(
        (stats.queued, stats.open, stats.cleared),
        (3, 0, 2),
        "{stats}"
    );
    tracer.close(SOON).unwrap();
    assert_arrived(&collector, 3);
    assert_eq!(assert_settled(&tracer, 5).lost.total(), 0);
}

#[test]
fn an_unsampled_span_that_is_upgraded_adds_up() {
    let (config, collector) = collected();
    let tracer = config.sampler(Sampler::Const(false)).new_tracer().unwrap();
    let mut upgraded = tracer.start("upgraded");
    drop(tracer.start("not"));
    upgraded.tag("sampling.priority", 1);
    drop(upgraded);
    let mut late = tracer.start("after close");
    tracer.close(SOON).unwrap();
    late.tag("sampling.priority", 1);
    drop(late);
    assert_arrived(&collector, 1);
    let stats = assert_settled(&tracer, 2);
    assert_eq!((stats.unsampled, stats.lost.closed), (3, 1), "{stats}");
}

#[test]
fn a_priority_changes_the_debug_flag_too() {
    let (tracer, _reporter) = reported();
    let debug = Flags::SAMPLED | Flags::DEBUG;
    let mut span = tracer.start("sampled");
    for (priority, expected) in [
        (Value::I64(1), debug),
        (Value::F64(f64::NAN), debug),
        (Value::Str("0"), debug),
        (Value::F64(-1.0), Flags::NONE),
        (Value::Bool(true), debug),
        (Value::U64(0), Flags::NONE),
    ] {
        span.tag("sampling.priority", priority);
        assert_eq!(span.context().flags(), expected, "{priority:?}");
        let child = tracer.span_builder("child").child_of(&span).start();
        assert_eq!(child.context().flags(), expected, "{priority:?}");
    }
}

#[test]
fn an_unsampled_span_that_has_finished_is_not_upgraded() {
    let (tracer, reporter) = reported();
    let ends: [fn(&mut Span); 2] = [Span::finish, |span| span.finish_at(SystemTime::now())];
    for end in ends {
        let mut span = tracer
            .span_builder("not")
            .tag("sampling.priority", 0)
            .start();
        end(&mut span);
        span.tag("sampling.priority", 1).tag("late", 1);
        assert!(!span.is_sampled());
    }
    tracer.flush(SOON).unwrap();
    assert_eq!((tracer.stats().sampled, reporter.len()), (0, 0));
}

#[test]
fn an_upgraded_span_keeps_a_later_name_and_a_start_time_of_the_users() {
    let (tracer, reporter) = reported();
    let time = UNIX_EPOCH + Duration::from_secs(7);
    let renamed = String::from("GET /orders/7");
    for name in [Key::from("static"), Key::copied(&renamed)] {
        let span = tracer.span_builder("first").tag("sampling.priority", 0);
        let mut span = span.start_time(time).start();
        span.set_operation_name(name);
        span.tag("sampling.priority", 1);
    }
    tracer.flush(SOON).unwrap();
    let spans = reporter.spans();
    let names: Vec<_> = spans.iter().map(|it| it.operation_name.as_str()).collect();
    assert_eq!(names, ["static", "GET /orders/7"]);
    for span in &spans {
        assert_eq!(span.start_time_us, 7_000_000);
        assert_eq!(span.tag("picojaeger.sampled_late"), None);
    }
}

#[test]
fn the_parent_is_the_first_reference_with_ids() {
    let (tracer, reporter) = reported();
    let headers = [("jaeger-baggage", "user=ann")];
    let baggage = tracer.extract(&headers[..]).unwrap();
    let real = tracer.start("real");
    let ids = real.context();
    let children = [
        tracer.span_builder("a").child_of(&baggage).child_of(&real),
        tracer
            .span_builder("b")
            .follows_from(&baggage)
            .follows_from(&real),
        tracer
            .span_builder("c")
            .follows_from(&real)
            .child_of(&baggage),
        tracer.span_builder("d").follows_from(&real),
    ];
    for child in children {
        assert_eq!(child.start().context().trace_id(), ids.trace_id());
    }
    let other = tracer.extract(&[("jaeger-baggage", "user=bob")][..]);
    let root = tracer.span_builder("e").child_of(&baggage).child_of(&other);
    let root = root.follows_from(&other).start();
    assert_ne!(root.context().trace_id(), ids.trace_id());
    assert_eq!(root.baggage_item("user"), Some("ann"));
    drop((real, root));
    tracer.flush(SOON).unwrap();
    let own = SpanRef::new(RefKind::FollowsFrom, ids.trace_id(), ids.span_id());
    for span in reporter.spans() {
        let follows = ["b", "c", "d"].contains(&span.operation_name.as_str());
        let expected = if follows { vec![own] } else { vec![] };
        assert_eq!(span.references, expected, "{}", span.operation_name);
    }
}

#[test]
fn changes_of_baggage_are_logged() {
    let (tracer, reporter) = reported();
    let mut span = tracer.start("carries");
    for value in ["ann", "bob"] {
        span.set_baggage_item("user", value).unwrap();
    }
    drop(span);
    tracer.flush(SOON).unwrap();
    let logs = &reporter.spans()[0].logs;
    let text = |log: &Log| {
        let text = |tag: &Tag| match &tag.value {
            TagValue::String(text) => format!("{}={text}", tag.key),
            other => panic!("{other:?}"),
        };
        log.fields.iter().map(text).collect::<Vec<_>>().join(" ")
    };
    let lines: Vec<_> = logs.iter().map(text).collect();
    assert_eq!(lines.len(), 2);
    for (line, end) in lines.iter().zip(["ann", "bob override=true"]) {
        assert_eq!(*line, format!("event=baggage key=user value={end}"));
    }
}

/// A header is read in time proportional to its length, and the baggage that it leaves is bounded.
#[test]
fn a_mebibyte_of_baggage_items_is_cut_to_180() {
    let (tracer, _reporter) = reported();
    let items: Vec<_> = (0..120_000).map(|item| format!("{item}=v")).collect();
    let header = items.join(",");
    assert!(header.len() > 900_000);
    let headers = [("uber-trace-id", "1:2:0:1"), ("jaeger-baggage", &*header)];
    let parent = tracer.extract(&headers[..]).unwrap();
    assert_eq!(parent.baggage_item("179"), Some("v"));
    assert_eq!(parent.baggage_item("180"), None);
    assert_eq!(tracer.stats().decode_errors, 1);
}

#[test]
fn an_unsampled_span_that_is_upgraded_keeps_its_name() {
    let (tracer, reporter) = reported_by(config().sampler(Sampler::Const(false)));
    let copied = String::from("GET /orders/7");
    for name in [Key::from("static"), Key::copied(&copied)] {
        let root = tracer.start(name);
        let mut child = tracer.span_builder(name).child_of(&root).start();
        child.tag("sampling.priority", 1).tag("after", true);
        drop(child);
    }
    tracer.flush(SOON).unwrap();
    let names: Vec<_> = reporter
        .spans()
        .into_iter()
        .map(|it| it.operation_name)
        .collect();
    assert_eq!(names, ["static", "GET /orders/7"]);
}

/// Spans of two tracers in one thread go to their own tracer, whichever was used last.
#[test]
fn tracers_take_turns_in_a_thread() {
    let (one, other) = (reported(), reported());
    let mut spans = Vec::new();
    for _ in 0..100 {
        for (tracer, _) in [&one, &other] {
            let mut span = tracer.start("turn");
            span.tag("of", "a turn");
            spans.push(span);
        }
    }
    drop(spans);
    for (tracer, reporter) in [&one, &other] {
        tracer.flush(SOON).unwrap();
        assert_eq!(reporter.len(), 100);
        assert_eq!(assert_settled(tracer, 100).delivered, 100);
    }
}

/// The fast path reads the processor's counter; with the system's clock spans take the slow path.
#[test]
fn the_systems_clock_gives_the_same_spans() {
    let end = |span: &picojaeger_std::model::Span| span.start_time_us + span.duration_us;
    for clock in [ClockSource::Auto, ClockSource::System] {
        let (tracer, reporter) = reported_by(config().clock(clock));
        let mut root = tracer.start("root");
        root.tag("first", 1);
        for _ in 0..200 {
            let mut child = tracer.span_builder("child").child_of(&root).start();
            child.tag("second", "two").log().field("event", "third");
        }
        drop(root);
        tracer.flush(SOON).unwrap();
        let spans = reporter.spans();
        assert_eq!(spans.len(), 201);
        let root = spans.last().unwrap();
        for child in &spans[..200] {
            assert_eq!(child.trace_id, root.trace_id);
            assert_eq!(child.parent_span_id, root.span_id);
            assert_eq!((child.tags.len(), child.logs.len()), (1, 1));
            assert!(child.start_time_us >= root.start_time_us);
            // Apart from rounding.
            assert!(end(child) <= end(root) + 2, "{child:?} in {root:?}");
        }
        assert_settled(&tracer, 201);
    }
}

/// The rate of the processor's counter is measured, from the start of the tracer to the pass that
/// sends the span.
#[test]
fn a_span_lasts_as_long_as_the_systems_clock_says() {
    const BUSY: Duration = Duration::from_millis(20);
    for clock in [ClockSource::Auto, ClockSource::Tsc, ClockSource::System] {
        let (tracer, reporter) = reported_by(config().clock(clock));
        let around = Instant::now();
        let span = tracer.start("busy");
        let within = Instant::now();
        while within.elapsed() < BUSY {}
        drop(span);
        let most = around.elapsed();
        tracer.flush(SOON).unwrap();
        let lasted = Duration::from_micros(reporter.spans()[0].duration_us as u64);
        // A hundredth for the noise of the first readings.
        let noise = most / 100;
        assert!(
            (BUSY - noise..=most + noise).contains(&lasted),
            "{clock:?}: {lasted:?} of {BUSY:?} to {most:?}"
        );
    }
}

/// Options of a start are kept when slots are cached, too.
#[test]
fn a_start_time_and_a_parents_baggage_are_taken_over() {
    let (tracer, reporter) = reported();
    for _ in 0..2 {
        let mut parent = tracer.start("parent");
        parent.set_baggage_item("user", "ann").unwrap();
        let given = tracer.span_builder("given").child_of(&parent).start();
        let _active = parent.activate();
        let active = tracer.start("active");
        for child in [&given, &active] {
            assert_eq!(child.baggage_item("user"), Some("ann"));
        }
        let time = UNIX_EPOCH + Duration::from_secs(7);
        let early = tracer.span_builder("early").ignore_active_span();
        drop(early.start_time(time).start());
    }
    tracer.flush(SOON).unwrap();
    let mut spans = reporter.spans();
    spans.retain(|span| span.operation_name == "early");
    assert_eq!(spans.len(), 2);
    assert!(spans.iter().all(|span| span.start_time_us == 7_000_000));
}

/// The first span of a kind finds no cached slot and takes the slow path; later ones take the fast
/// path.
#[test]
fn spans_of_a_kind_are_like_the_first() {
    const PARENT: TraceId = TraceId::from_parts(0xa, 7);
    for (wide, sampler) in [(false, true), (true, true), (false, false), (true, false)] {
        let config = config().sampler(Sampler::Const(sampler));
        let (tracer, reporter) = reported_by(config.trace_id_128bit(wide));
        let parent = |flags: &str| {
            let header = format!("{PARENT}:5:0:{flags}");
            tracer.extract(HashMap::from([("uber-trace-id", header)]))
        };
        let parents = ["1", "0"].map(parent);
        let kinds: [&dyn Fn() -> Span; 3] = [
            &|| tracer.start("root"),
            &|| {
                tracer
                    .span_builder("of a sampled one")
                    .child_of(&parents[0])
                    .start()
            },
            &|| {
                tracer
                    .span_builder("of another")
                    .child_of(&parents[1])
                    .start()
            },
        ];
        for start in kinds {
            reporter.clear();
            for _ in 0..3 {
                let mut span = start();
                if !span.is_sampled() {
                    span.tag("sampling.priority", 1);
                }
            }
            tracer.flush(SOON).unwrap();
            let spans = reporter.spans();
            assert_eq!(spans.len(), 3);
            for span in &spans {
                let first = &spans[0];
                assert_eq!(span.operation_name, first.operation_name);
                assert_eq!(span.parent_span_id, first.parent_span_id);
                assert_eq!((span.flags, &span.tags), (first.flags, &first.tags));
                if span.parent_span_id == SpanId::new(5) {
                    assert_eq!(span.trace_id, PARENT);
                } else {
                    assert_eq!(span.trace_id.low(), span.span_id.get());
                    assert_eq!(span.trace_id.high() != 0, wide);
                }
            }
        }
    }
}

/// Injected losses, compared with the test's own counts.
mod losses {
    use super::*;

    /// Starts and finishes spans, then closes; returns the tracer's counts.
    fn settle(config: Config, spans: u64, make: impl Fn(&Tracer)) -> Stats {
        let tracer = config.new_tracer().unwrap();
        (0..spans).for_each(|_| make(&tracer));
        let stats = tracer.stats();
        assert!(stats.adds_up() && stats.sampled == spans, "{stats}");
        let end = tracer.close(SOON);
        let stats = assert_settled(&tracer, spans);
        if stats.lost.total() > 0 {
            assert!(
                matches!(end, Err(FlushError::Lost { .. }))
                    || stats.lost.full + stats.lost.memory > 0,
                "{end:?}"
            );
        }
        stats
    }

    fn plain(tracer: &Tracer) {
        tracer.start("plain").finish();
    }

    #[test]
    fn full() {
        let (config, collector) = collected();
        let config = config.background(false).memory_limit(1 << 20);
        let stats = settle(config, 20_000, plain);
        assert!(stats.lost.full > 10_000, "{stats}");
        assert_arrived(&collector, stats.sampled - stats.lost.full);
        assert_eq!(stats.delivered, stats.sampled - stats.lost.full);
    }

    #[test]
    fn too_large() {
        // Without a worker, which might lose all of them before the close: that would report none.
        let config = config()
            .background(false)
            .max_packet_size(512)
            .tag("process", "x".repeat(1_000).as_str());
        let stats = settle(config.agent_port(1), 100, plain);
        assert_eq!(stats.lost.too_large, 100, "{stats}");
    }

    #[test]
    fn refused() {
        let (_socket, port) = common::closed_port();
        let stats = settle(config().agent_port(port), 100, plain);
        assert_eq!(stats.lost.refused, 100, "{stats}");
    }

    #[test]
    fn failed() {
        // A socket may not broadcast without the option for it.
        let config = config().agent_host("255.255.255.255").agent_port(6831);
        let stats = settle(config, 100, plain);
        assert_eq!(stats.lost.failed, 100, "{stats}");
    }

    #[test]
    fn memory() {
        let (config, collector) = collected();
        let tracer = config.memory_limit(1 << 20).new_tracer().unwrap();
        let open: Vec<_> = (0..2_000).map(|_| tracer.start("open")).collect();
        assert!(open.iter().all(Span::is_sampled), "the flag goes on");
        let stats = tracer.stats();
        assert!(stats.adds_up(), "{stats}");
        assert!(stats.lost.memory > 500 && stats.open > 200, "{stats}");
        assert_eq!(stats.open + stats.lost.memory, 2_000);
        drop(open);
        tracer.flush(SOON).unwrap();
        let stats = assert_settled(&tracer, 2_000);
        assert_arrived(&collector, 2_000 - stats.lost.total());
        tracer.start("memory is free again").finish();
        tracer.close(SOON).unwrap();
        assert_eq!(assert_settled(&tracer, 2_001).lost, stats.lost);
    }

    #[test]
    fn closed() {
        let (tracer, collector) = traced();
        let open: Vec<_> = (0..10).map(|_| tracer.start("open")).collect();
        plain(&tracer);
        tracer.close(SOON).unwrap();
        drop(open);
        (0..5).for_each(|_| plain(&tracer));
        let written = tracer.span_builder("written before").tag("key", "value");
        drop(written.start());
        assert_arrived(&collector, 1);
        let stats = assert_settled(&tracer, 17);
        assert_eq!((stats.delivered, stats.lost.closed), (1, 16), "{stats}");
    }
}
