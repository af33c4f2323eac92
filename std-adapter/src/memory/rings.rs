//! The rings of a tracer: handed out to threads, exchanged as they fill, and taken back.
//!
//! A thread exchanges its ring for a larger one when it is half full, and for any other when it is
//! full; the exporter empties the old one. So first rings are small, and a burst may take all the
//! memory of rings.

use std::sync::{Arc, Mutex};

use crate::memory::budget::MemoryBudget;
use crate::memory::ring_ends::{HeldRing, RingEnds, RingReader, RingRegistry};
use crate::memory::ring_pool::RingPool;
use crate::memory::span_slot::Image;
#[cfg(test)]
use crate::sys::sync::hold;
use crate::sys::sync::lock;

/// The rings of one tracer in one process.
#[derive(Debug)]
pub(crate) struct Rings {
    registry: RingRegistry,
    pool: Mutex<RingPool>,
    /// Bytes of a first ring.
    first: usize,
    /// Bytes of a thread's largest ring.
    largest: usize,
}

/// The ring that all threads without one of their own fill; taken at the first use.
#[derive(Debug, Default)]
pub(crate) struct SharedRing(Option<HeldRing>);

impl Rings {
    pub(crate) fn new(memory_limit: usize, budget: Arc<MemoryBudget>) -> Self {
        let pool = RingPool::new(memory_limit, budget);
        Rings {
            registry: RingRegistry::new(),
            first: pool.first(),
            largest: pool.largest_size(),
            pool: Mutex::new(pool),
        }
    }

    /// Returns the bytes of a thread's largest ring.
    pub(crate) fn largest(&self) -> usize {
        self.largest
    }

    /// Hands a thread its first ring; `None` if as many threads as may hold one do.
    pub(crate) fn hand_out(&self) -> Option<HeldRing> {
        let ends = lock(&self.pool).take_first()?;
        Some(self.registry.hand_out(ends.producer, ends.consumer))
    }

    /// Exchanges a full ring for one of up to twice the size, into which a record of `bytes` fits;
    /// returns whether there was one.
    pub(crate) fn exchange(&self, held: &mut HeldRing, bytes: usize) -> bool {
        self.exchange_by(held, |pool, held| pool.take_next(held, bytes))
    }

    /// Exchanges a ring for one of twice the size; returns whether that is allowed.
    pub(crate) fn grow(&self, held: &mut HeldRing) -> bool {
        self.exchange_by(held, RingPool::take_larger)
    }

    /// Exchanges an empty ring for a small one if larger ones have become scarce.
    pub(crate) fn shrink(&self, held: &mut HeldRing) {
        // Of most rings of idle threads this is known without the lock.
        if held.producer.capacity() > self.first {
            self.exchange_by(held, RingPool::take_smaller);
        }
    }

    fn exchange_by(
        &self,
        held: &mut HeldRing,
        take: impl FnOnce(&mut RingPool, usize) -> Option<RingEnds>,
    ) -> bool {
        let taken = take(&mut lock(&self.pool), held.producer.capacity());
        let Some(RingEnds { producer, consumer }) = taken else {
            return false;
        };
        self.registry.exchange(held, producer, consumer);
        true
    }

    /// Takes back the ring of a thread that ends; returns whether the exporter has to be woken to
    /// empty it.
    pub(crate) fn take_back(&self, held: HeldRing) -> bool {
        lock(&self.pool).release(held.producer.capacity());
        let ring = self.registry.take_back(held);
        ring.map(|ends| self.put(ends)).is_none()
    }

    /// Puts back a ring whose both ends are joined.
    pub(crate) fn put(&self, ends: RingEnds) {
        lock(&self.pool).put(ends);
    }

    /// Notes that the exporter begins a pass, which finds the rings that are empty now.
    pub(crate) fn begin_pass(&self) {
        lock(&self.pool).begin_pass();
    }

    /// Appends the readers of rings that were handed out since the last call.
    pub(crate) fn take_readers(&self, readers: &mut Vec<RingReader>) {
        self.registry.take_readers(readers);
    }

    /// Frees the rings that no thread holds, now and later, and hands out no more.
    pub(crate) fn close(&self) {
        lock(&self.pool).close();
    }

    /// Frees the rings of a tracer that is gone: the shared one, and those of these readers and of
    /// the registered ones, whose threads have returned them.
    pub(crate) fn free_all(&self, mut readers: Vec<RingReader>, shared: SharedRing) {
        let shared = shared.0.and_then(|held| self.registry.take_back(held));
        self.take_readers(&mut readers);
        let others = readers.into_iter().filter_map(RingReader::join);
        shared.into_iter().chain(others).for_each(RingEnds::free);
        self.close();
    }

    #[cfg(test)]
    /// Runs `f` while the calling thread holds the registry; for tests of fork.
    pub(crate) fn while_registry_locked(&self, f: impl FnOnce()) {
        self.registry.while_locked(f);
    }

    #[cfg(test)]
    /// Runs `f` while the calling thread holds the pool; for tests of fork.
    pub(crate) fn while_pool_locked(&self, f: impl FnOnce()) {
        hold(&self.pool, f);
    }
}

impl SharedRing {
    /// Appends an image, in another ring if this one is full; `false` if there is none.
    pub(crate) fn push(&mut self, number: u32, image: &Image, rings: &Rings) -> bool {
        self.try_push(number, image) || self.renew(rings) && self.try_push(number, image)
    }

    fn try_push(&mut self, number: u32, image: &Image) -> bool {
        let held = self.0.as_mut();
        held.is_some_and(|held| held.producer.push(number, &image.image()).is_ok())
    }

    /// Takes another ring in place of this one; returns whether there was one.
    fn renew(&mut self, rings: &Rings) -> bool {
        let taken = lock(&rings.pool).take_shared();
        let Some(RingEnds { producer, consumer }) = taken else {
            return false;
        };
        match &mut self.0 {
            Some(held) => rings.registry.exchange(held, producer, consumer),
            None => self.0 = Some(rings.registry.hand_out(producer, consumer)),
        }
        true
    }
}
