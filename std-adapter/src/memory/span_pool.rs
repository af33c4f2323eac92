//! Where open spans live: pooled slots, each with an image.

use std::sync::Arc;

use picojaeger_core::SpanId;
use picojaeger_core::record::Open;
use picojaeger_core::ring::Word;

use crate::context::NO_CONTEXT;
use crate::context::baggage::Baggage;
use crate::state::Shared;
use crate::state::shard::Desk;
use crate::sys::fork;

/// An image of any size.
pub(crate) type Image = Open<[Word]>;

/// Slots on a list; a span is the box itself, which goes from list to list.
pub(crate) type SlotList = Vec<Box<Slot>>;

/// What a span points to. The area is part of it, so a span that needs a larger one
/// moves to another slot.
#[derive(Debug)]
pub(crate) struct Slot<A: ?Sized = [Word]> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) baggage: Baggage,
    /// The longest text or bytes of a tag.
    pub(crate) value_limit: usize,
    pub(crate) image: Open<A>,
}

/// Slots that are not in use, for all threads of a tracer.
#[derive(Debug)]
pub(crate) struct Pool {
    full: SlotList,
    bare: SlotList,
    medium: SlotList,
    large: SlotList,
    /// Bytes of all but the bare ones, in use or not.
    bytes: usize,
    limit: usize,
    closed: bool,
}

/// A thread's own slots.
#[derive(Debug)]
pub(crate) struct Slots {
    full: List<FULL>,
    bare: List<BARE>,
}

/// Slots of one class, at most so many that one more gives a batch to the pool.
type List<const WORDS: usize> = heapless::Vec<Box<Slot<[Word; WORDS]>>, 64>;
const BATCH: usize = 32;

/// Words of the areas: none, 512 bytes, 4 KiB, 64 KiB (on a 64-bit system).
const BARE: usize = 0;
const FULL: usize = 512 / size_of::<usize>();
const MEDIUM: usize = 4096 / size_of::<usize>();
const LARGE: usize = 65_536 / size_of::<usize>();

impl<const WORDS: usize> Slot<[Word; WORDS]> {
    fn new(shared: &Arc<Shared>) -> Box<Self> {
        Box::new(Slot {
            shared: shared.clone(),
            baggage: Baggage::EMPTY,
            value_limit: shared.settings.max_tag_value_length,
            image: Open::new("", NO_CONTEXT, SpanId::default(), 0),
        })
    }

    /// The slot, if its area has so many words.
    #[inline(always)]
    fn of(slot: Box<Slot>) -> Result<Box<Self>, Box<Slot>> {
        if slot.words() != WORDS {
            return Err(slot);
        }
        let sized = Box::into_raw(slot).cast::<Self>();
        // SAFETY: from a box, and of this size: its area was made with `WORDS` words, and
        // only forgot their number since.
        Ok(unsafe { Box::from_raw(sized) })
    }
}

impl Slot {
    /// Words of the area.
    #[inline(always)]
    fn words(&self) -> usize {
        self.image.capacity()
    }

    /// Whether the slot has no area.
    #[inline(always)]
    pub(crate) fn is_bare(&self) -> bool {
        self.words() == BARE
    }

    /// Whether the slot stems from before a fork: then it is the parent's, as all that
    /// its tracer has.
    pub(crate) fn is_of_parent(&self) -> bool {
        self.shared.generation() != fork::generation()
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
    pub(crate) fn furnish(self: &mut Box<Self>, desk: &mut Desk) -> bool {
        if !self.is_bare() {
            return true;
        }
        let shared = self.shared.clone();
        let full = desk.slots.full(&shared);
        let bare = full.and_then(|full| self.move_to(full));
        bare.map(|bare| desk.slots.give(bare)).is_some()
    }

    /// Moves the span to a slot of the next larger class; `false` if there is none or
    /// no memory is left.
    pub(crate) fn grow(self: &mut Box<Self>) -> bool {
        // The child of a fork touches no pool of its parent's; there the span is a context.
        if self.is_of_parent() {
            return false;
        }
        let shared = self.shared.clone();
        let Some(larger) = shared.pool().larger(self.words(), &shared) else {
            return false;
        };
        let Some(smaller) = self.move_to(larger) else {
            return false;
        };
        let surplus = shared.pool().store(std::iter::once(smaller));
        drop(surplus);
        true
    }

    /// Moves the span to another slot, and gives the one that is free then.
    pub(crate) fn move_to(self: &mut Box<Self>, mut other: Box<Slot>) -> Option<Box<Slot>> {
        if !self.image.copy_to(&mut other.image) {
            return None;
        }
        std::mem::swap(&mut self.baggage, &mut other.baggage);
        Some(std::mem::replace(self, other))
    }
}

impl Slots {
    pub(crate) const fn new() -> Self {
        Slots {
            full: List::new(),
            bare: List::new(),
        }
    }

    /// A slot with an area, if there is one at hand.
    #[inline(always)]
    pub(crate) fn full_at_once(&mut self) -> Option<Box<Slot>> {
        Some(self.full.pop()?)
    }

    /// A slot without an area, if there is one at hand.
    #[inline(always)]
    pub(crate) fn bare_at_once(&mut self) -> Option<Box<Slot>> {
        Some(self.bare.pop()?)
    }

    /// Takes back the slot of a sampled span that is over, if it is an ordinary one and
    /// its list has room; it has no baggage.
    #[inline(always)]
    pub(crate) fn give_full_at_once(&mut self, slot: Box<Slot>) -> Result<(), Box<Slot>> {
        self.full.push(Slot::of(slot)?).map_err(|slot| slot as _)
    }

    /// As [`Slots::give_full_at_once`], of any span.
    #[inline(always)]
    pub(crate) fn give_at_once(&mut self, slot: Box<Slot>) -> Result<(), Box<Slot>> {
        match Slot::of(slot) {
            Ok(slot) => self.bare.push(slot).map_err(|slot| slot as _),
            Err(slot) => self.give_full_at_once(slot),
        }
    }

    /// A slot with an area, or `None` if no memory is left.
    pub(crate) fn full(&mut self, shared: &Arc<Shared>) -> Option<Box<Slot>> {
        if self.full.is_empty() {
            shared.pool().refill_full(&mut self.full, shared);
        }
        self.full_at_once()
    }

    /// A slot without an area.
    pub(crate) fn bare(&mut self, shared: &Arc<Shared>) -> Box<Slot> {
        if self.bare.is_empty() {
            shared.pool().refill_bare(&mut self.bare);
        }
        let slot = self.bare.pop();
        slot.unwrap_or_else(|| Slot::new(shared))
    }

    /// Takes back the slot of a span that is over.
    pub(crate) fn give(&mut self, mut slot: Box<Slot>) {
        slot.baggage = Baggage::EMPTY;
        if let Err(slot) = self.give_at_once(slot) {
            let shared = slot.shared.clone();
            let surplus = match slot.words() {
                FULL => shared.pool().store(batch(&mut self.full, slot)),
                BARE => shared.pool().store(batch(&mut self.bare, slot)),
                _ => shared.pool().store(std::iter::once(slot)),
            };
            drop(surplus);
        }
    }

    /// Hands everything to the pool.
    pub(crate) fn empty(&mut self, shared: &Shared) {
        let full = self.full.drain(..).map(|slot| slot as Box<Slot>);
        let bare = self.bare.drain(..).map(|slot| slot as Box<Slot>);
        let surplus = shared.pool().store(full.chain(bare));
        drop(surplus);
    }
}

impl Pool {
    pub(crate) fn new(limit: usize) -> Self {
        Pool {
            full: SlotList::new(),
            bare: SlotList::new(),
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
            &mut self.full,
            &mut self.bare,
            &mut self.medium,
            &mut self.large,
        ];
        lists.map(std::mem::take)
    }

    /// Takes slots; those it does not keep are the caller's to drop.
    fn store(&mut self, slots: impl Iterator<Item = Box<Slot>>) -> SlotList {
        if self.closed {
            return slots.collect();
        }
        for slot in slots {
            let list = match slot.words() {
                FULL => &mut self.full,
                MEDIUM => &mut self.medium,
                LARGE => &mut self.large,
                _ => &mut self.bare,
            };
            list.push(slot);
        }
        SlotList::new()
    }

    /// Fills a thread's list by a batch, or by a new slot if the limit allows one.
    fn refill_full(&mut self, list: &mut List<FULL>, shared: &Arc<Shared>) {
        let from = self.full.len().saturating_sub(BATCH);
        list.extend(self.full.drain(from..).flat_map(Slot::of));
        if list.is_empty() {
            list.extend(self.make(shared));
        }
    }

    /// Fills a thread's list by a batch, if there is any.
    fn refill_bare(&mut self, list: &mut List<BARE>) {
        let from = self.bare.len().saturating_sub(BATCH);
        list.extend(self.bare.drain(from..).flat_map(Slot::of));
    }

    /// A slot of the next class after that of `words`.
    fn larger(&mut self, words: usize, shared: &Arc<Shared>) -> Option<Box<Slot>> {
        match words {
            FULL => match self.medium.pop() {
                Some(slot) => Some(slot),
                None => Some(self.make::<MEDIUM>(shared)?),
            },
            MEDIUM => match self.large.pop() {
                Some(slot) => Some(slot),
                None => Some(self.make::<LARGE>(shared)?),
            },
            _ => None,
        }
    }

    /// A new slot, within the limit.
    fn make<const WORDS: usize>(
        &mut self,
        shared: &Arc<Shared>,
    ) -> Option<Box<Slot<[Word; WORDS]>>> {
        let bytes = size_of::<Slot<[Word; WORDS]>>();
        if self.bytes + bytes > self.limit {
            return None;
        }
        self.bytes += bytes;
        Some(Slot::new(shared))
    }
}

/// Half of a list that is full, and one slot more.
fn batch<const WORDS: usize>(
    list: &mut List<WORDS>,
    slot: Box<Slot>,
) -> impl Iterator<Item = Box<Slot>> {
    let kept = list.len().saturating_sub(BATCH);
    let batch = list.drain(kept..).map(|slot| slot as Box<Slot>);
    batch.chain(std::iter::once(slot))
}

#[cfg(test)]
impl Slots {
    /// How many slots of 512 bytes are neither here nor in the pool.
    pub(crate) fn out(&self, shared: &Shared) -> usize {
        let pool = shared.pool();
        let made = pool.bytes / size_of::<Slot<[Word; FULL]>>();
        made - pool.full.len() - self.full.len()
    }
}

#[cfg(test)]
mod tests {
    use picojaeger_core::{Flags, Key, TraceId, Value};

    use super::*;
    use crate::sys::clock::TickSource;

    fn shared(memory_limit: usize) -> Arc<Shared> {
        Shared::of_test(TickSource::System, |config| {
            config.memory_limit(memory_limit)
        })
    }

    fn begun(slots: &mut Slots, shared: &Arc<Shared>) -> Box<Slot> {
        let mut slot = slots.full(shared).unwrap();
        let trace = TraceId::from_parts(0, 1);
        let context = picojaeger_core::SpanContext::new(trace, SpanId::new(2), Flags::SAMPLED);
        slot.image.restart("op", context, SpanId::default(), 0, 0);
        slot
    }

    #[test]
    fn a_span_that_grows_keeps_what_it_has_and_gives_back_what_it_had() {
        let (shared, mut slots) = (shared(16 << 20), Slots::new());
        let mut slot = begun(&mut slots, &shared);
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
        assert_eq!(classes, [FULL, MEDIUM, LARGE]);
        assert_eq!(slot.baggage.get("user"), Some("ann"));
        assert!(!slot.grow(), "there is no larger class");
        let pooled = |shared: &Shared| {
            let pool = shared.pool();
            [&pool.full, &pool.medium, &pool.large].map(Vec::len)
        };
        assert_eq!(pooled(&shared), [1, 1, 0]);
        slots.give(slot);
        assert_eq!(pooled(&shared), [1, 1, 1]);
        assert!(shared.pool().large[0].baggage.is_empty());
    }

    #[test]
    fn a_list_that_is_full_gives_a_batch_and_gets_one_back() {
        let (shared, mut slots) = (shared(16 << 20), Slots::new());
        for bare in [false, true] {
            let taken: Vec<_> = (0..65)
                .map(|_| match bare {
                    true => slots.bare(&shared),
                    false => slots.full(&shared).unwrap(),
                })
                .collect();
            taken.into_iter().for_each(|slot| slots.give(slot));
        }
        let pool = shared.pool();
        assert_eq!((pool.full.len(), pool.bare.len()), (33, 33));
        assert_eq!((slots.full.len(), slots.bare.len()), (32, 32));
        drop(pool);
        slots.empty(&shared);
        assert_eq!(shared.pool().full.len(), 65);
        assert!(slots.full(&shared).is_some());
        assert_eq!((shared.pool().full.len(), slots.full.len()), (33, 31));
    }

    #[test]
    fn slots_beyond_the_limit_are_refused_and_bare_ones_are_not() {
        let (shared, mut slots) = (shared(1 << 20), Slots::new());
        let mut taken = Vec::new();
        taken.extend(std::iter::from_fn(|| slots.full(&shared)));
        let bytes = taken.len() * size_of::<Slot<[Word; FULL]>>();
        assert!((500 << 10..=512 << 10).contains(&bytes), "{bytes}");
        assert!(!taken[0].grow(), "that takes memory too");
        assert!(slots.bare(&shared).is_bare());
    }
}
