//! A server's own transport and clock, and values that are formatted in place.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use picojaeger_std::collector::decode;
use picojaeger_std::config::Sampler;
use picojaeger_std::model::TagValue;
use picojaeger_std::reporters::{FinishedSpan, InMemoryReporter, Reporter};
use picojaeger_std::transport::{FaultInjector, Recorder};
use picojaeger_std::{Config, FlushError, SendOutcome, TimeSource, Tracer, Transport};

const SOON: Duration = Duration::from_secs(10);

fn config() -> Config {
    Config::new("plant").sampler(Sampler::Const(true))
}

/// Microseconds that a test advances, from the Unix time 1,000 s on; and a step of the Unix time.
#[derive(Default)]
struct Stopped(AtomicU64, AtomicU64);

impl TimeSource for Stopped {
    fn ticks(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn frequency(&self) -> u64 {
        1_000_000
    }

    fn unix_time(&self) -> SystemTime {
        let micros = self.ticks() + self.1.load(Ordering::Relaxed);
        UNIX_EPOCH + Duration::from_secs(1_000) + Duration::from_micros(micros)
    }
}

#[test]
fn the_first_span_after_an_idle_step_of_the_unix_time_has_the_new_time() {
    for background in [true, false] {
        let (clock, spans) = (Arc::new(Stopped::default()), InMemoryReporter::new());
        let config = config().agent(false).background(background);
        let builder = config.reporter(spans.clone());
        let tracer = builder.time_source(clock.clone()).build().unwrap();
        // So long that the rate of the ticks needs no reading within the microseconds that follow.
        let built = Instant::now();
        while built.elapsed() < Duration::from_millis(2) {}
        for (round, step) in [0, 3_600_000_000, 7_000_000].into_iter().enumerate() {
            clock.1.store(step, Ordering::Relaxed);
            clock.0.fetch_add(100, Ordering::Relaxed);
            let before = clock.unix_time().duration_since(UNIX_EPOCH).unwrap();
            let mut span = tracer.start("step");
            clock.0.fetch_add(12, Ordering::Relaxed);
            span.finish();
            tracer.flush(SOON).unwrap();
            let start = spans.spans()[round].start_time_us;
            assert_eq!(start, before.as_micros() as i64, "round {round}");
        }
    }
}

#[test]
fn the_users_clock_times_starts_logs_and_ends() {
    let (clock, spans) = (Arc::new(Stopped::default()), InMemoryReporter::new());
    let builder = config().agent(false).reporter(spans.clone());
    let tracer = builder.time_source(clock.clone()).build().unwrap();
    for round in 0..3 {
        clock.0.store(round * 10_000_000, Ordering::Relaxed);
        let mut span = tracer.start("step");
        clock.0.fetch_add(7, Ordering::Relaxed);
        span.log().field("event", "half");
        clock.0.fetch_add(5, Ordering::Relaxed);
        drop(span);
        tracer.flush(SOON).unwrap();
        let kept = spans.spans();
        let span = &kept[round as usize];
        let start = 1_000_000_000 + round as i64 * 10_000_000;
        assert_eq!((span.start_time_us, span.duration_us), (start, 12));
        assert_eq!(span.logs[0].timestamp_us, start + 7);
    }
}

thread_local! {
    static LATE_SPAN: RefCell<Option<StartsASpan>> = const { RefCell::new(None) };
    static IS_READING: Cell<bool> = const { Cell::new(false) };
}

/// Starts a span where it is dropped: at the end of its thread, without the thread's own state.
struct StartsASpan(Tracer);

impl Drop for StartsASpan {
    fn drop(&mut self) {
        self.0.start("late").finish();
    }
}

/// Starts a span at each reading, except within one.
#[derive(Default)]
struct Traced(OnceLock<Tracer>);

impl TimeSource for Traced {
    fn ticks(&self) -> u64 {
        if let Some(tracer) = self.0.get()
            && !IS_READING.replace(true)
        {
            tracer.start("reading").finish();
            IS_READING.set(false);
        }
        7
    }

    fn frequency(&self) -> u64 {
        1_000_000
    }
}

#[test]
fn the_users_clock_may_trace_even_while_its_thread_ends() {
    let (clock, spans) = (Arc::new(Traced::default()), InMemoryReporter::new());
    let builder = config().agent(false).reporter(spans.clone());
    let tracer = builder.time_source(clock.clone()).build().unwrap();
    clock.0.set(tracer.clone()).ok();
    let traced = tracer.clone();
    // A start in the clock that waits for the start around it would hang here.
    let thread = thread::spawn(move || {
        // Registered before the tracer's state of this thread, so dropped after it.
        LATE_SPAN.set(Some(StartsASpan(traced.clone())));
        traced.start("step").finish();
    });
    thread.join().unwrap();
    tracer.close(SOON).unwrap();
    let count = |name| {
        spans
            .spans()
            .iter()
            .filter(|span| span.operation_name == name)
            .count()
    };
    // Each of the two spans reads the clock at its start and at its end.
    assert_eq!((count("step"), count("late"), count("reading")), (1, 1, 4));
    assert_eq!(tracer.stats().open, 0);
}

/// A clock far in the future.
struct Far;

impl TimeSource for Far {
    fn ticks(&self) -> u64 {
        0
    }

    fn frequency(&self) -> u64 {
        1
    }

    fn unix_time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(i64::MAX as u64 / 2)
    }
}

#[test]
fn a_time_beyond_what_is_sent_is_the_latest_that_is() {
    let spans = InMemoryReporter::new();
    let builder = config().agent(false).reporter(spans.clone());
    let tracer = builder.time_source(Far).build().unwrap();
    tracer.start("step").finish();
    tracer.flush(SOON).unwrap();
    assert_eq!(spans.spans()[0].start_time_us, i64::MAX);
}

/// A link of small packets that takes no larger one.
struct Narrow(Sender<usize>);

impl Transport for Narrow {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        let _ = self.0.send(packet.len());
        SendOutcome::Accepted
    }
    fn mtu(&self) -> usize {
        400
    }
}

#[test]
fn packets_keep_to_the_mtu_of_the_users_transports() {
    let (lengths, sent) = channel();
    let first = lengths.clone();
    let builder = config()
        .tracer_builder()
        .transport(move || Narrow(first.clone()));
    let tracer = builder
        .also_transport("second", move || Narrow(lengths.clone()))
        .build()
        .unwrap();
    for _ in 0..40 {
        tracer.start("small").tag("key", "a value of some length");
    }
    tracer.close(SOON).unwrap();
    let lengths: Vec<usize> = sent.try_iter().collect();
    assert!(
        lengths.len() > 20 && lengths.iter().all(|length| *length <= 400),
        "{lengths:?}"
    );
    assert_eq!(tracer.stats().delivered, 40);
}

#[test]
fn the_users_transport_gets_whole_packets() {
    let recorder = Recorder::new();
    let kept = recorder.clone();
    let builder = config().tracer_builder();
    let tracer = builder.transport(move || recorder.clone()).build().unwrap();
    for _ in 0..100 {
        tracer.start("step").finish();
    }
    tracer.close(SOON).unwrap();
    let batches = kept
        .take()
        .iter()
        .map(|packet| decode(packet).unwrap())
        .collect::<Vec<_>>();
    assert_eq!(
        batches.iter().map(|batch| batch.spans.len()).sum::<usize>(),
        100
    );
    assert_eq!(batches[0].process.service_name, "plant");
    assert!(kept.packets().is_empty());
}

/// Is not ready at first, and has an error to report.
struct Late(u32);

impl Transport for Late {
    fn send(&mut self, _: &[u8]) -> SendOutcome {
        SendOutcome::Refused
    }

    fn is_ready(&mut self) -> bool {
        self.0 += 1;
        self.0 > 3
    }

    fn last_error(&self) -> Option<&dyn std::fmt::Display> {
        Some(&"the plant's gateway is shut")
    }
}

#[test]
fn outcomes_and_errors_of_the_users_transport_are_counted_and_named() {
    let builder = config().background(false).tracer_builder();
    let tracer = builder.transport(|| Late(0)).build().unwrap();
    tracer.start("step").finish();
    let error = tracer.flush(SOON).unwrap_err();
    assert!(
        error.to_string().contains("the plant's gateway is shut"),
        "{error}"
    );
    assert_eq!(tracer.stats().lost.refused, 1);
}

/// Panics at the first packet.
struct Fragile(u32);

impl Transport for Fragile {
    fn send(&mut self, _: &[u8]) -> SendOutcome {
        self.0 += 1;
        assert!(self.0 > 1, "planted");
        SendOutcome::Accepted
    }
}

#[test]
fn a_panic_of_the_users_transport_loses_one_packet_and_ends_nothing() {
    for background in [true, false] {
        let builder = config().background(background).tracer_builder();
        let tracer = builder.transport(|| Fragile(0)).build().unwrap();
        tracer.start("lost").finish();
        let error = tracer.flush(SOON).unwrap_err();
        assert!(error.to_string().contains("transport panicked"), "{error}");
        tracer.start("sent").finish();
        tracer.close(SOON).unwrap();
        let stats = tracer.stats();
        assert_eq!((stats.lost.failed, stats.delivered), (1, 1), "{stats}");
    }
}

/// Refuses each packet; the text of its error asks the tracer for its counts, and panics.
struct Curious(Arc<OnceLock<Tracer>>);

impl Transport for Curious {
    fn send(&mut self, _: &[u8]) -> SendOutcome {
        SendOutcome::Refused
    }

    fn last_error(&self) -> Option<&dyn std::fmt::Display> {
        Some(self)
    }
}

impl std::fmt::Display for Curious {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("{}", self.0.get().unwrap().stats())
    }
}

#[test]
fn the_error_of_the_users_transport_may_read_the_counts_and_panic() {
    for background in [true, false] {
        let cell = Arc::new(OnceLock::new());
        let kept = cell.clone();
        let builder = config().background(background).tracer_builder();
        let builder = builder.transport(move || Curious(kept.clone()));
        let tracer = builder.build().unwrap();
        cell.set(tracer.clone()).ok();
        for _ in 0..2 {
            tracer.start("step").finish();
            let error = tracer.flush(SOON).unwrap_err();
            assert!(error.to_string().contains("transport panicked"), "{error}");
        }
        assert_eq!(tracer.stats().lost.refused, 2);
    }
}

#[test]
fn injected_faults_have_the_outcomes_of_real_ones() {
    let outcomes = [
        Some(SendOutcome::Failed),
        Some(SendOutcome::Retry),
        Some(SendOutcome::TooLarge),
        Some(SendOutcome::Refused),
        None,
    ];
    let inject = move |number: u64, _: &[u8]| outcomes[(number as usize).min(4)];
    let make = move || FaultInjector::new(Recorder::new(), inject);
    let builder = config().background(false).tracer_builder();
    let tracer = builder.transport(make).build().unwrap();
    // Beside it the process's tags are short: half of a packet holds a span.
    let long = "x".repeat(1_000);
    let flush = |timeout| {
        tracer.start("step").tag("long", &long).finish();
        let _lost = tracer.flush(timeout);
        let stats = tracer.stats();
        assert!(stats.adds_up(), "{stats}");
        (
            stats.lost.failed,
            stats.lost.refused,
            stats.queued,
            stats.delivered,
        )
    };
    // One packet is sent even where the time is over.
    assert_eq!(flush(Duration::ZERO), (1, 0, 0, 0), "failed");
    assert_eq!(flush(Duration::ZERO), (1, 0, 1, 0), "to be sent again");
    // Too large: packed again into two smaller packets, of which the first is refused.
    assert_eq!(flush(SOON), (1, 1, 0, 1));
    assert_eq!(flush(SOON), (1, 1, 0, 2));
}

/// Waits at each span until the test lets it go on.
struct Waiting {
    entered: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl Reporter for Waiting {
    fn report(&self, _: &FinishedSpan<'_>) {
        self.entered.send(()).unwrap();
        self.go_on.lock().unwrap().recv().unwrap();
    }
}

#[test]
fn without_a_worker_a_flush_waits_for_another_no_longer_than_its_time() {
    let ((entered, is_in), (go_on, may_go_on)) = (channel(), channel());
    let waiting = Waiting {
        entered,
        go_on: Mutex::new(may_go_on),
    };
    let config = config().agent(false).background(false);
    let tracer = config.reporter(waiting).build().unwrap();
    tracer.start("step").finish();
    thread::scope(|scope| {
        scope.spawn(|| tracer.flush(SOON).unwrap());
        is_in.recv().unwrap();
        let (ended, end) = channel();
        let other = tracer.clone();
        scope.spawn(move || ended.send(other.flush(Duration::from_millis(5))));
        let end = end.recv_timeout(SOON);
        go_on.send(()).unwrap();
        let end = end.expect("the other flush is waited for");
        assert!(matches!(end, Err(FlushError::TimedOut { .. })), "{end:?}");
    });
    assert_eq!(tracer.stats().delivered, 1);
}

#[test]
fn without_a_worker_a_flush_exceeds_its_time_by_one_call_of_a_reporter_at_most() {
    let reporters = [InMemoryReporter::new(), InMemoryReporter::new()];
    let packets = Recorder::new();
    let sent = packets.clone();
    let mut builder = config().background(false).tracer_builder();
    for reporter in &reporters {
        builder = builder.reporter(reporter.clone());
    }
    let tracer = builder.transport(move || packets.clone()).build().unwrap();
    (0..3).for_each(|_| tracer.start("step").finish());
    for calls in 1..=6_usize {
        let end = tracer.flush(Duration::ZERO);
        let seen = reporters.each_ref().map(InMemoryReporter::len);
        assert_eq!(seen, [calls.div_ceil(2), calls / 2]);
        assert_eq!(end.is_ok(), calls == 6, "{end:?}");
        let stats = tracer.stats();
        let expected = if calls == 6 { (0, 3) } else { (3, 0) };
        assert_eq!((stats.queued, stats.delivered), expected, "{stats}");
    }
    // The ring of a thread that ended, all of whose records were read.
    let short = || tracer.start("of a short thread").finish();
    thread::scope(|scope| scope.spawn(short).join().unwrap());
    tracer.flush(Duration::ZERO).unwrap_err();
    tracer.start("step").finish();
    tracer.flush(SOON).unwrap();
    let seen = reporters.each_ref().map(InMemoryReporter::len);
    assert_eq!((seen, tracer.stats().delivered), ([5, 5], 5));
    let in_packets = sent.take().into_iter();
    let in_packets = in_packets.map(|packet| decode(&packet).unwrap().spans.len());
    assert_eq!(in_packets.collect::<Vec<_>>(), [3, 1, 1], "each once");
}

#[test]
fn formatted_values_grow_the_span_and_are_cut_at_the_limit() {
    let spans = InMemoryReporter::new();
    let builder = config().agent(false).reporter(spans.clone());
    let tracer = builder.build().unwrap();
    let mut span = tracer.start("step");
    for n in 0..20 {
        // More than the 512 bytes that a span begins with.
        span.tag_fmt("n", format_args!("{n:0100}"));
    }
    span.log()
        .field("event", "x")
        .field_fmt("ratio", format_args!("{}/{}", 1, 2));
    span.tag_fmt("long", format_args!("{:x>5000}", ""));
    drop(span);
    tracer.flush(SOON).unwrap();
    let span = &spans.spans()[0];
    let texts: Vec<_> = span.tags.iter().filter(|tag| tag.key == "n").collect();
    assert_eq!(texts.len(), 20);
    assert_eq!(texts[19].value, TagValue::from(format!("{:0100}", 19)));
    assert_eq!(span.logs[0].fields[1].value, TagValue::from("1/2"));
    assert_eq!(span.tag("long"), Some(&TagValue::from("x".repeat(1_024))));
    assert_eq!(
        span.tag("picojaeger.truncated"),
        Some(&TagValue::Bool(true))
    );
}

#[test]
fn a_context_is_printed_and_read_back() {
    let tracer = config().agent(false).new_tracer().unwrap();
    let context = tracer.start("step").context();
    let read: picojaeger_std::SpanContext = context.to_string().parse().unwrap();
    assert_eq!(read.trace_id(), context.trace_id());
    assert_eq!(read.span_id(), context.span_id());
    assert!(read.is_sampled());
    assert_eq!(
        format!("{:x}", read.trace_id()).parse(),
        Ok(read.trace_id())
    );
    assert_ne!(picojaeger_std::SpanContext::default(), read);
    let set = std::collections::HashSet::from([read.clone(), read]);
    assert_eq!(set.len(), 1);
}
