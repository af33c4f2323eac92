//! A ring of copies: records that wait for a further transport.

use picojaeger_core::adapter::record::Record;

use crate::memory::hand_over::ReadingEnd as _;
use crate::memory::ring_ends::{HeldRing, RingEnds, RingReader, RingRegistry};

/// A ring that the exporter both fills and empties.
#[derive(Debug)]
pub(crate) struct CopyRing {
    held: Option<HeldRing>,
    /// The only one, of the type that the threads' rings have: so one copy of the code packs the
    /// records of both, which the compiler inlines.
    readers: Vec<RingReader>,
}

/// The smallest ring.
const SMALLEST: usize = 4 << 10;

impl CopyRing {
    /// Makes a ring of at most `bytes`, but of 4 KiB at least.
    pub(crate) fn new(bytes: usize) -> Self {
        let power = bytes.max(SMALLEST).checked_ilog2().unwrap_or_default();
        let (registry, mut readers) = (RingRegistry::new(), Vec::new());
        let ends = RingEnds::new(1 << power);
        let held = ends.map(|ends| registry.hand_out(ends.producer, ends.consumer));
        registry.take_readers(&mut readers);
        CopyRing { held, readers }
    }

    /// Appends a copy of a record; returns whether there was room.
    pub(crate) fn push(&mut self, record: &Record<'_>) -> bool {
        let held = self.held.as_mut();
        held.is_some_and(|held| {
            let pushed = held.producer.push(record.sequence(), &record.image());
            pushed.is_ok()
        })
    }

    /// Returns the ring's reader, for a packet builder.
    pub(crate) fn readers(&mut self) -> &mut [RingReader] {
        &mut self.readers
    }

    /// Returns whether no record waits, but for those of a packet without an outcome.
    pub(crate) fn is_read(&self) -> bool {
        self.readers.iter().all(|reader| reader.end.backlog() == 0)
    }
}

impl Drop for CopyRing {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            RingRegistry::new().take_back(held);
        }
        let ends = self.readers.drain(..).filter_map(RingReader::join);
        ends.for_each(RingEnds::free);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picojaeger_core::adapter::record::Open;
    use picojaeger_core::ring::Word;
    use picojaeger_core::{Flags, SpanContext, SpanId, TraceId};

    /// `.ci/run miri` runs this module, since Miri reports leaks.
    #[test]
    fn a_ring_with_records_is_freed() {
        let mut ring = CopyRing::new(5_000);
        let bytes = ring.held.as_ref().map(|held| held.producer.capacity());
        assert_eq!((bytes, ring.is_read()), (Some(4 << 10), true));
        let context = SpanContext::new(TraceId::new(1), SpanId::new(2), Flags::SAMPLED);
        let mut span = Open::<[Word; 8]>::new("copied", context, SpanId::default(), 1_000);
        span.finish(1_500);
        let copies = (0..100).filter(|_| ring.push(&span.record())).count();
        assert!((40..=4_096 / 72).contains(&copies), "{copies}");
        assert!(!ring.is_read());
    }
}
