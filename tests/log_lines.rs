//! A tracer's lines in the program's log, with a logger that records each line, flushes, and panics.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

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
        let line = format!("{} {}", record.level(), record.args());
        LINES.lock().unwrap().push(line);
        let tracer = FLUSHED.lock().unwrap().clone();
        tracer.map(|tracer| tracer.flush(Duration::ZERO));
        // Not `panic!`: the hook would print a message for every line.
        resume_unwind(Box::new("a line is enough"));
    }

    fn flush(&self) {}
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

#[test]
fn a_flush_reports_losses_when_no_span_is_queued() {
    let config = config().agent(false).memory_limit(1 << 20);
    let tracer = config.new_tracer().unwrap();
    let open: Vec<_> = (0..2_000).map(|_| tracer.start("open")).collect();
    let lost = tracer.stats().lost.memory;
    assert!(lost > 500);
    *FLUSHED.lock().unwrap() = Some(tracer.clone());
    tracer.flush(SOON).unwrap();
    FLUSHED.lock().unwrap().take();
    let line = format!("WARN spans lost (memory): {lost}; ");
    assert_eq!(lines_with(&[&line, "raise it or sample less"]), 1);
    drop(open);
    tracer.flush(SOON).unwrap();
}

#[test]
fn a_span_that_fits_no_packet_is_named() {
    let config = config().max_packet_size(512).agent_port(1);
    let tracer = config.tag("process", "x".repeat(1_000).as_str());
    let tracer = tracer.new_tracer().unwrap();
    tracer.start("GET /\u{1b}large").finish();
    let error = tracer.flush(SOON).unwrap_err();
    let FlushError::Lost { lost, cause } = &error else {
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
