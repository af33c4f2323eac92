//! Several transports at once.

use super::*;
use crate::TransportStats;
use crate::transport::{FaultInjector, Recorder};

/// The counts of the only further transport.
fn second(tracer: &Tracer) -> TransportStats {
    let mut all = tracer.further_transports();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn spans_in(recorder: &Recorder) -> u64 {
    let packets = recorder.packets().into_iter();
    packets
        .map(|packet| decode(&packet).unwrap().spans.len() as u64)
        .sum()
}

/// Makes a tracer that flushes on the calling thread.
fn with_second<T: Transport + Send + 'static>(
    first: impl Transport + Send + 'static,
    make: impl Fn() -> T + Send + Sync + 'static,
) -> Tracer {
    let config = config().background(false).max_packet_size(2_000);
    sending_to(
        config.tracer_builder().also_transport("second", make),
        first,
    )
}

/// Makes a whole pass, as a worker does at a flush.
fn pass(tracer: &Tracer) -> Pass {
    let state = tracer.state().unwrap();
    as_worker(|| state.exporter().pass(&state.common, true))
}

fn finish(tracer: &Tracer, spans: u64) {
    (0..spans).for_each(|_| tracer.start("to all").finish());
}

#[test]
fn each_transport_gets_every_span_and_loses_its_own() {
    let (first, recorder) = (Recorder::new(), Recorder::new());
    let kept = recorder.clone();
    let tracer = with_second(first.clone(), move || {
        let refuse = |number, _: &[u8]| (number % 2 == 0).then_some(SendOutcome::Refused);
        FaultInjector::new(recorder.clone(), refuse)
    });
    finish(&tracer, 200);
    assert_eq!(tracer.flush(SOON), Ok(()), "the first is the account");
    assert_eq!((tracer.stats().delivered, spans_in(&first)), (200, 200));
    let stats = second(&tracer);
    assert_eq!((stats.name.as_str(), stats.queued), ("second", 0));
    assert_eq!(stats.delivered, spans_in(&kept));
    assert_eq!(stats.delivered + stats.lost.refused, 200);
    assert!(stats.lost.refused > 0 && stats.delivered > 0, "{stats:?}");
    assert_eq!(stats.exports.packets, kept.packets().len() as u64);
}

/// Compares the counts of a further transport with what it saw.
#[track_caller]
fn compare_second(tracer: &Tracer, seen: &Mutex<Seen>) -> TransportStats {
    let (stats, seen) = (second(tracer), lock(seen));
    assert_eq!(stats.delivered, seen.accepted.len() as u64, "{stats:?}");
    assert_eq!(
        stats.lost.refused,
        seen.refused + seen.rejected,
        "{stats:?}"
    );
    assert_eq!(stats.lost.unreachable, seen.unreachable, "{stats:?}");
    assert_eq!(stats.lost.failed, seen.failed, "{stats:?}");
    stats
}

fn fickle(seed: u64, panics: bool) -> (Fickle, Arc<AtomicBool>, Arc<Mutex<Seen>>) {
    let (calm, seen) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let transport = Fickle {
        random: Seeded(seed),
        pending: None,
        calm: calm.clone(),
        panics,
        seen: Arc::clone(&seen),
    };
    (transport, calm, seen)
}

#[test]
fn the_sums_of_each_hold_for_every_outcome_of_both() {
    let mut differ = 0;
    for seed in 1..=40 {
        let (first, first_calm, first_seen) = fickle(seed * 2 + 1, true);
        let (other, other_calm, other_seen) = fickle(seed * 7 + 3, false);
        let other = Mutex::new(Some(other));
        let tracer = with_second(first, move || lock(&other).take().expect("one process"));
        let (mut random, mut began) = (Seeded(seed ^ 0x9e37_79b9_7f4a_7c15), 0);
        for _ in 0..30 {
            let spans = random.below(40);
            finish(&tracer, spans);
            began += spans;
            let flush = || tracer.flush(Duration::ZERO);
            let _panicked = catch_unwind(AssertUnwindSafe(flush));
            compare(&tracer, &first_seen, began);
            compare_second(&tracer, &other_seen);
        }
        first_calm.store(true, Ordering::Relaxed);
        other_calm.store(true, Ordering::Relaxed);
        let end = tracer.close(SOON);
        assert!(!matches!(end, Err(FlushError::TimedOut { .. })), "{end:?}");
        let first = compare(&tracer, &first_seen, began);
        let stats = compare_second(&tracer, &other_seen);
        assert_eq!((first.queued, stats.queued), (0, 0));
        assert_eq!(stats.delivered + stats.lost.total(), began, "{stats:?}");
        differ += u64::from(stats.delivered != first.delivered);
    }
    assert!(differ > 20, "{differ}");
}

#[test]
fn a_second_transport_that_is_dead_keeps_nothing_from_the_first() {
    let gate = Gate::default();
    let open = gate.open.clone();
    let gate = Mutex::new(Some(gate));
    let first = Recorder::new();
    let tracer = with_second(first.clone(), move || {
        lock(&gate).take().expect("one process")
    });
    for round in 1..=3 {
        finish(&tracer, 50);
        assert!(!pass(&tracer).complete);
        let end = tracer.flush(Duration::ZERO).unwrap_err();
        let text = end.to_string();
        assert!(
            text.ends_with(&format!("{} spans not sent: the gate is shut", round * 50)),
            "{text}"
        );
        assert_eq!(spans_in(&first), round * 50);
        let (stats, second) = (tracer.stats(), second(&tracer));
        assert_eq!((stats.delivered, stats.queued), (round * 50, 0));
        assert_eq!((second.queued, second.lost.total()), (round * 50, 0));
    }
    open.store(true, Ordering::Relaxed);
    assert_eq!(tracer.flush(SOON), Ok(()));
    assert_eq!(
        (second(&tracer).delivered, second(&tracer).queued),
        (150, 0)
    );
}

#[test]
fn a_first_transport_that_is_dead_keeps_nothing_from_the_second() {
    let (gate, recorder) = (Gate::default(), Recorder::new());
    let (open, kept) = (gate.open.clone(), recorder.clone());
    let tracer = with_second(gate, move || recorder.clone());
    finish(&tracer, 50);
    assert!(!pass(&tracer).complete);
    assert_eq!((tracer.stats().queued, spans_in(&kept)), (50, 50));
    finish(&tracer, 10);
    assert!(!pass(&tracer).complete);
    assert_eq!((tracer.stats().queued, spans_in(&kept)), (60, 60));
    open.store(true, Ordering::Relaxed);
    tracer.flush(SOON).unwrap();
    assert_eq!(
        (tracer.stats().delivered, second(&tracer).delivered),
        (60, 60)
    );
}

#[test]
fn a_queue_that_is_full_loses_spans_of_its_transport_alone() {
    const SPANS: u64 = 5_000;
    let gate = Mutex::new(Some(Gate::default()));
    let config = config().background(false).memory_limit(1 << 20);
    let make = move || lock(&gate).take().expect("one process");
    let builder = config.tracer_builder().also_transport("second", make);
    let tracer = sending_to(builder, Recorder::new());
    for _ in 0..SPANS / 100 {
        finish(&tracer, 100);
        assert!(!pass(&tracer).complete);
    }
    assert_eq!(tracer.stats().delivered, SPANS);
    let stats = second(&tracer);
    assert_eq!(stats.lost.total(), stats.lost.full);
    assert_eq!(stats.queued + stats.lost.full, SPANS);
    // A record takes 72 bytes at least.
    assert!(
        (1_000..=(128 << 10) / 72).contains(&stats.queued),
        "{stats:?}"
    );
}

/// What is copied at once may be more than the queue holds.
#[test]
fn a_burst_beyond_the_queue_is_sent_as_it_is_copied() {
    const SPANS: u64 = 4_000;
    let (recorder, config) = (Recorder::new(), config().background(false));
    let kept = recorder.clone();
    let builder = config.memory_limit(1 << 20).tracer_builder();
    let builder = builder.also_transport("second", move || recorder.clone());
    let tracer = sending_to(builder, Recorder::new());
    finish(&tracer, SPANS);
    tracer.flush(SOON).unwrap();
    assert_eq!((spans_in(&kept), second(&tracer).lost.total()), (SPANS, 0));
}

#[test]
fn new_records_wake_a_worker_whose_further_transport_waits() {
    let gate = Mutex::new(Some(Gate::default()));
    let tracer = with_second(Recorder::new(), move || {
        lock(&gate).take().expect("one process")
    });
    finish(&tracer, 1);
    let waits = pass(&tracer);
    assert_eq!((waits.complete, waits.rest), (false, Rest::Copies(LONGEST)));
}

#[test]
fn spans_that_fit_no_packet_of_the_first_go_to_the_second() {
    let recorder = Recorder::new();
    let kept = recorder.clone();
    let config = config().background(false).max_packet_size(2_000);
    let builder = config
        .tracer_builder()
        .also_transport("second", move || recorder.clone());
    let refuse = |_, _: &[u8]| Some(SendOutcome::TooLarge);
    let tracer = sending_to(builder, FaultInjector::new(Recorder::new(), refuse));
    finish(&tracer, 30);
    let end = tracer.flush(SOON).unwrap_err();
    assert!(matches!(end, FlushError::Lost { .. }), "{end:?}");
    assert_eq!(tracer.stats().lost.too_large, 30);
    assert_eq!(spans_in(&kept), 30);
}

#[test]
fn a_third_transport_is_independent_of_the_second() {
    let gate = Mutex::new(Some(Gate::default()));
    let recorder = Recorder::new();
    let kept = recorder.clone();
    let builder = config().background(false).tracer_builder();
    let builder = builder
        .also_transport("dead", move || lock(&gate).take().expect("one process"))
        .also_transport("alive", move || recorder.clone());
    let tracer = sending_to(builder, Recorder::new());
    finish(&tracer, 7);
    assert!(!pass(&tracer).complete);
    let counts: Vec<_> = tracer
        .further_transports()
        .into_iter()
        .map(|it| (it.name, it.delivered, it.queued))
        .collect();
    assert_eq!(counts, [("dead".into(), 0, 7), ("alive".into(), 7, 0)]);
    assert_eq!(spans_in(&kept), 7);
    let text = tracer.metrics().to_prometheus();
    for line in [
        "jaeger_tracer_reporter_spans_total{result=\"ok\",service=\"exporter\"} 7",
        "jaeger_tracer_transport_spans_total{result=\"ok\",service=\"exporter\",transport=\"alive\"} 7",
        "jaeger_tracer_transport_queue_length{service=\"exporter\",transport=\"dead\"} 7",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

/// Learns of a refusal late, by each check.
struct Late(u64);

impl Transport for Late {
    fn send(&mut self, _: &[u8]) -> SendOutcome {
        SendOutcome::Accepted
    }

    fn settle(&mut self) {
        self.0 += 1;
    }

    fn take_late_refusals(&mut self) -> u64 {
        std::mem::take(&mut self.0)
    }
}

#[test]
fn late_refusals_of_a_further_transport_are_its_own() {
    let tracer = with_second(Recorder::new(), || Late(1));
    finish(&tracer, 3);
    pass(&tracer);
    let (first, second) = (tracer.stats(), second(&tracer));
    assert_eq!((first.late_refusals, second.late_refusals), (0, 2));
    assert_eq!(second.delivered, 3);
}
