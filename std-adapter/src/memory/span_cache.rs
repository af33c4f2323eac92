//! A thread's own slots, which need no lock.

use std::sync::Arc;

use picojaeger_core::ring::Word;

use crate::context::baggage::Baggage;
use crate::memory::span_slot::{CONTEXT_ONLY, NAMED, SMALL, SpanOwner, SpanSlot, TINY};

/// Slots of one thread.
#[derive(Debug)]
pub(crate) struct SpanCache<O> {
    pub(super) small: SlotList<O, SMALL>,
    pub(super) context_only: SlotList<O, CONTEXT_ONLY>,
    pub(super) named: SlotList<O, NAMED>,
}

/// Slots of one size; a full list gives a batch to the pool. Few, since an idle thread keeps them.
pub(super) type SlotList<O, const WORDS: usize> =
    heapless::Vec<Box<SpanSlot<O, [Word; WORDS]>>, 16>;

/// Number of slots that the cache takes from or gives to the pool at once, at most.
pub(super) const BATCH: usize = 8;

impl<O: SpanOwner> SpanCache<O> {
    pub(crate) const fn new() -> Self {
        SpanCache {
            small: SlotList::new(),
            context_only: SlotList::new(),
            named: SlotList::new(),
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

    /// Takes a slot for a sampled span, from the pool if none is cached; `None` if out of memory.
    /// A tiny one has to be charged to the span's name, see [`SpanCache::charge`].
    pub(crate) fn take(&mut self, owner: &Arc<O>) -> Option<Box<SpanSlot<O>>> {
        if self.small.is_empty() {
            owner.pool().refill_small(&mut self.small, owner);
        }
        match self.try_take_small() {
            Some(slot) => Some(slot),
            None => owner.pool().take::<TINY>(owner),
        }
    }

    /// Takes a slot for a sampled span of this name, like [`SpanCache::take`].
    pub(crate) fn take_for(&mut self, operation: &str, owner: &Arc<O>) -> Option<Box<SpanSlot<O>>> {
        let slot = self.take(owner)?;
        self.charge(slot, operation)
    }

    /// Charges a slot to the name of its span, if it is tiny; `None` if spans of that name hold too
    /// much of the memory that is left.
    pub(crate) fn charge(
        &mut self,
        mut slot: Box<SpanSlot<O>>,
        operation: &str,
    ) -> Option<Box<SpanSlot<O>>> {
        if slot.words() == TINY {
            let owner = slot.owner.clone();
            // A statement of its own: the lock ends with it.
            let charged = owner.pool().charge(&mut slot, operation);
            if !charged {
                self.put(slot);
                return None;
            }
        }
        Some(slot)
    }

    /// Takes a slot without an area, from the pool or a new one if none is cached.
    pub(crate) fn take_context_only(&mut self, owner: &Arc<O>) -> Box<SpanSlot<O>> {
        take_unbounded(&mut self.context_only, owner)
    }

    /// Takes a slot for the copied name of an unsampled span, likewise.
    pub(crate) fn take_named(&mut self, owner: &Arc<O>) -> Box<SpanSlot<O>> {
        take_unbounded(&mut self.named, owner)
    }

    /// Puts back the slot of a span that has ended, to the pool if the cache is full.
    pub(crate) fn put(&mut self, mut slot: Box<SpanSlot<O>>) {
        slot.baggage = Baggage::EMPTY;
        // The next span of this slot opens its name, which has to be closed.
        slot.name.close();
        let Err(slot) = self.try_put(slot) else {
            return;
        };
        let slot = match SpanSlot::of(slot).map(|slot| self.named.push(slot)) {
            Ok(Ok(())) => return,
            Ok(Err(slot)) => slot as Box<SpanSlot<O>>,
            Err(slot) => slot,
        };
        let owner = slot.owner.clone();
        // A statement of its own: the lock ends with it, before the surplus is freed.
        let surplus = match slot.words() {
            SMALL => owner.pool().store(batch(&mut self.small, slot)),
            CONTEXT_ONLY => owner.pool().store(batch(&mut self.context_only, slot)),
            NAMED => owner.pool().store(batch(&mut self.named, slot)),
            _ => owner.pool().store(std::iter::once(slot)),
        };
        drop(surplus);
    }

    /// Returns all slots to the pool.
    pub(crate) fn return_all(&mut self, owner: &O) {
        let small = self.small.drain(..).map(|slot| slot as Box<SpanSlot<O>>);
        let context_only = self.context_only.drain(..).map(|slot| slot as _);
        let named = self.named.drain(..).map(|slot| slot as _);
        // A statement of its own, as in `put`.
        let surplus = owner.pool().store(small.chain(context_only).chain(named));
        drop(surplus);
    }
}

/// Takes a slot whose memory the limit does not bound, from the pool or a new one if none is
/// cached.
fn take_unbounded<O: SpanOwner, const WORDS: usize>(
    list: &mut SlotList<O, WORDS>,
    owner: &Arc<O>,
) -> Box<SpanSlot<O>> {
    if list.is_empty() {
        owner.pool().refill(list);
    }
    list.pop()
        .unwrap_or_else(|| SpanSlot::new(owner, owner.no_name().clone()))
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
