//! A slot: the memory of one open span.

use std::sync::{Arc, MutexGuard};

use picojaeger_core::adapter::Timestamp;
use picojaeger_core::adapter::record::Open;
use picojaeger_core::ring::Word;
use picojaeger_core::{Flags, Key, SpanContext, SpanId, TraceId};

use crate::context::NO_CONTEXT;
use crate::context::baggage::Baggage;
use crate::memory::open_name::{DETAILS, OpenName};
use crate::memory::span_cache::SpanCache;
use crate::memory::span_pool::SpanPool;

/// Owner of a pool and of its slots: a tracer's state.
pub(crate) trait SpanOwner: Sized {
    /// Locks the pool.
    fn pool(&self) -> MutexGuard<'_, SpanPool<Self>>;

    /// Returns whether the owner was made before a fork, and so belongs to the parent process.
    fn is_of_parent(&self) -> bool;

    /// Returns the longest value of a tag, in bytes.
    fn value_limit(&self) -> u16;

    /// Returns the name of all slots that have none of their own, which nobody writes or reads.
    fn no_name(&self) -> &Arc<OpenName>;
}

/// An image of any size.
pub(crate) type Image = Open<[Word]>;

/// Memory of an open span.
///
/// The area for its tags and logs is part of the slot, so a span that needs a larger one moves to
/// another slot.
#[derive(Debug)]
pub(crate) struct SpanSlot<O, A: ?Sized = [Word]> {
    /// Kept while the slot is pooled too, so that a start does not increment the reference count.
    pub(crate) owner: Arc<O>,
    /// For other threads; of a sampled span that is open and whose decision is made. A tiny slot has
    /// none: the pool knows to whom it is charged.
    pub(crate) name: Arc<OpenName>,
    pub(crate) baggage: Baggage,
    /// Longest value of a tag, in bytes; a copy of the owner's, which saves writes a pointer to
    /// follow.
    pub(crate) value_limit: u16,
    /// Facts about the span that the tracer keeps for itself; none but where a setting wants them.
    pub(crate) notes: u16,
    /// The name to which a tiny slot is charged, by its hash; 0 if it is to none.
    pub(super) charged_to: u32,
    pub(crate) image: Open<A>,
}

/// Words of the areas: none, 120 and 128 bytes, 512 bytes, 4 KiB, 64 KiB.
pub(super) const CONTEXT_ONLY: usize = 0;
/// For the copied name of an unsampled span. A tiny slot takes such a name, if the span is sampled
/// late.
pub(super) const NAMED: usize = 120 / size_of::<usize>();
/// For spans that start while memory is scarce.
pub(super) const TINY: usize = 128 / size_of::<usize>();
pub(super) const SMALL: usize = 512 / size_of::<usize>();
pub(super) const MEDIUM: usize = 4096 / size_of::<usize>();
pub(super) const LARGE: usize = 65_536 / size_of::<usize>();

/// Returns whether slots of this size have a name of their own.
pub(super) const fn has_name(words: usize) -> bool {
    words > TINY
}

impl<O: SpanOwner, const WORDS: usize> SpanSlot<O, [Word; WORDS]> {
    pub(super) fn new(owner: &Arc<O>, name: Arc<OpenName>) -> Box<Self> {
        Box::new(SpanSlot {
            owner: owner.clone(),
            name,
            baggage: Baggage::EMPTY,
            value_limit: owner.value_limit(),
            notes: 0,
            charged_to: 0,
            image: Open::new("", NO_CONTEXT, SpanId::default(), 0),
        })
    }

    /// Converts a slot to its static size, if its area has `WORDS` words; else returns it.
    #[inline(always)]
    pub(super) fn of(slot: Box<SpanSlot<O>>) -> Result<Box<Self>, Box<SpanSlot<O>>> {
        if slot.words() != WORDS {
            return Err(slot);
        }
        let sized = Box::into_raw(slot).cast::<Self>();
        // SAFETY: from a box, and of this size: the area was made as `[Word; WORDS]`, and was
        // only unsized since.
        Ok(unsafe { Box::from_raw(sized) })
    }
}

impl<O: SpanOwner> SpanSlot<O> {
    /// Allocates a slot without an area, past the pool.
    pub(crate) fn context_only(owner: &Arc<O>) -> Box<Self> {
        SpanSlot::<O, [Word; CONTEXT_ONLY]>::new(owner, owner.no_name().clone())
    }

    /// Returns the words of the area.
    #[inline(always)]
    pub(super) fn words(&self) -> usize {
        self.image.capacity()
    }

    /// Lets other threads read the name of the span, if it is open and counts as sampled. One without ids is a root
    /// whose start is not complete.
    pub(crate) fn announce(&self) {
        let counts = self.image.is_writable()
            && self.image.context().is_valid()
            && self.baggage.pending().is_none();
        if counts && has_name(self.words()) {
            let record = self.image.record();
            let copied = || Key::Copied(record.operation());
            let name = record.static_operation().map_or_else(copied, Key::Static);
            self.name.set(name, || self.details());
        }
    }

    /// Returns what an unfinished span is made of, beside its name.
    fn details(&self) -> [u64; DETAILS] {
        let context = self.image.context();
        let (time, is_explicit) = match self.image.start() {
            Timestamp::Ticks(ticks) => (ticks, false),
            Timestamp::UnixMicros(micros) => (micros, true),
        };
        [
            context.trace_id().high(),
            context.trace_id().low(),
            context.span_id().get(),
            self.image.parent().get(),
            context.flags().wire().into(),
            time,
            is_explicit.into(),
        ]
    }

    /// Begins the image of a span of which this is known.
    pub(crate) fn begin_from(&mut self, details: [u64; DETAILS]) {
        let [high, low, span, parent, flags, time, is_explicit] = details;
        let trace = TraceId::from_parts(high, low);
        let flags = Flags::from_wire(flags as u8);
        let context = SpanContext::new(trace, SpanId::new(span), flags);
        self.image.restart("", context, SpanId::new(parent), 0, 0);
        self.image.set_start(match is_explicit {
            0 => Timestamp::Ticks(time),
            _ => Timestamp::UnixMicros(time),
        });
    }

    /// Returns whether the slot has no area.
    #[inline(always)]
    pub(crate) fn is_context_only(&self) -> bool {
        self.words() == CONTEXT_ONLY
    }

    /// Returns whether the slot has an area for the copied name of an unsampled span.
    pub(crate) fn is_for_name(&self) -> bool {
        self.words() == NAMED
    }

    /// Returns whether the slot has an area for a sampled span.
    fn is_for_sampled(&self) -> bool {
        self.words() > NAMED
    }

    /// Returns whether the slot belongs to the parent process.
    pub(crate) fn is_of_parent(&self) -> bool {
        self.owner.is_of_parent()
    }

    /// Returns the slot, unless it belongs to the parent process.
    pub(crate) fn of_this_process(self: Box<Self>) -> Option<Box<Self>> {
        if self.is_of_parent() {
            // Leaked: a drop might release the last reference to the parent's tracer, whose locks
            // may stay held for good in this process.
            std::mem::forget(self);
            return None;
        }
        Some(self)
    }

    /// Resets the image; owner, baggage and value limit stay.
    pub(crate) fn clear(&mut self) {
        self.image.restart("", NO_CONTEXT, SpanId::default(), 0, 0);
    }

    /// Moves a span that becomes sampled to a slot for one; `false` if out of memory.
    pub(crate) fn ensure_area(self: &mut Box<Self>, cache: &mut SpanCache<O>) -> bool {
        if self.is_for_sampled() {
            return true;
        }
        let owner = self.owner.clone();
        let operation = self.image.record().operation();
        let slot = cache.take_for(operation, &owner);
        let freed = slot.and_then(|slot| self.move_to(slot));
        freed.map(|freed| cache.put(freed)).is_some()
    }

    /// Moves an unsampled span to a slot for a copied name, unless it has an area.
    pub(crate) fn ensure_name_area(self: &mut Box<Self>, cache: &mut SpanCache<O>) {
        if self.is_context_only() {
            let named = cache.take_named(&self.owner);
            let freed = self.move_to(named);
            freed.into_iter().for_each(|freed| cache.put(freed));
        }
    }

    /// Moves the span to a slot of the next size; `false` if there is none, or if out of memory.
    pub(crate) fn grow(self: &mut Box<Self>) -> bool {
        // A forked child must not lock its parent's pool; the span is only a context there.
        if self.is_of_parent() {
            return false;
        }
        let owner = self.owner.clone();
        let Some(larger) = owner.pool().larger(self.words(), &owner) else {
            return false;
        };
        let Some(smaller) = self.move_to(larger) else {
            return false;
        };
        // A statement of its own: the lock ends with it, before the surplus is freed.
        let surplus = owner.pool().store(std::iter::once(smaller));
        drop(surplus);
        true
    }

    /// Moves the span to another slot, and returns the one that it leaves.
    pub(crate) fn move_to(
        self: &mut Box<Self>,
        mut other: Box<SpanSlot<O>>,
    ) -> Option<Box<SpanSlot<O>>> {
        if !self.image.copy_to(&mut other.image) {
            return None;
        }
        std::mem::swap(&mut self.baggage, &mut other.baggage);
        other.notes = std::mem::take(&mut self.notes);
        let former = std::mem::replace(self, other);
        former.name.close();
        self.announce();
        Some(former)
    }
}
