//! The memory limit, on which rings and open spans draw together.

use std::sync::Mutex;

#[cfg(test)]
use crate::sys::sync::hold;
use crate::sys::sync::lock;

/// Bytes of `memory_limit`, drawn by rings and by open spans.
///
/// Each share may use what the other has not drawn, except for the other's floor, which stays
/// reserved for it.
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

#[derive(Clone, Copy, Debug, Default)]
struct Drawn {
    rings: usize,
    /// Bytes beyond `rings` that are kept for rings.
    reserved: usize,
    spans: usize,
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
        let most = self.most(*drawn, share);
        let own = drawn.of(share);
        let fits = *own + bytes + reserve <= most;
        if fits {
            *own += bytes;
        }
        fits
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
        self.most(*lock(&self.drawn), share)
    }

    /// Returns the bytes that a share may still draw.
    pub(super) fn left(&self, share: Share) -> usize {
        let mut drawn = lock(&self.drawn);
        self.most(*drawn, share) - *drawn.of(share)
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

    fn most(&self, drawn: Drawn, share: Share) -> usize {
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
}

impl Drawn {
    fn of(&mut self, share: Share) -> &mut usize {
        match share {
            Share::Rings => &mut self.rings,
            Share::Spans => &mut self.spans,
        }
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
}
