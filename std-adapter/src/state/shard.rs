//! A shard: the generator, slots, ring and counters by which a thread starts and ends spans.

use std::sync::Arc;

use picojaeger_core::Seed;
use picojaeger_core::adapter::IdGenerator;

use crate::memory::ring_ends::HeldRing;
use crate::memory::rings::Rings;
use crate::memory::span_cache::SpanCache;
use crate::memory::span_slot::Image;
use crate::state::TracerState;
use crate::stats::ThreadCounters;

/// Result of a push.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pushed {
    /// The image is in the ring, or counted as lost; `urgent` if the worker is to be woken.
    Done { urgent: bool },
    /// The image has to go to the shared ring, under this number.
    NeedsShared { number: u32 },
}

/// A thread's share of a tracer's state; threads without one use the fallback shard.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) generator: IdGenerator,
    pub(crate) cache: SpanCache<TracerState>,
    pub(crate) counters: Arc<ThreadCounters>,
    pub(crate) ring: Option<HeldRing>,
    /// Whether this is the fallback shard, which has no ring.
    is_fallback: bool,
}

/// A thread without a ring asks for one at each span whose number is a multiple of this.
const ASK_AGAIN: u32 = 64;

impl Shard {
    /// Makes the shard of a thread, with a ring if there is one.
    pub(crate) fn new(ring: Option<HeldRing>) -> Self {
        Shard {
            generator: IdGenerator::new(seed()),
            cache: SpanCache::new(),
            counters: Arc::default(),
            ring,
            is_fallback: false,
        }
    }

    /// Makes the shard of threads that have none.
    pub(crate) fn fallback() -> Self {
        Shard {
            is_fallback: true,
            ..Shard::new(None)
        }
    }

    /// Pushes a finished image and counts it, if that takes no read of the worker's position;
    /// `false` does not mean that the ring is full.
    #[inline(always)]
    pub(crate) fn push_fast(&mut self, image: &Image) -> bool {
        let number = self.counters.finished.get() as u32;
        let ring = self.ring.as_mut();
        let pushed = ring.is_some_and(|ring| ring.producer.push_fast(number, &image.image()));
        if pushed {
            self.counters.finished.increment();
        }
        pushed
    }

    /// Counts a finished image, and pushes it to the shard's own ring, which is exchanged for
    /// another as it fills. An image of more than a quarter of the largest ring, and one of a
    /// thread without a ring, is left to the caller.
    pub(crate) fn push(&mut self, image: &Image, rings: &Rings) -> Pushed {
        let number = self.counters.finished.get() as u32;
        self.counters.finished.increment();
        if self.ring.is_none() && !self.is_fallback && number.is_multiple_of(ASK_AGAIN) {
            self.ring = rings.hand_out();
        }
        let bytes = image.image_words() * size_of::<usize>();
        let ring = self.ring.as_mut();
        let Some(ring) = ring.and_then(|ring| with_room(ring, bytes, rings)) else {
            return Pushed::NeedsShared { number };
        };
        if ring.producer.push(number, &image.image()).is_ok() {
            let is_half_full = ring.producer.backlog() >= ring.producer.capacity() / 2;
            let urgent = is_half_full && !rings.grow(ring);
            return Pushed::Done { urgent };
        }
        let pushed =
            rings.exchange(ring, bytes) && ring.producer.push(number, &image.image()).is_ok();
        if !pushed {
            self.counters.full.increment();
        }
        Pushed::Done { urgent: true }
    }
}

/// Returns the ring, exchanged for a larger one if a record of `bytes` takes more than a quarter
/// of it; `None` if there is none so large. An empty ring makes room for those of other threads
/// first, if they need it.
fn with_room<'r>(ring: &'r mut HeldRing, bytes: usize, rings: &Rings) -> Option<&'r mut HeldRing> {
    if ring.producer.backlog() == 0 {
        rings.shrink(ring);
    }
    while bytes > ring.producer.capacity() / 4 {
        if !rings.grow(ring) {
            return None;
        }
    }
    Some(ring)
}

/// Draws a seed from the operating system, or if that fails from the standard hasher's keys, which
/// stem from the system too.
fn seed() -> Seed {
    use std::hash::{BuildHasher, RandomState};
    Seed::from_fn(|| getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(0)))
}
