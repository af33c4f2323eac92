//! The two ends of a ring, and its memory, which is freed when both ends are back.

use std::ptr::NonNull;

use picojaeger_core::adapter::record::{Record, Records};
use picojaeger_core::ring::{
    Consumer, DropNewest, FrameRing, Mark, Producer, SliceStorage, Spsc, Word,
};

use crate::memory::hand_over::{self, ReadingEnd};

/// Producing end of a ring of finished spans.
pub(crate) type RingProducer = Producer<'static, Records>;

/// A ring that a thread fills, or that threads fill in turn.
pub(crate) type HeldRing = hand_over::HeldRing<RingProducer>;

/// A ring that the exporter empties.
pub(crate) type RingReader = hand_over::RingReader<RingProducer, RingConsumer>;

/// Rings that were handed out, until the exporter takes their readers.
pub(crate) type RingRegistry = hand_over::RingRegistry<RingProducer, RingConsumer>;

/// Both ends of a ring. Dropped, they leak it: [`RingEnds::free`] frees it.
#[derive(Debug)]
pub(crate) struct RingEnds {
    pub(crate) producer: RingProducer,
    pub(crate) consumer: RingConsumer,
}

/// Consuming end of a ring, which owns the ring's memory.
#[derive(Debug)]
pub(crate) struct RingConsumer {
    consumer: Consumer<'static, Records>,
    memory: RingMemory,
    /// Whether threads without a ring of their own fill the ring.
    pub(crate) is_shared: bool,
    /// The ring's head when the exporter's pass began.
    mark: Mark,
    /// Everything before it was visited by [`visit_new`](Self::visit_new), where that is called.
    visited: Mark,
}

type Ring = FrameRing<Spsc, (), SliceStorage<'static>, DropNewest, Records>;

/// A ring and its words, each from a box.
#[derive(Debug)]
struct RingMemory {
    ring: NonNull<Ring>,
    words: NonNull<[Word]>,
}

// SAFETY: it owns both, as two boxes would, which may be sent; nothing is read through it before
// `RingEnds::free` has both ends.
unsafe impl Send for RingMemory {}

impl RingEnds {
    /// Makes a ring of `bytes`, a power of two.
    pub(super) fn new(bytes: usize) -> Option<RingEnds> {
        let words = NonNull::from(Box::leak(Box::new_uninit_slice(bytes / size_of::<Word>())));
        // SAFETY: from a box, and borrowed here only, until `free` has dropped the ring. The
        // pointer comes first: it stays valid while what is derived from it is in use.
        let storage = SliceStorage::new(unsafe { &mut *words.as_ptr() })?;
        let ring = NonNull::from(Box::leak(Box::new(Ring::spsc_over(storage))));
        // SAFETY: as above, until `free` has dropped both ends.
        let (producer, consumer) = unsafe { &mut *ring.as_ptr() }.split();
        let consumer = RingConsumer {
            mark: consumer.mark(),
            visited: consumer.mark(),
            consumer,
            memory: RingMemory { ring, words },
            is_shared: false,
        };
        Some(RingEnds { producer, consumer })
    }

    /// Returns the ring's size.
    pub(super) fn bytes(&self) -> usize {
        self.producer.capacity()
    }

    /// Frees the ring, and the records in it.
    pub(super) fn free(self) {
        let RingEnds { producer, consumer } = self;
        let RingConsumer {
            consumer, memory, ..
        } = consumer;
        // SAFETY: the memory is freed here only, where it goes out of use.
        let ring = unsafe { memory.ring.as_ref() };
        let is_whole = ring.is_split_into(&producer, &consumer);
        drop((producer, consumer));
        // The ends of two rings, confused by a mistake of this crate, are leaked.
        if is_whole {
            // SAFETY: from `Box::leak` in `new`, and not freed before, since this consumer, which
            // held the pointers, is the only one. The only two borrows of the ring were these ends:
            // `split` gave them for good, so it gave no others. The words were lent to the ring,
            // which is freed before them.
            unsafe {
                drop(Box::from_raw(memory.ring.as_ptr()));
                drop(Box::from_raw(memory.words.as_ptr()));
            }
        }
    }
}

impl RingConsumer {
    /// Notes the head: what was pushed before belongs to the pass that begins.
    pub(crate) fn set_mark(&mut self) {
        self.mark = self.consumer.mark();
    }

    /// Returns whether every record of the pass has been read.
    pub(crate) fn has_passed_mark(&self) -> bool {
        self.consumer.has_passed(self.mark)
    }

    /// Calls `visit` with each record that no earlier call visited, those behind the cursor
    /// included, and leaves the cursor where it is.
    pub(crate) fn visit_new(&mut self, mut visit: impl FnMut(&Record<'_>)) {
        if self.visited == self.consumer.mark() {
            return;
        }
        let cursor = self.consumer.cursor();
        self.consumer.rewind();
        loop {
            let is_new = self.consumer.has_passed(self.visited);
            let Some(record) = self.consumer.peek() else {
                break;
            };
            if is_new {
                visit(&record);
            }
            self.consumer.advance();
        }
        self.visited = self.consumer.cursor();
        self.consumer.rewind();
        while self.consumer.peek_before(cursor).is_some() {
            self.consumer.advance();
        }
    }

    /// Drops every record that is not freed, and returns how many there were.
    pub(crate) fn empty(&mut self) -> u64 {
        self.consumer.rewind();
        let mut records = 0;
        while self.consumer.peek().is_some() {
            self.consumer.advance();
            records += 1;
        }
        self.consumer.release();
        records
    }
}

impl ReadingEnd<RingProducer> for RingConsumer {
    type Ring = RingEnds;

    #[inline]
    fn backlog(&self) -> usize {
        self.consumer.backlog()
    }

    fn join(self, producer: RingProducer) -> RingEnds {
        RingEnds {
            producer,
            consumer: self,
        }
    }
}

impl AsMut<Consumer<'static, Records>> for RingReader {
    #[inline]
    fn as_mut(&mut self) -> &mut Consumer<'static, Records> {
        &mut self.end.consumer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Under Miri, which reports leaks and uses after a free.
    #[test]
    fn miri_a_ring_is_freed_with_its_ends() {
        let [one, other] = [(); 2].map(|()| RingEnds::new(4096).unwrap());
        let swapped = RingEnds {
            producer: one.producer,
            consumer: other.consumer,
        };
        let memory = &swapped.consumer.memory;
        // SAFETY: the ring lives until its ends are freed below.
        let ring = unsafe { memory.ring.as_ref() };
        assert!(!ring.is_split_into(&swapped.producer, &swapped.consumer.consumer));
        let ends = [
            (swapped.producer, one.consumer),
            (other.producer, swapped.consumer),
        ];
        for (producer, consumer) in ends {
            consumer.join(producer).free();
        }
    }
}
