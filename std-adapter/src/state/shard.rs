//! A shard: the generator, slots, ring and counters by which a thread starts and ends spans.

use std::sync::Arc;

use picojaeger_core::Seed;
use picojaeger_core::adapter::IdGenerator;
use picojaeger_core::adapter::record::Records;
use picojaeger_core::ring::Producer;

use crate::memory::span_cache::SpanCache;
use crate::memory::span_slot::Image;
use crate::state::TracerState;
use crate::stats::ThreadCounters;

/// Result of a push.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pushed {
    /// The image is in the ring, or counted as lost; `urgent` from a half-full ring on.
    Done { urgent: bool },
    /// The image has to go to the fallback ring, under this number.
    NeedsFallback { number: u32 },
}

/// A thread's share of a tracer's state; threads without one use the fallback shard.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) generator: IdGenerator,
    pub(crate) cache: SpanCache<TracerState>,
    pub(crate) counters: Arc<ThreadCounters>,
    pub(crate) producer: Option<Producer<'static, Records>>,
}

impl Shard {
    /// Makes a shard, with the producing end of a ring or without.
    pub(crate) fn new(producer: Option<Producer<'static, Records>>) -> Self {
        Shard {
            generator: IdGenerator::new(seed()),
            cache: SpanCache::new(),
            counters: Arc::default(),
            producer,
        }
    }

    /// Pushes a finished image and counts it, if that takes no read of the worker's position;
    /// `false` does not mean that the ring is full.
    #[inline(always)]
    pub(crate) fn push_fast(&mut self, image: &Image) -> bool {
        let number = self.counters.finished.get() as u32;
        let producer = self.producer.as_mut();
        let pushed = producer.is_some_and(|producer| producer.push_fast(number, &image.image()));
        if pushed {
            self.counters.finished.increment();
        }
        pushed
    }

    /// Counts a finished image, and pushes it to the shard's own ring if it has one and the image
    /// takes at most a quarter of it.
    pub(crate) fn push(&mut self, image: &Image) -> Pushed {
        let number = self.counters.finished.get() as u32;
        self.counters.finished.increment();
        let bytes = image.image_words() * size_of::<usize>();
        let Some(producer) = &mut self.producer else {
            return Pushed::NeedsFallback { number };
        };
        if bytes > producer.capacity() / 4 {
            return Pushed::NeedsFallback { number };
        }
        if producer.push(number, &image.image()).is_err() {
            self.counters.full.increment();
        }
        Pushed::Done {
            urgent: producer.backlog() >= producer.capacity() / 2,
        }
    }
}

/// Draws a seed from the operating system, or if that fails from the standard hasher's keys, which
/// stem from the system too.
fn seed() -> Seed {
    use std::hash::{BuildHasher, RandomState};
    Seed::from_fn(|| getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(0)))
}
