//! A thread's own slots, which need no lock.

use std::sync::Arc;

use picojaeger_core::ring::Word;

use crate::context::baggage::Baggage;
use crate::memory::span_slot::{CONTEXT_ONLY, SMALL, SpanOwner, SpanSlot};

/// Slots of one thread.
#[derive(Debug)]
pub(crate) struct SpanCache<O> {
    pub(super) small: SlotList<O, SMALL>,
    pub(super) context_only: SlotList<O, CONTEXT_ONLY>,
}

/// Slots of one size; a full list gives a batch to the pool.
pub(super) type SlotList<O, const WORDS: usize> =
    heapless::Vec<Box<SpanSlot<O, [Word; WORDS]>>, 64>;

/// Number of slots that the cache takes from or gives to the pool at once.
pub(super) const BATCH: usize = 32;

impl<O: SpanOwner> SpanCache<O> {
    pub(crate) const fn new() -> Self {
        SpanCache {
            small: SlotList::new(),
            context_only: SlotList::new(),
        }
    }

    /// Takes a slot with an area, if one is cached.
    #[inline(always)]
    pub(crate) fn try_take_small(&mut self) -> Option<Box<SpanSlot<O>>> {
        Some(self.small.pop()?)
    }

    /// Takes a slot without an area, if one is cached.
    #[inline(always)]
    pub(crate) fn try_take_context_only(&mut self) -> Option<Box<SpanSlot<O>>> {
        Some(self.context_only.pop()?)
    }

    /// Puts back the slot of a sampled span without baggage that has ended, if it is small and
    /// its list is not full; else returns it.
    #[inline(always)]
    pub(crate) fn try_put_small(&mut self, slot: Box<SpanSlot<O>>) -> Result<(), Box<SpanSlot<O>>> {
        self.small
            .push(SpanSlot::of(slot)?)
            .map_err(|slot| slot as _)
    }

    /// Puts back a slot with or without an area, like [`SpanCache::try_put_small`].
    #[inline(always)]
    pub(crate) fn try_put(&mut self, slot: Box<SpanSlot<O>>) -> Result<(), Box<SpanSlot<O>>> {
        match SpanSlot::of(slot) {
            Ok(slot) => self.context_only.push(slot).map_err(|slot| slot as _),
            Err(slot) => self.try_put_small(slot),
        }
    }

    /// Takes a slot with an area, from the pool if none is cached; `None` if out of memory.
    pub(crate) fn take_small(&mut self, owner: &Arc<O>) -> Option<Box<SpanSlot<O>>> {
        if self.small.is_empty() {
            owner.pool().refill_small(&mut self.small, owner);
        }
        self.try_take_small()
    }

    /// Takes a slot without an area, from the pool or a new one if none is cached.
    pub(crate) fn take_context_only(&mut self, owner: &Arc<O>) -> Box<SpanSlot<O>> {
        if self.context_only.is_empty() {
            owner.pool().refill_context_only(&mut self.context_only);
        }
        let slot = self.context_only.pop();
        slot.unwrap_or_else(|| SpanSlot::new(owner))
    }

    /// Puts back the slot of a span that has ended, to the pool if the cache is full.
    pub(crate) fn put(&mut self, mut slot: Box<SpanSlot<O>>) {
        slot.baggage = Baggage::EMPTY;
        if let Err(slot) = self.try_put(slot) {
            let owner = slot.owner.clone();
            // A statement of its own: the lock ends with it, before the surplus is freed.
            let surplus = match slot.words() {
                SMALL => owner.pool().store(batch(&mut self.small, slot)),
                CONTEXT_ONLY => owner.pool().store(batch(&mut self.context_only, slot)),
                _ => owner.pool().store(std::iter::once(slot)),
            };
            drop(surplus);
        }
    }

    /// Returns all slots to the pool.
    pub(crate) fn return_all(&mut self, owner: &O) {
        let small = self.small.drain(..).map(|slot| slot as Box<SpanSlot<O>>);
        let rest = self.context_only.drain(..).map(|slot| slot as _);
        // A statement of its own, as in `put`.
        let surplus = owner.pool().store(small.chain(rest));
        drop(surplus);
    }
}

/// Drains half of a full list, and appends one slot.
fn batch<O, const WORDS: usize>(
    list: &mut SlotList<O, WORDS>,
    slot: Box<SpanSlot<O>>,
) -> impl Iterator<Item = Box<SpanSlot<O>>> {
    let kept = list.len().saturating_sub(BATCH);
    let batch = list.drain(kept..).map(|slot| slot as Box<SpanSlot<O>>);
    batch.chain(std::iter::once(slot))
}
