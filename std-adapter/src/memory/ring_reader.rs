//! The consuming ends of rings, and the registry by which the exporter learns of them.

use std::sync::Arc;

use picojaeger_core::adapter::record::Records;
use picojaeger_core::ring::{Consumer, Producer};

use crate::memory::rings::{ReturnedProducer, RingEnds};

/// Consuming end of a ring, and the place where its producing end comes back.
pub(crate) struct RingReader {
    pub(crate) consumer: Consumer<'static, Records>,
    /// `None` of the fallback ring, whose producing end is never returned.
    returned: Option<Arc<ReturnedProducer>>,
}

/// Readers of new rings that the exporter has not taken over yet.
#[derive(Default)]
pub(crate) struct RingRegistry(Vec<RingReader>);

impl RingReader {
    /// The reader of a thread's ring.
    pub(crate) fn of_thread(
        consumer: Consumer<'static, Records>,
        returned: Arc<ReturnedProducer>,
    ) -> Self {
        RingReader {
            consumer,
            returned: Some(returned),
        }
    }

    /// The reader of the fallback ring.
    pub(crate) fn of_fallback(consumer: Consumer<'static, Records>) -> Self {
        RingReader {
            consumer,
            returned: None,
        }
    }

    pub(crate) fn is_fallback(&self) -> bool {
        self.returned.is_none()
    }

    /// Bytes that wait.
    pub(crate) fn backlog(&self) -> usize {
        self.consumer.backlog()
    }

    /// Returns whether the ring's thread has ended and no record is left.
    pub(crate) fn is_over(&self) -> bool {
        // In this order: no record comes once the producing end is back.
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

    /// Lets other tracers have the ring; of the fallback ring the producing end is given.
    pub(crate) fn recycle(mut self, fallback: &mut Option<Producer<'static, Records>>) {
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

    /// Returns whether this is the empty ring whose producing end comes back there.
    fn is_empty_of(&self, returned: &Arc<ReturnedProducer>) -> bool {
        let own = self.returned.as_ref();
        own.is_some_and(|own| Arc::ptr_eq(own, returned)) && self.backlog() == 0
    }
}

impl RingRegistry {
    pub(crate) fn add(&mut self, reader: RingReader) {
        self.0.push(reader);
    }

    /// Moves the new readers behind those of the exporter.
    pub(crate) fn take_all(&mut self, readers: &mut Vec<RingReader>) {
        readers.append(&mut self.0);
    }

    /// Removes the ring of a thread that ended, if the exporter has not taken it over and it is
    /// empty.
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
