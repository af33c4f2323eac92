//! Slots that no thread holds, and the memory limit of open spans.

use std::sync::Arc;

use picojaeger_core::ring::Word;

use crate::memory::span_cache::{BATCH, SlotList};
use crate::memory::span_slot::{CONTEXT_ONLY, LARGE, MEDIUM, SMALL, SpanOwner, SpanSlot};

/// Unused slots, for all threads of a tracer.
#[derive(Debug)]
pub(crate) struct SpanPool<O> {
    small: Slots<O>,
    context_only: Slots<O>,
    medium: Slots<O>,
    large: Slots<O>,
    /// Bytes of all slots with an area, in use or not.
    bytes: usize,
    limit: usize,
    closed: bool,
}

/// Slots of any size.
pub(crate) type Slots<O> = Vec<Box<SpanSlot<O>>>;

impl<O: SpanOwner> SpanPool<O> {
    pub(crate) fn new(limit: usize) -> Self {
        SpanPool {
            small: Slots::new(),
            context_only: Slots::new(),
            medium: Slots::new(),
            large: Slots::new(),
            bytes: 0,
            limit,
            closed: false,
        }
    }

    /// Stops keeping slots, and returns those it has: the caller drops them once the pool is
    /// unlocked.
    pub(crate) fn close(&mut self) -> [Slots<O>; 4] {
        self.closed = true;
        let lists = [
            &mut self.small,
            &mut self.context_only,
            &mut self.medium,
            &mut self.large,
        ];
        lists.map(std::mem::take)
    }

    /// Stores slots, and returns those that it does not keep: the caller drops them once the pool
    /// is unlocked.
    pub(super) fn store(&mut self, slots: impl Iterator<Item = Box<SpanSlot<O>>>) -> Slots<O> {
        if self.closed {
            return slots.collect();
        }
        for slot in slots {
            let list = match slot.words() {
                SMALL => &mut self.small,
                MEDIUM => &mut self.medium,
                LARGE => &mut self.large,
                _ => &mut self.context_only,
            };
            list.push(slot);
        }
        Slots::new()
    }

    /// Refills a thread's list with a batch, or with one new slot if the limit allows it.
    pub(super) fn refill_small(&mut self, list: &mut SlotList<O, SMALL>, owner: &Arc<O>) {
        let from = self.small.len().saturating_sub(BATCH);
        list.extend(self.small.drain(from..).flat_map(SpanSlot::of));
        if list.is_empty() {
            list.extend(self.make(owner));
        }
    }

    /// Refills a thread's list with a batch, if any slot is pooled.
    pub(super) fn refill_context_only(&mut self, list: &mut SlotList<O, CONTEXT_ONLY>) {
        let from = self.context_only.len().saturating_sub(BATCH);
        list.extend(self.context_only.drain(from..).flat_map(SpanSlot::of));
    }

    /// Returns a slot of the next size after `words`; `None` after the largest, or if out of
    /// memory.
    pub(super) fn larger(&mut self, words: usize, owner: &Arc<O>) -> Option<Box<SpanSlot<O>>> {
        match words {
            SMALL => match self.medium.pop() {
                Some(slot) => Some(slot),
                None => Some(self.make::<MEDIUM>(owner)?),
            },
            MEDIUM => match self.large.pop() {
                Some(slot) => Some(slot),
                None => Some(self.make::<LARGE>(owner)?),
            },
            _ => None,
        }
    }

    /// Makes a new slot, within the limit.
    fn make<const WORDS: usize>(
        &mut self,
        owner: &Arc<O>,
    ) -> Option<Box<SpanSlot<O, [Word; WORDS]>>> {
        let bytes = size_of::<SpanSlot<O, [Word; WORDS]>>();
        if self.bytes + bytes > self.limit {
            return None;
        }
        self.bytes += bytes;
        Some(SpanSlot::new(owner))
    }
}

#[cfg(test)]
use crate::memory::span_cache::SpanCache;

#[cfg(test)]
impl<O: SpanOwner> SpanCache<O> {
    /// Returns the number of slots of 512 bytes that are neither here nor in the pool.
    pub(crate) fn in_use(&self, owner: &O) -> usize {
        let pool = owner.pool();
        let made = pool.bytes / size_of::<SpanSlot<O, [Word; SMALL]>>();
        made - pool.small.len() - self.small.len()
    }
}

#[cfg(test)]
mod tests {
    use picojaeger_core::{Flags, Key, SpanId, TraceId, Value};

    use super::*;
    use crate::state::TracerState;
    use crate::sys::clock::TickSource;

    fn state(memory_limit: usize) -> Arc<TracerState> {
        TracerState::of_test(TickSource::System, |config| {
            config.memory_limit(memory_limit)
        })
    }

    fn begun(
        cache: &mut SpanCache<TracerState>,
        state: &Arc<TracerState>,
    ) -> Box<SpanSlot<TracerState>> {
        let mut slot = cache.take_small(state).unwrap();
        let trace = TraceId::from_parts(0, 1);
        let context = picojaeger_core::SpanContext::new(trace, SpanId::new(2), Flags::SAMPLED);
        slot.image.restart("op", context, SpanId::default(), 0, 0);
        slot
    }

    #[test]
    fn a_span_that_grows_keeps_its_contents_and_releases_its_old_slot() {
        let (state, mut cache) = (state(16 << 20), SpanCache::new());
        let mut slot = begun(&mut cache, &state);
        slot.baggage.set("user", "ann").unwrap();
        let text = "x".repeat(400);
        let mut sizes = vec![slot.words()];
        for tags in 1..=100 {
            while !slot.image.try_tag(Key::Static("text"), Value::Str(&text)) {
                assert!(slot.grow());
                sizes.push(slot.words());
            }
            assert_eq!(slot.image.record().tags().count(), tags);
        }
        assert_eq!(sizes, [SMALL, MEDIUM, LARGE]);
        assert_eq!(slot.baggage.get("user"), Some("ann"));
        assert!(!slot.grow(), "there is no larger size");
        let pooled = |state: &TracerState| {
            let pool = state.pool();
            [&pool.small, &pool.medium, &pool.large].map(Vec::len)
        };
        assert_eq!(pooled(&state), [1, 1, 0]);
        cache.put(slot);
        assert_eq!(pooled(&state), [1, 1, 1]);
        assert!(state.pool().large[0].baggage.is_empty());
    }

    #[test]
    fn a_full_list_gives_a_batch_to_the_pool_and_takes_one_back() {
        let (state, mut cache) = (state(16 << 20), SpanCache::new());
        for context_only in [false, true] {
            let taken: Vec<_> = (0..65)
                .map(|_| match context_only {
                    true => cache.take_context_only(&state),
                    false => cache.take_small(&state).unwrap(),
                })
                .collect();
            taken.into_iter().for_each(|slot| cache.put(slot));
        }
        let pool = state.pool();
        assert_eq!((pool.small.len(), pool.context_only.len()), (33, 33));
        assert_eq!((cache.small.len(), cache.context_only.len()), (32, 32));
        drop(pool);
        cache.return_all(&state);
        assert_eq!(state.pool().small.len(), 65);
        assert!(cache.take_small(&state).is_some());
        assert_eq!((state.pool().small.len(), cache.small.len()), (33, 31));
    }

    #[test]
    fn the_limit_refuses_areas_and_no_slot_without_one() {
        let (state, mut cache) = (state(1 << 20), SpanCache::new());
        let mut taken = Vec::new();
        taken.extend(std::iter::from_fn(|| cache.take_small(&state)));
        let bytes = taken.len() * size_of::<SpanSlot<TracerState, [Word; SMALL]>>();
        assert!((500 << 10..=512 << 10).contains(&bytes), "{bytes}");
        assert!(!taken[0].grow(), "that takes memory too");
        assert!(cache.take_context_only(&state).is_context_only());
    }
}
