//! From rings to packets: a reporter that does no input or output itself.

use crate::record::Records;
use crate::ring::Consumer;
use crate::wire::{Batch, ClientStats, EncodeContext, Encoder, Process, Push};

/// Packs records into packets and keeps account of what became of them.
///
/// [`PacketBuilder::poll`] gives a packet when one is due, [`PacketBuilder::done`] takes
/// its outcome; until then there is no other. Both borrow the consumers of any
/// number of rings, always the same in the same order, and begin with another
/// one each time. The work of a call is bounded by the packet's size.
///
/// ```
/// use picojaeger_core::record::{Open, Records};
/// use picojaeger_core::ring::{Bytes, FrameRing, Spsc, Word};
/// use picojaeger_core::wire::{ClientStats, EncodeContext, Process, ThriftCompact};
/// use picojaeger_core::{Flags, SendOutcome, PacketBuilder, PollContext, SpanContext, SpanId, Timeline, TraceId};
///
/// let mut ring = FrameRing::<Spsc, (), Bytes<1024>, _, Records>::spsc();
/// let (mut producer, consumer) = ring.split();
/// let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
/// let mut span = Open::<[Word; 8]>::new("read", context, SpanId::default(), 1_000);
/// span.finish(1_500);
/// producer.push(0, &span.image()).unwrap();
///
/// let mut reporter = PacketBuilder::new(ThriftCompact::new(), 512, 1_000_000);
/// let context = PollContext {
///     now: 0,
///     flush: true,
///     process: &Process { service: "pump-7", tags: &[] },
///     stats: ClientStats::default(),
///     encode: &EncodeContext { timeline: Timeline { segments: &[] }, samplers: &|_| None },
/// };
/// let (mut consumers, mut buffer) = ([consumer], [0; 512]);
/// let packet = reporter.poll(&mut consumers, &context, &mut buffer);
/// assert!(packet.is_some_and(|packet| packet.ends_with(&[0, 0])));
/// reporter.done(SendOutcome::Accepted, &mut consumers);
/// assert_eq!(reporter.delivery().delivered, 1);
/// ```
#[derive(Debug)]
pub struct PacketBuilder<E> {
    encoder: E,
    limit: usize,
    interval: u64,
    /// When the oldest record that waits was first seen.
    seen: Option<u64>,
    /// The consumer to begin with.
    next: usize,
    sequence: i64,
    pending: Option<Pending>,
    delivery: DeliveryCounts,
}

/// What a poll works with; lent for the call. See [`PacketBuilder`] for an example.
#[derive(Clone, Copy)]
pub struct PollContext<'s> {
    /// The time by any clock that does not step back; the unit is that of the
    /// flush interval.
    pub now: u64,
    /// Whether to pack whatever there is.
    pub flush: bool,
    /// Where the spans come from.
    pub process: &'s Process<'s>,
    /// What to tell the backend of losses.
    pub stats: ClientStats,
    /// What ticks and sampler codes mean.
    pub encode: &'s EncodeContext<'s>,
}

/// What became of a packet.
///
/// ```
/// use picojaeger_core::SendOutcome;
///
/// let outcome = match 90 {
///     90 => SendOutcome::TooLarge, // EMSGSIZE on Linux
///     _ => SendOutcome::Failed,
/// };
/// assert_eq!(outcome, SendOutcome::TooLarge);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendOutcome {
    /// The transport took it.
    Accepted,
    /// The transport takes no packet of this size: the limit halves, and the
    /// records are packed again.
    TooLarge,
    /// Nothing was sent; the records are packed again.
    Retry,
    /// The peer refused it: its spans are lost.
    Refused,
    /// The transport failed: its spans are lost.
    Failed,
}

/// Counts of spans by what became of their packets. With a tracer of a chip,
/// these are the part of the sum that [`Stats::queued`](crate::Stats) still holds.
///
/// ```
/// use picojaeger_core::DeliveryCounts;
///
/// assert_eq!(DeliveryCounts { failed: 1, refused: 2, ..DeliveryCounts::default() }.lost(), 3);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct DeliveryCounts {
    /// In packets that were accepted.
    pub delivered: u64,
    /// Fitted no packet.
    pub too_large: u64,
    /// In packets that were refused.
    pub refused: u64,
    /// In packets that could not be sent.
    pub failed: u64,
}

/// A packet without an outcome.
#[derive(Clone, Copy, Default, Debug)]
struct Pending {
    bytes: usize,
    spans: usize,
    /// Passed over, since they fit no packet.
    too_large: usize,
    /// Of `spans`, those whose records are gone already.
    freed: usize,
}

/// The smallest packet limit that [`SendOutcome::TooLarge`] leads to, in bytes.
const SMALLEST_LIMIT: usize = 256;
/// How many records one poll passes over: a bound on its work.
const PASSED_OVER: usize = 64;

impl<E: Encoder> PacketBuilder<E> {
    /// A reporter whose packets have at most `limit` bytes, and that holds
    /// records back for `interval` at most, in the unit of [`PollContext::now`].
    pub const fn new(encoder: E, limit: usize, interval: u64) -> Self {
        PacketBuilder {
            encoder,
            limit,
            interval,
            seen: None,
            next: 0,
            sequence: 1,
            pending: None,
            delivery: DeliveryCounts {
                delivered: 0,
                too_large: 0,
                refused: 0,
                failed: 0,
            },
        }
    }

    /// A packet in `buffer`, if one is due: a flush was asked for, a record was
    /// seen an interval ago, a ring is half full, or what waits fills a packet.
    ///
    /// Otherwise, and while a packet has no outcome, no record is touched.
    pub fn poll<'b, 'r, C>(
        &mut self,
        consumers: &mut [C],
        context: &PollContext<'_>,
        buffer: &'b mut [u8],
    ) -> Option<&'b [u8]>
    where
        C: AsMut<Consumer<'r, Records>>,
    {
        if self.pending.is_some() || !self.is_due(consumers, context) {
            return None;
        }
        let limit = self.limit.min(buffer.len());
        let out = buffer.get_mut(..limit)?;
        let pending = self.pack(consumers, context, out);
        self.next = self.next.wrapping_add(1);
        self.seen = None;
        if pending.spans == 0 {
            self.settle(pending.too_large, consumers);
            return None;
        }
        let place = self.encoder.finish(out);
        self.pending = Some(Pending {
            bytes: place.len(),
            ..pending
        });
        out.get(place)
    }

    /// Takes the outcome of the packet that [`PacketBuilder::poll`] gave last.
    /// Without one, nothing happens.
    pub fn done<'r, C>(&mut self, outcome: SendOutcome, consumers: &mut [C])
    where
        C: AsMut<Consumer<'r, Records>>,
    {
        let Some(pending) = self.pending.take() else {
            return;
        };
        let spent = match outcome {
            SendOutcome::Accepted => &mut self.delivery.delivered,
            SendOutcome::Refused => &mut self.delivery.refused,
            SendOutcome::Failed => &mut self.delivery.failed,
            SendOutcome::TooLarge if pending.bytes > SMALLEST_LIMIT => {
                self.limit = (pending.bytes / 2).max(SMALLEST_LIMIT);
                return self.repack(pending, SendOutcome::TooLarge, consumers);
            }
            SendOutcome::TooLarge => &mut self.delivery.too_large,
            SendOutcome::Retry => return self.repack(pending, SendOutcome::Failed, consumers),
        };
        *spent += pending.spans as u64;
        self.sequence = self.sequence.wrapping_add(1);
        self.settle(pending.too_large, consumers);
    }

    /// Whether a packet waits for its outcome.
    pub const fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The encoder.
    pub const fn encoder(&self) -> &E {
        &self.encoder
    }

    /// What became of the spans so far.
    pub const fn delivery(&self) -> DeliveryCounts {
        self.delivery
    }

    /// The packet limit in bytes, as it stands.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Whether to pack now; notes when records were first seen.
    fn is_due<'r, C>(&mut self, consumers: &mut [C], context: &PollContext<'_>) -> bool
    where
        C: AsMut<Consumer<'r, Records>>,
    {
        let (mut held, mut half_full) = (0, false);
        for consumer in consumers {
            let consumer = consumer.as_mut();
            let backlog = consumer.backlog();
            half_full |= backlog * 2 >= consumer.capacity();
            held += backlog;
        }
        if held == 0 {
            self.seen = None;
            return false;
        }
        let seen = *self.seen.get_or_insert(context.now);
        let waited = context.now.saturating_sub(seen) >= self.interval;
        context.flush || waited || half_full || held >= self.limit
    }

    /// Packs from one ring after another.
    fn pack<'r, C>(
        &mut self,
        consumers: &mut [C],
        context: &PollContext<'_>,
        out: &mut [u8],
    ) -> Pending
    where
        C: AsMut<Consumer<'r, Records>>,
    {
        let batch = Batch {
            process: context.process,
            sequence: self.sequence,
            stats: context.stats,
        };
        // Where not even the process fits, the encoder says so of each span.
        let _ = self.encoder.begin(out, &batch);
        let mut pending = Pending::default();
        let first = self.next.checked_rem(consumers.len()).unwrap_or(0);
        let mut at = first;
        while let Some(consumer) = consumers.get_mut(at) {
            let consumer = consumer.as_mut();
            while let Some(record) = consumer.peek() {
                let push = if pending.too_large < PASSED_OVER {
                    self.encoder.push(out, &record, context.encode)
                } else {
                    Push::Full
                };
                match push {
                    Push::Taken => pending.spans += 1,
                    Push::TooLarge => pending.too_large += 1,
                    Push::Full => {
                        consumer.leave();
                        return pending;
                    }
                }
                if push == Push::Taken && consumer.overwrites() {
                    pending.freed += 1;
                }
                consumer.advance();
            }
            at += 1;
            if at == consumers.len() {
                at = 0;
            }
            if at == first {
                break;
            }
        }
        pending
    }

    /// Frees what was packed or passed over.
    fn settle<'r, C>(&mut self, too_large: usize, consumers: &mut [C])
    where
        C: AsMut<Consumer<'r, Records>>,
    {
        self.delivery.too_large += too_large as u64;
        for consumer in consumers {
            consumer.as_mut().release();
        }
    }

    /// Lets everything be packed again, but for records that are gone already.
    fn repack<'r, C>(&mut self, pending: Pending, cause: SendOutcome, consumers: &mut [C])
    where
        C: AsMut<Consumer<'r, Records>>,
    {
        if cause == SendOutcome::TooLarge {
            self.delivery.too_large += pending.freed as u64;
        } else {
            self.delivery.failed += pending.freed as u64;
        }
        for consumer in consumers {
            consumer.as_mut().rewind();
        }
    }
}

impl DeliveryCounts {
    /// All that was lost.
    pub const fn lost(&self) -> u64 {
        self.too_large + self.refused + self.failed
    }
}

#[cfg(test)]
mod tests {
    use core::ops::Range;
    use std::vec::Vec;

    use super::*;
    use crate::context::{Flags, SpanContext};
    use crate::id::{SpanId, TraceId};
    use crate::raw_mutex::Interrupts;
    use crate::record::{Open, Record};
    use crate::ring::{Bytes, DropNewest, FrameRing, OverwriteOldest, Policy, Word};
    use crate::time::Timeline;
    use crate::wire::ThriftCompact;

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

    fn poll<E: Encoder>(
        reporter: &mut PacketBuilder<E>,
        consumers: &mut [Consumer<'_, Records>],
        now: u64,
        flush: bool,
    ) -> Option<Vec<u8>> {
        let context = PollContext {
            now,
            flush,
            process: &Process {
                service: "s",
                tags: &[],
            },
            stats: ClientStats::default(),
            encode: &EncodeContext {
                timeline: Timeline { segments: &[] },
                samplers: &|_| None,
            },
        };
        reporter
            .poll(consumers, &context, &mut [0; 4096])
            .map(<[u8]>::to_vec)
    }

    #[test]
    fn records_wait_for_the_interval() {
        let ring = Ring::<DropNewest>::new(());
        let mut consumers = [ring.consumer().unwrap()];
        let mut reporter = reporter(4096);
        assert!(
            poll(&mut reporter, &mut consumers, 0, true).is_none(),
            "nothing held"
        );
        push(&ring, 1);
        assert!(poll(&mut reporter, &mut consumers, 5, false).is_none());
        assert!(poll(&mut reporter, &mut consumers, 14, false).is_none());
        assert!(poll(&mut reporter, &mut consumers, 15, false).is_some());
        assert!(
            poll(&mut reporter, &mut consumers, 99, true).is_none(),
            "no outcome yet"
        );
        reporter.done(SendOutcome::Accepted, &mut consumers);
        reporter.done(SendOutcome::Accepted, &mut consumers);
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
        (1..=10).for_each(|id| push(&ring, id));
        let first = poll(&mut reporter, &mut consumers, 0, true).unwrap();
        reporter.done(SendOutcome::Retry, &mut consumers);
        let second = poll(&mut reporter, &mut consumers, 0, true).unwrap();
        assert_eq!(first, second);
        reporter.done(SendOutcome::TooLarge, &mut consumers);
        assert_eq!(reporter.limit(), first.len() / 2);
        let mut packets = 0;
        while let Some(packet) = poll(&mut reporter, &mut consumers, 0, true) {
            assert!(packet.len() <= first.len() / 2);
            packets += 1;
            reporter.done(SendOutcome::Accepted, &mut consumers);
        }
        assert!(packets >= 2);
        assert_eq!(
            reporter.delivery(),
            DeliveryCounts {
                delivered: 10,
                ..DeliveryCounts::default()
            }
        );
    }

    #[test]
    fn a_transport_that_takes_no_size_loses_spans_and_counts_them() {
        let ring = Ring::<DropNewest>::new(());
        let mut consumers = [ring.consumer().unwrap()];
        let mut reporter = reporter(4096);
        (1..=10).for_each(|id| push(&ring, id));
        while poll(&mut reporter, &mut consumers, 0, true).is_some() {
            reporter.done(SendOutcome::TooLarge, &mut consumers);
        }
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
            assert!(poll(&mut reporter, &mut consumers, 0, true).is_some());
            reporter.done(outcome, &mut consumers);
        }
        assert_eq!(
            (reporter.delivery().refused, reporter.delivery().failed),
            (1, 2)
        );
    }

    /// Notes the numbers of the batches that it begins.
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
    fn a_number_is_spent_by_each_packet_that_is_not_packed_again() {
        use SendOutcome::{Accepted, Failed, Refused, Retry};
        let ring = Ring::<DropNewest>::new(());
        let mut consumers = [ring.consumer().unwrap()];
        let mut reporter = PacketBuilder::new(Numbers::default(), 4096, 10);
        for outcome in [Accepted, Refused, Retry, Failed, Accepted, Accepted] {
            push(&ring, 1);
            assert!(poll(&mut reporter, &mut consumers, 0, true).is_some());
            reporter.done(outcome, &mut consumers);
        }
        assert_eq!(reporter.encoder().0, [1, 2, 3, 3, 4, 5]);
    }

    #[test]
    fn a_process_that_fits_no_packet_loses_spans_and_counts_them() {
        let ring = Ring::<DropNewest>::new(());
        let mut consumers = [ring.consumer().unwrap()];
        let mut reporter = reporter(16);
        (1..=3).for_each(|id| push(&ring, id));
        assert!(poll(&mut reporter, &mut consumers, 0, true).is_none());
        assert_eq!(reporter.delivery().too_large, 3);
        assert_eq!(consumers[0].backlog(), 0);
    }

    #[test]
    fn one_packet_is_filled_from_several_rings() {
        let rings = [(); 3].map(|()| Ring::<DropNewest>::new(()));
        let mut consumers: Vec<_> = rings.iter().map(|ring| ring.consumer().unwrap()).collect();
        let mut reporter = reporter(4096);
        rings.iter().for_each(|ring| push(ring, 1));
        assert!(poll(&mut reporter, &mut consumers, 0, true).is_some());
        reporter.done(SendOutcome::Accepted, &mut consumers);
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
            assert!(poll(&mut reporter, &mut consumers, 0, true).is_some());
            reporter.done(SendOutcome::Accepted, &mut consumers);
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
        assert!(poll(&mut reporter, &mut consumers, 0, true).is_some());
        reporter.done(SendOutcome::Retry, &mut consumers);
        assert_eq!(reporter.delivery().failed, 1);
        assert!(poll(&mut reporter, &mut consumers, 0, true).is_none());
    }
}
