//! Where open spans live: pooled slots, each with an image.

use std::sync::Arc;

use picojaeger_core::SpanId;
use picojaeger_core::record::Open;
use picojaeger_core::ring::Word;

use crate::context::NO_CONTEXT;
use crate::context::baggage::Baggage;
use crate::state::TracerState;
use crate::sys::fork;

/// An image of any size.
pub(crate) type Image = Open<[Word]>;

/// Slots on a list; a span is the box itself, which goes from list to list.
pub(crate) type SlotList = Vec<Box<SpanSlot>>;

/// What a span points to. The area is part of it, so a span that needs a larger one
/// moves to another slot.
#[derive(Debug)]
pub(crate) struct SpanSlot<A: ?Sized = [Word]> {
    pub(crate) state: Arc<TracerState>,
    pub(crate) baggage: Baggage,
    /// The longest text or bytes of a tag.
    pub(crate) value_limit: usize,
    pub(crate) image: Open<A>,
}

/// Slots that are not in use, for all threads of a tracer.
#[derive(Debug)]
pub(crate) struct SpanPool {
    small: SlotList,
    context_only: SlotList,
    medium: SlotList,
    large: SlotList,
    /// Bytes of all but the bare ones, in use or not.
    bytes: usize,
    limit: usize,
    closed: bool,
}

/// A thread's own slots.
#[derive(Debug)]
pub(crate) struct SpanCache {
    small: List<SMALL>,
    context_only: List<CONTEXT_ONLY>,
}

/// Slots of one class, at most so many that one more gives a batch to the pool.
type List<const WORDS: usize> = heapless::Vec<Box<SpanSlot<[Word; WORDS]>>, 64>;
const BATCH: usize = 32;

/// Words of the areas: none, 512 bytes, 4 KiB, 64 KiB (on a 64-bit system).
const CONTEXT_ONLY: usize = 0;
const SMALL: usize = 512 / size_of::<usize>();
const MEDIUM: usize = 4096 / size_of::<usize>();
const LARGE: usize = 65_536 / size_of::<usize>();

impl<const WORDS: usize> SpanSlot<[Word; WORDS]> {
    fn new(state: &Arc<TracerState>) -> Box<Self> {
        Box::new(SpanSlot {
            state: state.clone(),
            baggage: Baggage::EMPTY,
            value_limit: state.settings.max_tag_value_length,
            image: Open::new("", NO_CONTEXT, SpanId::default(), 0),
        })
    }

    /// The slot, if its area has so many words.
    #[inline(always)]
    fn of(slot: Box<SpanSlot>) -> Result<Box<Self>, Box<SpanSlot>> {
        if slot.words() != WORDS {
            return Err(slot);
        }
        let sized = Box::into_raw(slot).cast::<Self>();
        // SAFETY: from a box, and of this size: its area was made with `WORDS` words, and
        // only forgot their number since.
        Ok(unsafe { Box::from_raw(sized) })
    }
}

impl SpanSlot {
    /// Words of the area.
    #[inline(always)]
    fn words(&self) -> usize {
        self.image.capacity()
    }

    /// Whether the slot has no area.
    #[inline(always)]
    pub(crate) fn is_context_only(&self) -> bool {
        self.words() == CONTEXT_ONLY
    }

    /// Whether the slot stems from before a fork: then it is the parent's, as all that
    /// its tracer has.
    pub(crate) fn is_of_parent(&self) -> bool {
        self.state.generation() != fork::generation()
    }

    /// The slot, unless it is the parent's.
    pub(crate) fn of_this_process(self: Box<Self>) -> Option<Box<Self>> {
        if self.is_of_parent() {
            // Its tracer's locks may be held for good, so nothing of it is touched.
            std::mem::forget(self);
            return None;
        }
        Some(self)
    }

    /// Starts over, with nothing but what stays the slot's.
    pub(crate) fn clear(&mut self) {
        self.image.restart("", NO_CONTEXT, SpanId::default(), 0, 0);
    }

    /// Moves a span without an area to a slot that has one; `false` if no memory is left.
    pub(crate) fn ensure_area(self: &mut Box<Self>, cache: &mut SpanCache) -> bool {
        if !self.is_context_only() {
            return true;
        }
        let state = self.state.clone();
        let full = cache.take_small(&state);
        let bare = full.and_then(|full| self.move_to(full));
        bare.map(|bare| cache.put(bare)).is_some()
    }

    /// Moves the span to a slot of the next larger class; `false` if there is none or
    /// no memory is left.
    pub(crate) fn grow(self: &mut Box<Self>) -> bool {
        // The child of a fork touches no pool of its parent's; there the span is a context.
        if self.is_of_parent() {
            return false;
        }
        let state = self.state.clone();
        let Some(larger) = state.pool().larger(self.words(), &state) else {
            return false;
        };
        let Some(smaller) = self.move_to(larger) else {
            return false;
        };
        let surplus = state.pool().store(std::iter::once(smaller));
        drop(surplus);
        true
    }

    /// Moves the span to another slot, and gives the one that is free then.
    pub(crate) fn move_to(self: &mut Box<Self>, mut other: Box<SpanSlot>) -> Option<Box<SpanSlot>> {
        if !self.image.copy_to(&mut other.image) {
            return None;
        }
        std::mem::swap(&mut self.baggage, &mut other.baggage);
        Some(std::mem::replace(self, other))
    }
}

impl SpanCache {
    pub(crate) const fn new() -> Self {
        SpanCache {
            small: List::new(),
            context_only: List::new(),
        }
    }

    /// A slot with an area, if there is one at hand.
    #[inline(always)]
    pub(crate) fn try_take_small(&mut self) -> Option<Box<SpanSlot>> {
        Some(self.small.pop()?)
    }

    /// A slot without an area, if there is one at hand.
    #[inline(always)]
    pub(crate) fn try_take_context_only(&mut self) -> Option<Box<SpanSlot>> {
        Some(self.context_only.pop()?)
    }

    /// Takes back the slot of a sampled span that is over, if it is an ordinary one and
    /// its list has room; it has no baggage.
    #[inline(always)]
    pub(crate) fn try_put_small(&mut self, slot: Box<SpanSlot>) -> Result<(), Box<SpanSlot>> {
        self.small
            .push(SpanSlot::of(slot)?)
            .map_err(|slot| slot as _)
    }

    /// As [`SpanCache::try_put_small`], of any span.
    #[inline(always)]
    pub(crate) fn try_put(&mut self, slot: Box<SpanSlot>) -> Result<(), Box<SpanSlot>> {
        match SpanSlot::of(slot) {
            Ok(slot) => self.context_only.push(slot).map_err(|slot| slot as _),
            Err(slot) => self.try_put_small(slot),
        }
    }

    /// A slot with an area, or `None` if no memory is left.
    pub(crate) fn take_small(&mut self, state: &Arc<TracerState>) -> Option<Box<SpanSlot>> {
        if self.small.is_empty() {
            state.pool().refill_small(&mut self.small, state);
        }
        self.try_take_small()
    }

    /// A slot without an area.
    pub(crate) fn take_context_only(&mut self, state: &Arc<TracerState>) -> Box<SpanSlot> {
        if self.context_only.is_empty() {
            state.pool().refill_context_only(&mut self.context_only);
        }
        let slot = self.context_only.pop();
        slot.unwrap_or_else(|| SpanSlot::new(state))
    }

    /// Takes back the slot of a span that is over.
    pub(crate) fn put(&mut self, mut slot: Box<SpanSlot>) {
        slot.baggage = Baggage::EMPTY;
        if let Err(slot) = self.try_put(slot) {
            let state = slot.state.clone();
            let surplus = match slot.words() {
                SMALL => state.pool().store(batch(&mut self.small, slot)),
                CONTEXT_ONLY => state.pool().store(batch(&mut self.context_only, slot)),
                _ => state.pool().store(std::iter::once(slot)),
            };
            drop(surplus);
        }
    }

    /// Hands everything to the pool.
    pub(crate) fn return_all(&mut self, state: &TracerState) {
        let full = self.small.drain(..).map(|slot| slot as Box<SpanSlot>);
        let bare = self
            .context_only
            .drain(..)
            .map(|slot| slot as Box<SpanSlot>);
        let surplus = state.pool().store(full.chain(bare));
        drop(surplus);
    }
}

impl SpanPool {
    pub(crate) fn new(limit: usize) -> Self {
        SpanPool {
            small: SlotList::new(),
            context_only: SlotList::new(),
            medium: SlotList::new(),
            large: SlotList::new(),
            bytes: 0,
            limit,
            closed: false,
        }
    }

    /// Lets slots go from now on instead of keeping them, and gives those it has
    /// to the caller, who drops them once the pool is unlocked.
    pub(crate) fn close(&mut self) -> [SlotList; 4] {
        self.closed = true;
        let lists = [
            &mut self.small,
            &mut self.context_only,
            &mut self.medium,
            &mut self.large,
        ];
        lists.map(std::mem::take)
    }

    /// Takes slots; those it does not keep are the caller's to drop.
    fn store(&mut self, slots: impl Iterator<Item = Box<SpanSlot>>) -> SlotList {
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
        SlotList::new()
    }

    /// Fills a thread's list by a batch, or by a new slot if the limit allows one.
    fn refill_small(&mut self, list: &mut List<SMALL>, state: &Arc<TracerState>) {
        let from = self.small.len().saturating_sub(BATCH);
        list.extend(self.small.drain(from..).flat_map(SpanSlot::of));
        if list.is_empty() {
            list.extend(self.make(state));
        }
    }

    /// Fills a thread's list by a batch, if there is any.
    fn refill_context_only(&mut self, list: &mut List<CONTEXT_ONLY>) {
        let from = self.context_only.len().saturating_sub(BATCH);
        list.extend(self.context_only.drain(from..).flat_map(SpanSlot::of));
    }

    /// A slot of the next class after that of `words`.
    fn larger(&mut self, words: usize, state: &Arc<TracerState>) -> Option<Box<SpanSlot>> {
        match words {
            SMALL => match self.medium.pop() {
                Some(slot) => Some(slot),
                None => Some(self.make::<MEDIUM>(state)?),
            },
            MEDIUM => match self.large.pop() {
                Some(slot) => Some(slot),
                None => Some(self.make::<LARGE>(state)?),
            },
            _ => None,
        }
    }

    /// A new slot, within the limit.
    fn make<const WORDS: usize>(
        &mut self,
        state: &Arc<TracerState>,
    ) -> Option<Box<SpanSlot<[Word; WORDS]>>> {
        let bytes = size_of::<SpanSlot<[Word; WORDS]>>();
        if self.bytes + bytes > self.limit {
            return None;
        }
        self.bytes += bytes;
        Some(SpanSlot::new(state))
    }
}

/// Half of a list that is full, and one slot more.
fn batch<const WORDS: usize>(
    list: &mut List<WORDS>,
    slot: Box<SpanSlot>,
) -> impl Iterator<Item = Box<SpanSlot>> {
    let kept = list.len().saturating_sub(BATCH);
    let batch = list.drain(kept..).map(|slot| slot as Box<SpanSlot>);
    batch.chain(std::iter::once(slot))
}

#[cfg(test)]
impl SpanCache {
    /// How many slots of 512 bytes are neither here nor in the pool.
    pub(crate) fn in_use(&self, state: &TracerState) -> usize {
        let pool = state.pool();
        let made = pool.bytes / size_of::<SpanSlot<[Word; SMALL]>>();
        made - pool.small.len() - self.small.len()
    }
}

#[cfg(test)]
mod tests {
    use picojaeger_core::{Flags, Key, TraceId, Value};

    use super::*;
    use crate::sys::clock::TickSource;

    fn state(memory_limit: usize) -> Arc<TracerState> {
        TracerState::of_test(TickSource::System, |config| {
            config.memory_limit(memory_limit)
        })
    }

    fn begun(cache: &mut SpanCache, state: &Arc<TracerState>) -> Box<SpanSlot> {
        let mut slot = cache.take_small(state).unwrap();
        let trace = TraceId::from_parts(0, 1);
        let context = picojaeger_core::SpanContext::new(trace, SpanId::new(2), Flags::SAMPLED);
        slot.image.restart("op", context, SpanId::default(), 0, 0);
        slot
    }

    #[test]
    fn a_span_that_grows_keeps_what_it_has_and_gives_back_what_it_had() {
        let (state, mut cache) = (state(16 << 20), SpanCache::new());
        let mut slot = begun(&mut cache, &state);
        slot.baggage.set("user", "ann").unwrap();
        let text = "x".repeat(400);
        let mut classes = vec![slot.words()];
        for tags in 1..=100 {
            while !slot.image.try_tag(Key::Static("text"), Value::Str(&text)) {
                assert!(slot.grow());
                classes.push(slot.words());
            }
            assert_eq!(slot.image.record().tags().count(), tags);
        }
        assert_eq!(classes, [SMALL, MEDIUM, LARGE]);
        assert_eq!(slot.baggage.get("user"), Some("ann"));
        assert!(!slot.grow(), "there is no larger class");
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
    fn a_list_that_is_full_gives_a_batch_and_gets_one_back() {
        let (state, mut cache) = (state(16 << 20), SpanCache::new());
        for bare in [false, true] {
            let taken: Vec<_> = (0..65)
                .map(|_| match bare {
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
    fn slots_beyond_the_limit_are_refused_and_bare_ones_are_not() {
        let (state, mut cache) = (state(1 << 20), SpanCache::new());
        let mut taken = Vec::new();
        taken.extend(std::iter::from_fn(|| cache.take_small(&state)));
        let bytes = taken.len() * size_of::<SpanSlot<[Word; SMALL]>>();
        assert!((500 << 10..=512 << 10).contains(&bytes), "{bytes}");
        assert!(!taken[0].grow(), "that takes memory too");
        assert!(cache.take_context_only(&state).is_context_only());
    }
}
