//! The consuming ends of rings, and the registry from which the exporter takes new ones.

use std::sync::Arc;

use picojaeger_core::adapter::record::Records;
use picojaeger_core::ring::{Consumer, Producer};

use crate::memory::rings::{ReturnedProducer, RingEnds};

/// Consuming end of a ring, and the place to which its producing end is returned.
pub(crate) struct RingReader {
    pub(crate) consumer: Consumer<'static, Records>,
    /// `None` for the fallback ring, whose producing end is never returned.
    returned: Option<Arc<ReturnedProducer>>,
}

/// Readers of new rings, until the exporter takes them.
#[derive(Default)]
pub(crate) struct RingRegistry(Vec<RingReader>);

impl RingReader {
    /// Makes the reader of a thread's ring.
    pub(crate) fn of_thread(
        consumer: Consumer<'static, Records>,
        returned: Arc<ReturnedProducer>,
    ) -> Self {
        RingReader {
            consumer,
            returned: Some(returned),
        }
    }

    /// Makes the reader of the fallback ring.
    pub(crate) fn of_fallback(consumer: Consumer<'static, Records>) -> Self {
        RingReader {
            consumer,
            returned: None,
        }
    }

    pub(crate) fn is_fallback(&self) -> bool {
        self.returned.is_none()
    }

    /// Returns the bytes of records in the ring.
    pub(crate) fn backlog(&self) -> usize {
        self.consumer.backlog()
    }

    /// Returns whether the ring's thread has ended and no record is left.
    pub(crate) fn is_over(&self) -> bool {
        // In this order: no record is pushed once the producing end is back.
        self.returned
            .as_ref()
            .is_some_and(|returned| returned.is_back())
            && self.backlog() == 0
    }

    /// Drops every record, and returns how many there were.
    pub(crate) fn empty(&mut self) -> u64 {
        let mut records = 0;
        while self.consumer.peek().is_some() {
            self.consumer.advance();
            records += 1;
        }
        self.consumer.release();
        records
    }

    /// Joins both ends, if the producing one is back.
    pub(crate) fn into_ends(self) -> Option<RingEnds> {
        let producer = self.returned?.take()?;
        Some(RingEnds {
            producer,
            consumer: self.consumer,
        })
    }

    /// Empties the ring and makes it spare, for other tracers; `fallback` is the producing end of
    /// the fallback ring.
    pub(crate) fn recycle(mut self, fallback: &mut Option<Producer<'static, Records>>) {
        // Records that a pass has read but not released are dropped with the others.
        self.consumer.rewind();
        self.empty();
        let ends = match self.is_fallback() {
            false => self.into_ends(),
            true => fallback.take().map(|producer| RingEnds {
                producer,
                consumer: self.consumer,
            }),
        };
        if let Some(ends) = ends {
            ends.recycle();
        }
    }

    /// Returns whether this ring is empty and its producing end is returned to `returned`.
    fn is_empty_of(&self, returned: &Arc<ReturnedProducer>) -> bool {
        let own = self.returned.as_ref();
        own.is_some_and(|own| Arc::ptr_eq(own, returned)) && self.backlog() == 0
    }
}

impl RingRegistry {
    pub(crate) fn add(&mut self, reader: RingReader) {
        self.0.push(reader);
    }

    /// Appends the new readers to those of the exporter.
    pub(crate) fn take_all(&mut self, readers: &mut Vec<RingReader>) {
        readers.append(&mut self.0);
    }

    /// Removes the ring of a thread that ended, if it is empty and the exporter has not taken it.
    pub(crate) fn withdraw(&mut self, returned: &Arc<ReturnedProducer>) -> Option<RingEnds> {
        let place = self.0.iter().position(|ring| ring.is_empty_of(returned))?;
        self.0.swap_remove(place).into_ends()
    }
}

impl AsMut<Consumer<'static, Records>> for RingReader {
    fn as_mut(&mut self) -> &mut Consumer<'static, Records> {
        &mut self.consumer
    }
}
