//! A ring of copies: records that wait for a further transport.

use picojaeger_core::adapter::record::Record;

use crate::memory::hand_over::ReadingEnd as _;
use crate::memory::ring_ends::{RingConsumer, RingEnds};

/// A ring that the exporter both fills and empties.
#[derive(Debug)]
pub(crate) struct CopyRing {
    /// `None` only while it is dropped.
    ends: Option<RingEnds>,
}

/// The smallest ring.
const SMALLEST: usize = 4 << 10;

impl CopyRing {
    /// Makes a ring of at most `bytes`, but of 4 KiB at least.
    pub(crate) fn new(bytes: usize) -> Self {
        let power = bytes.max(SMALLEST).checked_ilog2().unwrap_or_default();
        CopyRing {
            ends: RingEnds::new(1 << power),
        }
    }

    /// Appends a copy of a record; returns whether there was room.
    pub(crate) fn push(&mut self, record: &Record<'_>) -> bool {
        let ends = self.ends.as_mut();
        ends.is_some_and(|ends| {
            let pushed = ends.producer.push(record.sequence(), &record.image());
            pushed.is_ok()
        })
    }

    /// Returns the ring's consumer, for a packet builder.
    pub(crate) fn consumers(&mut self) -> &mut [RingConsumer] {
        let ends = self.ends.as_mut();
        ends.map_or(&mut [], |ends| std::slice::from_mut(&mut ends.consumer))
    }

    /// Returns whether no record waits, but for those of a packet without an outcome.
    pub(crate) fn is_read(&self) -> bool {
        let ends = self.ends.as_ref();
        ends.is_none_or(|ends| ends.consumer.backlog() == 0)
    }
}

impl Drop for CopyRing {
    fn drop(&mut self) {
        if let Some(ends) = self.ends.take() {
            ends.free();
        }
    }
}
