//! A packet until its outcome is known.

use core::fmt;
use core::ops::Range;

use crate::packet_builder::PacketBuilder;
use crate::record::{Record, Records};
use crate::ring::{Consumer, Mark};
use crate::transport::SendOutcome;
use crate::wire::Encoder;

/// A packet, from [`PacketBuilder::poll`] or [`PacketReporter::poll`](crate::PacketReporter::poll),
/// that needs an outcome.
///
/// [`Packet::done`] takes it. A packet that is dropped without one, or forgotten, counts as
/// [`SendOutcome::Retry`]: the next poll packs its records again, with the same number, and
/// until then they count as queued. Nothing is lost or counted twice. A reporter's next poll is then
/// one after its back-off.
///
/// ```
/// # use picojaeger_core::{Clock, Const};
/// # struct Timer;
/// # impl Clock for Timer {
/// #     const BITS: u32 = 32;
/// #     fn ticks(&self) -> u64 { 7 }
/// #     fn frequency(&self) -> u64 { 25_000_000 }
/// # }
/// # use picojaeger_core::ring::Bytes;
/// # use picojaeger_core::{Interrupts, SendOutcome, Ring, Seed, Tracer};
/// # use picojaeger_core::wire::{Process, ThriftCompact};
/// # static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
/// # static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);
/// # TRACER.seed(Seed::from_words([1, 2, 3]));
/// # let process = Process::new("pump-7");
/// # let mut reporter = TRACER.reporter(ThriftCompact::new(), process)?;
/// # let mut buffer = [0; 512];
/// reporter.set_back_off(0);
/// TRACER.start::<0>("sample");
///
/// let mut packet = reporter.flush(&mut buffer).unwrap();
/// let mut names = Vec::new();
/// packet.for_each_record(|record| names.push(record.operation().to_string()));
/// assert_eq!(names, ["sample"]);
/// let first = packet.bytes().to_vec(); // not sent: it is packed again
///
/// let packet = reporter.flush(&mut buffer).unwrap();
/// assert_eq!(packet.bytes(), first);
/// packet.done(SendOutcome::Accepted);
/// assert_eq!(reporter.stats().delivered, 1);
/// # Ok::<(), picojaeger_core::ReporterTaken>(())
/// ```
#[must_use = "a packet without an outcome is packed again"]
pub struct Packet<'p, E, C> {
    builder: &'p mut PacketBuilder<E>,
    consumers: &'p mut [C],
    buffer: &'p [u8],
    place: Range<usize>,
}

impl<'p, E: Encoder, C> Packet<'p, E, C> {
    #[inline(always)]
    pub(super) fn new(
        builder: &'p mut PacketBuilder<E>,
        consumers: &'p mut [C],
        buffer: &'p [u8],
        place: Range<usize>,
    ) -> Self {
        Packet {
            builder,
            consumers,
            buffer,
            place,
        }
    }

    /// Returns the bytes to send, all of them in one datagram or frame.
    #[inline(always)]
    pub fn bytes(&self) -> &'p [u8] {
        self.buffer.get(self.place()).unwrap_or_default()
    }

    /// Returns where the bytes lie in the buffer, for a buffer that is given away until they have
    /// left; see [`PacketReporter::resume`](crate::PacketReporter::resume).
    #[inline(always)]
    pub fn place(&self) -> Range<usize> {
        self.place.clone()
    }

    /// Returns the consumers that the packet was made from.
    #[inline(always)]
    pub fn consumers(&self) -> &[C] {
        self.consumers
    }

    /// Takes the outcome: counts the spans and frees their records, or keeps these to be packed
    /// again. After [`SendOutcome::Pending`] the packet stays without outcome, and
    /// [`PacketBuilder::resume`] returns it.
    #[inline]
    pub fn done<'r>(self, outcome: SendOutcome)
    where
        C: AsMut<Consumer<'r, Records>>,
    {
        self.builder.done(outcome, self.consumers);
    }

    /// Calls `visit` once with each record that the packet was made from, those that fitted no
    /// packet included, ring by ring and each ring's in order.
    ///
    /// Skips rings that overwrite, which free records as they are packed.
    pub fn for_each_record<'r>(&mut self, mut visit: impl FnMut(Record<'_>))
    where
        C: AsMut<Consumer<'r, Records>>,
    {
        for consumer in self.consumers.iter_mut() {
            let again = Again::new(consumer.as_mut());
            while let Some(record) = again.consumer.peek_before(again.end) {
                visit(record);
                again.consumer.advance();
            }
        }
    }
}

/// Reads the records of a packet again. `drop` moves the cursor back to the packet's end, after a
/// panic of the reader too.
struct Again<'c, 'r> {
    consumer: &'c mut Consumer<'r, Records>,
    end: Mark,
}

impl<'c, 'r> Again<'c, 'r> {
    fn new(consumer: &'c mut Consumer<'r, Records>) -> Self {
        let end = consumer.cursor();
        consumer.rewind();
        Again { consumer, end }
    }
}

impl Drop for Again<'_, '_> {
    fn drop(&mut self) {
        while self.consumer.peek_before(self.end).is_some() {
            self.consumer.advance();
        }
    }
}

impl<E, C> fmt::Debug for Packet<'_, E, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packet")
            .field("bytes", &self.place.len())
            .finish_non_exhaustive()
    }
}
