//! The rules by which threads get rings.
//!
//! Two parts of the memory of rings are kept back: one for the first rings of threads to come, and
//! one for the first shared ring. A burst may take the rest, on whatever threads. Rings are smaller
//! as less is left, since a burst's last ring on each thread stays half empty.

use std::sync::Arc;

use crate::memory::budget::{MemoryBudget, Share};
use crate::memory::ring_ends::RingEnds;

/// Hands out rings by these rules.
#[derive(Debug)]
pub(crate) struct RingPool {
    budget: Arc<MemoryBudget>,
    sizes: RingSizes,
    /// Threads that hold a ring.
    holders: usize,
    /// Bytes by which the rings in threads' hands exceed first ones.
    grown: usize,
    /// Whether the first shared ring has been taken.
    is_shared_taken: bool,
    /// Threads that may still exchange their ring for a first one before the next pass.
    shrinks: usize,
    closed: bool,
}

/// Sizes of rings, powers of two, and how many threads hold one.
#[derive(Clone, Copy, Debug)]
struct RingSizes {
    first: usize,
    largest: usize,
    shared: usize,
    /// The most threads that hold a ring.
    holders: usize,
    /// The most bytes by which these rings may exceed first ones.
    growth: usize,
}

/// Bytes of a thread's first ring, and of its largest.
const FIRST: usize = 8 << 10;
const LARGEST: usize = 64 << 10;
/// A ring takes at most this part of the memory that is left.
const PART: usize = 32;
/// Threads that may exchange an empty ring for a first one between two passes of the exporter. The
/// exporter has to find each of the empty rings, and until then their memory is of no use.
const SHRINKS: usize = 4;
/// Bytes of the smallest shared ring, into which the largest record fits wherever the ring's head
/// is, and of the largest.
const SMALLEST_SHARED: usize = 256 << 10;
const LARGEST_SHARED: usize = 1 << 20;

impl RingSizes {
    fn new(memory_limit: usize, floor: usize) -> Self {
        let first = power_of_two(memory_limit / 256, FIRST);
        RingSizes {
            first,
            largest: power_of_two(memory_limit / 128, LARGEST),
            shared: power_of_two(memory_limit / 16, LARGEST_SHARED).max(SMALLEST_SHARED),
            holders: floor / 8 / first,
            growth: floor / 4,
        }
    }
}

/// Returns the largest power of two that exceeds neither.
fn power_of_two(bytes: usize, most: usize) -> usize {
    1 << bytes.min(most).ilog2()
}

impl RingPool {
    pub(super) fn new(memory_limit: usize, budget: Arc<MemoryBudget>) -> Self {
        let pool = RingPool {
            sizes: RingSizes::new(memory_limit, budget.floor(Share::Rings)),
            budget,
            holders: 0,
            grown: 0,
            is_shared_taken: false,
            shrinks: 0,
            closed: false,
        };
        pool.note_reserve();
        pool
    }

    /// Returns the bytes of a first ring.
    pub(super) fn first(&self) -> usize {
        self.sizes.first
    }

    /// Returns the bytes of a thread's largest ring.
    pub(super) fn largest_size(&self) -> usize {
        self.sizes.largest
    }

    /// Takes the first ring of a thread; `None` if as many threads as may hold a ring hold one.
    pub(super) fn take_first(&mut self) -> Option<RingEnds> {
        if self.closed || self.holders >= self.sizes.holders {
            return None;
        }
        let ends = self
            .budget
            .draw_ring(self.sizes.first, self.shared_reserve())?;
        self.holders += 1;
        self.note_reserve();
        Some(ends)
    }

    /// Takes a ring in place of one of `held` bytes that is full, of at least four times a record's
    /// bytes: one of twice the size, or if that is not allowed the next smaller one that is. A free
    /// one that is larger comes first, since no other has to be freed for it.
    pub(super) fn take_next(&mut self, held: usize, record: usize) -> Option<RingEnds> {
        let least = self.sizes.first.max(record * 4);
        let mut bytes = self.largest_new(held);
        let free = least.max(bytes)..=self.largest(held);
        if let Some(ends) = self.budget.draw_free_ring(free, self.reserve()) {
            return Some(self.exchanged(held, ends));
        }
        while bytes >= least {
            if let Some(ends) = self.budget.draw_ring(bytes, self.reserve()) {
                return Some(self.exchanged(held, ends));
            }
            bytes /= 2;
        }
        None
    }

    /// Takes a ring of twice the size in place of one of `held` bytes, if one is allowed.
    pub(super) fn take_larger(&mut self, held: usize) -> Option<RingEnds> {
        let bytes = held * 2;
        if self.largest_new(held) < bytes {
            return None;
        }
        let ends = self.budget.draw_ring(bytes, self.reserve())?;
        Some(self.exchanged(held, ends))
    }

    /// Takes a first ring in place of an empty one of `held` bytes, if that is larger and the
    /// memory for larger rings is used up.
    pub(super) fn take_smaller(&mut self, held: usize) -> Option<RingEnds> {
        let is_short = self.grown + self.sizes.first > self.sizes.growth;
        if held <= self.sizes.first || !is_short || self.shrinks == 0 {
            return None;
        }
        self.shrinks -= 1;
        let ends = self.budget.draw_ring(self.sizes.first, self.reserve())?;
        Some(self.exchanged(held, ends))
    }

    /// Notes that the exporter begins a pass, which finds the rings that are empty now.
    pub(super) fn begin_pass(&mut self) {
        self.shrinks = SHRINKS;
        self.budget.trim_rings();
    }

    /// Returns the most bytes of a ring that may take the place of one of `held`.
    fn largest(&self, held: usize) -> usize {
        let may_grow = self.sizes.growth - self.grown;
        (held + may_grow).min(self.sizes.largest)
    }

    /// Returns the bytes of the largest new ring in place of one of `held`, by the memory that is
    /// left too.
    fn largest_new(&self, held: usize) -> usize {
        let left = self
            .budget
            .left(Share::Rings)
            .saturating_sub(self.reserve());
        let by_left = self.sizes.first.max(left / PART);
        power_of_two((held * 2).min(by_left), self.largest(held))
    }

    /// Notes that a thread exchanges a ring of `held` bytes.
    fn exchanged(&mut self, held: usize, ends: RingEnds) -> RingEnds {
        self.grown = self.grown + ends.bytes() - held;
        self.note_reserve();
        ends
    }

    /// Takes a ring for threads without one of their own, as large as is allowed.
    pub(super) fn take_shared(&mut self) -> Option<RingEnds> {
        let mut bytes = self.sizes.shared;
        while bytes >= SMALLEST_SHARED {
            if let Some(mut ends) = self.budget.draw_ring(bytes, self.first_reserve()) {
                self.is_shared_taken = true;
                self.note_reserve();
                ends.consumer.is_shared = true;
                return Some(ends);
            }
            bytes /= 2;
        }
        None
    }

    /// Notes that a thread that held a ring of `held` bytes ends.
    pub(super) fn release(&mut self, held: usize) {
        self.holders -= 1;
        self.grown -= held - self.sizes.first;
        self.note_reserve();
    }

    /// Puts back an empty ring.
    pub(super) fn put(&mut self, mut ends: RingEnds) {
        ends.consumer.is_shared = false;
        self.budget.keep_ring(ends);
        if self.closed {
            self.budget.free_rings();
        }
    }

    /// Frees the rings that no thread holds, now and later.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.budget.free_rings();
        self.budget.reserve_for_rings(0);
    }

    /// Notes in the budget what is kept back, so that open spans do not take it.
    fn note_reserve(&self) {
        self.budget.reserve_for_rings(self.reserve());
    }

    /// Returns the bytes that are kept back from threads that have a ring.
    fn reserve(&self) -> usize {
        self.first_reserve() + self.shared_reserve()
    }

    /// Returns the bytes that are kept for the first rings of threads to come.
    fn first_reserve(&self) -> usize {
        (self.sizes.holders - self.holders) * self.sizes.first
    }

    /// Returns the bytes that are kept for the first shared ring.
    fn shared_reserve(&self) -> usize {
        match self.is_shared_taken {
            true => 0,
            false => SMALLEST_SHARED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(memory_limit: usize) -> (RingPool, Arc<MemoryBudget>) {
        let budget = Arc::new(MemoryBudget::new(memory_limit));
        (RingPool::new(memory_limit, budget.clone()), budget)
    }

    /// Takes rings while `take` gives some.
    fn all(pool: &mut RingPool, take: impl Fn(&mut RingPool) -> Option<RingEnds>) -> Vec<RingEnds> {
        std::iter::from_fn(|| take(pool)).collect()
    }

    /// The numbers are those of the README, section Limits.
    #[test]
    fn a_memory_limit_allows_a_number_of_first_rings() {
        for (limit, rings, ring_kib, largest_kib, shared_kib) in
            [(16 << 20, 128, 8, 64, 1024), (1 << 20, 16, 4, 8, 256)]
        {
            let (mut pool, _) = pool(limit);
            let largest = pool.sizes.largest >> 10;
            let first = all(&mut pool, RingPool::take_first);
            let shared = pool.take_shared().unwrap();
            let kib = |ends: &RingEnds| ends.bytes() >> 10;
            assert_eq!((first.len(), kib(&first[0])), (rings, ring_kib));
            assert_eq!((largest, kib(&shared)), (largest_kib, shared_kib));
            first
                .into_iter()
                .chain([shared])
                .for_each(|ends| pool.put(ends));
            pool.close();
        }
    }

    #[test]
    fn no_growth_takes_the_first_ring_of_a_thread_or_the_shared_one() {
        let (mut pool, budget) = pool(1 << 20);
        let first = pool.take_first().unwrap();
        let mut rings = all(&mut pool, |pool| pool.take_next(4 << 10, 100));
        assert!(rings.len() > 20, "one thread took {} rings", rings.len());
        let others = all(&mut pool, RingPool::take_first);
        assert_eq!(others.len(), 15);
        let shared = pool.take_shared().unwrap();
        assert!(pool.take_shared().is_none());
        rings.extend(others.into_iter().chain([first, shared]));
        let bytes: usize = rings.iter().map(RingEnds::bytes).sum();
        assert_eq!(budget.drawn(Share::Rings), bytes);
        assert_eq!(bytes, 768 << 10, "three quarters of the limit");
        rings.into_iter().for_each(|ends| pool.put(ends));
        assert_eq!(budget.in_rings(), bytes, "kept");
        pool.close();
        assert_eq!(budget.drawn(Share::Rings), 0);
    }

    #[test]
    fn open_spans_take_no_first_ring_and_not_the_shared_one() {
        let (mut pool, budget) = pool(1 << 20);
        let mut rings = vec![pool.take_first().unwrap()];
        rings.extend(all(&mut pool, |pool| pool.take_next(4 << 10, 100)));
        while budget.draw(Share::Spans, 1, 0) {}
        assert_eq!(budget.drawn(Share::Spans), 256 << 10, "their floor");
        let first = all(&mut pool, RingPool::take_first);
        assert_eq!(first.len(), 15);
        rings.extend(first.into_iter().chain(pool.take_shared()));
        assert!(pool.is_shared_taken);
        rings.into_iter().for_each(|ends| pool.put(ends));
        pool.close();
    }

    #[test]
    fn free_rings_of_one_size_make_way_for_those_of_another() {
        let (mut pool, _) = pool(1 << 20);
        let small = all(&mut pool, |pool| pool.budget.draw_ring(4 << 10, 0));
        assert_eq!(small.len(), 192);
        small.into_iter().for_each(|ends| pool.put(ends));
        let large = all(&mut pool, |pool| pool.budget.draw_ring(256 << 10, 0));
        assert_eq!(large.len(), 3);
        large.into_iter().for_each(|ends| pool.put(ends));
        pool.close();
    }

    /// Rings of several sizes in turn would leave holes in the allocator's memory.
    #[test]
    fn a_free_ring_is_taken_before_one_is_freed_for_another_size() {
        let (mut pool, _) = pool(16 << 20);
        let first = pool.take_first().unwrap();
        let mut rings = all(&mut pool, |pool| pool.take_next(LARGEST / 2, 100));
        let at = rings.iter().position(|ends| ends.bytes() == LARGEST);
        pool.put(rings.swap_remove(at.unwrap()));
        assert_eq!(pool.largest_new(FIRST), FIRST, "too little is left");
        let next = pool.take_next(FIRST, 100).unwrap();
        assert_eq!(next.bytes(), LARGEST);
        pool.grown = 0;
        rings.extend([first, next]);
        rings.into_iter().for_each(|ends| pool.put(ends));
        pool.close();
    }

    #[test]
    fn what_threads_hold_beyond_first_rings_is_bounded() {
        let (mut pool, _) = pool(16 << 20);
        let mut held = Vec::new();
        for _ in 0..128 {
            let mut ends = pool.take_first().unwrap();
            while let Some(larger) = pool.take_larger(ends.bytes()) {
                pool.put(ends);
                ends = larger;
            }
            held.push(ends);
        }
        let beyond: usize = held.iter().map(|ends| ends.bytes() - FIRST).sum();
        assert_eq!(beyond, 2 << 20);
        assert_eq!(held[0].bytes(), LARGEST);
        assert_eq!(held[127].bytes(), FIRST);
        // Now one that is idle gives its memory to another.
        assert!(pool.take_smaller(LARGEST).is_none(), "only after a pass");
        pool.begin_pass();
        let smaller = pool.take_smaller(LARGEST).unwrap();
        pool.put(std::mem::replace(&mut held[0], smaller));
        assert!(pool.take_smaller(FIRST).is_none());
        assert!(
            pool.take_larger(FIRST)
                .is_some_and(|ends| ends.bytes() == 2 * FIRST)
        );
        for ends in held {
            pool.release(ends.bytes());
            pool.put(ends);
        }
        pool.close();
    }

    #[test]
    fn a_closed_pool_frees_the_ring_that_comes_back() {
        let (mut pool, budget) = pool(1 << 20);
        let ends = pool.take_first().unwrap();
        pool.close();
        assert!(budget.drawn(Share::Rings) > 0);
        pool.put(ends);
        assert_eq!(budget.drawn(Share::Rings), 0);
        assert!(pool.take_first().is_none());
    }
}
