//! A tracer's lines in the program's log, with a logger that records each line, flushes, and panics.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use picojaeger_std::collector::Collector;
use picojaeger_std::config::Sampler;
use picojaeger_std::reporters::{FinishedSpan, Reporter};
use picojaeger_std::{Config, FlushError, Tracer};

const SOON: Duration = Duration::from_secs(20);

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// The tracer that the logger flushes at each line.
static FLUSHED: Mutex<Option<Tracer>> = Mutex::new(None);

struct Panicking;

impl log::Log for Panicking {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() == "picojaeger"
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {} by {}", record.level(), record.args(), this_thread());
        LINES.lock().unwrap().push(line);
        let tracer = FLUSHED.lock().unwrap().clone();
        tracer.map(|tracer| tracer.flush(Duration::ZERO));
        // Not `panic!`: the hook would print a message for every line.
        resume_unwind(Box::new("a line is enough"));
    }

    fn flush(&self) {}
}

/// Returns name and number of the calling thread.
fn this_thread() -> String {
    let thread = std::thread::current();
    format!("{:?} {:?}", thread.name(), thread.id())
}

/// A configuration that sends nothing before a flush.
fn config() -> Config {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        log::set_logger(&Panicking).unwrap();
        log::set_max_level(log::LevelFilter::Info);
    });
    Config::new("log-lines")
        .sampler(Sampler::Const(true))
        .agent_host("127.0.0.1")
        .flush_interval(Duration::from_secs(3_600))
}

/// Returns the number of lines that have all these parts.
fn lines_with(parts: &[&str]) -> usize {
    let lines = LINES.lock().unwrap();
    let has_all = |line: &&String| parts.iter().all(|part| line.contains(part));
    lines.iter().filter(has_all).count()
}

#[test]
fn a_logger_that_panics_loses_its_lines_and_no_span() {
    let collector = Collector::bind("127.0.0.1:0").unwrap();
    let config = config()
        .agent_port(collector.local_addr().port())
        .log_spans(true);
    let tracer = config.new_tracer().unwrap();
    for flushes in 1..=3 {
        (0..20).for_each(|_| tracer.start("logged").finish());
        tracer.flush(SOON).unwrap();
        assert_eq!(tracer.stats().delivered, flushes * 20);
    }
    tracer.close(SOON).unwrap();
    assert!(collector.wait_for_spans(60, SOON));
    assert_eq!(collector.stats().spans, 60);
    assert_eq!(lines_with(&["INFO finished span: logged"]), 60);
}

/// Returns the number of lines with this part that `f` writes on its own thread.
fn lines_of(part: &str, f: impl FnOnce()) -> usize {
    let count = || lines_with(&[part, &this_thread()]);
    let before = count();
    f();
    count() - before
}

/// A tracer whose losses no worker logs.
fn without_worker() -> Tracer {
    let config = config().agent(false).background(false);
    config.memory_limit(1 << 20).new_tracer().unwrap()
}

#[test]
fn a_loss_is_logged_without_a_worker() {
    let line = "WARN spans lost (memory): 1; the memory for open spans was full; raise memory_limit or sample less";
    let tracer = without_worker();
    let lines = lines_of(line, || {
        let open: Vec<_> = (0..2_000).map(|_| tracer.start("open")).collect();
        assert!(tracer.stats().lost.memory > 500);
        drop(open);
    });
    assert_eq!(lines, 1);

    let tracer = without_worker();
    let lines = lines_of("WARN spans lost (full): 1; ", || {
        while tracer.stats().lost.full == 0 {
            tracer.start("finds a full ring").finish();
        }
    });
    assert_eq!(lines, 1);

    let tracer = without_worker();
    let mut spans = [(); 3].map(|()| tracer.start("open at close"));
    tracer.close(SOON).unwrap();
    let lines = lines_of("WARN spans lost (closed): 1; ", || {
        spans.iter_mut().for_each(picojaeger_std::Span::finish);
    });
    assert_eq!(lines, 1);

    let tracer = without_worker();
    let unsampled = tracer.span_builder("late").tag("sampling.priority", 0);
    let mut late = unsampled.start();
    tracer.close(SOON).unwrap();
    let lines = lines_of("WARN spans lost (closed): 1; ", || {
        late.tag("sampling.priority", 1);
    });
    assert_eq!(lines, 1);
}

/// A loss within a second of another one's line is logged by the next flush.
#[test]
fn a_flush_reports_losses_when_no_span_is_queued() {
    let tracer = without_worker();
    let open: Vec<_> = (0..2_000).map(|_| tracer.start("open")).collect();
    assert!(tracer.stats().lost.memory > 500);
    drop(open);
    tracer.close(SOON).unwrap();
    let lines = lines_of("WARN spans lost (closed): 1; ", || {
        tracer.start("too late").finish();
        // The logger calls the tracer too.
        *FLUSHED.lock().unwrap() = Some(tracer.clone());
        tracer.flush(SOON).unwrap();
        FLUSHED.lock().unwrap().take();
    });
    assert_eq!(lines, 1);
}

/// A worker that sleeps is woken to log a loss of a span that it never gets.
#[test]
fn a_loss_at_the_start_is_logged_by_the_worker() {
    let tracer = config().agent(false).memory_limit(1 << 20);
    let tracer = tracer.new_tracer().unwrap();
    let open: Vec<_> = (0..2_000).map(|_| tracer.start("open")).collect();
    assert!(tracer.stats().lost.memory > 500);
    let by_worker = ["WARN spans lost (memory): ", "by Some(\"picojaeger\")"];
    let until = Instant::now() + SOON;
    while lines_with(&by_worker) == 0 {
        assert!(Instant::now() < until, "no line");
        std::thread::yield_now();
    }
    drop(open);
    tracer.close(SOON).unwrap();
}

#[test]
fn a_span_that_fits_no_packet_is_named() {
    let config = config().max_packet_size(512).agent_port(1);
    let tracer = config.tag("process", "x".repeat(1_000).as_str());
    let tracer = tracer.new_tracer().unwrap();
    tracer.start("GET /\u{1b}large").finish();
    let error = tracer.flush(SOON).unwrap_err();
    let FlushError::Lost { lost, cause, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((lost.too_large, lost.total()), (1, 1));
    let cause = cause.as_ref().unwrap();
    for part in [
        "\"GET /\\u{1b}large\"",
        "the process's tags",
        "512 bytes",
        "max_packet_size",
    ] {
        assert!(cause.contains(part), "no `{part}` in: {cause}");
    }
    assert_eq!(lines_with(&["WARN spans lost (too large): 1; ", cause]), 1);
}

/// Also where the last handle of the tracer is dropped; once, and with control characters taken out.
#[test]
fn a_close_names_the_spans_that_are_open() {
    for close in [true, false] {
        let tracer = config().agent_port(1).new_tracer().unwrap();
        let name = format!("open\u{1b}at the end, {close}");
        let open = [tracer.start(&name), tracer.start(&name)];
        if close {
            tracer.close(SOON).unwrap();
        }
        drop(tracer);
        let line = format!("2 spans open (2 open at the end, {close}); call drain()");
        assert_eq!(lines_with(&["WARN the tracer closes with ", &line]), 1);
        drop(open);
    }
}

/// Reporter that blocks until the test releases it.
struct Slow(Mutex<Receiver<()>>);

impl Reporter for Slow {
    fn report(&self, _: &FinishedSpan<'_>) {
        self.0.lock().unwrap().recv().unwrap();
    }
}

#[test]
fn a_tracer_that_is_dropped_too_early_logs_unsent_spans() {
    let (go_on, wait) = channel();
    let slow = Arc::new(Slow(Mutex::new(wait)));
    let tracer = config().agent(false).reporter(slow).build().unwrap();
    tracer.start("waits").finish();
    drop(tracer);
    let line = "WARN the tracer is dropped with 1 spans not sent";
    assert_eq!(lines_with(&[line, "call close()"]), 1);
    go_on.send(()).unwrap();
}

#[test]
fn a_configurations_warnings_are_logged_once_when_the_tracer_is_made() {
    let variables = [("JAEGER_HOST", "h"), ("JAEGER_SENDER_FACTORY", "http")];
    let config = config().with_variables(variables).unwrap();
    assert_eq!(lines_with(&["JAEGER_HOST"]), 0);
    let tracer = config.new_tracer().unwrap();
    tracer.start("order").finish();
    assert_eq!(lines_with(&["WARN JAEGER_HOST: ", "JAEGER_AGENT_HOST"]), 1);
    assert_eq!(lines_with(&["WARN JAEGER_SENDER_FACTORY: no effect"]), 1);
    let _ = config.disabled(true).new_tracer().unwrap();
    assert_eq!(lines_with(&["JAEGER_HOST"]), 1);
}

#[test]
fn unreadable_headers_are_a_line_and_not_one_each() {
    let tracer = config().agent(false).new_tracer().unwrap();
    for _ in 0..100 {
        assert!(
            tracer
                .extract([("uber-trace-id", "garbage-of-a-peer")])
                .is_none()
        );
    }
    let parts = [
        "WARN",
        "unreadable headers: 1;",
        "uber-trace-id",
        "hex digits",
    ];
    assert_eq!(lines_with(&parts), 1);
    assert_eq!(lines_with(&["unreadable headers"]), 1);
    assert_eq!(
        lines_with(&["garbage-of-a-peer"]),
        0,
        "contents are not logged"
    );
    assert_eq!(tracer.stats().decode_errors, 100);
}

/// The logger flushes and panics on the thread that asks.
#[test]
fn a_sampling_server_that_is_missing_is_one_line() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    drop(config()); // installs the logger
    let tracer = Config::new("no-server")
        .agent(false)
        .sampling_endpoint(&address)
        .sampling_refresh_interval(Duration::from_millis(1))
        .new_tracer()
        .unwrap();
    tracer.start("asks").finish();
    let question = format!("http://{address}/sampling?service=no-server");
    let parts = [
        "WARN",
        &question,
        "0.001",
        "JAEGER_SAMPLING_ENDPOINT",
        "picojaeger-poll",
    ];
    let until = Instant::now() + SOON;
    while lines_with(&parts) == 0 {
        assert!(Instant::now() < until);
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(50)); // dozens of further polls
    assert_eq!(lines_with(&["no-server"]), 1);
    tracer.close(SOON).unwrap();
}
