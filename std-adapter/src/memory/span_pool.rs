//! Slots that no thread holds, and the memory of open spans.
//!
//! Once half of that memory is out, spans get tiny slots, which do not grow, and of which no
//! operation may hold more bytes than it leaves to others. So spans that stay open for long do not
//! starve short ones. A reserve of tiny slots is left whatever idle threads and rings hold.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use picojaeger_core::ring::Word;

use crate::memory::budget::{MemoryBudget, Share};
use crate::memory::open_name::{OpenName, ReadName};
use crate::memory::open_names::OpenNames;
use crate::memory::span_cache::{BATCH, SlotList};
use crate::memory::span_slot::{
    CONTEXT_ONLY, LARGE, MEDIUM, NAMED, SMALL, SpanOwner, SpanSlot, TINY, has_name,
};

/// Unused slots, for all threads of a tracer.
#[derive(Debug)]
pub(crate) struct SpanPool<O> {
    budget: Arc<MemoryBudget>,
    /// Slots by their size, in the order of [`SIZES`].
    free: [Slots<O>; SIZES.len()],
    /// Bytes of the slots for sampled spans that threads hold, in use or cached.
    out: usize,
    /// What is charged to operations for tiny slots, by the hashes of their names.
    charges: HashMap<u32, Charge>,
    names: OpenNames,
    hasher: RandomState,
    /// Bytes that are drawn for tiny slots and not used.
    reserve: usize,
    /// The most of these.
    full_reserve: usize,
    /// The most bytes of free slots of a size that the limit does not bound.
    unbounded: usize,
    closed: bool,
}

/// What is charged to an operation.
#[derive(Debug)]
struct Charge {
    name: ReadName,
    slots: usize,
}

/// Slots of any size.
pub(crate) type Slots<O> = Vec<Box<SpanSlot<O>>>;

/// The sizes of areas, in words.
const SIZES: [usize; 6] = [CONTEXT_ONLY, NAMED, TINY, SMALL, MEDIUM, LARGE];

/// The share of the free slots that one refill takes is 1 of this: many threads may want one each.
const REFILL: usize = 16;

impl<O: SpanOwner> SpanPool<O> {
    pub(crate) fn new(memory_limit: usize, budget: Arc<MemoryBudget>, names: OpenNames) -> Self {
        // Half of the floor: slots that idle threads cache and rings may take the rest.
        let full_reserve = budget.floor(Share::Spans) / 2;
        let is_drawn = budget.draw(Share::Spans, full_reserve, 0);
        SpanPool {
            reserve: if is_drawn { full_reserve } else { 0 },
            full_reserve,
            budget,
            free: Default::default(),
            out: 0,
            charges: HashMap::new(),
            names,
            hasher: RandomState::new(),
            unbounded: memory_limit / 64,
            closed: false,
        }
    }

    /// Stops keeping slots, and returns those it has: the caller drops them once the pool is
    /// unlocked.
    pub(crate) fn close(&mut self) -> [Slots<O>; SIZES.len()] {
        self.closed = true;
        self.full_reserve = 0;
        let free = std::mem::take(&mut self.free);
        let bounded = || {
            let free = free.iter().flatten();
            free.filter(|slot| is_bounded(slot.words()))
        };
        let bytes: usize = bounded()
            .map(|slot| self.cost(slot.words(), size_of_val(&**slot)))
            .sum();
        self.names.note_freed(bounded().count());
        let reserve = std::mem::take(&mut self.reserve);
        self.budget.give_back(Share::Spans, bytes + reserve);
        free
    }

    /// Returns the names of open spans, to be read without this pool's lock, and those to which tiny slots are
    /// charged, each with the number of its slots.
    pub(crate) fn names(&mut self) -> (Vec<Arc<OpenName>>, Vec<(ReadName, usize)>) {
        let charges = self.charges.values();
        let charged = charges.map(|charge| (charge.name, charge.slots));
        (self.names.all(), charged.collect())
    }

    /// Stores slots, and returns those that it does not keep: the caller drops them once the pool
    /// is unlocked.
    pub(super) fn store(&mut self, slots: impl Iterator<Item = Box<SpanSlot<O>>>) -> Slots<O> {
        let mut surplus = Slots::new();
        for mut slot in slots {
            self.end_charge(&mut slot);
            match self.keeps(&slot) {
                true => self.free_of(slot.words()).push(slot),
                false => surplus.push(slot),
            }
        }
        surplus
    }

    /// Accounts for a slot that comes back, and returns whether to keep it. The memory of open
    /// spans beyond its floor is freed, since rings may need it.
    fn keeps(&mut self, slot: &SpanSlot<O>) -> bool {
        let (words, bytes) = (slot.words(), self.cost(slot.words(), size_of_val(slot)));
        if !is_bounded(words) {
            return !self.closed && (self.free_of(words).len() + 1) * bytes <= self.unbounded;
        }
        self.out -= bytes;
        let keep = !self.closed && !self.budget.exceeds_floor(Share::Spans);
        if !keep {
            self.names.note_freed(1);
            self.give_back(bytes);
        }
        keep
    }

    /// Refills a thread's list with a share of the free slots, or with one new slot, while memory
    /// is not scarce.
    pub(super) fn refill_small(&mut self, list: &mut SlotList<O, SMALL>, owner: &Arc<O>) {
        if self.is_scarce() {
            return;
        }
        self.refill(list);
        if list.is_empty() {
            list.extend(self.make(owner));
        }
        self.out += list.len() * self.cost_of::<SMALL>();
    }

    /// Refills a thread's empty list with a share of the free slots.
    pub(super) fn refill<const WORDS: usize>(&mut self, list: &mut SlotList<O, WORDS>) {
        let free = self.free_of(WORDS);
        let share = free.len().div_ceil(REFILL).min(BATCH);
        list.extend(free.drain(free.len() - share..).flat_map(SpanSlot::of));
    }

    /// Charges a tiny slot to an operation, unless that would then hold more bytes than are left.
    pub(super) fn charge(&mut self, slot: &mut SpanSlot<O>, operation: &str) -> bool {
        let name = self.hasher.hash_one(operation) as u32 | 1;
        let left = self.budget.available(Share::Spans).saturating_sub(self.out);
        let cost = self.cost_of::<TINY>();
        let charge = self.charges.get_mut(&name);
        let slots = charge.as_ref().map_or(0, |charge| charge.slots) + 1;
        if slots * cost > left {
            return false;
        }
        match charge {
            Some(charge) => charge.slots = slots,
            None => {
                let charge = Charge {
                    name: ReadName::of(operation),
                    slots,
                };
                self.charges.insert(name, charge);
            }
        }
        slot.charged_to = name;
        true
    }

    fn end_charge(&mut self, slot: &mut SpanSlot<O>) {
        let name = std::mem::take(&mut slot.charged_to);
        if let Some(charge) = self.charges.get_mut(&name) {
            charge.slots -= 1;
            if charge.slots == 0 {
                self.charges.remove(&name);
            }
        }
    }

    /// Returns a slot of the next size after `words`, for a span that outgrows its own; `None`
    /// after the largest, or if memory is scarce.
    pub(super) fn larger(&mut self, words: usize, owner: &Arc<O>) -> Option<Box<SpanSlot<O>>> {
        let take = match words {
            TINY => Self::take::<SMALL>,
            SMALL => Self::take::<MEDIUM>,
            MEDIUM => Self::take::<LARGE>,
            _ => return None,
        };
        if self.is_scarce() {
            return None;
        }
        take(self, owner)
    }

    /// Returns the bytes of a slot, and of its name.
    fn cost(&self, words: usize, bytes: usize) -> usize {
        let name = if has_name(words) {
            self.names.cost()
        } else {
            0
        };
        bytes + name
    }

    /// Returns the bytes of a slot of this size, and of its name.
    fn cost_of<const WORDS: usize>(&self) -> usize {
        self.cost(WORDS, size_of::<SpanSlot<O, [Word; WORDS]>>())
    }

    /// Returns whether half of the memory of open spans is out.
    fn is_scarce(&self) -> bool {
        self.out >= self.budget.available(Share::Spans) / 2
    }

    /// Takes a slot for a sampled span, a free or a new one; `None` if out of memory. A tiny one
    /// is charged to nobody yet.
    pub(super) fn take<const WORDS: usize>(&mut self, owner: &Arc<O>) -> Option<Box<SpanSlot<O>>> {
        let slot = match self.free_of(WORDS).pop() {
            Some(slot) => slot,
            None => self.make::<WORDS>(owner)?,
        };
        self.out += self.cost(slot.words(), size_of_val(&*slot));
        Some(slot)
    }

    /// Makes a new slot within the limit, for which free ones of other sizes go.
    fn make<const WORDS: usize>(
        &mut self,
        owner: &Arc<O>,
    ) -> Option<Box<SpanSlot<O, [Word; WORDS]>>> {
        let bytes = self.cost_of::<WORDS>();
        while !self.budget.draw(Share::Spans, bytes, 0) {
            if self.free_one().is_none() {
                self.draw_reserve(WORDS, bytes)?;
                break;
            }
        }
        let name = match has_name(WORDS) {
            true => self.names.add(),
            false => owner.no_name().clone(),
        };
        Some(SpanSlot::new(owner, name))
    }

    /// Draws a slot's bytes from the reserve; `None` unless it is tiny and they are left.
    fn draw_reserve(&mut self, words: usize, bytes: usize) -> Option<()> {
        if words == TINY {
            self.reserve = self.reserve.checked_sub(bytes)?;
            return Some(());
        }
        None
    }

    /// Takes back the bytes of a slot that is freed, into the reserve first.
    fn give_back(&mut self, bytes: usize) {
        let reserved = bytes.min(self.full_reserve - self.reserve);
        self.reserve += reserved;
        self.budget.give_back(Share::Spans, bytes - reserved);
    }

    /// Frees a slot that no thread holds, the largest first; `None` if there is none.
    fn free_one(&mut self) -> Option<()> {
        let sizes = SIZES.iter().zip(&mut self.free).rev();
        let mut bounded = sizes.filter(|(words, _)| is_bounded(**words));
        let slot = bounded.find_map(|(_, free)| free.pop())?;
        self.names.note_freed(1);
        self.give_back(self.cost(slot.words(), size_of_val(&*slot)));
        Some(())
    }

    fn free_of(&mut self, words: usize) -> &mut Slots<O> {
        let [context_only, named, tiny, small, medium, large] = &mut self.free;
        match words {
            CONTEXT_ONLY => context_only,
            NAMED => named,
            TINY => tiny,
            SMALL => small,
            MEDIUM => medium,
            _ => large,
        }
    }
}

/// Returns whether the memory limit bounds slots of this size: those of sampled spans.
const fn is_bounded(words: usize) -> bool {
    words > NAMED
}

#[cfg(test)]
use crate::memory::span_cache::SpanCache;

#[cfg(test)]
impl<O: SpanOwner> SpanPool<O> {
    pub(crate) fn budget(&self) -> &Arc<MemoryBudget> {
        &self.budget
    }

    /// Returns the number of free slots of a size.
    fn count(&mut self, words: usize) -> usize {
        self.free_of(words).len()
    }
}

#[cfg(test)]
impl<O: SpanOwner> SpanCache<O> {
    /// Returns the number of slots of 512 bytes that are neither here nor in the pool.
    pub(crate) fn in_use(&self, owner: &O) -> usize {
        let (in_use, cost) = {
            let pool = owner.pool();
            (pool.out, pool.cost_of::<SMALL>())
        };
        in_use / cost - self.small.len()
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
        let mut slot = cache.take(state).unwrap();
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
        let pooled =
            |state: &TracerState| [SMALL, MEDIUM, LARGE].map(|words| state.pool().count(words));
        assert_eq!(pooled(&state), [1, 1, 0]);
        cache.put(slot);
        assert_eq!(pooled(&state), [1, 1, 1]);
        assert!(state.pool().free_of(LARGE)[0].baggage.is_empty());
        assert_eq!(state.pool().out, 0);
    }

    #[test]
    fn a_full_list_gives_a_batch_to_the_pool_and_takes_a_share_back() {
        let (state, mut cache) = (state(16 << 20), SpanCache::new());
        let take: [fn(&mut SpanCache<_>, &_) -> _; 3] = [
            |cache, state| cache.take(state).unwrap(),
            SpanCache::take_context_only,
            SpanCache::take_named,
        ];
        for take in take {
            let taken: Vec<_> = (0..65).map(|_| take(&mut cache, &state)).collect();
            taken.into_iter().for_each(|slot| cache.put(slot));
        }
        let counts = |state: &TracerState| {
            [SMALL, CONTEXT_ONLY, NAMED].map(|words| state.pool().count(words))
        };
        let kept = [
            cache.small.len(),
            cache.context_only.len(),
            cache.named.len(),
        ];
        assert!(
            kept.iter().all(|kept| (BATCH..=2 * BATCH).contains(kept)),
            "{kept:?}"
        );
        assert_eq!(counts(&state), kept.map(|kept| 65 - kept));
        cache.return_all(&state);
        assert_eq!(counts(&state), [65; 3]);
        for share in [5, 4, 4] {
            let pooled = state.pool().count(SMALL);
            let mut other = SpanCache::new();
            std::mem::forget(other.take(&state));
            assert_eq!(pooled - state.pool().count(SMALL), share);
            std::mem::forget(other);
        }
    }

    #[test]
    fn the_limit_refuses_areas_and_no_slot_without_one() {
        let (state, mut cache) = (state(1 << 20), SpanCache::new());
        let taken: Vec<_> = std::iter::from_fn(|| cache.take(&state)).collect();
        let pool = state.pool();
        let costs = taken
            .iter()
            .map(|slot| pool.cost(slot.words(), size_of_val(&**slot)));
        let bytes: usize = costs.sum();
        drop(pool);
        let names = taken.iter().filter(|slot| has_name(slot.words())).count();
        assert_eq!(state.pool().names.len(), names);
        assert!((500 << 10..=512 << 10).contains(&bytes), "{bytes}");
        assert_eq!(taken.first().map(|slot| slot.words()), Some(SMALL));
        assert_eq!(taken.last().map(|slot| slot.words()), Some(TINY));
        let (mut small, mut tiny) = (taken.into_iter(), None);
        let mut first = small.next().unwrap();
        assert!(!first.grow(), "that takes memory too");
        for slot in small {
            tiny = Some(slot);
        }
        assert!(!tiny.unwrap().grow());
        assert!(cache.take_context_only(&state).is_context_only());
        assert_eq!(cache.take_named(&state).words(), NAMED);
    }

    #[test]
    fn a_slot_that_is_made_replaces_free_ones_of_other_sizes() {
        let (state, mut cache) = (state(1 << 20), SpanCache::new());
        let mut wide = Vec::new();
        while let Some(slot) = state.pool().take::<LARGE>(&state) {
            wide.push(slot);
        }
        // The memory within the floor is kept, the rest is freed.
        wide.into_iter().for_each(|slot| cache.put(slot));
        assert!(state.pool().count(LARGE) > 0);
        let taken: Vec<_> = std::iter::from_fn(|| cache.take(&state)).collect();
        assert!(taken.len() > 500, "{}", taken.len());
    }

    /// Whatever caches hold: their slots count as used.
    #[test]
    fn the_reserve_is_for_tiny_slots() {
        let state = state(1 << 20);
        let mut caches: Vec<SpanCache<TracerState>> = Vec::new();
        while !state.pool().is_scarce() {
            let mut cache = SpanCache::new();
            let slots: Vec<_> = (0..16).filter_map(|_| cache.take(&state)).collect();
            slots.into_iter().for_each(|slot| cache.put(slot));
            caches.push(cache);
        }
        let budget = state.pool().budget.clone();
        while budget.draw(Share::Rings, 1 << 10, 0) {}
        let mut new = SpanCache::new();
        for _ in 0..2 {
            let taken: Vec<_> = std::iter::from_fn(|| new.take(&state)).collect();
            let words: Vec<_> = taken.iter().map(|slot| slot.words()).collect();
            let tiny = state.pool().cost_of::<TINY>();
            assert!(words.len() >= (128 << 10) / tiny, "{}", words.len());
            assert!(words.iter().all(|words| *words == TINY));
            taken.into_iter().for_each(|slot| new.put(slot));
            assert_eq!(state.pool().reserve, 128 << 10);
        }
        caches.iter_mut().for_each(|cache| cache.return_all(&state));
    }

    /// Starts, grows, names and ends spans on three threads in turn.
    #[test]
    fn the_account_is_empty_once_all_slots_are_back() {
        for seed in 0..10 {
            let state = state(1 << 20);
            let mut caches = [const { SpanCache::new() }; 3];
            let mut held = Vec::new();
            let seed = picojaeger_core::Seed::from_fn(|| seed);
            let mut ids = picojaeger_core::adapter::IdGenerator::new(seed);
            for _ in 0..5_000 {
                let drawn = ids.span_id().get() >> 16;
                let cache = &mut caches[drawn as usize % 3];
                let at = (drawn >> 8) as usize % (held.len() + 1);
                match drawn >> 24 & 15 {
                    0..5 => held.extend(cache.take_for(["a", "b", "c"][at % 3], &state)),
                    5 => held.extend(cache.take(&state)),
                    6 => held.push(cache.take_context_only(&state)),
                    7 => held.push(cache.take_named(&state)),
                    8 if at < held.len() => drop(held[at].grow()),
                    9 if at < held.len() => drop(held[at].ensure_area(cache)),
                    10 if at < held.len() => held[at].ensure_name_area(cache),
                    11 if at < held.len() => held.drain(at..).for_each(|slot| cache.put(slot)),
                    _ if at < held.len() => cache.put(held.swap_remove(at)),
                    _ => {}
                }
            }
            held.into_iter().for_each(|slot| caches[0].put(slot));
            caches.iter_mut().for_each(|cache| cache.return_all(&state));
            let mut pool = state.pool();
            assert_eq!((pool.out, pool.charges.len()), (0, 0));
            assert_eq!(pool.reserve, pool.full_reserve);
            let freed = pool.close();
            assert_eq!(pool.budget.drawn(Share::Spans), 0);
            drop(pool);
            drop(freed);
            assert!(state.pool().names().0.is_empty());
        }
    }

    #[test]
    fn an_operation_holds_at_most_half_of_the_memory_that_is_left() {
        let (state, mut cache) = (state(1 << 20), SpanCache::new());
        let mut held = Vec::new();
        let mut count = |operation: &str| {
            let before = held.len();
            held.extend(std::iter::from_fn(|| cache.take_for(operation, &state)));
            held.len() - before
        };
        // The first takes 512-byte slots too.
        let counts = ["idle", "second", "third", "idle"].map(&mut count);
        assert!(counts[1] > 200 && counts[2] > 100, "{counts:?}");
        assert!(
            counts[1] / counts[2] == 2 || counts[1] / counts[2] == 1,
            "{counts:?}"
        );
        assert_eq!(counts[3], 0);
        let tiny = held.pop().unwrap();
        assert_eq!(tiny.words(), TINY);
        cache.put(tiny);
        assert!(
            cache.take_for("third", &state).is_some(),
            "the charge ended"
        );
        held.into_iter().for_each(|slot| cache.put(slot));
        assert!(state.pool().charges.len() <= 1);
    }
}
