//! The end of a server's life: `drain` waits for open spans, closes, and names what is left.

use std::future::Future;
use std::pin::pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use picojaeger_std::config::{Config, Sampler};
use picojaeger_std::reporters::{FinishedSpan, InMemoryReporter, Reporter};
use picojaeger_std::{DrainReport, FlushError, InSpan, Tracer, TracerBuilder};

/// No test waits so long, unless it fails.
const SOON: Duration = Duration::from_secs(60);

/// The time of a drain that spans outlive.
const SHORT: Duration = Duration::from_millis(20);

fn config() -> Config {
    let config = Config::new("drained").sampler(Sampler::Const(true));
    let config = config.agent(false).flush_at_exit(false);
    config.flush_interval(Duration::from_secs(3_600))
}

fn tracer(change: impl FnOnce(Config) -> Config) -> Tracer {
    change(config()).new_tracer().unwrap()
}

fn reported(change: impl FnOnce(Config) -> Config) -> (Tracer, InMemoryReporter) {
    let reporter = InMemoryReporter::new();
    let builder: TracerBuilder = change(config()).reporter(reporter.clone());
    (builder.build().unwrap(), reporter)
}

/// The operations of a report, as `name × spans`.
fn operations(report: &DrainReport) -> Vec<String> {
    let operations = report.open().operations();
    operations
        .map(|(name, spans)| format!("{name} × {spans}"))
        .collect()
}

/// Drains a tracer whose spans stay open, and checks the counts.
fn drain(tracer: &Tracer) -> DrainReport {
    let report = tracer.drain_blocking(SHORT);
    assert!(report.stats().adds_up(), "{report:?}");
    assert_eq!(report.open().total(), report.stats().open);
    report
}

/// A waker that sends a message.
struct Message(Mutex<Sender<()>>);

impl Wake for Message {
    fn wake(self: Arc<Self>) {
        self.0.lock().unwrap().send(()).unwrap();
    }
}

fn waker() -> (Waker, Receiver<()>) {
    let (woken, wait) = channel();
    (Arc::new(Message(Mutex::new(woken))).into(), wait)
}

/// Runs a future on this thread, which is woken by nothing but the future's own waker.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let (waker, wait) = waker();
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => wait.recv_timeout(SOON).unwrap(),
        }
    }
}

#[test]
fn nothing_open_is_drained_at_once() {
    let tracer = tracer(|config| config);
    tracer.start("order").finish();
    let report = block_on(tracer.drain(SOON));
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.sent(), report.open().total()), (1, 0));
    assert!(report.time_taken() < SOON);
    tracer.start("after").finish();
    assert_eq!(tracer.stats().lost.closed, 1);
}

/// Beside the spans that are open when the drain begins, one starts and ends while it waits.
#[test]
fn new_spans_are_accepted_until_the_last_one_ends() {
    let (tracer, reporter) = reported(|config| config);
    let first = tracer.start("first");
    let (waker, wait) = waker();
    let mut context = Context::from_waker(&waker);
    let mut draining = pin!(tracer.drain(SOON));
    assert!(draining.as_mut().poll(&mut context).is_pending());
    let late = tracer.start("late");
    drop(first);
    drop(tracer.start("later"));
    drop(late);
    // Only the end of the last span lets the drain end.
    wait.recv_timeout(SOON).unwrap();
    let Poll::Ready(report) = draining.as_mut().poll(&mut context) else {
        panic!("woken too early")
    };
    assert!(report.is_complete(), "{report}");
    assert_eq!(report.sent(), 3);
    assert_eq!(reporter.spans().len(), 3);
    let stats = tracer.stats();
    assert!(stats.adds_up() && stats.lost.total() == 0, "{stats}");
}

#[test]
fn a_span_that_is_open_on_another_thread_is_named() {
    let tracer = tracer(|config| config);
    let (end, wait) = channel::<()>();
    let (begun, began) = channel();
    let in_thread = tracer.clone();
    let thread = thread::spawn(move || {
        let _span = in_thread.start("on a thread");
        begun.send(()).unwrap();
        assert!(wait.recv().is_err());
    });
    began.recv().unwrap();
    let report = drain(&tracer);
    assert_eq!(operations(&report), ["on a thread × 1"]);
    drop(end);
    thread.join().unwrap();
    let stats = tracer.stats();
    assert_eq!((stats.open, stats.lost.closed), (0, 1), "{stats}");
}

#[test]
fn a_span_that_lies_in_a_future_is_named() {
    let tracer = tracer(|config| config);
    let mut waiting = Box::pin(std::future::pending::<()>().in_span(tracer.start("in a future")));
    let mut context = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    assert_eq!(operations(&drain(&tracer)), ["in a future × 1"]);
    drop(waiting);
    assert_eq!(tracer.stats().lost.closed, 1);
}

/// Of each kind one that has moved to another slot, or another name.
#[test]
fn names_follow_a_span_that_grows_or_is_renamed() {
    let tracer = tracer(|config| config);
    let text = "x".repeat(1_000);
    let mut spans = Vec::from(["grown", "former", "former"].map(|name| tracer.start(name)));
    let copied = String::from("copied at run time");
    spans.push(tracer.start(&copied));
    spans.push(tracer.start(&copied.repeat(3)));
    for tags in 0..10 {
        spans[0].tag("text", &text);
        spans[3].tag("text", &text);
        if tags == 5 {
            spans[1].set_operation_name("renamed");
            spans[2].set_operation_name(&copied);
        }
    }
    let expected = [
        "copied at run time × 2",
        "copied at run timecopied at run  × 1",
        "grown × 1",
        "renamed × 1",
    ];
    assert_eq!(operations(&drain(&tracer)), expected);
}

/// Started, ended, held after the end, cleared, sampled again, and taken up by the next span.
#[test]
fn only_open_sampled_spans_are_named() {
    let tracer = tracer(|config| config);
    let mut held = tracer.start("finished and held");
    held.finish();
    let mut at = tracer.start("finished at a time");
    at.finish_at(std::time::SystemTime::now());
    let mut cleared = tracer.start("cleared");
    cleared.tag("sampling.priority", 0);
    let mut again = tracer.start("again");
    again
        .tag("sampling.priority", 0)
        .tag("sampling.priority", 1);
    let unsampled = tracer.span_builder("unsampled").child_of(&cleared).start();
    let mut late = tracer.span_builder("late").child_of(&cleared).start();
    late.tag("sampling.priority", 1);
    for _ in 0..40 {
        drop(tracer.start("reused"));
    }
    let report = drain(&tracer);
    assert_eq!(operations(&report), ["again × 1", "late × 1"]);
    assert_eq!(report.open().others(), 0);
    drop((held, at, cleared, again, unsampled, late));
    let stats = tracer.stats();
    assert!(stats.adds_up() && stats.open == 0, "{stats}");
}

#[test]
fn ten_operations_are_named_the_most_frequent_ones_first() {
    let tracer = tracer(|config| config);
    let names: Vec<_> = (0..15).map(|at| format!("operation {at:02}")).collect();
    let spans: Vec<_> = (names.iter().enumerate())
        .flat_map(|(at, name)| vec![name; if at == 7 { 3 } else { 1 }])
        .map(|name| tracer.start(name))
        .collect();
    let report = drain(&tracer);
    let open = report.open();
    assert_eq!((open.total(), open.others()), (17, 5));
    assert_eq!(open.operations().count(), 10);
    assert_eq!(open.operations().next(), Some(("operation 07", 3)));
    assert_eq!(open.operations().nth(1), Some(("operation 00", 1)));
    let text = report.to_string();
    assert!(
        text.contains("17 spans open (3 operation 07, 1 operation 00,")
            && text.contains("5 of other names)"),
        "{text}"
    );
    drop(spans);
}

/// Those that start once half of the memory is out have slots without names, and are known to the pool.
#[test]
fn spans_that_start_while_memory_is_scarce_are_named() {
    let tracer = tracer(|config| config.memory_limit(1 << 20));
    let open: Vec<_> = std::iter::repeat_with(|| tracer.start("many"))
        .take(700)
        .collect();
    let stats = tracer.stats();
    assert_eq!((stats.open, stats.lost.memory), (700, 0), "{stats}");
    assert_eq!(operations(&drain(&tracer)), ["many × 700"]);
    drop(open);
}

#[test]
fn a_name_cannot_break_the_line() {
    let tracer = tracer(|config| config);
    let _open = tracer.start("two\nlines");
    let report = drain(&tracer);
    assert_eq!(operations(&report), ["two\nlines × 1"]);
    assert!(!report.to_string().contains('\n'), "{report}");
}

#[test]
fn by_choice_open_spans_are_sent_as_unfinished() {
    let (tracer, reporter) = reported(|config| config.unfinished_at_close(true));
    let parent = tracer.start("parent");
    let name = String::from("copied");
    let start = std::time::UNIX_EPOCH + Duration::from_secs(1_000);
    let child = tracer.span_builder(&name).child_of(&parent);
    let child = child.start_time(start).start();
    let mut renamed = tracer.start("former");
    renamed.set_operation_name("renamed");
    drop(tracer.start("ended"));
    let report = drain(&tracer);
    assert_eq!(
        (report.sent(), report.unfinished(), report.open().total()),
        (4, 3, 3),
        "{report}"
    );
    assert!(
        report.to_string().contains("4 sent (3 unfinished)"),
        "{report}"
    );
    let spans = reporter.spans();
    let is_unfinished = |name: &str| {
        let span = spans
            .iter()
            .find(|span| span.operation_name == name)
            .unwrap();
        span.tag("picojaeger.unfinished").is_some()
    };
    assert!(is_unfinished("parent") && is_unfinished("copied") && is_unfinished("renamed"));
    assert!(!is_unfinished("ended"));
    let sent = spans
        .iter()
        .find(|span| span.operation_name == "copied")
        .unwrap();
    assert_eq!(sent.start_time_us, 1_000_000_000);
    let ids = child.context();
    assert_eq!(
        (sent.trace_id, sent.span_id),
        (ids.trace_id(), ids.span_id())
    );
    assert_eq!(sent.parent_span_id, parent.context().span_id());
    drop((parent, child, renamed));
    let stats = tracer.stats();
    assert!(stats.adds_up(), "{stats}");
    assert_eq!(
        (stats.open, stats.unfinished, stats.lost.closed),
        (0, 3, 3),
        "{stats}"
    );
}

#[test]
fn an_unreachable_collector_costs_the_time_and_is_named() {
    let config = Config::new("drained")
        .sampler(Sampler::Const(true))
        .flush_at_exit(false);
    // A port where nobody listens.
    let tracer = config
        .agent_host("127.0.0.1")
        .agent_port(1)
        .new_tracer()
        .unwrap();
    tracer.start("sent").finish();
    let _open = tracer.start("open");
    let report = drain(&tracer);
    assert!(!report.is_complete());
    let lost = report.lost();
    assert_eq!(
        report.sent() + lost.total() + report.queued(),
        1,
        "{report}"
    );
    if lost.total() > 0 {
        assert!(
            report.last_error().unwrap().contains("127.0.0.1:1"),
            "{report}"
        );
    }
}

/// It takes connections and never answers. The span that is open costs its share of the time, the request the
/// rest.
#[test]
fn a_collector_that_hangs_costs_the_time_and_is_named() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let config = Config::new("drained")
        .sampler(Sampler::Const(true))
        .flush_at_exit(false);
    let config = config.otlp(format!("http://{address}"));
    let tracer = config.new_tracer().unwrap();
    tracer.start("sent").finish();
    let _open = tracer.start("open");
    let report = block_on(tracer.drain(Duration::from_millis(300)));
    assert!(
        report.time_taken() >= Duration::from_millis(270),
        "{report}"
    );
    assert!(!report.is_complete());
    assert_eq!(operations(&report), ["open × 1"]);
    assert_eq!(report.sent(), 0);
    assert_eq!(report.lost().total() + report.queued(), 1, "{report}");
    assert!(
        report.last_error().unwrap().contains(&address.to_string()),
        "{report}"
    );
    assert!(report.stats().adds_up());
}

#[test]
fn without_background_the_calling_thread_drains() {
    let tracer = tracer(|config| config.background(false));
    let span = tracer.start("order");
    let report = block_on(tracer.drain(SOON));
    assert!(!report.is_complete());
    assert!(report.to_string().contains("drain_blocking"), "{report}");
    let thread = thread::spawn(move || drop(span));
    let report = tracer.drain_blocking(SOON);
    assert!(report.is_complete(), "{report}");
    assert_eq!(report.sent(), 1);
    thread.join().unwrap();
}

#[test]
fn a_disabled_tracer_has_nothing_to_drain() {
    let tracer = Tracer::disabled();
    assert!(block_on(tracer.drain(SOON)).is_complete());
    let report = tracer.drain_blocking(SOON);
    assert!(report.is_complete() && report.sent() == 0, "{report}");
}

/// A reporter that drains its own tracer.
struct Drains(Mutex<Option<Tracer>>, Mutex<Sender<DrainReport>>);

impl Reporter for Drains {
    fn report(&self, _: &FinishedSpan<'_>) {
        if let Some(tracer) = self.0.lock().unwrap().take() {
            let report = tracer.drain_blocking(SOON);
            self.1.lock().unwrap().send(report).unwrap();
        }
    }
}

#[test]
fn a_reporter_does_not_wait_for_its_own_thread() {
    let (sent, reports) = channel();
    let reporter = Arc::new(Drains(Mutex::default(), Mutex::new(sent)));
    let tracer = config().reporter(reporter.clone()).build().unwrap();
    *reporter.0.lock().unwrap() = Some(tracer.clone());
    let open = tracer.start("open");
    tracer.start("order").finish();
    let _closed_meanwhile = tracer.flush(SOON);
    let report = reports.recv_timeout(SOON).unwrap();
    assert_eq!(operations(&report), ["open × 1"]);
    drop(open);
    assert_eq!(tracer.stats().lost.closed, 1);
}

#[test]
fn a_second_drain_and_one_beside_a_close_end_at_once() {
    let tracer = tracer(|config| config);
    let _open = tracer.start("open");
    let draining = tracer.drain(SOON);
    tracer.close(SOON).unwrap();
    let report = block_on(draining);
    assert_eq!(operations(&report), ["open × 1"]);
    assert!(tracer.drain_blocking(SOON).time_taken() < SOON);
}

#[test]
fn the_error_of_a_close_names_what_was_open() {
    let tracer = tracer(|config| config.memory_limit(1 << 20));
    let closed = tracer.clone();
    let open = tracer.start("open");
    tracer.start("order").finish();
    // Of no time, and beside a reporter that takes its own.
    let gate = Arc::new(Mutex::new(()));
    let held = gate.lock().unwrap();
    let gated = config().reporter(Gate(gate.clone())).build().unwrap();
    let _open = gated.start("open in gated");
    gated.start("order").finish();
    let error = gated.close(Duration::ZERO).unwrap_err();
    let FlushError::TimedOut { open: left, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(left.total(), 1);
    assert!(
        error.to_string().contains("1 span open (1 open in gated)"),
        "{error}"
    );
    drop(held);
    closed.close(SOON).unwrap();
    drop(open);
}

/// A reporter that waits for a lock.
struct Gate(Arc<Mutex<()>>);

impl Reporter for Gate {
    fn report(&self, _: &FinishedSpan<'_>) {
        drop(self.0.lock());
    }
}
