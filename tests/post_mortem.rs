//! A chip's tracer after a fault or the end of a task, run on the host.

use picojaeger_core::ring::Bytes;
use picojaeger_core::wire::{Process, ThriftCompact};
use picojaeger_core::{
    Clock, Const, Drained, Interrupts, PacketReporter, Ring, Seed, SendOutcome, Tracer, Transport,
};
use picojaeger_std::collector::decode;

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
