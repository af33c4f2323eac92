//! What making and finishing spans needs: a generator, slots, a ring, counters.

use std::sync::Arc;

use picojaeger_core::record::Records;
use picojaeger_core::ring::Producer;
use picojaeger_core::{IdGenerator, Seed};

use crate::memory::span_pool::{Image, SpanCache};
use crate::state::TracerState;
use crate::stats::ThreadCounters;

/// One a thread, and one for all threads that have none.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) generator: IdGenerator,
    pub(crate) cache: SpanCache,
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

    /// Hands a finished image to the ring, or to the one that all threads share, and
    /// counts it; says whether the worker should see to it soon.
    pub(crate) fn push(&mut self, state: &TracerState, image: &Image) -> bool {
        let number = self.counters.finished.get() as u32;
        self.counters.finished.increment();
        let words = image.image_words();
        match &mut self.producer {
            Some(producer) if words * size_of::<usize>() <= producer.capacity() / 4 => {
                if producer.push(number, &image.image()).is_err() {
                    self.counters.full.increment();
                }
                producer.backlog() >= producer.capacity() / 2
            }
            _ => {
                if !state.fallback_ring().push(number, image) {
                    self.counters.full.increment();
                }
                true
            }
        }
    }
}

/// A seed from the operating system; where that fails, from the hasher's keys,
/// which the standard library takes from the system too.
fn seed() -> Seed {
    use std::hash::{BuildHasher, RandomState};
    Seed::from_fn(|| getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(0)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use picojaeger_core::{Flags, Key, Value};

    use super::*;
    use crate::memory::span_pool::SpanSlot;
    use crate::state::thread_local::with_shard;
    use crate::sys::clock::TickSource;

    /// With rings of 16 KiB, and an interval that no test waits for.
    fn state() -> Arc<TracerState> {
        TracerState::of_test(TickSource::System, |config| {
            config
                .memory_limit(1 << 20)
                .flush_interval(std::time::Duration::from_secs(3_600))
        })
    }

    fn backlog(shard: &mut Shard) -> usize {
        shard.producer.as_mut().unwrap().backlog()
    }

    /// A finished span with so many tags of 1,000 bytes.
    fn finished(shard: &mut Shard, state: &Arc<TracerState>, tags: usize) -> Box<SpanSlot> {
        let mut slot = shard.cache.take_small(state).unwrap();
        slot.clear();
        slot.image.set_flags(Flags::SAMPLED);
        let text = "x".repeat(1_000);
        (0..tags).for_each(|_| slot.tag(Key::Static("text"), Value::Str(&text)));
        shard.counters.sampled.increment();
        slot.image.finish(1);
        slot
    }

    #[test]
    fn a_ring_is_urgent_from_its_half_on() {
        let state = state();
        with_shard(&state, |shard| {
            let slot = finished(shard, &state, 0);
            let half = shard.producer.as_ref().unwrap().capacity() / 2;
            for _ in 0..half {
                let urgent = shard.push(&state, &slot.image);
                let held = backlog(shard);
                assert_eq!(urgent, held >= half, "{held} of {half}");
                if urgent {
                    return;
                }
            }
            panic!("the ring never was half full");
        });
    }

    #[test]
    fn a_record_over_a_quarter_of_the_ring_goes_to_the_common_one_and_is_sent_at_once() {
        let state = state();
        with_shard(&state, |shard| {
            let (small, large) = (finished(shard, &state, 3), finished(shard, &state, 5));
            assert!(!shard.push(&state, &small.image));
            let own = backlog(shard);
            assert!(own > 3_000);
            assert!(shard.push(&state, &large.image), "it is urgent");
            assert_eq!(backlog(shard), own);
        });
        state.exporter().pass(&state, false);
        let stats = state.stats();
        assert_eq!((stats.delivered, stats.queued), (2, 0), "{stats}");
    }

    #[test]
    fn a_record_in_a_threads_own_ring_waits() {
        let state = state();
        with_shard(&state, |shard| {
            let slot = finished(shard, &state, 3);
            assert!(!shard.push(&state, &slot.image));
        });
        state.exporter().pass(&state, false);
        let stats = state.stats();
        assert_eq!((stats.delivered, stats.queued), (0, 1), "{stats}");
    }
}
