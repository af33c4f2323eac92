//! Packs the records of rings into packets, without input or output.

mod delivery;
mod packet;
mod poll_context;
#[cfg(test)]
mod tests;

use core::ops::Range;

use crate::arch::stored_zero;
use crate::record::Records;
use crate::ring::Consumer;
use crate::transport::SendOutcome;
use crate::wire::{Batch, Encoder, Push};

pub use delivery::DeliveryCounts;
pub use packet::Packet;
pub use poll_context::PollContext;

/// Packs records into packets and counts spans by the outcomes of these.
///
/// [`PacketBuilder::poll`] returns a [`Packet`] when one is due; [`Packet::done`] reports its
/// outcome. It borrows the consumers of any number of rings, and begins with the next one each time. The work
/// of a call is bounded by the packet's size.
///
/// ```
/// use picojaeger_core::adapter::record::{Open, Records};
/// use picojaeger_core::ring::{Bytes, FrameRing, Spsc, Word};
/// use picojaeger_core::wire::{EncodeContext, Process, ThriftCompact};
/// use picojaeger_core::adapter::{PacketBuilder, PollContext, Timeline};
/// use picojaeger_core::{Flags, SendOutcome, SpanContext, SpanId, TraceId};
///
/// let mut ring = FrameRing::<Spsc, (), Bytes<1024>, _, Records>::spsc();
/// let (mut producer, consumer) = ring.split();
/// let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
/// let mut span = Open::<[Word; 8]>::new("read", context, SpanId::default(), 1_000);
/// span.finish(1_500);
/// producer.push(0, &span.image()).unwrap();
///
/// let mut reporter = PacketBuilder::new(ThriftCompact::new(), 512, 1_000_000);
/// let (process, timeline) = (Process::new("pump-7"), Timeline::new(&[]));
/// let encode = EncodeContext::new(timeline, &|_| None);
/// let context = PollContext::new(0, &process, &encode).with_flush(true);
/// let (mut consumers, mut buffer) = ([consumer], [0; 512]);
/// let packet = reporter.poll(&mut consumers, &context, &mut buffer).unwrap();
/// assert!(packet.bytes().ends_with(&[0, 0]));
/// packet.done(SendOutcome::Accepted);
/// assert_eq!(reporter.delivery().delivered, 1);
/// ```
#[derive(Debug)]
pub struct PacketBuilder<E> {
    encoder: E,
    limit: usize,
    interval: u64,
    /// The time at which the oldest waiting record was first seen.
    seen: Option<u64>,
    /// Index of the consumer to begin with.
    next: usize,
    sequence: i64,
    pending: Option<Pending>,
    /// A part of the packet has left, by [`SendOutcome::Partial`].
    is_partial: bool,
    /// The last attempt sent nothing: the packet is packed again by [`SendOutcome::Retry`], or a
    /// producer that is interrupted in the middle of a record holds up those behind it.
    retries: bool,
    delivery: DeliveryCounts,
}

/// A packet without an outcome.
#[derive(Clone, Default, Debug)]
struct Pending {
    /// Where its bytes lie in the buffer.
    place: Range<usize>,
    spans: usize,
    /// Records that were skipped, since they fit no packet.
    too_large: usize,
    /// Spans, of both counts, whose records are freed already.
    freed: usize,
}

/// The smallest packet limit that [`SendOutcome::TooLarge`] leads to, in bytes.
const SMALLEST_LIMIT: usize = 256;
/// The most records that one poll skips: a bound on its work.
const PASSED_OVER: usize = 64;

impl<E: Encoder> PacketBuilder<E> {
    /// Makes a builder of packets of at most `limit` bytes, which holds records back for `interval`
    /// at most, in the unit of [`PollContext::now`].
    pub fn new(encoder: E, limit: usize, interval: u64) -> Self {
        let zero = stored_zero();
        PacketBuilder {
            encoder,
            limit,
            interval,
            seen: None,
            next: 0,
            sequence: 1,
            pending: None,
            is_partial: false,
            retries: false,
            delivery: DeliveryCounts {
                delivered: zero,
                too_large: zero,
                refused: zero,
                failed: zero,
                unreachable: zero,
            },
        }
    }

    /// Returns a packet in `buffer` if one is due: this is a flush, a record was first seen an
    /// interval ago, a ring is half full, or the waiting records fill a packet.
    ///
    /// Otherwise no record is touched. A packet that never had an outcome is given up first, as by
    /// [`PacketBuilder::retry`].
    pub fn poll<'p, 'r, C>(
        &'p mut self,
        consumers: &'p mut [C],
        context: &PollContext<'_>,
        buffer: &'p mut [u8],
    ) -> Option<Packet<'p, E, C>>
    where
        C: AsMut<Consumer<'r, Records>>,
    {
        self.retry(consumers);
        if !self.is_due(consumers, context) {
            return None;
        }
        self.flush(consumers, context, buffer)
    }

    /// Returns a packet in `buffer` of the records that wait, due or not; `None` if there are none.
    ///
    /// A packet that never had an outcome has got one before, if only by [`PacketBuilder::retry`].
    pub fn flush<'p, 'r, C>(
        &'p mut self,
        consumers: &'p mut [C],
        context: &PollContext<'_>,
        buffer: &'p mut [u8],
    ) -> Option<Packet<'p, E, C>>
    where
        C: AsMut<Consumer<'r, Records>>,
    {
        let limit = self.limit.min(buffer.len());
        let out = buffer.get_mut(..limit)?;
        let pending = self.pack(consumers, context, out);
        self.next = self.next.wrapping_add(1);
        self.seen = None;
        if self.encoder.is_empty() {
            self.retries = pending.too_large == 0;
            self.settle(pending.too_large, consumers);
            return None;
        }
        self.finish(consumers, out, pending)
    }

    /// Returns a packet in `buffer` that has the [status](PollContext::status) and no spans; `None`
    /// if there is no room, or nothing to send without a span.
    ///
    /// A packet that never had an outcome is given up first, as by [`PacketBuilder::retry`].
    pub fn announce<'p, 'r, C>(
        &'p mut self,
        consumers: &'p mut [C],
        context: &PollContext<'_>,
        buffer: &'p mut [u8],
    ) -> Option<Packet<'p, E, C>>
    where
        C: AsMut<Consumer<'r, Records>>,
    {
        self.retry(consumers);
        let limit = self.limit.min(buffer.len());
        let out = buffer.get_mut(..limit)?;
        if !E::WITH_STATUS {
            return None;
        }
        self.begin(context, out);
        self.finish(consumers, out, Pending::default())
    }

    #[inline(always)]
    fn finish<'p, C>(
        &'p mut self,
        consumers: &'p mut [C],
        out: &'p mut [u8],
        pending: Pending,
    ) -> Option<Packet<'p, E, C>> {
        let place = self.encoder.finish(out);
        if place.is_empty() {
            return None;
        }
        self.pending = Some(Pending {
            place: place.clone(),
            ..pending
        });
        Some(Packet::new(self, consumers, out, place))
    }

    /// Returns the last packet, without its bytes, if it has no outcome yet: it was dropped before
    /// its [`Packet::done`], or that got [`SendOutcome::Pending`] or [`SendOutcome::Partial`]. The
    /// consumers are those of that packet, and perhaps others, none of which was moved since.
    pub fn resume<'p, 'r, C>(&'p mut self, consumers: &'p mut [C]) -> Option<Packet<'p, E, C>>
    where
        C: AsMut<Consumer<'r, Records>>,
    {
        self.resume_in(consumers, &[])
    }

    /// Returns the last packet like [`PacketBuilder::resume`], in the buffer that it was made in.
    pub fn resume_in<'p, 'r, C>(
        &'p mut self,
        consumers: &'p mut [C],
        buffer: &'p [u8],
    ) -> Option<Packet<'p, E, C>>
    where
        C: AsMut<Consumer<'r, Records>>,
    {
        let place = self.pending.as_ref()?.place.clone();
        Some(Packet::new(self, consumers, buffer, place))
    }

    /// Returns whether a part of the last packet has left, by [`SendOutcome::Partial`], and a buffer
    /// of so many bytes may hold the rest.
    #[inline]
    pub fn is_partial(&self, buffer: usize) -> bool {
        let pending = self.pending.as_ref();
        self.is_partial && pending.is_some_and(|pending| pending.place.end <= buffer)
    }

    /// Returns whether the last packet has no outcome yet, and no spans.
    #[inline]
    pub(crate) fn is_without_spans(&self) -> bool {
        let pending = self.pending.as_ref();
        pending.is_some_and(|pending| pending.spans == 0)
    }

    /// Makes the next poll pack the records of a packet that never had an outcome again, as `poll`
    /// itself does. The consumers are those of that packet, and perhaps others.
    #[inline]
    pub fn retry<'r, C>(&mut self, consumers: &mut [C])
    where
        C: AsMut<Consumer<'r, Records>>,
    {
        self.done(SendOutcome::Retry, consumers);
    }

    /// Takes the outcome of the last packet.
    #[inline]
    fn done<'r, C>(&mut self, outcome: SendOutcome, consumers: &mut [C])
    where
        C: AsMut<Consumer<'r, Records>>,
    {
        self.is_partial = outcome == SendOutcome::Partial;
        if self.is_partial || outcome == SendOutcome::Pending {
            return;
        }
        let Some(mut pending) = self.pending.take() else {
            return;
        };
        let counts = &mut self.delivery;
        let (count, again) = match outcome {
            SendOutcome::Pending | SendOutcome::Partial => return,
            SendOutcome::Accepted => (&mut counts.delivered, false),
            SendOutcome::PartlyAccepted { rejected } => {
                let rejected = rejected.min(pending.spans as u64);
                counts.refused += rejected;
                pending.spans -= rejected as usize;
                (&mut counts.delivered, false)
            }
            SendOutcome::Unreachable => (&mut counts.unreachable, false),
            SendOutcome::Refused => (&mut counts.refused, false),
            SendOutcome::Failed => (&mut counts.failed, false),
            SendOutcome::Retry => (&mut counts.failed, true),
            SendOutcome::TooLarge => (&mut counts.too_large, pending.place.len() > SMALLEST_LIMIT),
        };
        if again {
            *count += pending.freed as u64;
            self.retries = outcome == SendOutcome::Retry;
            if outcome == SendOutcome::TooLarge {
                self.limit = (pending.place.len() / 2).max(SMALLEST_LIMIT);
            }
            return rewind(consumers);
        }
        *count += pending.spans as u64;
        self.sequence = self.sequence.wrapping_add(1);
        self.settle(pending.too_large, consumers);
    }

    /// Returns whether the last attempt sent nothing, once for each such attempt: the packet is packed
    /// again, or a record that is not complete yet came first. For a pause before the next one.
    #[inline]
    pub const fn take_retry(&mut self) -> bool {
        core::mem::replace(&mut self.retries, false)
    }

    /// Sets the packet limit, in bytes.
    pub const fn set_limit(&mut self, bytes: usize) {
        self.limit = bytes;
    }

    /// Returns the encoder.
    pub const fn encoder(&self) -> &E {
        &self.encoder
    }

    /// Returns the counts of spans by outcome so far.
    pub const fn delivery(&self) -> DeliveryCounts {
        self.delivery
    }

    /// Returns the current packet limit, in bytes.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Returns whether a packet is due; notes when records were first seen.
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

    #[inline(always)]
    fn begin(&mut self, context: &PollContext<'_>, out: &mut [u8]) {
        let batch = Batch {
            process: context.process,
            sequence: self.sequence,
            stats: context.stats,
            status: context.status,
        };
        // If not even the process fits, each span is too large.
        let _ = self.encoder.begin(out, &batch);
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
        self.begin(context, out);
        let mut pending = Pending::default();
        let first = self.next.checked_rem(consumers.len()).unwrap_or(0);
        let mut at = first;
        while let Some(consumer) = consumers.get_mut(at) {
            let is_full = self.pack_ring(consumer.as_mut(), context, out, &mut pending);
            at += 1;
            if at == consumers.len() {
                at = 0;
            }
            if is_full || at == first {
                break;
            }
        }
        pending
    }

    /// Packs from one ring until it has no more records; `true` if the packet is full before.
    #[inline(always)]
    fn pack_ring(
        &mut self,
        consumer: &mut Consumer<'_, Records>,
        context: &PollContext<'_>,
        out: &mut [u8],
        pending: &mut Pending,
    ) -> bool {
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
                    return true;
                }
            }
            pending.freed += usize::from(consumer.overwrites());
            consumer.advance();
        }
        false
    }

    /// Frees the records that were packed or skipped.
    fn settle<'r, C>(&mut self, too_large: usize, consumers: &mut [C])
    where
        C: AsMut<Consumer<'r, Records>>,
    {
        self.delivery.too_large += too_large as u64;
        for consumer in consumers {
            consumer.as_mut().release();
        }
    }
}

/// Rewinds, so that all records but those freed already are packed again.
fn rewind<'r, C>(consumers: &mut [C])
where
    C: AsMut<Consumer<'r, Records>>,
{
    for consumer in consumers {
        consumer.as_mut().rewind();
    }
}
