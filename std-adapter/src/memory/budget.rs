//! The memory limit, on which rings and open spans draw together.

use std::ops::RangeInclusive;
use std::sync::Mutex;

use crate::memory::ring_ends::RingEnds;
#[cfg(test)]
use crate::sys::sync::hold;
use crate::sys::sync::lock;

/// Bytes of `memory_limit`, drawn by rings and by open spans.
///
/// Each share may use what the other has not drawn, except for the other's floor, which stays
/// reserved for it. Rings that come back are kept, since an allocator that frees and makes rings
/// of several sizes on several threads holds half as much again; they are freed where the memory
/// is drawn for something else.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    limit: usize,
    drawn: Mutex<Drawn>,
}

/// User of a part of the memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Share {
    /// Rings of finished spans; at least half of the limit.
    Rings,
    /// Slots of open spans; at least a quarter of the limit.
    Spans,
}

#[derive(Debug, Default)]
struct Drawn {
    rings: usize,
    /// Bytes beyond `rings` that are kept for rings.
    reserved: usize,
    spans: usize,
    free: FreeRings,
}

/// Rings that nobody has drawn.
#[derive(Debug, Default)]
struct FreeRings {
    rings: Vec<RingEnds>,
    bytes: usize,
    /// The fewest bytes since the last trim.
    unused: usize,
}

impl MemoryBudget {
    pub(crate) fn new(limit: usize) -> Self {
        MemoryBudget {
            limit,
            drawn: Mutex::default(),
        }
    }

    /// Draws `bytes` for a share if that leaves it `reserve` more; returns whether it did.
    pub(super) fn draw(&self, share: Share, bytes: usize, reserve: usize) -> bool {
        let mut drawn = lock(&self.drawn);
        let fits = self.try_draw(&mut drawn, share, bytes, reserve);
        if fits {
            self.make_way(&mut drawn);
        }
        fits
    }

    /// Draws a ring of `bytes`, a free or a new one, if that leaves `reserve` more for rings. Free
    /// rings of other sizes go for it.
    pub(super) fn draw_ring(&self, bytes: usize, reserve: usize) -> Option<RingEnds> {
        {
            let mut drawn = lock(&self.drawn);
            if !self.try_draw(&mut drawn, Share::Rings, bytes, reserve) {
                return None;
            }
            if let Some(ends) = drawn.free.take(bytes..=bytes) {
                return Some(ends);
            }
            self.make_way(&mut drawn);
        }
        RingEnds::new(bytes)
    }

    /// Draws a free ring of any of these sizes, as [`draw_ring`](Self::draw_ring).
    pub(super) fn draw_free_ring(
        &self,
        bytes: RangeInclusive<usize>,
        reserve: usize,
    ) -> Option<RingEnds> {
        let mut drawn = lock(&self.drawn);
        let left = self
            .left_of(&mut drawn, Share::Rings)
            .checked_sub(reserve)?;
        let ends = drawn.free.take(*bytes.start()..=left.min(*bytes.end()))?;
        drawn.rings += ends.bytes();
        Some(ends)
    }

    /// Takes back an empty ring, and keeps it until its memory is drawn.
    pub(super) fn keep_ring(&self, ends: RingEnds) {
        let mut drawn = lock(&self.drawn);
        drawn.rings -= ends.bytes();
        drawn.free.put(ends);
    }

    /// Frees rings beyond the floor that nobody has drawn since the last call.
    pub(super) fn trim_rings(&self) {
        let mut drawn = lock(&self.drawn);
        let bytes = drawn.rings + drawn.free.bytes;
        let surplus = bytes.saturating_sub(self.floor(Share::Rings));
        let kept = drawn.free.bytes - surplus.min(drawn.free.unused);
        drawn.free.shrink_to(kept);
        drawn.free.unused = drawn.free.bytes;
    }

    /// Frees all rings that nobody has drawn.
    pub(super) fn free_rings(&self) {
        lock(&self.drawn).free.shrink_to(0);
    }

    /// Keeps bytes for rings, beyond those that they have drawn.
    pub(super) fn reserve_for_rings(&self, bytes: usize) {
        lock(&self.drawn).reserved = bytes;
    }

    /// Takes back bytes that were freed.
    pub(super) fn give_back(&self, share: Share, bytes: usize) {
        *lock(&self.drawn).of(share) -= bytes;
    }

    /// Returns the bytes that a share may hold now.
    pub(super) fn available(&self, share: Share) -> usize {
        self.most(&lock(&self.drawn), share)
    }

    /// Returns the bytes that a share may still draw.
    pub(super) fn left(&self, share: Share) -> usize {
        self.left_of(&mut lock(&self.drawn), share)
    }

    /// Returns whether a share holds more than its floor: then its unused memory is freed, since
    /// the other may need it.
    pub(super) fn exceeds_floor(&self, share: Share) -> bool {
        *lock(&self.drawn).of(share) > self.floor(share)
    }

    /// Returns the bytes that are reserved for a share.
    pub(super) const fn floor(&self, share: Share) -> usize {
        match share {
            Share::Rings => self.limit / 2,
            Share::Spans => self.limit / 4,
        }
    }

    fn try_draw(&self, drawn: &mut Drawn, share: Share, bytes: usize, reserve: usize) -> bool {
        let fits = bytes + reserve <= self.left_of(drawn, share);
        if fits {
            *drawn.of(share) += bytes;
        }
        fits
    }

    /// Frees rings whose memory is drawn.
    fn make_way(&self, drawn: &mut Drawn) {
        let left = self.left_of(drawn, Share::Rings);
        drawn.free.shrink_to(left);
    }

    /// Returns the bytes that a share may still draw. What is reserved for rings may grow while open
    /// spans hold it.
    fn left_of(&self, drawn: &mut Drawn, share: Share) -> usize {
        self.most(drawn, share).saturating_sub(*drawn.of(share))
    }

    fn most(&self, drawn: &Drawn, share: Share) -> usize {
        let of_other = match share {
            Share::Rings => drawn.spans.max(self.floor(Share::Spans)),
            Share::Spans => {
                let rings = drawn.rings + drawn.reserved;
                let most = self.limit - self.floor(Share::Spans);
                rings.clamp(self.floor(Share::Rings), most)
            }
        };
        self.limit - of_other
    }

    #[cfg(test)]
    /// Runs `f` while the calling thread holds the budget; for tests of fork.
    pub(crate) fn while_locked(&self, f: impl FnOnce()) {
        hold(&self.drawn, f);
    }

    #[cfg(test)]
    /// Returns the bytes that a share has drawn.
    pub(crate) fn drawn(&self, share: Share) -> usize {
        *lock(&self.drawn).of(share)
    }

    #[cfg(test)]
    /// Returns the bytes of rings, drawn and free.
    pub(crate) fn in_rings(&self) -> usize {
        let drawn = lock(&self.drawn);
        drawn.rings + drawn.free.bytes
    }
}

impl Drawn {
    fn of(&mut self, share: Share) -> &mut usize {
        match share {
            Share::Rings => &mut self.rings,
            Share::Spans => &mut self.spans,
        }
    }
}

impl FreeRings {
    /// Takes a ring of any of these sizes, the one that came back last.
    fn take(&mut self, bytes: RangeInclusive<usize>) -> Option<RingEnds> {
        let fits = |ends: &RingEnds| bytes.contains(&ends.bytes());
        let at = self.rings.iter().rposition(fits)?;
        let ends = self.rings.swap_remove(at);
        self.bytes -= ends.bytes();
        self.unused = self.unused.min(self.bytes);
        Some(ends)
    }

    fn put(&mut self, ends: RingEnds) {
        self.bytes += ends.bytes();
        self.rings.push(ends);
    }

    /// Frees rings until they take at most `bytes`.
    fn shrink_to(&mut self, bytes: usize) {
        while self.bytes > bytes
            && let Some(ends) = self.rings.pop()
        {
            self.bytes -= ends.bytes();
            ends.free();
        }
        self.unused = self.unused.min(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_share_has_its_floor_and_what_the_other_leaves() {
        for (first, second, most, left) in [
            (Share::Rings, Share::Spans, 750, 250),
            (Share::Spans, Share::Rings, 500, 500),
        ] {
            let budget = MemoryBudget::new(1_000);
            assert!(!budget.draw(first, most + 1, 0), "{first:?}");
            assert!(!budget.draw(first, most, 1), "the reserve counts");
            assert!(budget.draw(first, most, 0));
            assert!(!budget.draw(first, 1, 0));
            assert!(!budget.draw(second, left + 1, 0), "{second:?}");
            assert!(budget.draw(second, left, 0));
            budget.give_back(first, most);
            assert_eq!(budget.drawn(first), 0);
            assert!(budget.draw(second, 1, 0), "it may go beyond its floor now");
        }
    }

    #[test]
    fn what_is_reserved_for_rings_counts_as_theirs() {
        let budget = MemoryBudget::new(1_000);
        for (reserved, left) in [(0, 400), (100, 300), (200, 250), (0, 400)] {
            budget.give_back(Share::Rings, budget.drawn(Share::Rings));
            budget.reserve_for_rings(reserved);
            assert_eq!(
                budget.left(Share::Spans),
                500,
                "rings are within their floor"
            );
            assert!(budget.draw(Share::Rings, 600, 0));
            assert_eq!(budget.left(Share::Spans), left);
            assert_eq!(budget.left(Share::Rings), 150);
        }
    }

    /// Draws rings of these sizes, and returns them all to the budget.
    fn with_free_rings(limit: usize, sizes: &[usize]) -> MemoryBudget {
        let budget = MemoryBudget::new(limit);
        let rings = sizes
            .iter()
            .map(|bytes| budget.draw_ring(*bytes, 0).unwrap());
        let rings: Vec<_> = rings.collect();
        rings.into_iter().for_each(|ends| budget.keep_ring(ends));
        assert_eq!(budget.drawn(Share::Rings), 0);
        assert_eq!(budget.in_rings(), sizes.iter().sum::<usize>());
        budget
    }

    #[test]
    fn free_rings_make_way_for_open_spans() {
        let budget = with_free_rings(64 << 10, &[8 << 10; 6]);
        assert!(budget.draw(Share::Spans, 16 << 10, 0));
        assert_eq!(budget.in_rings(), 48 << 10);
        assert!(budget.draw(Share::Spans, 1, 0));
        assert_eq!(budget.in_rings(), 40 << 10);
        assert!(budget.draw(Share::Spans, (16 << 10) - 1, 0));
        assert!(!budget.draw(Share::Spans, 1, 0), "the floor of rings");
        assert_eq!(budget.in_rings(), 32 << 10);
        budget.free_rings();
    }

    #[test]
    fn free_rings_make_way_for_rings_of_another_size_only_where_they_must() {
        let budget = with_free_rings(64 << 10, &[4 << 10, 8 << 10]);
        let ring = budget.draw_ring(16 << 10, 0).unwrap();
        assert_eq!(budget.in_rings(), 28 << 10);
        let other = budget.draw_ring(32 << 10, 0).unwrap();
        assert_eq!(budget.in_rings(), 48 << 10, "both are gone");
        budget.keep_ring(ring);
        budget.keep_ring(other);
        assert!(budget.draw_free_ring(1..=8 << 10, 0).is_none());
        assert!(budget.draw_free_ring(1..=32 << 10, 47 << 10).is_none());
        let ring = budget.draw_free_ring(1..=32 << 10, 4 << 10).unwrap();
        assert_eq!((ring.bytes(), budget.in_rings()), (32 << 10, 48 << 10));
        budget.keep_ring(ring);
        budget.free_rings();
        assert_eq!(budget.in_rings(), 0);
    }

    #[test]
    fn free_rings_beyond_the_floor_go_if_nobody_draws_them() {
        let budget = with_free_rings(64 << 10, &[8 << 10; 6]);
        budget.trim_rings();
        assert_eq!(budget.in_rings(), 48 << 10, "they came back only now");
        let ring = budget.draw_ring(8 << 10, 0).unwrap();
        budget.keep_ring(ring);
        budget.trim_rings();
        assert_eq!(budget.in_rings(), 32 << 10);
        budget.trim_rings();
        assert_eq!(budget.in_rings(), 32 << 10, "the floor");
        budget.free_rings();
    }

    #[test]
    fn free_rings_that_were_drawn_between_two_trims_stay() {
        let budget = with_free_rings(64 << 10, &[8 << 10; 6]);
        budget.trim_rings();
        let rings = [(); 5].map(|()| budget.draw_ring(8 << 10, 0).unwrap());
        rings.into_iter().for_each(|ends| budget.keep_ring(ends));
        budget.trim_rings();
        assert_eq!(budget.in_rings(), 40 << 10, "one was not needed");
        budget.free_rings();
    }
}
