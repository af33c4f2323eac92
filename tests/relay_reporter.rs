//! A chip's reporter with frames for the relay: hello and status come when they are due, packets
//! that are packed again have the same numbers, and the counts close.

use std::sync::atomic::{AtomicU64, Ordering};

use picojaeger_core::ring::Bytes;
use picojaeger_core::wire::relay::{Device, HostTime, RelayFrames, TimeReader};
use picojaeger_core::wire::{Process, ThriftCompact};
use picojaeger_core::{
    Clock, Const, Drained, Interrupts, PacketReporter, Ring, Seed, SendOutcome, Tracer, Transport,
};

mod common;

use common::relay::{Frame, Hello, Status, frames, plain_crc, read, spans};

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
    let mut buffer = vec![0xee; limit];
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

/// Returns the length of a packet for hello and status with room for a few bytes more, but for no
/// span.
fn crowded_length() -> usize {
    let (_, _, mut reporter) = with_encoder(RelayFrames::new(DEVICE));
    let mut buffer = [0xee; 512];
    let packet = reporter.announce(&mut buffer).expect("a packet");
    packet.bytes().len() + 12
}

/// Returns the kinds of the frames of each packet of what waits.
fn packets(reporter: &mut Reporter<RelayFrames<'static>>, limit: usize) -> Vec<Vec<u8>> {
    let mut buffer = vec![0xee; limit];
    let mut found = Vec::new();
    while let Some(packet) = reporter.flush(&mut buffer) {
        found.push(kinds(&frames(packet.bytes())));
        packet.done(SendOutcome::Accepted);
    }
    found
}

#[test]
fn a_hello_that_leaves_no_room_has_a_packet_of_its_own() {
    for (hello, status) in [(10_000, 1_000), (0, 0)] {
        let encoder = RelayFrames::new(DEVICE)
            .with_hello_every(hello)
            .with_status_every(status);
        let (tracer, _, mut reporter) = with_encoder(encoder);
        tracer.start::<0>("sample").tag("text", "some");
        let found = packets(&mut reporter, crowded_length());
        assert_eq!(found, [&[1, 2][..], &[3]]);
        let stats = reporter.stats();
        assert!(stats.adds_up() && stats.delivered == 1, "{stats}");
    }
}

#[test]
fn an_announcement_comes_also_behind_a_packet_without_room() {
    let (tracer, _, mut reporter) = with_encoder(RelayFrames::new(DEVICE));
    let mut buffer = vec![0xee; crowded_length()];
    tracer.start::<0>("waits");
    let packet = reporter.flush(&mut buffer).expect("a packet");
    assert_eq!(kinds(&frames(packet.bytes())), [1, 2], "no room for a span");
    packet.done(SendOutcome::Accepted);
    let packet = reporter.announce(&mut buffer).expect("a packet");
    let found = frames(packet.bytes());
    assert_eq!((kinds(&found), numbers(&found)), (vec![1, 2], vec![2, 3]));
    packet.done(SendOutcome::Accepted);
    assert_eq!(packets(&mut reporter, crowded_length()), [[3]]);
}

#[test]
fn a_packet_full_of_spans_puts_no_status_off() {
    let encoder = RelayFrames::new(DEVICE)
        .with_hello_every(u64::MAX)
        .with_status_every(0);
    let (tracer, _, mut reporter) = with_encoder(encoder);
    for _ in 0..20 {
        tracer.start::<0>("sample");
    }
    let found = packets(&mut reporter, 200);
    assert!(
        found.len() > 3 && found[1..].iter().all(|kinds| kinds == &[2, 3]),
        "{found:?}"
    );
}

/// A line that takes each packet at the second attempt only.
#[test]
fn a_packet_that_is_sent_again_has_no_other_frames_in_front_of_its_spans() {
    let encoder = RelayFrames::new(DEVICE).with_status_every(0);
    let (tracer, _, mut reporter) = with_encoder(encoder);
    reporter.set_back_off(0);
    tracer.start::<0>("waits");
    let (mut buffer, mut found) = (vec![0xee; crowded_length()], Vec::new());
    for attempt in 0..4 {
        let Some(packet) = reporter.flush(&mut buffer) else {
            break;
        };
        found.push(kinds(&frames(packet.bytes())));
        packet.done(match attempt % 2 {
            0 => SendOutcome::Retry,
            _ => SendOutcome::Accepted,
        });
    }
    assert_eq!(found, [&[1, 2][..], &[1, 2], &[3], &[3]]);
    assert_eq!(reporter.stats().delivered, 1);
}

#[test]
fn an_announcement_has_the_counts_and_no_spans() {
    let (tracer, timer, mut reporter) = with_encoder(RelayFrames::new(DEVICE));
    tracer.set_unix_time_at(5, 1_700_000_000_000_000, 40);
    send(tracer, &mut reporter, 512, SendOutcome::Accepted);
    tracer.start::<0>("waits");
    let open = tracer.start::<0>("open");
    timer.pass(7);
    let mut buffer = [0xee; 512];
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
    let mut buffer = [0xee; 512];
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

/// A line of up to 200 bytes a packet, whose answers are given.
struct Answers<'a>(std::slice::Iter<'a, SendOutcome>, Vec<Vec<u8>>);

impl Transport for Answers<'_> {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        self.1.push(kinds(&frames(packet)));
        *self.0.next().expect("an answer")
    }
    fn mtu(&self) -> usize {
        200
    }
    fn is_ready(&mut self) -> bool {
        self.0.len() > 0
    }
}

#[test]
fn the_state_is_sent_by_a_transport() {
    use SendOutcome::{Accepted, Failed, Partial, Pending, Retry};
    let (tracer, _, mut reporter) = with_encoder(RelayFrames::new(DEVICE));
    reporter.set_back_off(0);
    let mut buffer = [0xee; 512];
    let mut send = |answers: &[SendOutcome]| {
        let mut line = Answers(answers.iter(), Vec::new());
        let drained = reporter.announce_to(&mut line, &mut buffer);
        (drained, line.1)
    };
    let state = || vec![vec![1, 2]];
    assert_eq!(send(&[]), (Drained::Blocked, vec![]), "not ready");
    for (answer, drained) in [
        (Accepted, Drained::All),
        (Retry, Drained::Blocked),
        (Failed, Drained::All),
        (Pending, Drained::All),
    ] {
        assert_eq!(send(&[answer]), (drained, state()), "{answer:?}");
    }
    // The rest of a state is no other state.
    assert_eq!(send(&[Partial]), (Drained::Blocked, state()));
    assert_eq!(send(&[Partial]), (Drained::Blocked, state()));
    assert_eq!(send(&[Accepted]), (Drained::All, state()));
    // That of spans goes before it.
    for _ in 0..9 {
        tracer.start::<0>("sample");
    }
    let packet = reporter.flush(&mut buffer[..200]).expect("a packet");
    packet.done(Partial);
    let mut line = Answers([Accepted, Accepted].iter(), Vec::new());
    let drained = reporter.announce_to(&mut line, &mut buffer);
    assert_eq!((drained, line.1), (Drained::All, vec![vec![3], vec![1, 2]]));
    let stats = reporter.stats();
    assert!(stats.adds_up() && stats.delivered > 0, "{stats}");
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
    let (mut line, mut buffer) = (Line::default(), [0xee; 512]);
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

/// Returns a frame from the host with this payload.
fn from_host(kind: u8, producer: u8, boot: u16, payload: &[u8]) -> Vec<u8> {
    stuffed(&body_from_host([kind, producer], boot, &[5], payload))
}

/// Returns the body of a frame from the host, with these bytes as its number.
fn body_from_host([kind, producer]: [u8; 2], boot: u16, number: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut body = vec![1, kind, producer];
    body.extend(boot.to_le_bytes());
    body.extend(number);
    body.extend((payload.len() as u16).to_le_bytes());
    body.extend(payload);
    body.extend(plain_crc(&body).to_le_bytes());
    body
}

/// Encodes by COBS, between zeros; for less than 254 bytes.
fn stuffed(body: &[u8]) -> Vec<u8> {
    let blocks = body.split(|byte| *byte == 0);
    let blocks = blocks.flat_map(|block| [&[block.len() as u8 + 1], block].concat());
    [0].into_iter().chain(blocks).chain([0]).collect()
}

fn time_payload(ticks: u64, unix_micros: u64, held_micros: u32) -> Vec<u8> {
    let mut room = [0; 32];
    let time = (ticks, unix_micros, held_micros);
    postcard::to_slice(&time, &mut room).expect("room").to_vec()
}

#[test]
fn the_host_s_time_is_read_from_among_anything() {
    let mut reader = TimeReader::new(&DEVICE.with_producer(3));
    let mut line = |bytes: &[u8]| -> Vec<HostTime> {
        bytes.iter().filter_map(|byte| reader.push(*byte)).collect()
    };
    for (ticks, unix_micros, held) in [
        (0, 0, 0),
        (200, 1_700_000_000_000_000, 70_000),
        (u64::MAX, u64::MAX, u32::MAX),
    ] {
        let payload = time_payload(ticks, unix_micros, held);
        let good = from_host(129, 3, 9, &payload);
        let times = line(&[b"text", &good[..], b"\r\n", &good, &good].concat());
        let found: Vec<_> = times
            .iter()
            .map(|time| (time.ticks, time.unix_micros, time.held_micros))
            .collect();
        assert_eq!(found, [(ticks, unix_micros, held); 3]);
        let mut frames = vec![
            from_host(128, 3, 9, &payload),
            from_host(129, 2, 9, &payload),
            from_host(129, 3, 8, &payload),
            from_host(129, 3, 9, &payload[..payload.len() - 1]),
            from_host(129, 3, 9, &[&payload[..], &[0]].concat()),
            from_host(129, 3, 9, &[0x81; 60]),
            good[..good.len() - 2].to_vec(),
            vec![0; 300],
            vec![0xff; 300],
        ];
        for at in 1..good.len() - 1 {
            for bit in 0..8 {
                let mut damaged = good.clone();
                damaged[at] ^= 1 << bit;
                frames.push(damaged);
            }
        }
        for frame in &frames {
            assert_eq!(line(&[frame, &[0][..]].concat()), [], "{frame:x?}");
        }
        assert_eq!(line(&good).len(), 1, "and goes on");
    }
    // A number of more than 64 bits.
    let too_long = [&[0xff; 9][..], &[2, 0, 0]].concat();
    assert_eq!(line(&from_host(129, 3, 9, &too_long)), []);
}

#[test]
fn the_longest_frame_of_the_host_is_read_and_a_longer_one_is_not() {
    let payload = time_payload(u64::MAX, u64::MAX, u32::MAX);
    let number = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let body = body_from_host([129, 0], 9, &number, &payload);
    assert_eq!(body.len(), 41);
    let mut reader = TimeReader::new(&DEVICE);
    let mut line = |bytes: &[u8]| bytes.iter().find_map(|byte| reader.push(*byte));
    let time = line(&stuffed(&body)).expect("a time");
    assert_eq!((time.ticks, time.held_micros), (u64::MAX, u32::MAX));
    assert_eq!(line(&stuffed(&[&body[..], b"x"].concat())), None);
}

#[test]
fn an_answer_that_took_long_or_no_time_saturates() {
    for (asked, unix_micros, held, expected) in [
        // Held for longer than the round trip took by the device's clock.
        (9_999_000, 5, 2_000_000, (5, 2)),
        (9_000_000, u64::MAX - 5, 0, (u64::MAX, 500_000_002)),
        (0, 5, 0, (5_000_000_005, u32::MAX)),
    ] {
        let (tracer, timer, mut reporter) = with_encoder(RelayFrames::new(DEVICE));
        timer.pass(10_000_000);
        let answer = from_host(129, 0, 9, &time_payload(asked, unix_micros, held));
        let mut reader = TimeReader::new(&DEVICE);
        let time = answer.iter().find_map(|byte| reader.push(*byte));
        tracer
            .set_host_time(&time.expect("a time"))
            .expect("in order");
        let mut buffer = [0xee; 512];
        let packet = reporter.announce(&mut buffer).expect("a packet");
        let status = read::<Status>(&frames(packet.bytes())[1].payload);
        let (_, found, stated) = status.anchor.expect("an anchor");
        assert_eq!((found, stated), expected);
    }
}

#[test]
fn a_packet_that_was_dropped_comes_again_behind_an_announcement() {
    let (tracer, _, mut reporter) = with_encoder(RelayFrames::new(DEVICE));
    reporter.set_back_off(0);
    tracer.start::<0>("one");
    let mut buffer = [0xee; 512];
    drop(reporter.flush(&mut buffer).expect("a packet"));
    let packet = reporter.announce(&mut buffer).expect("a packet");
    assert_eq!(kinds(&frames(packet.bytes())), [1, 2]);
    packet.done(SendOutcome::Accepted);
    assert_eq!(reporter.stats().delivered, 0);
    let found = flush(&mut reporter, 512, SendOutcome::Accepted);
    assert_eq!(spans::<&str>(&found[0].payload).len(), 1);
    assert_eq!(reporter.stats().delivered, 1);
}

#[test]
fn the_host_s_time_is_off_by_half_of_the_round_trip_at_most() {
    for (there, held, back) in [(0, 0, 0), (3, 40, 0), (0, 0, 9), (4, 1_000, 5), (200, 1, 1)] {
        let (tracer, timer, mut reporter) = with_encoder(RelayFrames::new(DEVICE));
        timer.pass(500);
        // Unix time is the clock's, and an hour.
        let unix_micros = |ticks: u64| 3_600_000_000 + ticks * 1_000;
        let mut buffer = [0xee; 512];
        let packet = reporter.announce(&mut buffer).expect("a packet");
        let asked = read::<Status>(&frames(packet.bytes())[1].payload).now;
        packet.done(SendOutcome::Accepted);
        timer.pass(there + held);
        let payload = time_payload(
            asked,
            unix_micros(asked + there + held),
            held as u32 * 1_000,
        );
        timer.pass(back);
        let mut reader = TimeReader::new(&DEVICE);
        let answer = from_host(129, 0, 9, &payload);
        let time = answer
            .iter()
            .find_map(|byte| reader.push(*byte))
            .expect("a time");
        let uncertainty = tracer.set_host_time(&time).expect("in order");
        assert_eq!(u64::from(uncertainty), (there + back) * 500 + 2);
        let packet = reporter.announce(&mut buffer).expect("a packet");
        let status = read::<Status>(&frames(packet.bytes())[1].payload);
        let (ticks, found, stated) = status.anchor.expect("an anchor");
        assert_eq!((ticks, stated), (status.now, uncertainty));
        assert!(found.abs_diff(unix_micros(ticks)) <= uncertainty.into());
    }
}

#[test]
fn an_answer_from_the_future_is_ignored() {
    let (tracer, _, _) = with_encoder(RelayFrames::new(DEVICE));
    let answer = from_host(129, 0, 9, &time_payload(1, 5, 0));
    let mut reader = TimeReader::new(&DEVICE);
    let time = answer
        .iter()
        .find_map(|byte| reader.push(*byte))
        .expect("a time");
    assert_eq!(tracer.set_host_time(&time), None);
}
