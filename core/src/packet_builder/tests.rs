//! Unit tests of the packet builder, over rings of its own.

use core::ops::Range;
use std::vec::Vec;

use super::*;
use crate::context::{Flags, SpanContext};
use crate::id::{SpanId, TraceId};
use crate::raw_mutex::Interrupts;
use crate::record::{Open, Record};
use crate::ring::{Bytes, DropNewest, FrameRing, OverwriteOldest, Policy, Word};
use crate::time::Timeline;
use crate::value::{Key, Value};
use crate::wire::{ClientStats, EncodeContext, Process, ThriftCompact};

type Ring<P> = FrameRing<Interrupts, (), Bytes<1024>, P, Records>;

fn push<P: Policy>(ring: &Ring<P>, id: u64) {
    let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(id), Flags::SAMPLED);
    let mut span = Open::<[Word; 4]>::new("operation", context, SpanId::default(), 0);
    span.finish(1);
    let (_, slot) = ring.reserve(span.image_words(), |_, _| ());
    slot.unwrap().commit(&span.image());
}

fn reporter(limit: usize) -> PacketBuilder<ThriftCompact> {
    PacketBuilder::new(ThriftCompact::new(), limit, 10)
}

/// Polls once, and passes the packet to `with`, if there is one.
fn poll_with<E: Encoder, T>(
    reporter: &mut PacketBuilder<E>,
    consumers: &mut [Consumer<'_, Records>],
    now: u64,
    flush: bool,
    with: impl FnOnce(Packet<'_, E, Consumer<'_, Records>>) -> T,
) -> Option<T> {
    let context = PollContext {
        now,
        flush,
        process: &Process::new("s"),
        stats: ClientStats::default(),
        status: None,
        encode: &EncodeContext {
            timeline: Timeline { segments: &[] },
            samplers: &|_| None,
        },
    };
    reporter.poll(consumers, &context, &mut [0; 4096]).map(with)
}

/// Polls once; a packet gets no outcome.
fn poll<E: Encoder>(
    reporter: &mut PacketBuilder<E>,
    consumers: &mut [Consumer<'_, Records>],
    now: u64,
    flush: bool,
) -> Option<Vec<u8>> {
    poll_with(reporter, consumers, now, flush, |packet| {
        packet.bytes().to_vec()
    })
}

/// Flushes one packet with this outcome.
fn send<E: Encoder>(
    reporter: &mut PacketBuilder<E>,
    consumers: &mut [Consumer<'_, Records>],
    outcome: SendOutcome,
) -> Option<Vec<u8>> {
    poll_with(reporter, consumers, 0, true, |packet| {
        let bytes = packet.bytes().to_vec();
        packet.done(outcome);
        bytes
    })
}

#[test]
fn records_wait_for_the_interval() {
    let ring = Ring::<DropNewest>::new(());
    let mut consumers = [ring.consumer().unwrap()];
    let mut reporter = reporter(4096);
    assert!(
        poll(&mut reporter, &mut consumers, 0, true).is_none(),
        "nothing queued"
    );
    push(&ring, 1);
    assert!(poll(&mut reporter, &mut consumers, 5, false).is_none());
    assert!(poll(&mut reporter, &mut consumers, 14, false).is_none());
    assert!(poll(&mut reporter, &mut consumers, 15, false).is_some());
    assert!(send(&mut reporter, &mut consumers, SendOutcome::Accepted).is_some());
    assert!(send(&mut reporter, &mut consumers, SendOutcome::Accepted).is_none());
    assert_eq!(reporter.delivery().delivered, 1);
}

#[test]
fn a_ring_that_is_half_full_does_not_wait() {
    let ring = Ring::<DropNewest>::new(());
    let mut consumers = [ring.consumer().unwrap()];
    let mut reporter = reporter(4096);
    for id in 1..=7 {
        push(&ring, id);
        assert!(
            poll(&mut reporter, &mut consumers, 0, false).is_none(),
            "at {id}"
        );
    }
    push(&ring, 8);
    assert!(poll(&mut reporter, &mut consumers, 0, false).is_some());
}

#[test]
fn retry_and_too_large_pack_again_with_the_same_number() {
    let ring = Ring::<DropNewest>::new(());
    let mut consumers = [ring.consumer().unwrap()];
    let mut reporter = reporter(4096);
    (1..=13).for_each(|id| push(&ring, id));
    let first = send(&mut reporter, &mut consumers, SendOutcome::Retry).unwrap();
    assert!(first.len() / 2 > SMALLEST_LIMIT);
    let second = send(&mut reporter, &mut consumers, SendOutcome::TooLarge).unwrap();
    assert_eq!(first, second);
    assert_eq!(reporter.limit(), first.len() / 2);
    let mut packets = 0;
    while let Some(packet) = send(&mut reporter, &mut consumers, SendOutcome::Accepted) {
        assert!(packet.len() <= first.len() / 2);
        packets += 1;
    }
    assert!(packets >= 2);
    assert_eq!(
        reporter.delivery(),
        DeliveryCounts {
            delivered: 13,
            ..DeliveryCounts::default()
        }
    );
}

#[test]
fn packets_that_are_too_large_at_any_size_are_counted_as_lost() {
    let ring = Ring::<DropNewest>::new(());
    let mut consumers = [ring.consumer().unwrap()];
    let mut reporter = reporter(4096);
    (1..=10).for_each(|id| push(&ring, id));
    while send(&mut reporter, &mut consumers, SendOutcome::TooLarge).is_some() {}
    assert_eq!(
        reporter.delivery(),
        DeliveryCounts {
            too_large: 10,
            ..DeliveryCounts::default()
        }
    );
}

#[test]
fn lost_packets_are_counted_by_cause() {
    let ring = Ring::<DropNewest>::new(());
    let mut consumers = [ring.consumer().unwrap()];
    let mut reporter = reporter(4096);
    for outcome in [
        SendOutcome::Refused,
        SendOutcome::Failed,
        SendOutcome::Failed,
    ] {
        push(&ring, 1);
        assert!(send(&mut reporter, &mut consumers, outcome).is_some());
    }
    assert_eq!(
        (reporter.delivery().refused, reporter.delivery().failed),
        (1, 2)
    );
}

/// An encoder that keeps the numbers of its batches.
#[derive(Default)]
struct Numbers(Vec<i64>);

impl Encoder for Numbers {
    fn begin(&mut self, _: &mut [u8], batch: &Batch<'_>) -> bool {
        self.0.push(batch.sequence);
        true
    }
    fn push(&mut self, _: &mut [u8], _: &Record<'_>, _: &EncodeContext<'_>) -> Push {
        Push::Taken
    }
    fn finish(&mut self, _: &mut [u8]) -> Range<usize> {
        0..1
    }
    fn spans(&self) -> usize {
        1
    }
}

#[test]
fn each_packet_that_is_not_packed_again_takes_a_number() {
    use SendOutcome::{Accepted, Failed, Refused, Retry};
    let ring = Ring::<DropNewest>::new(());
    let mut consumers = [ring.consumer().unwrap()];
    let mut reporter = PacketBuilder::new(Numbers::default(), 4096, 10);
    for outcome in [Accepted, Refused, Retry, Failed, Accepted, Accepted] {
        push(&ring, 1);
        assert!(send(&mut reporter, &mut consumers, outcome).is_some());
    }
    assert_eq!(reporter.encoder().0, [1, 2, 3, 3, 4, 5]);
}

#[test]
fn spans_of_a_process_that_fits_no_packet_are_counted_as_lost() {
    let ring = Ring::<DropNewest>::new(());
    let mut consumers = [ring.consumer().unwrap()];
    let mut reporter = reporter(16);
    (1..=3).for_each(|id| push(&ring, id));
    assert!(poll(&mut reporter, &mut consumers, 0, true).is_none());
    assert_eq!(reporter.delivery().too_large, 3);
    assert_eq!(consumers[0].backlog(), 0);
}

#[test]
fn one_poll_skips_a_limited_number_of_records() {
    let rings = [(); 10].map(|()| Ring::<DropNewest>::new(()));
    let mut consumers: Vec<_> = rings.iter().map(|ring| ring.consumer().unwrap()).collect();
    let mut reporter = reporter(16);
    for ring in &rings {
        (1..=10).for_each(|id| push(ring, id));
    }
    for skipped in [PASSED_OVER, 100] {
        assert!(poll(&mut reporter, &mut consumers, 0, true).is_none());
        assert_eq!(reporter.delivery().too_large, skipped as u64);
    }
}

#[test]
fn a_packet_of_the_smallest_size_is_not_packed_again() {
    let ring = Ring::<DropNewest>::new(());
    let mut consumers = [ring.consumer().unwrap()];
    let mut reporter = reporter(SMALLEST_LIMIT);
    let mut span = Open::<[Word; 64]>::new("", SpanContext::default(), SpanId::default(), 0);
    // Cut to what the packet has room for.
    span.copy_operation(str::from_utf8(&[b'n'; 300]).unwrap());
    span.finish(1);
    let (_, slot) = ring.reserve(span.image_words(), |_, _| ());
    slot.unwrap().commit(&span.image());
    let packet = send(&mut reporter, &mut consumers, SendOutcome::TooLarge).unwrap();
    assert_eq!(packet.len(), SMALLEST_LIMIT);
    assert_eq!(reporter.delivery().too_large, 1);
    assert!(send(&mut reporter, &mut consumers, SendOutcome::Accepted).is_none());
}

#[test]
fn all_counts_but_delivered_are_losses() {
    let counts = DeliveryCounts {
        unreachable: 0,
        delivered: 1,
        too_large: 20,
        refused: 300,
        failed: 4_000,
    };
    assert_eq!(counts.lost(), 4_320);
}

#[test]
fn a_packet_prints_its_length() {
    let ring = Ring::<DropNewest>::new(());
    let mut consumers = [ring.consumer().unwrap()];
    push(&ring, 1);
    let printed = poll_with(&mut reporter(4096), &mut consumers, 0, true, |packet| {
        (std::format!("{packet:?}"), packet.bytes().len())
    });
    let (text, length) = printed.unwrap();
    assert!(text.contains(&std::format!("bytes: {length}")), "{text}");
}

#[test]
fn one_packet_is_filled_from_several_rings() {
    let rings = [(); 3].map(|()| Ring::<DropNewest>::new(()));
    let mut consumers: Vec<_> = rings.iter().map(|ring| ring.consumer().unwrap()).collect();
    let mut reporter = reporter(4096);
    rings.iter().for_each(|ring| push(ring, 1));
    assert!(send(&mut reporter, &mut consumers, SendOutcome::Accepted).is_some());
    assert_eq!(reporter.delivery().delivered, 3);
}

#[test]
fn each_packet_begins_with_another_ring() {
    let rings = [(); 2].map(|()| Ring::<DropNewest>::new(()));
    let mut consumers: Vec<_> = rings.iter().map(|ring| ring.consumer().unwrap()).collect();
    let mut reporter = reporter(128);
    for ring in &rings {
        (1..=8).for_each(|id| push(ring, id));
    }
    let full = consumers[0].backlog();
    let mut left = Vec::new();
    for _ in 0..2 {
        assert!(send(&mut reporter, &mut consumers, SendOutcome::Accepted).is_some());
        left.push([0, 1].map(|ring: usize| consumers[ring].backlog() < full));
    }
    assert_eq!(left, [[true, false], [true, true]]);
}

#[test]
fn a_ring_that_overwrites_cannot_pack_again() {
    let ring = Ring::<OverwriteOldest>::new(());
    let mut consumers = [ring.consumer().unwrap()];
    let mut reporter = reporter(4096);
    push(&ring, 1);
    assert!(send(&mut reporter, &mut consumers, SendOutcome::Retry).is_some());
    assert_eq!(reporter.delivery().failed, 1);
    assert!(poll(&mut reporter, &mut consumers, 0, true).is_none());
}

#[test]
fn a_ring_that_overwrites_loses_what_fits_no_packet_at_a_retry_too() {
    let ring = Ring::<OverwriteOldest>::new(());
    let mut consumers = [ring.consumer().unwrap()];
    let mut reporter = reporter(256);
    let mut span = Open::<[Word; 64]>::new("long", SpanContext::default(), SpanId::default(), 0);
    // A key is never cut.
    let key = Key::copied(str::from_utf8(&[b'k'; 250]).unwrap());
    assert!(span.try_tag(key, Value::Bool(true)));
    span.finish(1);
    let (_, slot) = ring.reserve(span.image_words(), |_, _| ());
    slot.unwrap().commit(&span.image());
    push(&ring, 1);
    assert!(send(&mut reporter, &mut consumers, SendOutcome::Retry).is_some());
    // Neither can be packed again.
    assert_eq!(reporter.delivery().failed, 2);
}

#[test]
fn a_packet_without_an_outcome_is_packed_again() {
    let ring = Ring::<DropNewest>::new(());
    let mut consumers = [ring.consumer().unwrap()];
    let mut reporter = reporter(4096);
    (1..=3).for_each(|id| push(&ring, id));
    let dropped = poll(&mut reporter, &mut consumers, 0, true).unwrap();
    let again = poll(&mut reporter, &mut consumers, 0, true);
    assert_eq!(again, Some(dropped.clone()));
    assert_eq!(reporter.delivery(), DeliveryCounts::default());
    reporter.retry(&mut consumers);
    assert!(consumers[0].backlog() > 0);
    let sent = send(&mut reporter, &mut consumers, SendOutcome::Accepted);
    assert_eq!(sent, Some(dropped));
    assert_eq!(reporter.delivery().delivered, 3);
    assert!(poll(&mut reporter, &mut consumers, 0, true).is_none());
}

#[test]
fn each_record_of_a_packet_is_visited_once() {
    let rings = [(); 2].map(|()| Ring::<DropNewest>::new(()));
    let mut consumers: Vec<_> = rings.iter().map(|ring| ring.consumer().unwrap()).collect();
    let mut reporter = reporter(4096);
    for ring in &rings {
        (1..=3).for_each(|id| push(ring, id));
    }
    let visited = poll_with(&mut reporter, &mut consumers, 0, true, |mut packet| {
        push(&rings[0], 4);
        let mut ids = Vec::new();
        packet.for_each_record(|record| ids.push(record.context().span_id().get()));
        packet.done(SendOutcome::Accepted);
        ids
    });
    assert_eq!(visited.unwrap(), [1, 2, 3, 1, 2, 3]);
    assert_eq!(reporter.delivery().delivered, 6);
    send(&mut reporter, &mut consumers, SendOutcome::Accepted).unwrap();
    assert_eq!(reporter.delivery().delivered, 7);
}

#[test]
fn a_panic_while_a_packet_is_read_leaves_it_whole() {
    let ring = Ring::<DropNewest>::new(());
    let mut consumers = [ring.consumer().unwrap()];
    let mut reporter = reporter(4096);
    (1..=3).for_each(|id| push(&ring, id));
    poll_with(&mut reporter, &mut consumers, 0, true, |mut packet| {
        let read = std::panic::AssertUnwindSafe(|| packet.for_each_record(|_| panic!("reader")));
        assert!(std::panic::catch_unwind(read).is_err());
        packet.done(SendOutcome::Accepted);
    });
    assert_eq!(reporter.delivery().delivered, 3);
    assert_eq!(consumers[0].backlog(), 0);
}
