//! What making and finishing spans needs: a generator, slots, a ring, counters.

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
    /// The image belongs in the fallback ring, under this number.
    NeedsFallback { number: u32 },
}

/// One a thread, and one for all threads that have none.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) generator: IdGenerator,
    pub(crate) cache: SpanCache<TracerState>,
    pub(crate) counters: Arc<ThreadCounters>,
    pub(crate) producer: Option<Producer<'static, Records>>,
}

impl Shard {
    /// A shard with a ring end, or without.
    pub(crate) fn new(producer: Option<Producer<'static, Records>>) -> Self {
        Shard {
            generator: IdGenerator::new(seed()),
            cache: SpanCache::new(),
            counters: Arc::default(),
            producer,
        }
    }

    /// Hands a finished image to the ring and counts it, if that takes no look at the
    /// worker's side.
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

    /// Counts a finished image, and hands it to the shard's own ring if it has one and the
    /// image takes at most a quarter of it.
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

/// A seed from the operating system; where that fails, from the hasher's keys,
/// which the standard library takes from the system too.
fn seed() -> Seed {
    use std::hash::{BuildHasher, RandomState};
    Seed::from_fn(|| getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(0)))
}
