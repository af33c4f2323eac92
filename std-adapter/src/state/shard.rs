//! What making and finishing spans needs: a generator, slots, a ring, counts.

use std::sync::Arc;

use picojaeger_core::record::Records;
use picojaeger_core::ring::Producer;
use picojaeger_core::{Generator, Seed};

use crate::memory::span_pool::{Image, Slots};
use crate::state::Shared;
use crate::stats::Counts;

/// One a thread, and one for all threads that have none.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) generator: Generator,
    pub(crate) slots: Slots,
    pub(crate) counts: Arc<Counts>,
    pub(crate) producer: Option<Producer<'static, Records>>,
}

impl Desk {
    /// A desk with a ring end, or without.
    pub(crate) fn new(producer: Option<Producer<'static, Records>>) -> Self {
        Desk {
            generator: Generator::new(seed()),
            slots: Slots::new(),
            counts: Arc::default(),
            producer,
        }
    }

    /// Hands a finished image to the ring and counts it, if that takes no look at the
    /// worker's side.
    #[inline(always)]
    pub(crate) fn push_at_once(&mut self, image: &Image) -> bool {
        let number = self.counts.ended.get() as u32;
        let producer = self.producer.as_mut();
        let pushed = producer.is_some_and(|producer| producer.push_at_once(number, &image.image()));
        if pushed {
            self.counts.ended.increment();
        }
        pushed
    }

    /// Hands a finished image to the ring, or to the one that all threads share, and
    /// counts it; says whether the worker should see to it soon.
    pub(crate) fn push(&mut self, shared: &Shared, image: &Image) -> bool {
        let number = self.counts.ended.get() as u32;
        self.counts.ended.increment();
        let words = image.image_words();
        match &mut self.producer {
            Some(producer) if words * size_of::<usize>() <= producer.capacity() / 4 => {
                if producer.push(number, &image.image()).is_err() {
                    self.counts.full.increment();
                }
                producer.backlog() >= producer.capacity() / 2
            }
            _ => {
                if !shared.overflow().push(number, image) {
                    self.counts.full.increment();
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
    use crate::memory::span_pool::Slot;
    use crate::state::thread_local::with_desk;
    use crate::sys::clock::TickSource;

    /// With rings of 16 KiB, and an interval that no test waits for.
    fn shared() -> Arc<Shared> {
        Shared::of_test(TickSource::System, |config| {
            config
                .memory_limit(1 << 20)
                .flush_interval(std::time::Duration::from_secs(3_600))
        })
    }

    fn backlog(desk: &mut Desk) -> usize {
        desk.producer.as_mut().unwrap().backlog()
    }

    /// A finished span with so many tags of 1,000 bytes.
    fn finished(desk: &mut Desk, shared: &Arc<Shared>, tags: usize) -> Box<Slot> {
        let mut slot = desk.slots.full(shared).unwrap();
        slot.clear();
        slot.image.set_flags(Flags::SAMPLED);
        let text = "x".repeat(1_000);
        (0..tags).for_each(|_| slot.tag(Key::Static("text"), Value::Str(&text)));
        desk.counts.began.increment();
        slot.image.finish(1);
        slot
    }

    #[test]
    fn a_ring_is_urgent_from_its_half_on() {
        let shared = shared();
        with_desk(&shared, |desk| {
            let slot = finished(desk, &shared, 0);
            let half = desk.producer.as_ref().unwrap().capacity() / 2;
            for _ in 0..half {
                let urgent = desk.push(&shared, &slot.image);
                let held = backlog(desk);
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
        let shared = shared();
        with_desk(&shared, |desk| {
            let (small, large) = (finished(desk, &shared, 3), finished(desk, &shared, 5));
            assert!(!desk.push(&shared, &small.image));
            let own = backlog(desk);
            assert!(own > 3_000);
            assert!(desk.push(&shared, &large.image), "it is urgent");
            assert_eq!(backlog(desk), own);
        });
        shared.engine().pass(&shared, false);
        let stats = shared.stats();
        assert_eq!((stats.delivered, stats.held), (2, 0), "{stats}");
    }

    #[test]
    fn a_record_in_a_threads_own_ring_waits() {
        let shared = shared();
        with_desk(&shared, |desk| {
            let slot = finished(desk, &shared, 3);
            assert!(!desk.push(&shared, &slot.image));
        });
        shared.engine().pass(&shared, false);
        let stats = shared.stats();
        assert_eq!((stats.delivered, stats.held), (0, 1), "{stats}");
    }
}
