//! Where open spans live: pooled slots, each with an image.

use std::sync::Arc;

use picojaeger_core::SpanId;
use picojaeger_core::record::Open;
use picojaeger_core::ring::Word;

use crate::baggage::Baggage;
use crate::context::NO_CONTEXT;
use crate::shared::Shared;
use crate::unix;

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
    full: List,
    bare: List,
}

/// At most so many that one more gives a batch to the pool.
type List = heapless::Vec<Box<Slot>, 64>;
const BATCH: usize = 32;

/// Words of the areas: none, 512 bytes, 4 KiB, 64 KiB (on a 64-bit system).
const BARE: usize = 0;
const FULL: usize = 512 / size_of::<usize>();
const MEDIUM: usize = 4096 / size_of::<usize>();
const LARGE: usize = 65_536 / size_of::<usize>();

impl Slot {
    fn new<const WORDS: usize>(shared: &Arc<Shared>) -> Box<Self> {
        Box::new(Slot {
            shared: shared.clone(),
            baggage: Baggage::EMPTY,
            value_limit: shared.settings.max_tag_value_length,
            image: Open::<[Word; WORDS]>::new("", NO_CONTEXT, SpanId::default(), 0),
        })
    }

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
        self.shared.generation() != unix::generation()
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
        self.full.pop()
    }

    /// A slot without an area, if there is one at hand.
    #[inline(always)]
    pub(crate) fn bare_at_once(&mut self) -> Option<Box<Slot>> {
        self.bare.pop()
    }

    /// As [`Slots::give_at_once`] where the slot is known to have an area.
    #[inline(always)]
    pub(crate) fn give_full_at_once(&mut self, slot: Box<Slot>) -> Result<(), Box<Slot>> {
        match slot.words() {
            FULL => self.full.push(slot),
            _ => Err(slot),
        }
    }

    /// Takes back the slot of a span that is over if its list has room; it has no baggage.
    #[inline(always)]
    pub(crate) fn give_at_once(&mut self, slot: Box<Slot>) -> Result<(), Box<Slot>> {
        match slot.words() {
            FULL => self.full.push(slot),
            BARE => self.bare.push(slot),
            _ => Err(slot),
        }
    }

    /// A slot with an area, or `None` if no memory is left.
    pub(crate) fn full(&mut self, shared: &Arc<Shared>) -> Option<Box<Slot>> {
        if self.full.is_empty() {
            shared.pool().refill_full(&mut self.full, shared);
        }
        self.full.pop()
    }

    /// A slot without an area.
    pub(crate) fn bare(&mut self, shared: &Arc<Shared>) -> Box<Slot> {
        if self.bare.is_empty() {
            shared.pool().refill_bare(&mut self.bare);
        }
        let slot = self.bare.pop();
        slot.unwrap_or_else(|| Slot::new::<BARE>(shared))
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
        let slots = self.full.drain(..).chain(self.bare.drain(..));
        let surplus = shared.pool().store(slots);
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
    fn refill_full(&mut self, list: &mut List, shared: &Arc<Shared>) {
        let from = self.full.len().saturating_sub(BATCH);
        list.extend(self.full.drain(from..));
        if list.is_empty() {
            list.extend(self.make::<FULL>(shared));
        }
    }

    /// Fills a thread's list by a batch, if there is any.
    fn refill_bare(&mut self, list: &mut List) {
        let from = self.bare.len().saturating_sub(BATCH);
        list.extend(self.bare.drain(from..));
    }

    /// A slot of the next class after that of `words`.
    fn larger(&mut self, words: usize, shared: &Arc<Shared>) -> Option<Box<Slot>> {
        match words {
            FULL => self.medium.pop().or_else(|| self.make::<MEDIUM>(shared)),
            MEDIUM => self.large.pop().or_else(|| self.make::<LARGE>(shared)),
            _ => None,
        }
    }

    /// A new slot, within the limit.
    fn make<const WORDS: usize>(&mut self, shared: &Arc<Shared>) -> Option<Box<Slot>> {
        let bytes = size_of::<Slot<[Word; WORDS]>>();
        if self.bytes + bytes > self.limit {
            return None;
        }
        self.bytes += bytes;
        Some(Slot::new::<WORDS>(shared))
    }
}

/// Half of a list that is full, and one slot more.
fn batch(list: &mut List, slot: Box<Slot>) -> impl Iterator<Item = Box<Slot>> {
    let kept = list.len().saturating_sub(BATCH);
    list.drain(kept..).chain(std::iter::once(slot))
}
