//! Tests of work that is not traced: a transport that is traced itself.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use super::tests::{Here, Timer, interrupt};
use super::{Suppressible, Suppression};
use crate::ring::Bytes;
use crate::wire::{Process, ThriftCompact};
use crate::{
    AsyncTransport, Const, Drained, Interrupts, PacketReporter, Ring, Seed, SendOutcome, Tracer,
    Transport,
};

type Traced = Tracer<(Timer, Suppressible<'static, Const, Here>)>;

/// A transport that makes a trace for each packet, and is interrupted by a handler that makes one.
struct Network {
    tracer: &'static Traced,
    packets: usize,
    interrupts: usize,
}

impl Transport for Network {
    fn send(&mut self, _: &[u8]) -> SendOutcome {
        self.packets += 1;
        self.tracer.start::<0>("send");
        if self.interrupts > 0 {
            self.interrupts -= 1;
            interrupt(15, || self.tracer.start::<0>("interrupt"));
        }
        SendOutcome::Accepted
    }
}

impl AsyncTransport for Network {
    async fn send(&mut self, packet: &[u8]) -> SendOutcome {
        let mut waited = false;
        poll_fn(|_| match core::mem::replace(&mut waited, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        Transport::send(self, packet)
    }
}

/// Declares a suppression, a tracer that it concerns, and its network.
macro_rules! network {
    ($suppression:ident, $tracer:ident, $reporter:ident, $network:ident) => {
        static $suppression: Suppression<Here> = Suppression::new();
        static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
        static $tracer: Traced = Tracer::new((Timer, $suppression.sampler(Const(true))), &RING);
        $tracer.seed(Seed::from_words([1, 2, 3]));
        let mut $reporter: PacketReporter<'_, _, _> = $tracer
            .reporter(ThriftCompact::new(), Process::new("chip"))
            .unwrap();
        let mut $network = Network {
            tracer: &$tracer,
            packets: 0,
            interrupts: 2,
        };
    };
}

#[test]
fn a_traced_transport_feeds_itself_only_without_it() {
    network!(REPORTING, TRACER, reporter, network);
    TRACER.start::<0>("first");
    let rounds = if cfg!(miri) { 3 } else { 20 };
    for round in 1..=rounds {
        reporter.drain_all(&mut network, &mut [0; 512]);
        assert_eq!(network.packets, round, "the fault");
    }
    network.interrupts = 2;
    for _ in 0..rounds {
        let mut network = REPORTING.transport(&mut network);
        reporter.drain_all(&mut network, &mut [0; 512]);
    }
    // What the last send without it left, and two interrupts of sends with it.
    assert_eq!(network.packets, rounds + 3);
    let stats = reporter.stats();
    assert_eq!((stats.unsampled, stats.queued), (3, 0));
    assert!(stats.adds_up() && !REPORTING.is_entered(), "{stats}");
}

#[test]
fn other_tasks_are_traced_while_a_send_is_awaited() {
    network!(REPORTING, TRACER, reporter, network);
    network.interrupts = 0;
    TRACER.start::<0>("first");
    let mut network = REPORTING.transport(network);
    let mut buffer = [0; 512];
    {
        let mut drain = pin!(reporter.drain_all_async(&mut network, &mut buffer));
        let mut context = Context::from_waker(Waker::noop());
        assert!(drain.as_mut().poll(&mut context).is_pending());
        TRACER.start::<0>("other task");
        let drained = drain.as_mut().poll(&mut context);
        assert_eq!(drained, Poll::Ready(Drained::All));
    }
    let stats = reporter.stats();
    let counts = (stats.delivered, stats.queued, stats.unsampled);
    assert_eq!(counts, (1, 1, 1), "{stats}");
}

#[test]
fn scopes_are_of_what_runs_and_end_in_the_reverse_order() {
    static REPORTING: Suppression<Here> = Suppression::new();
    let outer = REPORTING.enter();
    interrupt(3, || {
        assert!(!REPORTING.is_entered());
        let _inner = REPORTING.enter();
        assert!(REPORTING.is_entered());
    });
    let again = REPORTING.enter();
    drop(again);
    assert!(REPORTING.is_entered());
    drop(outer);
    assert!(!REPORTING.is_entered());
}
