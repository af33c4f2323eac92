//! A chip's reporter under calls and outcomes that are drawn from fixed seeds: nothing is lost without a
//! count, nothing comes twice, and a packet of which a part has left is offered unchanged.

mod common;

use std::sync::atomic::{AtomicU64, Ordering};

use common::SplitMix64;
use picojaeger_core::ring::{Bytes, OverwriteOldest};
use picojaeger_core::wire::{Process, ThriftCompact};
use picojaeger_core::{
    Clock, Const, Interrupts, PacketReporter, Ring, Seed, SendOutcome, SpanRing, Tracer, Transport,
};
use picojaeger_std::collector::decode;

/// A counter of milliseconds that the test sets.
struct Timer(AtomicU64);

impl Clock for Timer {
    const BITS: u32 = 32;
    fn ticks(&self) -> u64 {
        self.0.load(Ordering::Relaxed) & 0xffff_ffff
    }
    fn frequency(&self) -> u64 {
        1_000
    }
}

/// A peer whose answers are drawn.
struct Peer {
    draw: SplitMix64,
    /// The packet of which a part has left.
    part: Option<Vec<u8>>,
    spans: usize,
    parts: usize,
}

impl Peer {
    /// Takes a packet, or not.
    fn answer(&mut self, packet: &[u8]) -> SendOutcome {
        if let Some(part) = self.part.take() {
            assert_eq!(packet, part, "the same bytes");
        }
        match self.draw.below(12) {
            0 => SendOutcome::Retry,
            1 => SendOutcome::TooLarge,
            2 => SendOutcome::Refused,
            3 => SendOutcome::Failed,
            4 => SendOutcome::Unreachable,
            5..=8 => {
                self.part = Some(packet.to_vec());
                self.parts += 1;
                SendOutcome::Partial
            }
            _ => {
                self.spans += decode(packet).unwrap().spans.len();
                SendOutcome::Accepted
            }
        }
    }
}

impl Transport for Peer {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        self.answer(packet)
    }
    fn is_ready(&mut self) -> bool {
        self.draw.below(8) > 0
    }
    fn mtu(&self) -> usize {
        300
    }
}

type Board = (&'static Timer, Const);

/// Makes 4,000 calls by this seed.
fn run<R: SpanRing + ?Sized>(timer: &Timer, tracer: &'static Tracer<Board, R>, seed: u64) {
    let process = Process::new("chip");
    let mut reporter: PacketReporter<'_, _, _, R> =
        tracer.reporter(ThriftCompact::new(), process).unwrap();
    let before = reporter.stats().sampled;
    let (mut draw, mut buffer) = (SplitMix64(seed), [0; 300]);
    let mut peer = Peer {
        draw: SplitMix64(!seed),
        part: None,
        spans: 0,
        parts: 0,
    };
    for _ in 0..4_000 {
        match draw.below(10) {
            0..=3 => drop(tracer.start::<32>("some").tag("number", draw.below(9))),
            4 => {
                reporter.drain(&mut peer, &mut buffer);
            }
            5 => {
                reporter.drain_all(&mut peer, &mut buffer);
            }
            6 => {
                if let Some(packet) = reporter.poll(&mut buffer) {
                    let outcome = peer.answer(packet.bytes());
                    packet.done(outcome);
                }
            }
            7 => drop(reporter.flush(&mut buffer)),
            8 => drop(reporter.announce(&mut buffer)),
            _ => {
                let passed = draw.below(500) as u64;
                timer.0.fetch_add(passed, Ordering::Relaxed);
                reporter.poll_at();
            }
        }
        let stats = reporter.stats();
        assert!(stats.adds_up() && stats.open == 0, "{stats}");
        assert_eq!(stats.delivered, peer.spans as u64);
    }
    let stats = reporter.stats();
    assert!(peer.parts > 100 && stats.delivered > 100, "{stats}");
    assert!(stats.lost.refused > 0 && stats.sampled - before > 1_000);
}

/// Runs each seed on a tracer of its own.
macro_rules! runs {
    ($($name:ident: $seed:literal $(, $policy:ty)?;)*) => {$(
        #[test]
        fn $name() {
            static TIMER: Timer = Timer(AtomicU64::new(0));
            static RING: Ring<Interrupts, Bytes<1024>$(, $policy)?> = Ring::new();
            #[allow(unused_parens, reason = "a policy, or none")]
            static TRACER: Tracer<Board $(, Ring<Interrupts, Bytes<1024>, $policy>)?> =
                Tracer::new((&TIMER, Const(true)), &RING);
            TRACER.seed(Seed::from_words([1, 2, $seed]));
            run(&TIMER, &TRACER, $seed);
        }
    )*};
}

runs! {
    newest_are_dropped: 1;
    newest_are_dropped_again: 2;
    oldest_are_overwritten: 3, OverwriteOldest;
    oldest_are_overwritten_again: 4, OverwriteOldest;
}
