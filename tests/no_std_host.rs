//! A firmware's tracer, run on the host: a static ring, a fake clock, fixed ids.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use picojaeger_core::adapter::Timestamp;
use picojaeger_core::adapter::record::Records;
use picojaeger_core::ring::{Bytes, Consumer, OverwriteOldest};
use picojaeger_core::wire::relay::{Device, RelayFrames};
use picojaeger_core::wire::{Process, ThriftCompact};
use picojaeger_core::{
    BaggageTable, Clock, Const, Decision, Description, Drained, Flags, Interrupts, Key,
    PacketReporter, Platform, Query, RawMutex, Ring, Sampler, Seed, SendOutcome, Span, SpanContext,
    SpanId, SpanReference, TextMap, ToContext, TraceId, Tracer, Transport, Value, tags,
};
use picojaeger_std::collector::decode;

mod common;

/// A counter of 24 bits that a test sets.
struct Timer(AtomicU64);

impl Clock for Timer {
    const BITS: u32 = 24;
    fn ticks(&self) -> u64 {
        self.0.load(Ordering::Relaxed) & 0xff_ffff
    }
    fn frequency(&self) -> u64 {
        1_000_000
    }
}

/// A sampler with a switch that counts its calls.
struct Switch {
    on: AtomicBool,
    calls: AtomicU64,
}

impl Sampler for Switch {
    fn sample(&self, query: &Query<'_>) -> Decision {
        assert!(!query.trace_id.is_zero() && !query.operation.is_empty());
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.on.load(Ordering::Relaxed) {
            Decision::Sample { code: 5 }
        } else {
            Decision::Drop
        }
    }
    fn description(&self, _code: u8) -> Option<Description> {
        None
    }
}

struct Board {
    timer: Timer,
    sampler: Switch,
}

impl Board {
    const fn new() -> Self {
        Board {
            timer: Timer(AtomicU64::new(100)),
            sampler: Switch {
                on: AtomicBool::new(true),
                calls: AtomicU64::new(0),
            },
        }
    }

    fn set(&self, ticks: u64) {
        self.timer.0.store(ticks, Ordering::Relaxed);
    }

    fn sampling(&self, on: bool) {
        self.sampler.on.store(on, Ordering::Relaxed);
    }

    fn sampler_calls(&self) -> u64 {
        self.sampler.calls.load(Ordering::Relaxed)
    }
}

impl Platform for &'static Board {
    type Clock = Timer;
    type Sampler = Switch;
    fn clock(&self) -> &Timer {
        &self.timer
    }
    fn sampler(&self) -> &Switch {
        &self.sampler
    }
}

/// Declares a board, a ring and a seeded tracer for one test.
macro_rules! device {
    ($board:ident, $ring:ident, $tracer:ident) => {
        static $board: Board = Board::new();
        static $ring: Ring<Interrupts, Bytes<4096>> = Ring::new();
        static $tracer: Tracer<&'static Board> = Tracer::new(&$board, &$ring);
        $tracer.seed(Seed::from_words([1, 2, 3]));
    };
}

/// The reporter of this tracer.
fn reporter(
    tracer: &'static Tracer<&'static Board>,
) -> PacketReporter<'static, &'static Board, ThriftCompact> {
    let process = Process::new("chip");
    tracer.reporter(ThriftCompact::new(), process).unwrap()
}

fn remote(flags: Flags) -> SpanContext {
    SpanContext::new(
        TraceId::from_parts(7, 8),
        SpanId::new(9),
        flags | Flags::REMOTE,
    )
}

/// Takes the next record, and returns the result of `read`.
fn next<T>(
    consumer: &mut Consumer<'_, Records>,
    read: impl FnOnce(picojaeger_core::adapter::record::Record<'_>) -> T,
) -> Option<T> {
    let found = consumer.peek().map(read);
    consumer.advance();
    consumer.release();
    found
}

#[test]
fn a_span_arrives_as_it_was_made() {
    device!(BOARD, RING, TRACER);
    let mut span = TRACER.start::<96>("sample");
    span.tag("channel", 3).tag("mode", "fast");
    let context = span.context();
    BOARD.set(150);
    span.finish();
    span.finish();
    span.tag("late", 1).set_operation_name("late");
    drop(span);

    let mut consumer = RING.consumer().unwrap();
    next(&mut consumer, |record| {
        assert_eq!((record.operation(), record.context()), ("sample", context));
        assert_eq!(record.context().trace_id().low(), context.span_id().get());
        assert!(record.parent().is_zero());
        assert_eq!(
            (record.start(), record.finish()),
            (Timestamp::Ticks(100), Timestamp::Ticks(150))
        );
        assert_eq!(record.sampler(), 5);
        let found: Vec<_> = record.tags().map(|tag| (tag.key, tag.value)).collect();
        assert_eq!(
            found,
            [("channel", Value::I64(3)), ("mode", Value::Str("fast"))]
        );
    })
    .unwrap();
    assert!(
        consumer.peek().is_none(),
        "a second finish and the drop are harmless"
    );
    let stats = TRACER.stats();
    assert_eq!((stats.sampled, stats.open, stats.queued), (1, 0, 1));
    assert!(stats.adds_up());
}

#[test]
fn spans_before_the_seed_are_unsampled_and_counted() {
    static BOARD: Board = Board::new();
    static RING: Ring<Interrupts, Bytes<256>> = Ring::new();
    static TRACER: Tracer<&Board> = Tracer::new(&BOARD, &RING);
    let early = TRACER.start::<96>("early");
    let mut child = TRACER.span_builder("child").child_of(&early).start::<96>();
    child.tag(tags::SAMPLING_PRIORITY, 1);
    assert!(!early.context().is_valid() && !child.is_writable());
    TRACER.seed(Seed::from_words([1, 2, 3]));
    let root = TRACER.span_builder("root").child_of(&early).start::<96>();
    assert!(
        root.context().is_valid() && root.is_writable(),
        "a new trace begins"
    );
    drop((early, child));
    let stats = TRACER.stats();
    assert_eq!((stats.unseeded, stats.sampled, stats.open), (2, 1, 1));
    assert!(stats.adds_up());
}

#[test]
fn two_boots_with_a_counter_in_the_seed_share_no_trace() {
    const DEVICE: [u32; 2] = [0x1234_5678, 0x9abc_def0];
    let mut seen = std::collections::HashSet::new();
    for boot in 0..200 {
        let seed = Seed::from_words([DEVICE[0], DEVICE[1], boot]);
        let mut generator = picojaeger_core::adapter::IdGenerator::new(seed);
        for _ in 0..50 {
            assert!(seen.insert(generator.root(false).0), "boot {boot}");
        }
    }
}

#[test]
fn children_join_the_trace_and_take_its_decision() {
    device!(BOARD, RING, TRACER);
    let parent = TRACER.start::<32>("parent");
    let child = TRACER.span_builder("child").child_of(&parent).start::<32>();
    assert_eq!(child.context().trace_id(), parent.context().trace_id());
    assert_ne!(child.context().span_id(), parent.context().span_id());
    assert_eq!(child.record().parent(), parent.context().span_id());
    assert_eq!((child.record().sampler(), BOARD.sampler_calls()), (0, 1));
    assert_eq!(child.record().references().count(), 0);

    BOARD.sampling(false);
    let local = TRACER.start::<32>("local");
    let mut below = TRACER.span_builder("below").child_of(&local).start::<32>();
    below.tag("k", 1).log().field("k", 1);
    assert!(!local.is_writable() && !below.is_writable());
    assert!(
        local.record().start() == Timestamp::Ticks(100),
        "a local root reads the clock"
    );
    assert!(
        below.record().start() == Timestamp::Ticks(0),
        "its unsampled child does not"
    );
    assert_eq!(
        below.record().tags().count() + below.record().logs().count(),
        0
    );
    assert!(below.context().is_valid());
    drop((parent, child, local, below));
    let stats = TRACER.stats();
    assert_eq!((stats.sampled, stats.queued, stats.unsampled), (2, 2, 2));
    assert!(stats.adds_up());
}

#[test]
fn remote_parents_decide_unless_they_defer() {
    device!(BOARD, RING, TRACER);
    BOARD.sampling(false);
    let yes = TRACER
        .span_builder("yes")
        .child_of(remote(Flags::SAMPLED | Flags::FIREHOSE))
        .start::<0>();
    assert_eq!(yes.context().flags(), Flags::SAMPLED | Flags::FIREHOSE);
    assert_eq!(
        (yes.context().trace_id(), yes.record().parent()),
        (remote(Flags::default()).trace_id(), SpanId::new(9))
    );
    BOARD.sampling(true);
    let no = TRACER
        .span_builder("no")
        .child_of(remote(Flags::default()))
        .start::<0>();
    assert!(!no.is_writable());
    assert_eq!(
        no.record().start(),
        Timestamp::Ticks(100),
        "it is a local root"
    );
    assert_eq!(BOARD.sampler_calls(), 0);

    for on in [true, false] {
        BOARD.sampling(on);
        let open = TRACER
            .span_builder("open")
            .child_of(remote(Flags::DEFERRED))
            .start::<0>();
        assert_eq!((open.is_writable(), open.record().parent().get()), (on, 9));
        assert_eq!(open.record().sampler(), if on { 5 } else { 0 });
    }
    assert_eq!(BOARD.sampler_calls(), 2);
    drop((yes, no));
    assert_eq!(TRACER.stats().unsampled, 2);
    assert!(TRACER.stats().adds_up());
}

#[test]
fn references_complete_the_parent() {
    device!(BOARD, RING, TRACER);
    let one = TRACER.start::<0>("one");
    let two = TRACER.start::<0>("two");
    let three = TRACER.span_builder("three").child_of(&one).start::<0>();
    let [a, b, c] = [one.context(), two.context(), three.context()];
    let found = |span: &Span<'_, &'static Board>| -> (u64, Vec<(bool, u64)>) {
        let record = span.record();
        let references = record.references().map(|r| (r.follows, r.span.get()));
        (record.parent().get(), references.collect())
    };
    let id = |context: SpanContext| context.span_id().get();

    let span = TRACER
        .span_builder("s")
        .child_of(a)
        .follows_from(c)
        .start::<96>();
    assert_eq!(found(&span), (id(a), vec![(true, id(c))]));
    let span = TRACER.span_builder("s").follows_from(b).start::<96>();
    assert_eq!(found(&span), (id(b), vec![(true, id(b))]));
    let list = [
        SpanReference::FollowsFrom(a),
        SpanReference::ChildOf(b),
        SpanReference::ChildOf(c),
    ];
    let span = TRACER.span_builder("s").references(&list).start::<96>();
    assert_eq!(found(&span), (id(b), vec![(true, id(a)), (false, id(c))]));
    let span = TRACER
        .span_builder("s")
        .child_of(c)
        .references(&list)
        .start::<192>();
    assert_eq!(
        found(&span),
        (id(c), vec![(true, id(a)), (false, id(b)), (false, id(c))])
    );
    let span = TRACER
        .span_builder("s")
        .references(&list[..1])
        .start::<96>();
    assert_eq!(found(&span), (id(a), vec![(true, id(a))]));
    let none: Option<SpanContext> = None;
    let span = TRACER
        .span_builder("s")
        .child_of(none)
        .follows_from(SpanContext::default())
        .start::<96>();
    assert_eq!(found(&span), (0, vec![]));
    let span = TRACER
        .span_builder("s")
        .child_of(a)
        .references(&list)
        .start::<8>();
    assert_eq!(
        (found(&span).1.len(), span.record().dropped()),
        (0, 3),
        "they do not fit the area, counted"
    );
}

#[test]
fn a_tag_that_forces_sampling_is_seen_before_the_sampler() {
    device!(BOARD, RING, TRACER);
    BOARD.sampling(false);
    let demand = [(tags::SAMPLING_PRIORITY.into(), Value::I64(1))];
    let forced = TRACER.span_builder("forced").tags(&demand).start::<32>();
    assert_eq!(forced.context().flags(), Flags::SAMPLED | Flags::DEBUG);
    assert_eq!(forced.record().tags().count(), 1);
    BOARD.sampling(true);
    let demand = [(tags::SAMPLING_PRIORITY.into(), Value::F64(0.0))];
    let cleared = TRACER.span_builder("cleared").tags(&demand).start::<32>();
    let child = TRACER
        .span_builder("child")
        .child_of(&forced)
        .tags(&demand)
        .start::<32>();
    assert!(!cleared.is_writable() && !child.is_writable());
    assert_eq!(BOARD.sampler_calls(), 0);
    drop((forced, cleared, child));
    let stats = TRACER.stats();
    assert_eq!((stats.sampled, stats.unsampled, stats.cleared), (1, 2, 0));
    assert!(stats.adds_up());
}

#[test]
fn priority_1_is_debug_and_leaves_firehose() {
    device!(BOARD, RING, TRACER);
    let debug = Flags::SAMPLED | Flags::DEBUG;
    let mut span = TRACER.start::<32>("sampled");
    assert_eq!(span.context().flags(), Flags::SAMPLED);
    span.tag(tags::SAMPLING_PRIORITY, 1);
    assert_eq!(span.context().flags(), debug);

    let parent = remote(Flags::SAMPLED | Flags::FIREHOSE);
    let demand = [(tags::SAMPLING_PRIORITY.into(), Value::I64(1))];
    let child = TRACER.span_builder("child").child_of(parent).tags(&demand);
    let child = child.start::<32>();
    assert_eq!(child.context().flags(), debug | Flags::FIREHOSE);
}

#[test]
fn priority_0_clears_debug_too() {
    device!(BOARD, RING, TRACER);
    let demand = [(tags::SAMPLING_PRIORITY.into(), Value::I64(1))];
    let mut span = TRACER.span_builder("debugged").tags(&demand).start::<32>();
    assert_eq!(span.context().flags(), Flags::SAMPLED | Flags::DEBUG);
    span.tag(tags::SAMPLING_PRIORITY, 0);
    assert_eq!(span.context().flags(), Flags::default());
}

#[test]
fn priority_changes_a_span_and_later_children() {
    device!(BOARD, RING, TRACER);
    let mut root = TRACER.start::<96>("root");
    let before = root.context();
    root.tag(tags::SAMPLING_PRIORITY, 0).tag("lost", 1);
    assert_eq!(root.context().flags(), Flags::default());
    assert!(before.is_sampled() && !root.is_writable());
    let mut child = TRACER.span_builder("child").child_of(&root).start::<96>();
    BOARD.set(170);
    child.tag(tags::SAMPLING_PRIORITY, 0.5).tag("kept", 1);
    assert_eq!(child.context().flags(), Flags::SAMPLED | Flags::DEBUG);
    let keys: Vec<_> = child.record().tags().map(|tag| tag.key).collect();
    assert_eq!(keys, [tags::SAMPLED_LATE, tags::SAMPLING_PRIORITY, "kept"]);
    assert_eq!(child.record().start(), Timestamp::Ticks(170));
    assert_eq!(TRACER.stats().cleared, 1);
    assert!(TRACER.stats().adds_up());

    root.tag(tags::SAMPLING_PRIORITY, true);
    assert_eq!(
        root.record().start(),
        Timestamp::Ticks(100),
        "it read the clock at its start"
    );
    root.tag(tags::SAMPLING_PRIORITY, "1")
        .tag(tags::SAMPLING_PRIORITY, f64::NAN);
    child.tag(tags::SAMPLING_PRIORITY, 7u64);
    drop((root, child));
    let stats = TRACER.stats();
    assert_eq!(
        (stats.sampled, stats.queued, stats.cleared, stats.unsampled),
        (3, 2, 1, 0)
    );
    assert!(stats.adds_up());
}

#[test]
fn times_can_be_given() {
    device!(BOARD, RING, TRACER);
    let mut span = TRACER
        .span_builder("given")
        .start_time(5_000)
        .start::<160>();
    span.log_at(5_500).field("event", "e").field("n", 1);
    let _unwritten = span.log_at(1);
    BOARD.set(120);
    span.log().field("event", "now");
    span.finish_at(6_000);
    span.finish_at(7_000);
    let mut consumer = RING.consumer().unwrap();
    next(&mut consumer, |record| {
        assert_eq!(record.start(), Timestamp::UnixMicros(5_000));
        assert_eq!(record.finish(), Timestamp::UnixMicros(6_000));
        let logs: Vec<_> = record
            .logs()
            .map(|log| (log.time, log.fields().count()))
            .collect();
        assert_eq!(
            logs,
            [
                (Timestamp::UnixMicros(5_500), 2),
                (Timestamp::Ticks(120), 1)
            ]
        );
    })
    .unwrap();
}

#[test]
fn entries_that_do_not_fit_are_marked() {
    device!(BOARD, RING, TRACER);
    let mut span = TRACER.start::<64>("small");
    let mut log = span.log();
    log.field(
        "event",
        "a text too long for the area, which is cut at its end",
    );
    log.field("none", 1);
    span.log().field("none", 1).field("none", 2);
    let record = span.record();
    assert_eq!(
        record
            .logs()
            .map(|log| log.fields().count())
            .collect::<Vec<_>>(),
        [1]
    );
    assert!(record.is_cut());
    assert_eq!(record.dropped(), 2, "a field, and a log with its fields");
}

#[test]
fn names_and_keys_can_be_copied() {
    device!(BOARD, RING, TRACER);
    let (name, key) = (String::from("pump 7"), String::from("flow"));
    let mut span = TRACER.span_builder(Key::copied(&name)).start::<96>();
    span.tag(Key::copied(&key), 2.5);
    drop((name, key));
    assert_eq!(span.record().operation(), "pump 7");
    assert_eq!(span.record().tags().next().unwrap().key, "flow");
    span.set_operation_name(Key::copied(&String::from("pump 8")));
    assert_eq!(span.record().operation(), "pump 8");
    span.set_operation_name("pump");
    assert_eq!(span.record().operation(), "pump");
}

#[test]
fn a_wrapping_clock_is_extended() {
    device!(BOARD, RING, TRACER);
    BOARD.set(0x80_0000);
    TRACER.tick();
    BOARD.set(0xff_fff0);
    let mut span = TRACER.start::<0>("wrap");
    BOARD.set(0x10);
    span.finish();
    for ticks in [0x80_0000, 0xff_ff00] {
        BOARD.set(ticks);
        TRACER.tick();
    }
    BOARD.set(0x20);
    let next_span = TRACER.start::<0>("next");
    assert_eq!(next_span.record().start(), Timestamp::Ticks(0x200_0020));
    let mut consumer = RING.consumer().unwrap();
    next(&mut consumer, |record| {
        assert_eq!(
            (record.start(), record.finish()),
            (Timestamp::Ticks(0xff_fff0), Timestamp::Ticks(0x100_0010))
        );
    })
    .unwrap();
}

#[test]
fn a_full_ring_drops_and_counts() {
    static BOARD: Board = Board::new();
    static RING: Ring<Interrupts, Bytes<256>> = Ring::new();
    static TRACER: Tracer<&Board> = Tracer::new(&BOARD, &RING);
    TRACER.seed(Seed::from_words([1, 2, 3]));
    for _ in 0..10 {
        TRACER.start::<0>("op");
    }
    let stats = TRACER.stats();
    assert_eq!((stats.sampled, stats.queued, stats.lost.full), (10, 3, 7));
    assert!(stats.adds_up());

    type Recorder = Ring<Interrupts, Bytes<256>, OverwriteOldest>;
    static RECORDER: Recorder = Ring::new();
    static NEWEST: Tracer<&Board, Recorder> = Tracer::new(&BOARD, &RECORDER);
    NEWEST.seed(Seed::from_words([1, 2, 3]));
    for name in ["a", "b", "c", "d", "e"] {
        NEWEST.start::<0>(name);
    }
    let stats = NEWEST.stats();
    assert_eq!((stats.sampled, stats.queued, stats.lost.evicted), (5, 3, 2));
    assert!(stats.adds_up());
    let mut consumer = RECORDER.consumer().unwrap();
    // While the oldest record is being read, none replaces it.
    assert!(consumer.peek().is_some());
    for _ in 0..4 {
        NEWEST.start::<0>("f");
    }
    let stats = NEWEST.stats();
    assert!(stats.lost.blocked > 0 && stats.adds_up(), "{stats}");
    consumer.leave();
    assert_eq!(
        next(&mut consumer, |record| record.operation().len()),
        Some(1)
    );
}

#[test]
fn spans_lost_with_packets_are_counted_and_reported() {
    device!(BOARD, RING, TRACER);
    let mut reporter = reporter(&TRACER);
    reporter.set_back_off(0);
    let mut buffer = [0; 512];
    let mut told = Vec::new();
    for outcome in [
        SendOutcome::Failed,
        SendOutcome::Refused,
        SendOutcome::Accepted,
    ] {
        TRACER.start::<0>("one");
        TRACER.start::<0>("two");
        let packet = reporter.flush(&mut buffer).unwrap();
        let batch = decode(packet.bytes()).unwrap();
        let stats = batch.stats.unwrap();
        told.push((batch.seq_no.unwrap(), stats.failed_to_emit_spans));
        drop(packet);
        assert_eq!(reporter.stats().queued, 2);
        reporter.flush(&mut buffer).unwrap().done(outcome);
        let stats = reporter.stats();
        assert!(stats.adds_up() && stats.queued == 0, "{stats}");
    }
    assert_eq!(told, [(1, 0), (2, 2), (3, 4)]);
    let stats = reporter.stats();
    assert_eq!((stats.sampled, stats.delivered), (6, 2), "{stats}");
    assert_eq!((stats.lost.failed, stats.lost.refused), (2, 2), "{stats}");
}

/// A transport with scripted outcomes.
#[derive(Default)]
struct Script {
    /// Outcomes of the next packets, the last first; afterwards all are accepted.
    outcomes: Vec<SendOutcome>,
    packets: Vec<Vec<u8>>,
    is_closed: bool,
    late: u64,
}

impl Transport for Script {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        self.packets.push(packet.into());
        self.outcomes.pop().unwrap_or(SendOutcome::Accepted)
    }
    fn is_ready(&mut self) -> bool {
        !self.is_closed
    }
    fn take_late_refusals(&mut self) -> u64 {
        std::mem::take(&mut self.late)
    }
}

#[test]
fn drain_sends_what_is_due_and_drain_all_the_rest() {
    device!(BOARD, RING, TRACER);
    let mut reporter = reporter(&TRACER);
    let (mut script, mut buffer) = (Script::default(), [0; 512]);
    drop(TRACER.start::<0>("early"));
    assert_eq!(reporter.drain(&mut script, &mut buffer), Drained::All);
    assert!(script.packets.is_empty(), "it waits for a second");
    BOARD.set(1_000_200);
    assert_eq!(reporter.drain(&mut script, &mut buffer), Drained::All);
    assert_eq!((script.packets.len(), reporter.stats().delivered), (1, 1));
    (0..30).for_each(|_| drop(TRACER.start::<0>("late")));
    assert_eq!(reporter.drain_all(&mut script, &mut buffer), Drained::All);
    assert_eq!(reporter.stats().delivered, 31);
    let spans = script
        .packets
        .iter()
        .map(|packet| decode(packet).unwrap().spans.len());
    assert_eq!(spans.sum::<usize>(), 31);
    assert!(reporter.stats().adds_up() && script.packets.len() > 2);
}

#[test]
fn drain_stops_where_the_transport_does() {
    device!(BOARD, RING, TRACER);
    let mut reporter = reporter(&TRACER);
    let mut buffer = [0; 512];
    let mut script = Script {
        outcomes: vec![SendOutcome::Retry, SendOutcome::Refused],
        is_closed: true,
        late: 3,
        ..Script::default()
    };
    drop(TRACER.start::<0>("one"));
    assert_eq!(
        reporter.drain_all(&mut script, &mut buffer),
        Drained::Blocked
    );
    assert!(script.packets.is_empty(), "none is made");
    assert_eq!(reporter.stats().late_refusals, 3);
    script.is_closed = false;
    assert_eq!(reporter.drain_all(&mut script, &mut buffer), Drained::All);
    assert_eq!(reporter.stats().lost.refused, 1);
    assert_eq!(reporter.stats().late_refusals, 3, "none is forgotten");
    drop(TRACER.start::<0>("two"));
    assert_eq!(
        reporter.drain_all(&mut script, &mut buffer),
        Drained::Blocked
    );
    assert_eq!((reporter.stats().queued, script.packets.len()), (1, 2));
    assert_eq!(reporter.drain_all(&mut script, &mut buffer), Drained::All);
    assert_eq!(script.packets[1], script.packets[2]);
    let stats = reporter.stats();
    assert_eq!((stats.delivered, stats.lost.total()), (1, 1));
    assert!(stats.adds_up());
}

#[test]
fn each_outcome_has_its_counts() {
    device!(BOARD, RING, TRACER);
    let mut reporter = reporter(&TRACER);
    // Delivered, refused, unreachable and failed so far.
    let outcomes = [
        (SendOutcome::Accepted, [2, 0, 0, 0]),
        (SendOutcome::PartlyAccepted { rejected: 1 }, [3, 1, 0, 0]),
        (SendOutcome::PartlyAccepted { rejected: 9 }, [3, 3, 0, 0]),
        (SendOutcome::Unreachable, [3, 3, 2, 0]),
        (SendOutcome::Pending, [3, 3, 2, 2]),
    ];
    for (outcome, expected) in outcomes {
        let mut script = Script {
            outcomes: vec![outcome],
            ..Script::default()
        };
        (0..2).for_each(|_| drop(TRACER.start::<0>("one")));
        let drained = reporter.drain_all(&mut script, &mut [0; 512]);
        assert_eq!(drained, Drained::All);
        let stats = reporter.stats();
        let lost = stats.lost;
        let counts = [stats.delivered, lost.refused, lost.unreachable, lost.failed];
        assert_eq!((counts, stats.queued), (expected, 0), "{outcome:?}");
        assert!(stats.adds_up() && script.packets.len() == 1, "{stats}");
    }
}

#[test]
fn a_blocked_drain_reads_the_clock() {
    device!(BOARD, RING, TRACER);
    let mut reporter = reporter(&TRACER);
    let mut script = Script {
        is_closed: true,
        ..Script::default()
    };
    // The clock wraps between the two.
    for ticks in [0x80_0000, 0xff_ff00, 0x10] {
        BOARD.set(ticks);
        assert_eq!(reporter.drain(&mut script, &mut [0; 512]), Drained::Blocked);
    }
    BOARD.set(0x20);
    let span = TRACER.start::<0>("next");
    assert_eq!(span.record().start(), Timestamp::Ticks(0x100_0020));
}

/// A mutex that excludes nothing, as seen by a non-maskable interrupt.
struct Porous;

// SAFETY: the test has one thread, and a nested call ends before the outer one continues.
unsafe impl RawMutex for Porous {
    const INIT: Self = Porous;
    fn lock<R>(&self, f: impl FnOnce() -> R) -> R {
        f()
    }
}

/// A clock whose read is interrupted by a span: the clock is read inside the mutex.
struct Interrupting;

impl Clock for Interrupting {
    const BITS: u32 = 32;
    fn ticks(&self) -> u64 {
        if NESTED.swap(true, Ordering::Relaxed) {
            return 1;
        }
        let mut span = NMI.start::<16>("nmi");
        span.tag("k", 1);
        assert!(!span.context().is_valid());
        drop(span);
        if let Some(mut open) = OPEN.lock().unwrap().take() {
            open.tag(tags::SAMPLING_PRIORITY, 0).log().field("k", 1);
            assert!(open.is_writable(), "what cannot be counted does not happen");
            open.finish();
        }
        2
    }
    fn frequency(&self) -> u64 {
        1
    }
}

/// The tracer with the interrupted clock.
type Nmi = (Interrupting, Const);

type NmiRing<B> = Ring<Porous, B>;
static NMI_RING: NmiRing<Bytes<1024>> = Ring::new();
static NMI: Tracer<Nmi, NmiRing<Bytes<1024>>> = Tracer::new((Interrupting, Const(true)), &NMI_RING);
static NESTED: AtomicBool = AtomicBool::new(true);
type NmiSpan = Span<'static, Nmi, [core::mem::MaybeUninit<u8>; 64], NmiRing<Bytes<1024>>>;
static OPEN: std::sync::Mutex<Option<NmiSpan>> = std::sync::Mutex::new(None);

#[test]
fn a_span_from_inside_the_mutex_is_dropped_and_counted() {
    NMI.seed(Seed::from_words([1, 2, 3]));
    *OPEN.lock().unwrap() = Some(NMI.span_builder("open").start());
    NESTED.store(false, Ordering::Relaxed);
    drop(NMI.start::<16>("outer"));
    let stats = NMI.stats();
    assert_eq!(
        stats.lost.reentered, 2,
        "one at its start, one at its finish"
    );
    assert_eq!((stats.sampled, stats.open, stats.queued), (3, 0, 1));
    assert!(stats.adds_up());
    // Frames have the same counts.
    let frames = RelayFrames::new(Device::new(b"chip", 7));
    let mut reporter = NMI.reporter(frames, Process::new("chip")).unwrap();
    let mut buffer = [0; 256];
    let packet = reporter.announce(&mut buffer).unwrap();
    let status = common::relay::frames(packet.bytes()).remove(1);
    let status = common::relay::read::<common::relay::Status>(&status.payload);
    assert_eq!(
        (status.sampled, status.open, status.queued, status.lost[3]),
        (3, 0, 1, 2)
    );
}

#[test]
fn contexts_travel_by_headers() {
    device!(BOARD, RING, TRACER);
    let mut baggage = BaggageTable::<4, 16, 32>::new();
    baggage.set("tenant", "a b").unwrap();
    let client = TRACER.start::<0>("client");
    let mut headers = TextMap::<4, 24, 64>::new();
    TRACER
        .inject(&client, baggage.iter(), &mut headers)
        .unwrap();

    let (mut received, mut scratch) = (BaggageTable::<4, 16, 32>::new(), [0; 64]);
    let found = TRACER.extract(&headers, &mut received, &mut scratch);
    assert_eq!(received.get("tenant"), Some("a b"));
    assert!(found.to_context().unwrap().flags().contains(Flags::REMOTE));
    let server = TRACER
        .span_builder("server")
        .child_of(found)
        .tags(found.tags())
        .start::<32>();
    assert_eq!(server.record().parent(), client.context().span_id());
    assert_eq!(TRACER.stats().decode_errors, 0);
}

#[test]
fn children_keep_the_flag_of_a_random_trace_id() {
    device!(BOARD, RING, TRACER);
    for flags in [Flags::SAMPLED, Flags::SAMPLED | Flags::RANDOM] {
        let parent = SpanContext::new(TraceId::new(1), SpanId::new(2), flags | Flags::REMOTE);
        let child = TRACER.span_builder("child").child_of(parent).start::<0>();
        let nested = TRACER.span_builder("nested").child_of(&child).start::<0>();
        for span in [&child, &nested] {
            assert_eq!(span.context().flags(), flags);
        }
        assert_eq!(TRACER.start::<0>("root").context().flags(), Flags::SAMPLED);
    }
}

#[test]
fn a_bad_header_is_counted_and_begins_a_new_trace() {
    device!(BOARD, RING, TRACER);
    BOARD.sampling(false);
    let (mut baggage, mut scratch) = (BaggageTable::<4, 16, 32>::new(), [0; 64]);
    let headers = [("uber-trace-id", "garbage"), ("uberctx-k", "v")];
    let found = TRACER.extract(&headers, &mut baggage, &mut scratch);
    let span = TRACER
        .span_builder("s")
        .child_of(found)
        .tags(found.tags())
        .start::<32>();
    assert!(span.context().is_valid() && !span.is_writable());
    assert_eq!(
        (TRACER.stats().decode_errors, baggage.get("k")),
        (1, Some("v"))
    );
    assert_eq!(BOARD.sampler_calls(), 1);

    let headers = [("uber-trace-id", "garbage"), ("jaeger-debug-id", "find me")];
    let found = TRACER.extract(&headers, &mut baggage, &mut scratch);
    let span = TRACER
        .span_builder("s")
        .child_of(found)
        .tags(found.tags())
        .start::<32>();
    assert_eq!(span.context().flags(), Flags::SAMPLED | Flags::DEBUG);
    assert!(span.record().parent().is_zero() && span.context().is_valid());
    let tag = span.record().tags().next().unwrap();
    assert_eq!(
        (tag.key, tag.value),
        (tags::JAEGER_DEBUG_ID, Value::Str("find me"))
    );
    assert_eq!(
        (TRACER.stats().decode_errors, BOARD.sampler_calls()),
        (2, 1)
    );
    assert!(TRACER.stats().adds_up());
}

#[test]
fn tags_given_to_the_builder_may_be_copied() {
    device!(BOARD, RING, TRACER);
    let key = String::from("k");
    let span = TRACER
        .span_builder("s")
        .tags(&[(Key::Copied(&key), "v".into())])
        .start::<64>();
    assert_eq!(span.record().tags().next().unwrap().key, "k");
}

#[test]
fn values_are_formatted_into_the_span() {
    device!(BOARD, RING, TRACER);
    let mut span = TRACER.start::<96>("s");
    span.tag_fmt("peer", format_args!("{}:{}", "pump", 7))
        .tag("unit", Some('C'));
    span.log().field_fmt("n", format_args!("{:02}", 5));
    span.log().field("absent", None::<i64>);
    let record = span.record();
    let found: Vec<_> = record.tags().map(|tag| (tag.key, tag.value)).collect();
    assert_eq!(found, [("peer", "pump:7".into()), ("unit", "C".into())]);
    let log = record.logs().next().unwrap();
    assert_eq!(log.fields().next().unwrap().value, "05".into());
    assert_eq!(record.logs().count(), 1, "a log without fields is none");
}

#[test]
fn formatted_values_that_do_not_fit_are_marked() {
    device!(BOARD, RING, TRACER);
    let mut span = TRACER.start::<32>("s");
    span.tag_fmt("text", format_args!("{}", "x".repeat(99)))
        .tag_fmt("none", format_args!("x"));
    let record = span.record();
    assert_eq!(
        (record.tags().count(), record.is_cut(), record.dropped()),
        (1, true, 1)
    );
    BOARD.sampling(false);
    let mut unsampled = TRACER.start::<32>("s");
    unsampled.tag_fmt("text", format_args!("x"));
    assert_eq!(unsampled.record().tags().count(), 0);
}
