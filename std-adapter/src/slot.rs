//! Where open spans live: pooled slots, each with an image.

use std::sync::Arc;

use picojaeger_core::record::Open;
use picojaeger_core::ring::Word;
use picojaeger_core::{Flags, SpanContext, SpanId, TraceId};

use crate::baggage::Baggage;
use crate::shared::Shared;
use crate::unix;

/// An image of any size.
pub(crate) type Image = Open<[Word]>;

/// Slots on a list; a span is the box itself, which goes from list to list.
pub(crate) type SlotList = Vec<Box<Slot>>;

/// What a span points to.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) image: Box<Image>,
    pub(crate) baggage: Baggage,
    /// The image that a larger one stands in for.
    spare: Option<Box<Image>>,
    /// The longest text or bytes of a tag.
    pub(crate) value_limit: usize,
    pub(crate) shared: Arc<Shared>,
}

/// Slots and images that are not in use, for all threads of a tracer.
#[derive(Debug)]
pub(crate) struct Pool {
    full: SlotList,
    bare: SlotList,
    medium: Vec<Box<Image>>,
    large: Vec<Box<Image>>,
    /// Bytes of full slots and larger images, in use or not.
    bytes: usize,
    limit: usize,
    closed: bool,
}

/// A thread's own slots.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    full: SlotList,
    bare: SlotList,
}

/// Words of the areas: none, 512 bytes, 4 KiB, 64 KiB (on a 64-bit system).
const BARE: usize = 0;
const FULL: usize = 512 / size_of::<usize>();
const MEDIUM: usize = 4096 / size_of::<usize>();
const LARGE: usize = 65_536 / size_of::<usize>();

/// A list that outgrows this gives a batch to the pool.
const KEPT: usize = 64;
const BATCH: usize = 32;

/// What a full slot counts towards the limit.
const FULL_BYTES: usize = size_of::<Slot>() + size_of::<Open<[Word; FULL]>>();

impl Slot {
    fn new<const WORDS: usize>(shared: &Arc<Shared>) -> Box<Self> {
        Box::new(Slot {
            image: image::<WORDS>(),
            baggage: Baggage::EMPTY,
            spare: None,
            value_limit: shared.settings.max_tag_value_length,
            shared: shared.clone(),
        })
    }

    /// The slot, unless a fork lies behind it: then it is left alone.
    #[inline(always)]
    pub(crate) fn of_this_process(self: Box<Self>) -> Option<Box<Self>> {
        if self.shared.generation() == unix::generation() {
            return Some(self);
        }
        std::mem::forget(self);
        None
    }

    /// Whether the slot has no area.
    #[inline(always)]
    pub(crate) fn is_bare(&self) -> bool {
        size_of_val::<Image>(&self.image) == size_of::<Open<[Word; BARE]>>()
    }

    /// Moves the image to the next larger class; `false` if there is none or no
    /// memory is left.
    pub(crate) fn grow(&mut self) -> bool {
        // The child of a fork touches no pool of its parent's; there the span is a context.
        if self.shared.generation() != unix::generation() {
            return false;
        }
        let words = (size_of_val::<Image>(&self.image) - size_of::<Open<[Word; BARE]>>())
            / size_of::<Word>();
        let Some(mut larger) = self.shared.pool().larger(words) else {
            return false;
        };
        if !self.image.copy_to(&mut larger) {
            return false;
        }
        let smaller = std::mem::replace(&mut self.image, larger);
        match &self.spare {
            None => self.spare = Some(smaller),
            Some(_) => self.shared.pool().take_back(smaller),
        }
        true
    }

    /// Trades areas with a slot that has one; both keep their identity.
    pub(crate) fn trade_area(&mut self, full: &mut Slot) -> bool {
        let copied = self.image.copy_to(&mut full.image);
        if copied {
            std::mem::swap(&mut self.image, &mut full.image);
        }
        copied
    }

    /// Gives back what the span that is over had borrowed.
    #[inline(always)]
    fn clear(&mut self) {
        if !self.baggage.is_empty() {
            self.baggage = Baggage::EMPTY;
        }
        if let Some(spare) = self.spare.take() {
            let larger = std::mem::replace(&mut self.image, spare);
            self.shared.pool().take_back(larger);
        }
    }
}

impl Slots {
    pub(crate) const fn new() -> Self {
        Slots {
            full: Vec::new(),
            bare: Vec::new(),
        }
    }

    /// A slot with an area, or `None` if no memory is left.
    #[inline(always)]
    pub(crate) fn full(&mut self, shared: &Arc<Shared>) -> Option<Box<Slot>> {
        match self.full.pop() {
            Some(slot) => Some(slot),
            None => self.refill_full(shared),
        }
    }

    /// A slot without an area.
    #[inline(always)]
    pub(crate) fn bare(&mut self, shared: &Arc<Shared>) -> Box<Slot> {
        match self.bare.pop() {
            Some(slot) => slot,
            None => self.refill_bare(shared),
        }
    }

    /// Takes a slot back.
    #[inline(always)]
    pub(crate) fn give(&mut self, mut slot: Box<Slot>) {
        slot.clear();
        let list = if slot.is_bare() {
            &mut self.bare
        } else {
            &mut self.full
        };
        if list.len() >= KEPT {
            let shared = slot.shared.clone();
            shed(list, &shared);
        }
        list.push(slot);
    }

    /// Hands everything to the pool.
    pub(crate) fn empty(&mut self, shared: &Shared) {
        let surplus = shared.pool().store(&mut self.full, &mut self.bare);
        drop(surplus);
    }

    #[cold]
    #[inline(never)]
    fn refill_full(&mut self, shared: &Arc<Shared>) -> Option<Box<Slot>> {
        let mut pool = shared.pool();
        let from = pool.full.len().saturating_sub(BATCH);
        self.full.extend(pool.full.drain(from..));
        if self.full.is_empty() {
            if pool.bytes + FULL_BYTES > pool.limit {
                return None;
            }
            pool.bytes += FULL_BYTES;
            drop(pool);
            return Some(Slot::new::<FULL>(shared));
        }
        self.full.pop()
    }

    #[cold]
    #[inline(never)]
    fn refill_bare(&mut self, shared: &Arc<Shared>) -> Box<Slot> {
        let mut pool = shared.pool();
        let from = pool.bare.len().saturating_sub(BATCH);
        self.bare.extend(pool.bare.drain(from..));
        drop(pool);
        self.bare.pop().unwrap_or_else(|| Slot::new::<BARE>(shared))
    }
}

impl Pool {
    pub(crate) fn new(limit: usize) -> Self {
        Pool {
            full: Vec::new(),
            bare: Vec::new(),
            medium: Vec::new(),
            large: Vec::new(),
            bytes: 0,
            limit,
            closed: false,
        }
    }

    /// Lets slots go from now on instead of keeping them, and gives those it has
    /// to the caller, who drops them once the pool is unlocked.
    pub(crate) fn close(&mut self) -> SlotList {
        self.closed = true;
        let mut slots = std::mem::take(&mut self.full);
        slots.append(&mut self.bare);
        slots
    }

    /// Takes slots; those it does not keep are the caller's to drop.
    fn store(&mut self, full: &mut SlotList, bare: &mut SlotList) -> SlotList {
        if self.closed {
            let mut slots = std::mem::take(full);
            slots.append(bare);
            return slots;
        }
        self.full.append(full);
        self.bare.append(bare);
        Vec::new()
    }

    fn larger(&mut self, words: usize) -> Option<Box<Image>> {
        let (list, bytes, make): (_, _, fn() -> Box<Image>) = match words {
            FULL => (
                &mut self.medium,
                MEDIUM * size_of::<Word>(),
                image::<MEDIUM>,
            ),
            MEDIUM => (&mut self.large, LARGE * size_of::<Word>(), image::<LARGE>),
            _ => return None,
        };
        if let Some(image) = list.pop() {
            return Some(image);
        }
        if self.bytes + bytes > self.limit {
            return None;
        }
        self.bytes += bytes;
        Some(make())
    }

    fn take_back(&mut self, image: Box<Image>) {
        if size_of_val::<Image>(&image) < LARGE * size_of::<Word>() {
            self.medium.push(image);
        } else {
            self.large.push(image);
        }
    }
}

/// Hands a batch of a thread's slots to the pool.
#[cold]
#[inline(never)]
fn shed(list: &mut SlotList, shared: &Shared) {
    let mut batch = list.split_off(list.len() - BATCH);
    let (mut full, mut bare) = (Vec::new(), Vec::new());
    match batch.first().is_some_and(|slot| slot.is_bare()) {
        true => bare.append(&mut batch),
        false => full.append(&mut batch),
    }
    let surplus = shared.pool().store(&mut full, &mut bare);
    drop(surplus);
}

fn image<const WORDS: usize>() -> Box<Image> {
    let none = SpanContext::new(TraceId::default(), SpanId::default(), Flags::default());
    Box::new(Open::<[Word; WORDS]>::new("", none, SpanId::default(), 0))
}
