//! A chip's reporter with frames for the relay: hello and status come when they are due, packets
//! that are packed again have the same numbers, and the counts close.

use std::sync::atomic::{AtomicU64, Ordering};

use picojaeger_core::ring::Bytes;
use picojaeger_core::wire::relay::{Device, RelayFrames};
use picojaeger_core::wire::{Process, ThriftCompact};
use picojaeger_core::{
    Clock, Const, Interrupts, PacketReporter, Ring, Seed, SendOutcome, Tracer, Transport,
};

mod common;

use common::relay::{Frame, Hello, Status, frames, read, spans};

/// A timer of 1 kHz that a test sets.
struct Timer(AtomicU64);

impl Clock for Timer {
    const BITS: u32 = 32;
    fn ticks(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
    fn frequency(&self) -> u64 {
        1_000
    }
}

impl Timer {
    fn pass(&self, ticks: u64) {
        self.0.fetch_add(ticks, Ordering::Relaxed);
    }
}

type Board = (&'static Timer, Const);
type Reporter<E> = PacketReporter<'static, Board, E>;

const DEVICE: Device<'static> = Device::new(b"chip 7", 9);

/// A tracer of its own for each test, with a clock that starts at 0.
fn tracer() -> (&'static Tracer<Board>, &'static Timer) {
    let timer: &Timer = Box::leak(Box::new(Timer(AtomicU64::new(0))));
    let ring: &'static Ring = Box::leak(Box::<Ring<Interrupts, Bytes<4096>>>::default());
    let tracer: &Tracer<Board> = Box::leak(Box::new(Tracer::new((timer, Const(true)), ring)));
    tracer.seed(Seed::from_words([1, 2, 3]));
    (tracer, timer)
}

fn with_encoder(
    encoder: RelayFrames<'static>,
) -> (
    &'static Tracer<Board>,
    &'static Timer,
    Reporter<RelayFrames<'static>>,
) {
    let (tracer, timer) = tracer();
    let reporter = tracer.reporter(encoder, Process::new("pump"));
    (tracer, timer, reporter.expect("the first"))
}

/// Makes a span, and sends all that wait in packets of `limit` bytes with this outcome.
fn send(
    tracer: &Tracer<Board>,
    reporter: &mut Reporter<RelayFrames<'static>>,
    limit: usize,
    outcome: SendOutcome,
) -> Vec<Frame> {
    tracer.start::<0>("sample");
    flush(reporter, limit, outcome)
}

fn flush(
    reporter: &mut Reporter<RelayFrames<'static>>,
    limit: usize,
    outcome: SendOutcome,
) -> Vec<Frame> {
    let mut buffer = vec![0; limit];
    let mut found = Vec::new();
    while let Some(packet) = reporter.flush(&mut buffer) {
        found.extend(frames(packet.bytes()));
        packet.done(outcome);
        if outcome == SendOutcome::Retry {
            break;
        }
    }
    found
}

fn kinds(frames: &[Frame]) -> Vec<u8> {
    frames.iter().map(|frame| frame.kind).collect()
}

fn numbers(frames: &[Frame]) -> Vec<u32> {
    frames.iter().map(|frame| frame.number).collect()
}

#[test]
fn hello_and_status_are_repeated() {
    let (tracer, timer, mut reporter) = with_encoder(RelayFrames::new(DEVICE));
    let mut next = || {
        let frames = send(tracer, &mut reporter, 512, SendOutcome::Accepted);
        (kinds(&frames), numbers(&frames))
    };
    assert_eq!(next(), (vec![1, 2, 3], vec![0, 1, 2]));
    timer.pass(999);
    assert_eq!(next(), (vec![3], vec![3]));
    timer.pass(1);
    assert_eq!(next(), (vec![2, 3], vec![4, 5]));
    timer.pass(8_999);
    assert_eq!(next(), (vec![2, 3], vec![6, 7]));
    timer.pass(1);
    assert_eq!(next(), (vec![1, 3], vec![8, 9]));
}

#[test]
fn the_periods_of_hello_and_status_can_be_set() {
    let encoder = RelayFrames::new(DEVICE)
        .with_hello_every(20)
        .with_status_every(u64::MAX);
    let (tracer, timer, mut reporter) = with_encoder(encoder);
    let mut next = || {
        timer.pass(10);
        kinds(&send(tracer, &mut reporter, 512, SendOutcome::Accepted))
    };
    let expected: [&[u8]; 4] = [&[1, 2, 3], &[3], &[1, 3], &[3]];
    assert_eq!([next(), next(), next(), next()], expected);
}

#[test]
fn packets_that_are_sent_again_repeat_their_frames() {
    let (tracer, timer, mut reporter) = with_encoder(RelayFrames::new(DEVICE));
    reporter.set_back_off(0);
    let first = send(tracer, &mut reporter, 512, SendOutcome::Retry);
    assert_eq!(
        (kinds(&first), numbers(&first)),
        (vec![1, 2, 3], vec![0, 1, 2])
    );
    timer.pass(100);
    let second = send(tracer, &mut reporter, 512, SendOutcome::Accepted);
    assert_eq!(
        (kinds(&second), numbers(&second)),
        (vec![1, 2, 3], vec![0, 1, 2])
    );
    assert_eq!(first[0], second[0]);
    assert_eq!(spans::<&str>(&second[2].payload).len(), 2);
    let third = send(tracer, &mut reporter, 512, SendOutcome::Accepted);
    assert_eq!((kinds(&third), numbers(&third)), (vec![3], vec![3]));
    // A packet that fails is not packed again: its numbers are a gap for the relay.
    send(tracer, &mut reporter, 512, SendOutcome::Failed);
    let fifth = send(tracer, &mut reporter, 512, SendOutcome::Accepted);
    assert_eq!(numbers(&fifth), [5]);
}

#[test]
fn a_hello_that_leaves_no_room_has_a_packet_of_its_own() {
    for (hello, status) in [(10_000, 1_000), (0, 0)] {
        let encoder = RelayFrames::new(DEVICE)
            .with_hello_every(hello)
            .with_status_every(status);
        let (tracer, _, mut reporter) = with_encoder(encoder);
        let frames = send(tracer, &mut reporter, 128, SendOutcome::Accepted);
        assert_eq!(
            (kinds(&frames), numbers(&frames)),
            (vec![1, 2, 3], vec![0, 1, 2])
        );
        let found = spans::<&str>(&frames[2].payload);
        assert_eq!((found.len(), found[0].start.state & 64), (1, 0), "not cut");
        let stats = reporter.stats();
        assert!(stats.adds_up() && stats.delivered == 1, "{stats}");
    }
}

#[test]
fn an_announcement_has_the_counts_and_no_spans() {
    let (tracer, timer, mut reporter) = with_encoder(RelayFrames::new(DEVICE));
    tracer.set_unix_time_at(5, 1_700_000_000_000_000, 40);
    send(tracer, &mut reporter, 512, SendOutcome::Accepted);
    tracer.start::<0>("waits");
    let open = tracer.start::<0>("open");
    timer.pass(7);
    let mut buffer = [0; 512];
    let packet = reporter.announce(&mut buffer).expect("a packet");
    let found = frames(packet.bytes());
    packet.done(SendOutcome::Accepted);
    assert_eq!((kinds(&found), numbers(&found)), (vec![1, 2], vec![3, 4]));
    let hello = read::<Hello<'_>>(&found[0].payload);
    assert_eq!(
        (hello.device, hello.boot, hello.frequency),
        (&b"chip 7"[..], 9, 1_000)
    );
    assert_eq!((hello.service, hello.samplers.len()), ("pump", 1));
    let status = read::<Status>(&found[1].payload);
    assert_eq!(
        (status.now, status.anchor),
        (7, Some((5, 1_700_000_000_000_000, 40)))
    );
    let counts = [status.sampled, status.open, status.queued, status.delivered];
    assert_eq!(counts, [3, 1, 1, 1]);
    drop(open);
    assert!(reporter.stats().adds_up());
    assert_eq!(
        kinds(&flush(&mut reporter, 512, SendOutcome::Accepted)),
        [3]
    );
    assert_eq!(reporter.stats().delivered, 3);
}

#[test]
fn an_announcement_is_repeated_until_it_is_sent() {
    let (_, _, mut reporter) = with_encoder(RelayFrames::new(DEVICE));
    let mut buffer = [0; 512];
    let mut announce = |outcome| {
        let packet = reporter.announce(&mut buffer).expect("a packet");
        let found = frames(packet.bytes());
        packet.done(outcome);
        numbers(&found)
    };
    assert_eq!(announce(SendOutcome::Retry), [0, 1]);
    assert_eq!(announce(SendOutcome::Accepted), [0, 1]);
    assert_eq!(announce(SendOutcome::Accepted), [2, 3]);
}

#[test]
fn packets_without_a_status_have_no_announcement() {
    let (tracer, _) = tracer();
    let reporter = tracer.reporter(ThriftCompact::new(), Process::new("pump"));
    let mut reporter = reporter.expect("the first");
    assert!(reporter.announce(&mut [0; 512]).is_none());
    tracer.start::<0>("sample");
    assert!(reporter.flush(&mut [0; 512]).is_some());
}

/// A line that refuses every third packet, and keeps the rest.
#[derive(Default)]
struct Line(u32, Vec<Frame>);

impl Transport for Line {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        self.0 += 1;
        if self.0.is_multiple_of(3) {
            return SendOutcome::Failed;
        }
        self.1.extend(frames(packet));
        SendOutcome::Accepted
    }
    fn mtu(&self) -> usize {
        200
    }
}

#[test]
fn the_last_status_closes_the_accounts() {
    let (tracer, timer, mut reporter) = with_encoder(RelayFrames::new(DEVICE));
    let (mut line, mut buffer) = (Line::default(), [0; 512]);
    for _ in 0..200 {
        tracer.start::<0>("sample");
        timer.pass(50);
        reporter.drain(&mut line, &mut buffer);
    }
    reporter.drain_all(&mut line, &mut buffer);
    let read_spans = line.1.iter().filter(|frame| frame.kind == 3);
    let read_spans: usize = read_spans
        .map(|frame| spans::<&str>(&frame.payload).len())
        .sum();
    let packet = reporter.announce(&mut buffer).expect("a packet");
    let last = read::<Status>(&frames(packet.bytes())[1].payload);
    assert_eq!(last.delivered, read_spans as u64);
    let lost: u64 = last.lost.iter().sum();
    assert_eq!((last.sampled, last.open, last.queued), (200, 0, 0));
    assert_eq!(last.delivered + lost, 200);
    assert!(lost > 10);
}
