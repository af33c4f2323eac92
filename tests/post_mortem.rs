//! A chip's tracer after a fault or the end of a task, run on the host.

use picojaeger_core::ring::Bytes;
use picojaeger_core::wire::relay::{Device, RelayFrames};
use picojaeger_core::wire::{Process, ThriftCompact};
use picojaeger_core::{
    BuildId, Clock, Const, Drained, Interrupts, PacketReporter, Program, RecoveryOutcome,
    RetainedMemory, RetainedRing, Ring, Seed, SendOutcome, Tracer, Transport,
};
use picojaeger_std::collector::decode;

mod common;

use common::relay::{Frame, Status, frames, read, spans};

struct Timer;

impl Clock for Timer {
    const BITS: u32 = 32;
    fn ticks(&self) -> u64 {
        7
    }
    fn frequency(&self) -> u64 {
        1_000_000
    }
}

type Board = (Timer, Const);
type Reporter = PacketReporter<'static, Board, ThriftCompact>;

/// Collects the names of the spans that it is sent.
#[derive(Default)]
struct Names(Vec<String>);

impl Transport for Names {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        let batch = decode(packet).unwrap();
        let names = batch.spans.into_iter().map(|span| span.operation_name);
        self.0.extend(names);
        SendOutcome::Accepted
    }
}

/// Declares a ring and a seeded tracer for one test.
macro_rules! device {
    ($tracer:ident) => {
        static RING: Ring<Interrupts, Bytes<1024>> = Ring::new();
        static $tracer: Tracer<Board> = Tracer::new((Timer, Const(true)), &RING);
        $tracer.seed(Seed::from_words([1, 2, 3]));
    };
}

fn drained(reporter: &mut Reporter) -> Vec<String> {
    let mut names = Names::default();
    assert_eq!(reporter.drain_all(&mut names, &mut [0; 512]), Drained::All);
    names.0
}

#[test]
fn a_stolen_reporter_sends_what_had_finished_and_a_packet_under_way_again() {
    device!(TRACER);
    let process = Process::new("chip");
    let mut first = TRACER.reporter(ThriftCompact::new(), process).unwrap();
    for name in ["one", "two", "three"] {
        TRACER.start::<0>(name);
    }
    let mut buffer = [0; 512];
    let packet = first.flush(&mut buffer).unwrap();
    let _open = TRACER.start::<0>("open");

    // SAFETY: the first reporter is not used again, and this is the only thread.
    let mut second = unsafe { TRACER.steal_reporter(ThriftCompact::new(), process) }.unwrap();
    TRACER.start::<0>("fault");
    assert_eq!(drained(&mut second), ["one", "two", "three", "fault"]);
    let stats = second.stats();
    assert!(stats.adds_up());
    assert_eq!((stats.delivered, stats.open, stats.queued), (4, 1, 0));
    assert!(!packet.bytes().is_empty(), "it was held until here");
    core::mem::forget(first);
}

#[test]
fn a_stolen_reporter_that_is_dropped_can_be_followed_by_another() {
    device!(TRACER);
    let process = Process::new("chip");
    let first = TRACER.reporter(ThriftCompact::new(), process).unwrap();
    core::mem::forget(first);
    assert!(TRACER.reporter(ThriftCompact::new(), process).is_err());
    // SAFETY: the first reporter is gone, and this is the only thread.
    drop(unsafe { TRACER.steal_reporter(ThriftCompact::new(), process) });
    assert!(TRACER.reporter(ThriftCompact::new(), process).is_ok());
}

/// Keeps the frames that it is sent.
#[derive(Default)]
struct Frames(Vec<Frame>);

impl Transport for Frames {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        self.0.extend(frames(packet));
        SendOutcome::Accepted
    }
}

impl Frames {
    /// Returns sampled, queued and delivered spans by the last status.
    fn counts(&self) -> [u64; 3] {
        let status = self.0.iter().rfind(|frame| frame.kind == 2);
        let status = read::<Status>(&status.expect("a status").payload);
        [status.sampled, status.queued, status.delivered]
    }

    /// Returns the numbers of all spans.
    fn sequences(&self) -> Vec<u32> {
        let payloads = self.0.iter().filter(|frame| frame.kind == 3);
        payloads
            .flat_map(|frame| spans::<&str>(&frame.payload))
            .map(|span| span.start.sequence)
            .collect()
    }
}

/// The name of all spans, where a linker would put it.
static NAMES: &str = "sample";

/// A boot finds what the one before has not sent: `made` spans follow, of which all are sent but the
/// last `kept`.
fn boot(memory: &'static RetainedMemory<1024>, made: usize, kept: usize) -> (u32, Frames) {
    // SAFETY: the boots before have left their rings, and the memory is never freed.
    let ring = Box::leak(Box::new(unsafe { RetainedRing::new(memory) }));
    let program = Program::new(NAMES.as_bytes(), BuildId::new(&[7; 20]));
    let recovery = ring.recover(&program, 1_000_000);
    let tracer = Box::leak(Box::new(Tracer::new((Timer, Const(true)), &*ring)));
    tracer.seed(Seed::from_words([1, 2, recovery.boot]));
    let device = Device::new(b"chip", recovery.boot);
    let encoder = recovery.encoder::<96, _>(RelayFrames::new(device));
    let mut reporter = tracer.reporter(encoder, Process::new("chip")).unwrap();
    let (mut line, mut buffer) = (Frames::default(), [0; 256]);
    let span = || tracer.start::<0>(NAMES).finish();
    (kept..made).for_each(|_| span());
    reporter.announce_to(&mut line, &mut buffer);
    let waiting = u64::from(recovery.spans) + (made - kept) as u64;
    assert_eq!(
        line.counts(),
        [waiting, waiting, 0],
        "those of others are theirs"
    );
    reporter.drain_all(&mut line, &mut buffer);
    (0..kept).for_each(|_| span());
    reporter.announce_to(&mut line, &mut buffer);
    let expected = [waiting + kept as u64, kept as u64, waiting];
    assert_eq!(line.counts(), expected);
    assert!(
        line.0
            .iter()
            .all(|frame| u32::from(frame.boot) == recovery.boot)
    );
    std::mem::forget(reporter);
    assert!(recovery.boot == 1 || recovery.outcome == RecoveryOutcome::Warm);
    (recovery.boot, line)
}

#[test]
fn boots_and_spans_that_wait_are_numbered_on_over_resets_and_each_boot_counts_its_own() {
    let memory = Box::leak(Box::new(RetainedMemory::new()));
    // SAFETY: the box's own bytes, as they may be after a cold start.
    unsafe {
        let bytes = std::ptr::from_mut(memory).cast::<u8>();
        bytes.write_bytes(0xa5, size_of::<RetainedMemory<1024>>());
    }
    let mut next = 0;
    for (number, (made, kept)) in (1..).zip([(5, 2), (4, 1), (3, 0), (2, 2), (1, 1)]) {
        let (boot, line) = boot(memory, made, kept);
        assert_eq!(boot, number);
        let sent = line.sequences();
        let expected: Vec<u32> = (next..).take(sent.len()).collect();
        assert_eq!(sent, expected, "in boot {boot}");
        // A ring without a span has no last number.
        next = if kept == 0 {
            0
        } else {
            next + sent.len() as u32
        };
    }
    assert_eq!(next, 2);
}
