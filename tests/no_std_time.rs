//! Time on a chip, run on the host: a counter of 32 bits at 25 MHz that a test sets, Unix time that
//! is known late, and the times at which packets leave.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use picojaeger_core::ring::{Bytes, OverwriteOldest};
use picojaeger_core::wire::{Process, ThriftCompact};
use picojaeger_core::{
    AsyncTransport, Clock, Const, Drained, Interrupts, PacketReporter, Platform, Ring, Seed,
    SendOutcome, SpanRing, Tracer, Transport, VariableClock,
};
use picojaeger_std::collector::decode;
use picojaeger_std::model::Span;

/// Ticks a second.
const HZ: u64 = 25_000_000;
/// Unix time at tick 0, in microseconds.
const EPOCH: u64 = 1_700_000_000_000_000;

/// A counter of 32 bits, of the ticks that a test has let pass.
struct Timer(AtomicU64);

impl Timer {
    const fn new() -> Self {
        Timer(AtomicU64::new(0))
    }

    /// Sets the exact time, of which the counter shows the low half.
    fn set(&self, ticks: u64) {
        self.0.store(ticks, Ordering::Relaxed);
    }
}

impl Clock for Timer {
    const BITS: u32 = 32;
    fn ticks(&self) -> u64 {
        self.0.load(Ordering::Relaxed) & 0xffff_ffff
    }
    fn frequency(&self) -> u64 {
        HZ
    }
}

type Board = (&'static Timer, Const);
type Reporter<R = Ring> = PacketReporter<'static, Board, ThriftCompact, R>;

/// Declares a timer, and a seeded tracer with a ring of so many bytes.
macro_rules! device {
    ($timer:ident, $tracer:ident, $bytes:literal $(, $ring:ty)?) => {
        static $timer: Timer = Timer::new();
        static RING: Ring<Interrupts, Bytes<$bytes>$(, $ring)?> = Ring::new();
        #[allow(unused_parens, reason = "a policy, or none")]
        static $tracer: Tracer<Board $(, Ring<Interrupts, Bytes<$bytes>, $ring>)?> =
            Tracer::new((&$timer, Const(true)), &RING);
        $tracer.seed(Seed::from_words([1, 2, 3]));
    };
}

fn reporter<R: SpanRing + ?Sized>(tracer: &'static Tracer<Board, R>) -> Reporter<R> {
    let process = Process::new("chip");
    tracer.reporter(ThriftCompact::new(), process).unwrap()
}

/// A transport that keeps the packets it accepts, with scripted outcomes.
#[derive(Default)]
struct Line {
    /// Outcomes of the next packets, the last first; afterwards all are accepted.
    outcomes: Vec<SendOutcome>,
    packets: Vec<Vec<u8>>,
    attempts: usize,
    mtu: Option<usize>,
}

impl Transport for Line {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        self.attempts += 1;
        let outcome = self.outcomes.pop().unwrap_or(SendOutcome::Accepted);
        if outcome == SendOutcome::Accepted {
            self.packets.push(packet.into());
        }
        outcome
    }

    fn mtu(&self) -> usize {
        self.mtu.unwrap_or(usize::MAX)
    }
}

impl Line {
    fn spans(&self) -> Vec<Span> {
        let batches = self.packets.iter().map(|packet| decode(packet).unwrap());
        batches.flat_map(|batch| batch.spans).collect()
    }
}

fn is_unsynced(span: &Span) -> bool {
    span.tags.iter().any(|tag| tag.key == "clock.unsynced")
}

fn since_epoch(unix_micros: i64) -> u64 {
    unix_micros as u64 - EPOCH
}

/// Start and duration in microseconds, the start from the epoch.
fn times(span: &Span) -> (u64, u64) {
    (since_epoch(span.start_time_us), span.duration_us as u64)
}

#[test]
fn an_anchor_is_set_at_extended_ticks_and_dates_what_was_before() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let mut line = Line::default();
    for second in [0, 100, 200, 300] {
        TIMER.set(second * HZ);
        TRACER.start::<0>("early");
    }
    TIMER.set(400 * HZ);
    let now = TRACER.now().unwrap();
    assert_eq!(now, 400 * HZ, "the counter has wrapped twice");
    TRACER.set_unix_time_at(now, EPOCH + 400_000_000, 30);
    reporter.drain_all(&mut line, &mut [0; 1024]);
    let spans = line.spans();
    assert_eq!(spans.len(), 4);
    for (span, second) in spans.iter().zip([0, 100, 200, 300]) {
        let exact = (EPOCH + second * 1_000_000) as i64;
        // Before the anchor, an instant is rounded down.
        assert!(
            (exact - 1..=exact).contains(&span.start_time_us),
            "{span:?}"
        );
    }
    assert!(!spans.iter().any(is_unsynced));
    let uncertainty = spans[0]
        .tags
        .iter()
        .find(|tag| tag.key.starts_with("clock."));
    assert!(uncertainty.is_some(), "{:?}", spans[0].tags);
}

#[test]
fn values_that_hardware_captured_become_a_span() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let mut line = Line::default();
    TRACER.set_unix_time_at(0, EPOCH, 0);
    TIMER.set(100 * HZ);
    TRACER.tick();
    // A transfer over the wrap of the counter, seen a second later.
    let (start, end) = ((1 << 32) - 2_500, (1 << 32) + 2_500);
    TIMER.set(end + HZ);
    let [start, end] = [start, end].map(|exact| TRACER.captured(exact & 0xffff_ffff).unwrap());
    let mut span = TRACER.emit::<128>("adc.dma", start);
    span.tag("n", 64);
    span.log_ticks(start + 1_250).field("event", "half");
    span.finish_ticks(end);
    span.finish_ticks(end + HZ);
    drop(span);
    let parent = TRACER.start::<0>("parent");
    let child = TRACER.span_builder("child").child_of(&parent);
    child
        .start_ticks(start)
        .start::<0>()
        .finish_ticks(start - 1);
    drop(parent);

    assert_eq!(reporter.drain_all(&mut line, &mut [0; 1024]), Drained::All);
    let spans = line.spans();
    let exact_start = ((1_u64 << 32) - 2_500) / 25;
    assert_eq!(times(&spans[0]), (exact_start, 200));
    assert_eq!(since_epoch(spans[0].logs[0].timestamp_us), exact_start + 50);
    assert_eq!(times(&spans[1]), (exact_start, 0), "ends before it starts");
    assert_eq!(spans.len(), 3);
    assert!(reporter.stats().adds_up());
}

#[test]
fn spans_wait_for_the_unix_time() {
    device!(TIMER, TRACER, 1024);
    let mut reporter = reporter(&TRACER);
    let mut line = Line::default();
    reporter.hold_for_anchor(30 * HZ);
    TRACER.start::<0>("early");
    for second in 1..30 {
        TIMER.set(second * HZ);
        assert_eq!(reporter.drain(&mut line, &mut [0; 512]), Drained::All);
        assert_eq!(reporter.poll_at(), Some(30 * HZ));
    }
    assert!(line.packets.is_empty());
    TRACER.set_unix_time_at(29 * HZ, EPOCH + 29_000_000, 0);
    assert!(reporter.poll_at().is_some_and(|at| at <= 29 * HZ));
    reporter.drain(&mut line, &mut [0; 512]);
    let early = &line.spans()[0];
    assert!((early.start_time_us - EPOCH as i64).abs() <= 1, "{early:?}");
    assert!(!is_unsynced(early));
}

#[test]
fn spans_wait_no_longer_than_the_limit_or_a_half_full_ring() {
    device!(TIMER, TRACER, 1024);
    let mut reporter = reporter(&TRACER);
    let mut line = Line::default();
    reporter.hold_for_anchor(30 * HZ);
    TRACER.start::<0>("early");
    TIMER.set(30 * HZ);
    reporter.drain(&mut line, &mut [0; 512]);
    assert!(is_unsynced(&line.spans()[0]), "the limit is over");

    reporter.hold_for_anchor(30 * HZ);
    let mut made = 1;
    while line.spans().len() == 1 {
        TRACER.start::<0>("early");
        made += 1;
        if made == 2 {
            assert_eq!(reporter.poll_at(), Some(60 * HZ), "from then on");
        }
        reporter.drain(&mut line, &mut [0; 512]);
    }
    let stats = reporter.stats();
    assert!(stats.lost.full == 0 && stats.adds_up(), "{stats}");

    TRACER.start::<0>("early");
    reporter.drain_all(&mut line, &mut [0; 512]);
    assert_eq!(line.spans().len(), made + 1, "by request, at once");
}

#[test]
fn spans_that_fill_a_packet_leave_at_once_unless_they_wait_for_the_unix_time() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let mut line = Line::default();
    reporter.set_limit(200);
    reporter.hold_for_anchor(30 * HZ);
    for _ in 0..4 {
        TRACER.start::<0>("early");
    }
    reporter.drain(&mut line, &mut [0; 512]);
    assert_eq!(line.packets.len(), 0, "the ring is not half full");
    assert_eq!(reporter.poll_at(), Some(30 * HZ));
    TRACER.set_unix_time_at(0, EPOCH, 0);
    reporter.drain(&mut line, &mut [0; 512]);
    assert!(!line.packets.is_empty() && !line.spans().iter().any(is_unsynced));
}

#[test]
fn a_tick_backwards_moves_no_later_span() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let mut line = Line::default();
    TRACER.set_unix_time_at(0, EPOCH, 0);
    for ticks in [50, 49, 100, 0, 0xffff_ffff, 10, 125] {
        TIMER.set(ticks);
        TRACER.start::<0>("jitter");
    }
    reporter.drain_all(&mut line, &mut [0; 1024]);
    let starts: Vec<_> = line.spans().iter().map(|span| times(span).0).collect();
    assert_eq!(starts, [2, 2, 4, 4, 4, 4, 5]);
}

#[test]
fn a_sleep_of_more_than_a_period_is_as_long_as_it_was() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let mut line = Line::default();
    TIMER.set(7);
    let span = TRACER.start::<0>("sleep");
    let since = TRACER.now().unwrap();
    TIMER.set(7 + 200 * HZ);
    TRACER.slept(since, 200 * HZ + HZ / 50); // a slow clock that is off by 0.01 %
    drop(span);
    reporter.drain_all(&mut line, &mut [0; 1024]);
    assert_eq!(line.spans()[0].duration_us, 200_000_000);
}

#[test]
fn polls_that_are_rare_delay_no_span_by_more_than_themselves() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let mut line = Line::default();
    for round in 1..=5 {
        TIMER.set((round * 10 - 2) * HZ);
        TRACER.start::<0>("rare");
        TIMER.set(round * 10 * HZ);
        reporter.drain(&mut line, &mut [0; 512]);
        assert_eq!(line.spans().len() as u64, round);
    }
}

#[test]
fn polls_that_are_frequent_wait_for_the_interval() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let mut line = Line::default();
    reporter.set_interval(HZ / 10);
    let mut sent_at = Vec::new();
    for milli in 0..1_000 {
        TIMER.set(milli * HZ / 1_000);
        if milli % 25 == 7 {
            TRACER.start::<0>("frequent");
        }
        let before = line.packets.len();
        reporter.drain(&mut line, &mut [0; 512]);
        if line.packets.len() > before {
            sent_at.push(milli);
        }
    }
    // The first is seen a millisecond after the last poll, which began to count at its own time.
    assert_eq!(sent_at, [106, 206, 306, 406, 506, 606, 706, 806, 906]);
    assert!(reporter.stats().adds_up());
}

#[test]
fn one_packet_a_round_is_enough() {
    device!(TIMER, TRACER, 1024);
    let mut reporter = reporter(&TRACER);
    let mut buffer = [0; 256];
    for round in 0..182 {
        TIMER.set(round * HZ / 2);
        TRACER
            .start::<96>("round")
            .tag("number", 3)
            .tag("mode", "fast");
        if let Some(packet) = reporter.poll(&mut buffer) {
            packet.done(SendOutcome::Accepted);
        }
    }
    let stats = reporter.stats();
    assert_eq!(stats.lost.full, 0, "{stats}");
    assert!(stats.delivered > 175 && stats.adds_up(), "{stats}");
}

#[test]
fn a_peer_that_accepts_nothing_is_asked_at_the_back_off() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    reporter.set_back_off(HZ / 4);
    let mut line = Line {
        outcomes: vec![SendOutcome::Retry; 9],
        ..Line::default()
    };
    TRACER.start::<0>("kept");
    let mut polls = 0;
    for milli in 0..2_100 {
        TIMER.set(HZ + milli * HZ / 1_000);
        if line.packets.is_empty() {
            reporter.drain(&mut line, &mut [0; 512]);
        }
        polls += 1;
    }
    assert_eq!((line.attempts, polls), (9, 2_100), "each 250 ms");
    let at = reporter.poll_at().unwrap();
    assert!(at > TRACER.now().unwrap() && at <= TRACER.now().unwrap() + HZ / 4);
    assert!(reporter.flush(&mut [0; 512]).is_none(), "flush waits too");
    reporter.drain_all(&mut line, &mut [0; 512]);
    assert_eq!(line.spans().len(), 1, "but not by request");
    assert!(reporter.stats().adds_up());
}

#[test]
fn a_dropped_packet_is_packed_again_after_the_back_off() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let mut buffer = [0; 512];
    TRACER.start::<0>("kept");
    TIMER.set(HZ);
    let first = reporter.poll(&mut buffer).unwrap().bytes().to_vec();
    for milli in 0..125 {
        TIMER.set(HZ + milli * HZ / 1_000);
        assert!(reporter.poll(&mut buffer).is_none(), "{milli}");
        assert_eq!(reporter.stats().queued, 1);
    }
    TIMER.set(HZ + HZ / 8);
    let _ = reporter.poll(&mut buffer).unwrap();
    assert!(reporter.poll(&mut buffer).is_none());
    TIMER.set(HZ + HZ / 4);
    let packet = reporter.poll(&mut buffer).unwrap();
    assert_eq!(packet.bytes(), first);
    packet.done(SendOutcome::Accepted);
    assert_eq!(reporter.stats().delivered, 1);
}

#[test]
fn a_ring_that_overwrites_loses_a_dropped_packet_with_a_count() {
    device!(TIMER, TRACER, 1024, OverwriteOldest);
    let mut reporter = reporter(&TRACER);
    TRACER.start::<0>("gone");
    drop(reporter.flush(&mut [0; 512]).unwrap());
    assert!(reporter.poll(&mut [0; 512]).is_none());
    let stats = reporter.stats();
    assert_eq!((stats.lost.failed, stats.queued), (1, 0), "{stats}");
}

#[test]
fn a_buffer_that_was_given_away_gets_its_outcome_later() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let mut buffer = [0; 512];
    TRACER.start::<0>("by DMA");
    let place = reporter.flush(&mut buffer).unwrap().place();
    let batch = decode(buffer.get(place).unwrap()).unwrap(); // as DMA reads it
    assert_eq!(batch.spans.len(), 1);
    assert_eq!(reporter.stats().queued, 1);
    reporter.resume().unwrap().done(SendOutcome::Accepted);
    assert!(reporter.resume().is_none());
    let stats = reporter.stats();
    assert!(stats.delivered == 1 && stats.adds_up(), "{stats}");
}

#[test]
fn poll_at_knows_when_the_counter_must_be_read() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let deadline = 7 << 29;
    assert_eq!(reporter.poll_at(), Some(deadline));
    TIMER.set(1_000);
    assert_eq!(reporter.poll_at(), Some(1_000 + deadline));
    TRACER.start::<0>("one");
    assert_eq!(reporter.poll_at(), Some(1_000 + HZ));
    let mut at = 0;
    // A program that sleeps as long as it may keeps time for ever.
    reporter.drain_all(&mut Line::default(), &mut [0; 512]);
    for late in [0, 1, 1_000, HZ] {
        for _ in 0..100 {
            at = reporter.poll_at().unwrap() + late;
            TIMER.set(at);
            TRACER.tick();
        }
        assert_eq!(TRACER.now(), Some(at));
    }
}

#[test]
fn packets_keep_to_the_transport_s_mtu() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let mut line = Line {
        mtu: Some(200),
        ..Line::default()
    };
    for _ in 0..12 {
        TRACER.start::<96>("small").tag("mode", "fast");
    }
    reporter.drain_all(&mut line, &mut [0; 1024]);
    assert!(line.packets.len() > 1);
    assert!(line.packets.iter().all(|packet| packet.len() <= 200));
    assert_eq!(line.spans().len(), 12);

    line.mtu = Some(20);
    let attempts = line.attempts;
    TRACER.start::<0>("too large");
    reporter.drain_all(&mut line, &mut [0; 1024]);
    let stats = reporter.stats();
    assert_eq!(line.attempts, attempts, "nothing is sent");
    assert!(stats.lost.too_large == 1 && stats.adds_up(), "{stats}");

    line.mtu = None;
    reporter.set_limit(150);
    TRACER.start::<0>("limited");
    TRACER.start::<0>("limited");
    reporter.drain_all(&mut line, &mut [0; 1024]);
    assert!(
        line.packets
            .iter()
            .rev()
            .take(2)
            .all(|packet| packet.len() <= 150)
    );
    assert_eq!(line.spans().len(), 14);
}

/// A line that takes so many bytes at a time, and asserts that it is offered the same packet.
#[derive(Default)]
struct Slow {
    most: usize,
    packet: Vec<u8>,
    /// Bytes of the packet that have left.
    sent: usize,
    line: Line,
}

impl Transport for Slow {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        if self.sent == 0 {
            self.packet = packet.into();
        }
        assert_eq!(packet, self.packet);
        self.sent += self.most;
        if self.sent < packet.len() {
            return SendOutcome::Partial;
        }
        self.sent = 0;
        self.line.send(packet)
    }
}

#[test]
fn a_packet_that_leaves_in_parts_is_offered_until_it_has_left() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let mut slow = Slow {
        most: 16,
        ..Slow::default()
    };
    let (mut buffer, mut drains) = ([0; 256], 0);
    for _ in 0..9 {
        TRACER.start::<0>("in parts");
    }
    TIMER.set(HZ);
    while reporter.drain(&mut slow, &mut buffer) == Drained::Blocked {
        drains += 1;
        TIMER.set(HZ + drains);
        // What is due waits for the medium, which wakes the program.
        assert_eq!(reporter.poll_at(), Some(HZ + drains + (7 << 29)));
        let stats = reporter.stats();
        assert!(stats.queued > 0 && stats.adds_up(), "{stats}");
        if drains % 50 == 7 {
            TRACER.start::<0>("meanwhile"); // fewer than leave
        }
    }
    let bytes: usize = slow.line.packets.iter().map(Vec::len).sum();
    assert!(slow.line.packets.len() >= 2 && drains as usize > bytes / 16 - 9);
    let stats = reporter.stats();
    assert_eq!(slow.line.spans().len() as u64, stats.delivered);
    assert!(stats.delivered >= 9 && stats.adds_up(), "{stats}");
}

#[test]
fn a_part_is_followed_by_any_outcome() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let mut buffer = [0; 256];
    for (outcome, drained, delivered, failed) in [
        (SendOutcome::Accepted, Drained::All, 1, 0),
        (SendOutcome::Failed, Drained::All, 1, 1),
        (SendOutcome::Retry, Drained::Blocked, 1, 1),
        (SendOutcome::Accepted, Drained::All, 3, 1), // with that of the retry
    ] {
        let mut line = Line {
            outcomes: vec![outcome, SendOutcome::Partial],
            ..Line::default()
        };
        TRACER.start::<0>("one");
        let part = reporter.drain_all(&mut line, &mut buffer);
        assert_eq!((part, line.attempts), (Drained::Blocked, 1));
        assert_eq!(reporter.drain(&mut line, &mut buffer), drained, "at once");
        let stats = reporter.stats();
        let counts = (stats.delivered, stats.lost.failed);
        assert_eq!(counts, (delivered, failed), "{outcome:?}");
        assert!(stats.adds_up(), "{stats}");
    }
}

#[test]
fn a_part_in_a_buffer_that_is_too_short_now_is_packed_again() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let mut line = Line {
        outcomes: vec![SendOutcome::Partial],
        ..Line::default()
    };
    for _ in 0..4 {
        TRACER.start::<0>("one");
    }
    reporter.drain_all(&mut line, &mut [0; 512]);
    let drained = reporter.drain_all(&mut line, &mut [0; 160]);
    assert_eq!((drained, line.spans().len()), (Drained::All, 4));
    assert_eq!(reporter.stats().delivered, 4);
}

#[test]
fn a_part_of_a_ring_that_overwrites_leaves_from_the_buffer() {
    device!(TIMER, TRACER, 1024, OverwriteOldest);
    let mut reporter = reporter(&TRACER);
    let mut slow = Slow {
        most: 16,
        ..Slow::default()
    };
    let mut buffer = [0; 512];
    TRACER.start::<0>("first");
    while slow.line.packets.is_empty() {
        reporter.drain_all(&mut slow, &mut buffer);
        (0..9).for_each(|_| drop(TRACER.start::<0>("many"))); // until the ring overwrites
    }
    assert_eq!(slow.line.spans()[0].operation_name, "first");
    let stats = reporter.stats();
    assert!(stats.lost.evicted > 0 && stats.adds_up(), "{stats}");
    assert_eq!(stats.delivered, 1);
}

#[test]
fn a_poll_offers_the_rest_of_a_packet_whatever_becomes_of_the_guard() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let mut buffer = [0; 256];
    TRACER.start::<0>("one");
    let packet = reporter.flush(&mut buffer).unwrap();
    let first = packet.bytes().to_vec();
    packet.done(SendOutcome::Partial);
    assert!(reporter.announce(&mut buffer).is_none(), "not in between");
    assert_eq!(reporter.poll(&mut buffer).unwrap().bytes(), first);
    let packet = reporter.poll(&mut buffer).unwrap();
    assert_eq!(packet.bytes(), first, "a dropped guard is the same again");
    packet.done(SendOutcome::Accepted);
    assert!(reporter.poll(&mut buffer).is_none());
    assert_eq!(reporter.stats().delivered, 1);
}

#[test]
fn an_awaited_line_leaves_nothing_under_way() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let mut line = Awaited::default();
    line.0.outcomes = vec![SendOutcome::Partial, SendOutcome::Pending];
    for failed in [1, 2] {
        TRACER.start::<0>("one");
        let drained = polled(reporter.drain_all_async(&mut line, &mut [0; 512]), 9);
        assert_eq!(drained, Some(Drained::All));
        let stats = reporter.stats();
        assert!(stats.lost.failed == failed && stats.adds_up(), "{stats}");
        assert!(reporter.resume().is_none());
    }
}

/// A line that learns of two errors after each drain.
struct Late;

impl Transport for Late {
    fn send(&mut self, _: &[u8]) -> SendOutcome {
        SendOutcome::Accepted
    }
    fn take_late_refusals(&mut self) -> u64 {
        2
    }
}

/// A line without a carrier.
struct Down;

impl Transport for Down {
    fn send(&mut self, _: &[u8]) -> SendOutcome {
        panic!("not ready")
    }
    fn is_ready(&mut self) -> bool {
        false
    }
}

#[test]
fn a_program_sleeps_while_the_line_is_down() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let mut buffer = [0; 512];
    TRACER.start::<0>("kept");
    for milli in [1_000, 1_125, 1_250] {
        let now = milli * HZ / 1_000;
        TIMER.set(now);
        assert_eq!(reporter.poll_at(), Some(now), "it is due");
        let drained = reporter.drain(&mut Down, &mut buffer);
        assert_eq!(drained, Drained::Blocked);
        assert_eq!(reporter.poll_at(), Some(now + HZ / 8), "but not at once");
    }
    TIMER.set(2 * HZ);
    let mut line = Line::default();
    assert_eq!(reporter.drain(&mut line, &mut buffer), Drained::All);
    assert_eq!(line.spans().len(), 1);
}

#[test]
fn late_refusals_add_up_over_several_drains() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    for drains in 1..=3 {
        TRACER.start::<0>("one");
        reporter.drain_all(&mut Late, &mut [0; 512]);
        assert_eq!(reporter.stats().late_refusals, 2 * drains);
        assert!(reporter.stats().adds_up());
    }
}

#[test]
fn a_tracer_of_a_variable_clock_sleeps_as_long_as_its_counter_allows() {
    static CLOCK: VariableClock<&Timer> = VariableClock::new(&TIMER);
    static TIMER: Timer = Timer::new();
    static RING: Ring<Interrupts, Bytes<1024>> = Ring::new();
    static TRACER: Tracer<(&VariableClock<&Timer>, Const)> =
        Tracer::new((&CLOCK, Const(true)), &RING);
    TRACER.seed(Seed::from_words([1, 2, 3]));
    let process = Process::new("chip");
    let mut reporter = TRACER.reporter(ThriftCompact::new(), process).unwrap();
    assert_eq!(reporter.poll_at(), Some(7 << 29));
    CLOCK.frequency_changed(HZ / 2); // a tick of the counter is two of the clock
    let mut counted = 0;
    for _ in 0..20 {
        let now = TRACER.now().unwrap();
        let at = reporter.poll_at().unwrap();
        assert_eq!(at, now + (7 << 30));
        counted += (at - now) / 2;
        TIMER.set(counted);
        assert_eq!(TRACER.now(), Some(at), "a sleep until then is exact");
    }
    // A sleep of more than a period of the counter, by a slower clock.
    let since = TRACER.now().unwrap();
    TIMER.set(counted + (3 << 32));
    TRACER.slept(since, (3 << 33) - HZ);
    assert_eq!(TRACER.now(), Some(since + (3 << 33)));
}

/// A platform whose reporter sleeps until it is woken.
struct Sleeper {
    timer: Timer,
    wakes: AtomicU64,
}

impl Platform for &'static Sleeper {
    type Clock = Timer;
    type Sampler = Const;
    const SIGNALS_HALF_FULL: bool = true;
    fn half_full(&self) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }
    fn clock(&self) -> &Timer {
        &self.timer
    }
    fn sampler(&self) -> &Const {
        &Const(true)
    }
}

#[test]
fn a_half_full_ring_wakes_the_reporter() {
    static SLEEPER: Sleeper = Sleeper {
        timer: Timer::new(),
        wakes: AtomicU64::new(0),
    };
    static RING: Ring<Interrupts, Bytes<1024>> = Ring::new();
    static TRACER: Tracer<&'static Sleeper> = Tracer::new(&SLEEPER, &RING);
    TRACER.seed(Seed::from_words([1, 2, 3]));
    let process = Process::new("chip");
    let mut reporter = TRACER.reporter(ThriftCompact::new(), process).unwrap();
    let mut line = Line::default();
    let record = 8 + size_of::<Span0>(); // its header, and a span without an area
    let half = 512_usize.div_ceil(record);
    for _ in 1..half {
        TRACER.start::<0>("burst");
    }
    assert_eq!(SLEEPER.wakes.load(Ordering::Relaxed), 0);
    TRACER.start::<0>("burst");
    TRACER.emit::<0>("burst", 0).finish_ticks(0);
    assert_eq!(SLEEPER.wakes.load(Ordering::Relaxed), 2);

    // A program that drains only when it is woken loses nothing.
    for _ in 0..1_000 {
        TRACER.start::<0>("burst");
        if SLEEPER.wakes.swap(0, Ordering::Relaxed) > 0 {
            reporter.drain(&mut line, &mut [0; 2048]);
        }
    }
    let stats = reporter.stats();
    assert!(stats.lost.full == 0 && stats.delivered > 990, "{stats}");
}

/// A line that is awaited: each packet has left at the second poll.
#[derive(Default)]
struct Awaited(Line);

impl AsyncTransport for Awaited {
    async fn send(&mut self, packet: &[u8]) -> SendOutcome {
        let mut waited = false;
        std::future::poll_fn(|_| match std::mem::replace(&mut waited, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        self.0.send(packet)
    }

    fn mtu(&self) -> usize {
        150
    }
}

/// Polls a future so many times, and drops it.
fn polled<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..polls).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    })
}

#[test]
fn a_drain_that_is_dropped_loses_nothing() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let mut line = Awaited::default();
    line.0.outcomes = vec![SendOutcome::Retry];
    let (mut made, mut buffer) = (0, [0; 512]);
    for polls in 0..12 {
        for _ in 0..7 {
            TRACER.start::<0>("op");
            made += 1;
        }
        let all = polled(reporter.drain_all_async(&mut line, &mut buffer), polls);
        assert!(polls > 0 || all.is_none());
    }
    let first = polled(reporter.drain_async(&mut line, &mut buffer), 100);
    assert_eq!(first, Some(Drained::All), "nothing is due in a back-off");
    let rest = polled(reporter.drain_all_async(&mut line, &mut buffer), 100);
    assert_eq!(rest, Some(Drained::All));
    let stats = reporter.stats();
    assert_eq!(line.0.spans().len(), made);
    assert!(stats.delivered == made as u64 && stats.adds_up(), "{stats}");
    assert!(line.0.packets.iter().all(|packet| packet.len() <= 150));
}

#[test]
fn poll_at_knows_of_a_back_off_at_once() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let mut buffer = [0; 512];
    let mut line = Awaited::default();
    line.0.outcomes = vec![SendOutcome::Retry];
    TRACER.start::<0>("kept");
    let blocked = reporter.drain_all(&mut line.0, &mut buffer);
    assert_eq!(blocked, Drained::Blocked);
    TIMER.set(2 * HZ);
    assert_eq!(reporter.poll_at(), Some(2 * HZ + HZ / 8));
    TIMER.set(3 * HZ);
    let dropped = polled(reporter.drain_async(&mut line, &mut buffer), 1);
    assert_eq!(dropped, None);
    assert_eq!(reporter.poll_at(), Some(3 * HZ + HZ / 8));
    TIMER.set(4 * HZ);
    polled(reporter.drain_async(&mut line, &mut buffer), 2);
    assert_eq!(line.0.spans().len(), 1);
    assert!(reporter.stats().adds_up());
}

#[test]
fn a_seed_that_comes_late_does_not_turn_the_time_back() {
    static TIMER: Timer = Timer::new();
    static RING: Ring<Interrupts, Bytes<1024>> = Ring::new();
    static TRACER: Tracer<Board> = Tracer::new((&TIMER, Const(true)), &RING);
    let mut reporter = reporter(&TRACER);
    for second in [100, 200, 300] {
        TIMER.set(second * HZ);
        reporter.drain(&mut Line::default(), &mut [0; 512]);
    }
    TRACER.set_unix_time_at(300 * HZ, EPOCH, 0);
    TRACER.seed(Seed::from_words([1, 2, 3]));
    assert_eq!(TRACER.now(), Some(300 * HZ));
    TRACER.start::<0>("late");
    let mut line = Line::default();
    reporter.drain_all(&mut line, &mut [0; 512]);
    assert_eq!(times(&line.spans()[0]).0, 0);
}

/// A transport during whose sends spans finish.
struct Busy(&'static Tracer<Board>, usize);

impl Transport for Busy {
    fn send(&mut self, _: &[u8]) -> SendOutcome {
        self.1 += 1;
        assert!(self.1 < 10, "no end");
        self.0.start::<0>("meanwhile");
        SendOutcome::Accepted
    }
}

impl AsyncTransport for Busy {
    async fn send(&mut self, packet: &[u8]) -> SendOutcome {
        Transport::send(self, packet)
    }
}

#[test]
fn a_drain_ends_however_many_spans_finish_meanwhile() {
    device!(TIMER, TRACER, 4096);
    let mut reporter = reporter(&TRACER);
    let (mut busy, mut buffer) = (Busy(&TRACER, 0), [0; 512]);
    TRACER.start::<0>("first");
    assert_eq!(reporter.drain_all(&mut busy, &mut buffer), Drained::All);
    assert_eq!((busy.1, reporter.stats().queued), (1, 1));
    let drained = polled(reporter.drain_all_async(&mut busy, &mut buffer), 1);
    assert_eq!(drained, Some(Drained::All));
    assert_eq!((busy.1, reporter.stats().queued), (2, 1));
}

#[test]
fn a_counter_that_runs_before_the_seed_may_show_anything() {
    static TIMER: Timer = Timer::new();
    static RING: Ring<Interrupts, Bytes<1024>> = Ring::new();
    static TRACER: Tracer<Board> = Tracer::new((&TIMER, Const(true)), &RING);
    let late = (1 << 32) - 1_000;
    TIMER.set(late);
    TRACER.seed(Seed::from_words([1, 2, 3]));
    assert_eq!(TRACER.now(), Some(late));
    TIMER.set(late + 2_000);
    assert_eq!(TRACER.now(), Some(late + 2_000));
}

/// The size of a record's fixed part: 56 bytes and a word.
type Span0 = [usize; 8];
