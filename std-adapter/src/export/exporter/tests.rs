mod batching;
mod further;

use std::collections::HashSet;
use std::net::UdpSocket;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::*;
use crate::collector::decode;
use crate::config::{ClockSource, Config, Sampler};
use crate::memory::budget::Share;
use crate::memory::span_slot::SpanOwner as _;
use crate::reporters::InMemoryReporter;
use crate::state::TracerState;
use crate::state::thread_local::{as_worker, with_shard};
use crate::sys::clock::TickSource;
use crate::sys::sync::lock;
use crate::tracer::lifecycle;
use crate::tracer::span::start_root;
use crate::{FlushError, SpanId, Tracer, TracerBuilder};

const SOON: Duration = Duration::from_secs(20);

fn config() -> Config {
    Config::new("exporter")
        .sampler(Sampler::Const(true))
        .clock(ClockSource::System)
        // Nothing is sent without a flush.
        .flush_interval(Duration::from_secs(3_600))
}

/// Makes a tracer that sends to this transport.
fn sending_to(builder: TracerBuilder, transport: impl Transport + Send + 'static) -> Tracer {
    builder
        .boxed_transport(Box::new(transport))
        .build()
        .unwrap()
}

/// A generator of small numbers, good enough to pick outcomes (xorshift).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// The packets and spans of a transport, by outcome.
#[derive(Default)]
struct Seen {
    accepted: HashSet<SpanId>,
    refused: u64,
    failed: u64,
    /// Packets without an outcome.
    none: u64,
    retried: u64,
    too_large: u64,
    rejected: u64,
    unreachable: u64,
    /// Packets whose outcome came later.
    pending: u64,
}

/// A transport that returns every outcome in a seeded order, or panics without one.
struct Fickle {
    random: Seeded,
    /// The packet without an outcome so far.
    pending: Option<Vec<u8>>,
    calm: Arc<AtomicBool>,
    panics: bool,
    seen: Arc<Mutex<Seen>>,
}

impl Transport for Fickle {
    fn is_ready(&mut self) -> bool {
        self.calm.load(Ordering::Relaxed) || self.random.below(8) > 0
    }

    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        assert!(self.pending.is_none(), "the last packet has no outcome");
        if self.random.below(6) == 0 {
            self.pending = Some(packet.into());
            lock(&self.seen).pending += 1;
            return SendOutcome::Pending;
        }
        self.outcome_of(packet)
    }

    fn poll_outcome(&mut self) -> SendOutcome {
        if self.random.below(2) == 0 {
            return SendOutcome::Pending;
        }
        let packet = self.pending.clone().expect("it is asked for");
        let outcome = self.outcome_of(&packet);
        self.pending = None;
        outcome
    }

    fn last_error(&self) -> Option<&dyn std::fmt::Display> {
        Some(&"fickle")
    }
}

impl Fickle {
    fn outcome_of(&mut self, packet: &[u8]) -> SendOutcome {
        let batch = decode(packet).expect("a packet is whole");
        let count = batch.spans.len() as u64;
        let mut seen = lock(&self.seen);
        let calm = self.calm.load(Ordering::Relaxed);
        match self.random.below(48) {
            0 if !calm && self.panics => {
                seen.none += 1;
                drop(seen);
                panic!("no outcome, as it should be here");
            }
            1..6 if !calm => {
                seen.refused += count;
                SendOutcome::Refused
            }
            6..11 if !calm => {
                seen.failed += count;
                SendOutcome::Failed
            }
            11..16 if !calm => {
                seen.retried += 1;
                SendOutcome::Retry
            }
            16 if !calm => {
                seen.too_large += 1;
                SendOutcome::TooLarge
            }
            17..20 if !calm => {
                seen.unreachable += count;
                SendOutcome::Unreachable
            }
            20..23 if !calm => {
                seen.rejected += count;
                let rejected = count + self.random.below(2);
                SendOutcome::PartlyAccepted { rejected }
            }
            _ => {
                for span in &batch.spans {
                    assert!(seen.accepted.insert(span.span_id), "delivered twice");
                }
                SendOutcome::Accepted
            }
        }
    }
}

/// Compares the tracer's counters with the transport's.
#[track_caller]
fn compare(tracer: &Tracer, seen: &Mutex<Seen>, sampled: u64) -> Stats {
    let (stats, seen) = (tracer.stats(), lock(seen));
    assert!(stats.adds_up(), "{stats}");
    assert_eq!(stats.sampled, sampled, "{stats}");
    assert_eq!(stats.delivered, seen.accepted.len() as u64, "{stats}");
    assert_eq!(stats.lost.refused, seen.refused + seen.rejected, "{stats}");
    assert_eq!(stats.lost.unreachable, seen.unreachable, "{stats}");
    assert_eq!(stats.lost.failed, seen.failed, "{stats}");
    stats
}

fn run_seed(seed: u64) -> Seen {
    let (calm, seen) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let sender = Fickle {
        random: Seeded(seed * 2 + 1),
        pending: None,
        calm: calm.clone(),
        panics: true,
        seen: Arc::clone(&seen),
    };
    let config = config().background(false).max_packet_size(2_000);
    let tracer = sending_to(config.tracer_builder(), sender);
    let state = tracer.state().unwrap();
    let mut random = Seeded(seed ^ 0x9e37_79b9_7f4a_7c15);
    let mut began = 0;
    for _ in 0..40 {
        for _ in 0..random.below(40) {
            let mut span = tracer.start("seeded");
            span.tag("number", random.below(1_000));
            began += 1;
        }
        if random.below(4) == 0 {
            let other = tracer.clone();
            let short = move || other.start("of a short thread").finish();
            thread::spawn(short).join().unwrap();
            began += 1;
        }
        // One packet, or a whole pass.
        let one = random.below(2) == 0;
        let flush = || match one {
            true => tracer.flush(Duration::ZERO).is_ok(),
            false => as_worker(|| state.exporter().pass(&state.common, true)).complete,
        };
        // A panic of the transport comes out of the flush on this thread.
        if let Ok(true) = catch_unwind(AssertUnwindSafe(flush)) {
            assert_eq!(tracer.stats().queued, 0);
        }
        compare(&tracer, &seen, began);
    }
    calm.store(true, Ordering::Relaxed);
    let end = tracer.close(SOON);
    assert!(!matches!(end, Err(FlushError::TimedOut { .. })), "{end:?}");
    let stats = compare(&tracer, &seen, began);
    assert_eq!((stats.open, stats.queued), (0, 0), "{stats}");
    std::mem::take(&mut lock(&seen))
}

#[test]
fn the_sums_hold_for_every_outcome() {
    let mut all = Seen::default();
    for seed in 1..=60 {
        let seen = run_seed(seed);
        all.accepted.extend(seen.accepted);
        all.refused += seen.refused;
        all.failed += seen.failed;
        all.none += seen.none;
        all.retried += seen.retried;
        all.too_large += seen.too_large;
        all.rejected += seen.rejected;
        all.unreachable += seen.unreachable;
        all.pending += seen.pending;
    }
    let each = [
        all.refused,
        all.failed,
        all.none,
        all.retried,
        all.too_large,
        all.rejected,
        all.unreachable,
        all.pending,
    ];
    assert!(each.iter().all(|count| *count > 10), "{each:?}");
}

/// A transport that is not ready until it is opened.
#[derive(Default)]
struct Gate {
    open: Arc<AtomicBool>,
    polls: Arc<AtomicUsize>,
}

impl Transport for Gate {
    fn is_ready(&mut self) -> bool {
        self.polls.fetch_add(1, Ordering::Relaxed);
        self.open.load(Ordering::Relaxed)
    }

    fn send(&mut self, _: &[u8]) -> SendOutcome {
        SendOutcome::Accepted
    }

    fn last_error(&self) -> Option<&dyn std::fmt::Display> {
        Some(&"the gate is shut")
    }
}

#[test]
fn a_close_that_ran_out_of_time_leaves_its_spans_queued() {
    for background in [true, false] {
        let gate = Gate::default();
        let open = gate.open.clone();
        let config = config().background(background);
        let tracer = sending_to(config.tracer_builder(), gate);
        (0..10).for_each(|_| tracer.start("waits").finish());
        let end = tracer.close(Duration::ZERO);
        assert!(
            matches!(end, Err(FlushError::TimedOut { queued: 10, .. })),
            "{end:?}"
        );
        if !background {
            // A worker may not have polled the gate yet.
            let end = end.unwrap_err().to_string();
            assert!(
                end.ends_with("10 spans not sent: the gate is shut"),
                "{end}"
            );
        }
        let stats = tracer.stats();
        assert_eq!((stats.queued, stats.lost.total()), (10, 0), "{stats}");
        open.store(true, Ordering::Relaxed);
        tracer.flush(SOON).unwrap();
        assert_eq!(tracer.stats().delivered, 10);
    }
}

/// Each second the clocks are read, however long the interval is.
#[test]
fn a_worker_that_holds_records_sleeps_for_a_second_at_most() {
    let hour = Duration::from_secs(3_600);
    for (interval, expected) in [(hour, LONGEST), (LONGEST / 2, LONGEST / 2)] {
        let change = |config: Config| config.flush_interval(interval);
        let state = TracerState::of_test(TickSource::System, change);
        drop(start_root(&state, "held"));
        let pass = state.exporter().pass(&state.common, false);
        assert_eq!(pass.rest, Rest::Held(expected));
    }
}

#[test]
fn a_timeout_while_a_packet_is_sent_names_the_receiver() {
    let agent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = agent.local_addr().unwrap();
    let config = config().agent_host("127.0.0.1").agent_port(address.port());
    let tracer = config.background(false).new_tracer().unwrap();
    tracer.start("waits").finish();
    let sending = tracer.state().unwrap().exporter();
    let Err(FlushError::TimedOut { queued, cause, .. }) = tracer.flush(Duration::ZERO) else {
        panic!("it is not sent");
    };
    drop(sending);
    let expected = format!("the time was over while sending to {address} (UDP, compact)");
    assert_eq!((queued, cause), (1, Some(expected)));
    assert_eq!(tracer.flush(SOON), Ok(()));
}

#[test]
fn a_timeout_before_a_packet_is_sent_names_the_receiver() {
    let agent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = agent.local_addr().unwrap();
    let expected =
        format!("the time was over before the rest was sent to {address} (UDP, compact)");
    let expected = Some(expected.as_str());
    let tracer = || {
        let config = config().agent_host("127.0.0.1").agent_port(address.port());
        let tracer = config.background(false).new_tracer().unwrap();
        tracer.start("waits").finish();
        tracer
    };
    // A worker cannot wait for itself, so nothing is sent.
    for end in [Tracer::flush, Tracer::close] {
        let tracer = tracer();
        match as_worker(|| end(&tracer, SOON)) {
            Err(FlushError::TimedOut {
                queued: 1, cause, ..
            }) => {
                assert_eq!(cause.as_deref(), expected);
            }
            end => panic!("{end:?}"),
        }
        assert_eq!(tracer.close(SOON), Ok(()));
    }
    let tracer = tracer();
    let report = as_worker(|| tracer.drain_blocking(SOON));
    assert_eq!((report.queued(), report.last_error()), (1, expected));
}

#[test]
fn a_timeout_names_no_obstacle_that_is_gone() {
    let gate = Gate::default();
    let open = gate.open.clone();
    let config = config().background(false);
    let tracer = sending_to(config.tracer_builder(), gate);
    // A worker cannot wait for itself: its flush times out at once.
    let cause_of_timeout = || match as_worker(|| tracer.flush(SOON)) {
        Err(FlushError::TimedOut { cause, .. }) => cause,
        end => panic!("{end:?}"),
    };
    tracer.start("waits").finish();
    tracer.flush(Duration::ZERO).unwrap_err();
    assert_eq!(cause_of_timeout().as_deref(), Some("the gate is shut"));
    open.store(true, Ordering::Relaxed);
    tracer.flush(SOON).unwrap();
    assert_eq!(cause_of_timeout(), None);
}

#[test]
fn a_worker_that_cannot_send_is_not_woken_by_each_span() {
    let gate = Gate::default();
    let polls = gate.polls.clone();
    let config = config().memory_limit(1 << 20);
    let tracer = sending_to(config.tracer_builder(), gate);
    let (begun, spans) = (std::time::Instant::now(), 10_000);
    for _ in 0..spans {
        tracer.start("finds a full ring").finish();
        thread::yield_now();
    }
    // A poll for each second, and those that the first span and its ring cause.
    let most = 20 + 2 * begun.elapsed().as_secs() as usize;
    let polls = polls.load(Ordering::Relaxed);
    assert!(
        (1..=most).contains(&polls),
        "{polls} polls for {spans} spans"
    );
    assert!(tracer.stats().lost.full > 0);
}

#[test]
fn miri_two_threads_and_a_worker() {
    const EACH: u64 = 4;
    // Small, since Miri checks every byte.
    let config = config().agent(false).memory_limit(1 << 20);
    let config = config.max_packet_size(2_000);
    let tracer = config.new_tracer().unwrap();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for i in 0..EACH {
                    let mut span = tracer.start("of a thread");
                    span.tag("i", i).log().field("event", "look");
                    if i == 0 {
                        span.tag("long", "x".repeat(600).as_str());
                    }
                }
            });
        }
    });
    tracer.flush(SOON).unwrap();
    assert_eq!(tracer.stats().delivered, 2 * EACH);
    let mut span = tracer.start("open at close");
    tracer.close(SOON).unwrap();
    span.tag("late", true).finish();
    drop(span);
    let stats = tracer.stats();
    assert!(stats.adds_up(), "{stats}");
    assert_eq!(
        (stats.delivered, stats.lost.closed),
        (2 * EACH, 1),
        "{stats}"
    );
}

/// Threads exchange rings before and beside passes, and end in the middle of a burst. Under Miri,
/// which reports races, leaks and uses after a free.
#[test]
fn miri_threads_exchange_rings_beside_passes() {
    const BEFORE: u64 = 13;
    const BESIDE: u64 = 6;
    let state = TracerState::of_test(TickSource::System, |config| {
        config.memory_limit(1 << 20).max_packet_size(8_000)
    });
    let text = "x".repeat(900);
    let push = |spans: u64| {
        for _ in 0..spans {
            start_root(&state, "one").tag("text", text.as_str());
        }
    };
    let burst = std::sync::Barrier::new(3);
    thread::scope(|scope| {
        let threads = [(); 2].map(|()| {
            scope.spawn(|| {
                push(BEFORE);
                burst.wait();
                push(BESIDE);
            })
        });
        burst.wait();
        let mut exporter = state.exporter();
        assert!(exporter.holds(&state.common));
        let rings = exporter.rings.len();
        assert!(rings >= 6, "{rings} rings: 4 KiB, 8 KiB and another each");
        drop(exporter);
        while !threads.iter().all(|thread| thread.is_finished()) {
            state.exporter().pass(&state.common, true);
            thread::yield_now();
        }
        // Joined here, so that their rings are back.
        for thread in threads {
            thread.join().unwrap();
        }
    });
    assert!(lifecycle::close(&state, SOON));
    let stats = state.stats();
    assert!(stats.adds_up(), "{stats}");
    assert_eq!(stats.delivered, 2 * (BEFORE + BESIDE), "{stats}");
    assert!(state.exporter().rings.is_empty(), "a ring was not returned");
    assert_eq!(
        state.pool().budget().drawn(Share::Rings),
        0,
        "all are freed"
    );
}

/// A transport with scripted outcomes, the last first, which then accepts.
struct Scripted(Vec<SendOutcome>);

impl Transport for Scripted {
    fn send(&mut self, _: &[u8]) -> SendOutcome {
        self.0.pop().unwrap_or(SendOutcome::Accepted)
    }
}

#[test]
fn a_reporter_gets_a_span_once_although_its_packet_is_tried_again() {
    let reporter = Arc::new(InMemoryReporter::new());
    let config = config().background(false).reporter(reporter.clone());
    let outcomes = vec![SendOutcome::Refused, SendOutcome::Retry];
    let tracer = sending_to(config, Scripted(outcomes));
    tracer.start("seen").finish();
    tracer.flush(Duration::ZERO).unwrap_err();
    assert_eq!((tracer.stats().queued, reporter.len()), (1, 0));
    tracer.flush(Duration::ZERO).unwrap_err();
    assert_eq!((tracer.stats().lost.refused, reporter.len()), (1, 1));
}

#[test]
fn a_reporter_gets_a_span_once_although_its_packet_was_too_large() {
    let reporter = Arc::new(InMemoryReporter::new());
    let config = config().background(false).reporter(reporter.clone());
    let tracer = sending_to(config, Scripted(vec![SendOutcome::TooLarge]));
    (0..20).for_each(|_| tracer.start("seen").finish());
    tracer.flush(SOON).unwrap();
    assert_eq!((tracer.stats().delivered, reporter.len()), (20, 20));
}

/// A transport that takes its time for each packet.
struct Slow {
    /// The polls of the packet that is under way.
    polls: u32,
    outcome: SendOutcome,
    packets: Arc<AtomicUsize>,
}

impl Transport for Slow {
    fn send(&mut self, _: &[u8]) -> SendOutcome {
        assert_eq!(self.polls, 0, "one at a time");
        self.polls = 1;
        self.packets.fetch_add(1, Ordering::Relaxed);
        SendOutcome::Pending
    }

    fn poll_outcome(&mut self) -> SendOutcome {
        self.polls = (self.polls + 1) % 3;
        match self.polls {
            0 => self.outcome,
            _ => SendOutcome::Pending,
        }
    }

    fn last_error(&self) -> Option<&dyn std::fmt::Display> {
        Some(&"under way")
    }
}

#[test]
fn spans_count_as_queued_while_their_packet_is_pending() {
    let (reporter, packets) = (Arc::new(InMemoryReporter::new()), Arc::default());
    let config = config().background(false).reporter(reporter.clone());
    let slow = Slow {
        polls: 0,
        outcome: SendOutcome::PartlyAccepted { rejected: 1 },
        packets: Arc::clone(&packets),
    };
    let tracer = sending_to(config, slow);
    (0..3).for_each(|_| tracer.start("slow").finish());
    for _ in 0..2 {
        let error = tracer.flush(Duration::ZERO).unwrap_err();
        assert!(error.to_string().contains("under way"), "{error}");
        let stats = tracer.stats();
        assert!(stats.adds_up() && stats.queued == 3, "{stats}");
        assert_eq!(reporter.len(), 0, "nobody knows yet");
    }
    tracer.flush(SOON).unwrap_err();
    let stats = tracer.stats();
    assert_eq!((stats.delivered, stats.lost.refused), (2, 1), "{stats}");
    assert!(stats.adds_up() && stats.queued == 0, "{stats}");
    let counts = (reporter.len(), packets.load(Ordering::Relaxed));
    assert_eq!(counts, (3, 1), "each once");
    tracer.start("raced").finish();
    tracer.close(SOON).unwrap_err();
    assert!(tracer.stats().adds_up() && tracer.stats().queued == 0);
}

/// A transport that notes at each call of `settle` how many packets it got since the last.
#[derive(Default)]
struct SettleNotes {
    packets: usize,
    notes: Arc<Mutex<Vec<usize>>>,
}

impl Transport for SettleNotes {
    fn send(&mut self, _: &[u8]) -> SendOutcome {
        self.packets += 1;
        SendOutcome::Accepted
    }

    fn settle(&mut self) {
        lock(&self.notes).push(std::mem::take(&mut self.packets));
    }
}

#[test]
fn the_transport_settles_once_after_the_packets_of_a_pass() {
    let transport = SettleNotes::default();
    let notes = transport.notes.clone();
    let config = config().background(false).max_packet_size(2_000);
    let tracer = sending_to(config.tracer_builder(), transport);
    for spans in [100, 1] {
        (0..spans).for_each(|_| tracer.start("settled").finish());
        tracer.flush(SOON).unwrap();
    }
    let notes = lock(&notes);
    assert!(matches!(notes[..], [many, 1] if many > 1), "{notes:?}");
}

/// A transport that refuses the first packet, and notes the losses in each packet, and whether more
/// follow.
#[derive(Default)]
struct LossNotes {
    notes: Arc<Mutex<Vec<(i64, bool)>>>,
}

impl Transport for LossNotes {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        self.note(packet, false)
    }

    fn send_more(&mut self, packet: &[u8]) -> SendOutcome {
        self.note(packet, true)
    }

    fn take_late_refusals(&mut self) -> u64 {
        1
    }
}

impl LossNotes {
    fn note(&mut self, packet: &[u8], more_follow: bool) -> SendOutcome {
        let stats = decode(packet).unwrap().stats.unwrap();
        let mut notes = lock(&self.notes);
        notes.push((stats.failed_to_emit_spans, more_follow));
        match notes.len() {
            1 => SendOutcome::Refused,
            _ => SendOutcome::Accepted,
        }
    }
}

#[test]
fn a_packet_carries_earlier_losses_and_all_but_the_last_are_followed() {
    let transport = LossNotes::default();
    let notes = transport.notes.clone();
    let config = config().background(false).max_packet_size(2_000);
    let tracer = sending_to(config.tracer_builder(), transport);
    (0..100).for_each(|_| tracer.start("one of many").finish());
    tracer.flush(SOON).unwrap_err();
    let (stats, notes) = (tracer.stats(), lock(&notes));
    assert!(stats.lost.refused > 0 && stats.delivered > 0, "{stats}");
    let expected = stats.lost.refused as i64;
    let mut all = vec![(expected, true); notes.len()];
    all[0] = (0, true);
    all[notes.len() - 1] = (expected, false);
    assert_eq!(*notes, all);
    // Taken after each packet, and when the pass begins and ends.
    assert_eq!(stats.late_refusals, notes.len() as u64 + 2);
}

/// The counters are differences of others, so this compares them with the spans themselves.
#[test]
fn open_and_queued_are_the_counts_of_a_walk() {
    let state = TracerState::of_test(TickSource::System, |config| config.memory_limit(1 << 20));
    let mut open: Vec<_> = (0..7).map(|_| start_root(&state, "open")).collect();
    let finish = || (0..5).for_each(|_| drop(start_root(&state, "held")));
    finish();
    // Joined, so that its slots are back.
    thread::scope(|scope| scope.spawn(finish).join().unwrap());
    let walk = || {
        let mut exporter = state.exporter();
        state.common.rings.take_readers(&mut exporter.rings);
        let mut held = 0;
        for ring in &mut exporter.rings {
            let consumer = ring.as_mut();
            while consumer.peek().is_some() {
                consumer.advance();
                held += 1;
            }
            consumer.rewind();
        }
        let open = with_shard(&state, |shard| shard.cache.in_use(&state));
        (open as u64, held)
    };
    for expected in [(7, 10), (4, 13)] {
        let stats = state.stats();
        assert_eq!((stats.open, stats.queued), expected, "{stats}");
        assert_eq!(walk(), expected);
        open.truncate(4);
    }
    state.exporter().pass(&state.common, true);
    let stats = state.stats();
    assert_eq!((stats.open, stats.queued), (4, 0), "{stats}");
    assert_eq!(walk(), (4, 0));
}

#[test]
fn a_ring_that_is_registered_after_the_last_pass_is_swept() {
    let state = TracerState::of_test(TickSource::System, |config| config.memory_limit(1 << 20));
    state.exporter().pass(&state.common, true);
    // Registers this thread's ring.
    drop(start_root(&state, "raced with the close"));
    state.exporter().sweep(&state.common);
    let stats = state.stats();
    assert_eq!((stats.queued, stats.lost.closed), (0, 1), "{stats}");
}

#[test]
fn agents_get_each_loss_under_one_of_their_causes() {
    let mut stats = Stats::default();
    stats.lost.full = 1;
    stats.lost.too_large = 2;
    stats.lost.refused = 4;
    stats.lost.failed = 8;
    stats.lost.memory = 16;
    stats.lost.closed = 32;
    let mut expected = ClientStats::NONE;
    expected.full_queue_dropped_spans = 1 + 16 + 32;
    expected.too_large_dropped_spans = 2;
    expected.failed_to_emit_spans = 4 + 8;
    assert_eq!(ClientStats::from(&stats.lost), expected);
}
