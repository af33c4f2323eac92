//! Rings of threads: of one size for each tracer, and reused by later tracers.

use std::sync::Mutex;

use picojaeger_core::adapter::record::Records;
use picojaeger_core::ring::{Consumer, DropNewest, FrameRing, Producer, SliceStorage, Spsc, Word};

use crate::memory::span_slot::Image;
use crate::sys::per_process::PerProcess;
#[cfg(test)]
use crate::sys::sync::hold;
use crate::sys::sync::lock;

/// Both ends of a ring that lives as long as the program.
#[derive(Debug)]
pub(crate) struct RingEnds {
    pub(crate) producer: Producer<'static, Records>,
    pub(crate) consumer: Consumer<'static, Records>,
}

/// Place to which a thread that ends returns its ring's producing end.
#[derive(Debug, Default)]
pub(crate) struct ReturnedProducer(Mutex<Option<Producer<'static, Records>>>);

/// Rings for threads to come, within the memory limit.
#[derive(Debug)]
pub(crate) struct RingPool {
    free: Vec<RingEnds>,
    made: usize,
    limit: usize,
    ring_bytes: usize,
    closed: bool,
}

/// Producing end of the ring that all threads without a ring of their own use.
pub(crate) struct FallbackRing(Option<Producer<'static, Records>>);

type ThreadRing = FrameRing<Spsc, (), SliceStorage<'static>, DropNewest, Records>;

/// Rings of dropped tracers.
static SPARE: PerProcess<Mutex<Vec<RingEnds>>> = PerProcess::new(Mutex::new(Vec::new()));

/// Bytes of a thread's largest ring.
const LARGEST: usize = 64 << 10;
/// Bytes of the smallest fallback ring, into which the largest record fits.
const SMALLEST_FALLBACK: usize = 256 << 10;

impl RingEnds {
    /// Returns a ring of `bytes`, a power of two: a spare one, or a new one that is
    /// never freed but becomes spare.
    pub(crate) fn get(bytes: usize) -> Option<RingEnds> {
        if let Some(ends) = Self::take_spare(bytes) {
            return Some(ends);
        }
        let words = Box::new_uninit_slice(bytes / size_of::<Word>());
        let storage = SliceStorage::new(Box::leak(words))?;
        let ring: &'static mut ThreadRing = Box::leak(Box::new(FrameRing::spsc_over(storage)));
        let (producer, consumer) = ring.split();
        Some(RingEnds { producer, consumer })
    }

    /// Keeps the ring, which must be empty, for the next tracer.
    pub(crate) fn recycle(self) {
        lock(SPARE.get()).push(self);
    }

    fn take_spare(bytes: usize) -> Option<RingEnds> {
        let mut spare = lock(SPARE.get());
        let fits = |ends: &RingEnds| ends.producer.capacity() == bytes;
        spare.iter().position(fits).map(|at| spare.swap_remove(at))
    }
}

impl ReturnedProducer {
    pub(crate) fn put(&self, producer: Option<Producer<'static, Records>>) {
        *lock(&self.0) = producer;
    }

    pub(crate) fn take(&self) -> Option<Producer<'static, Records>> {
        lock(&self.0).take()
    }

    pub(crate) fn is_back(&self) -> bool {
        lock(&self.0).is_some()
    }
}

impl RingPool {
    /// Makes a pool of rings for threads, and the fallback ring: half of the memory limit
    /// together.
    pub(crate) fn new(memory_limit: usize) -> (Self, Option<RingEnds>) {
        let limit = memory_limit / 2;
        let fallback = (limit / 8).max(SMALLEST_FALLBACK);
        let fallback = RingEnds::get(1 << fallback.ilog2());
        let taken = fallback.as_ref().map_or(0, |ends| ends.producer.capacity());
        let ring_bytes = ring_bytes(memory_limit);
        let pool = RingPool {
            free: Vec::new(),
            made: 0,
            limit: limit.saturating_sub(taken) / ring_bytes,
            ring_bytes,
            closed: false,
        };
        (pool, fallback)
    }

    /// Takes a ring for a thread; `None` if the memory limit allows no more.
    pub(crate) fn take(&mut self) -> Option<RingEnds> {
        if let Some(ends) = self.free.pop() {
            return Some(ends);
        }
        if self.made >= self.limit {
            return None;
        }
        let ends = RingEnds::get(self.ring_bytes)?;
        self.made += 1;
        Some(ends)
    }

    /// Puts back the empty ring of a thread that ended; once the pool is closed, other tracers
    /// get it.
    pub(crate) fn put(&mut self, ends: RingEnds) {
        match self.closed {
            true => ends.recycle(),
            false => self.free.push(ends),
        }
    }

    /// Makes spare the rings that no thread holds, now and later.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.free.drain(..).for_each(RingEnds::recycle);
    }
}

impl FallbackRing {
    pub(crate) fn new(producer: Option<Producer<'static, Records>>) -> Self {
        FallbackRing(producer)
    }

    /// Appends an image; `false` if the ring is full.
    pub(crate) fn push(&mut self, number: u32, image: &Image) -> bool {
        let producer = self.0.as_mut();
        producer.is_some_and(|producer| producer.push(number, &image.image()).is_ok())
    }

    /// Takes the producing end, when the tracer is dropped.
    pub(crate) fn take(&mut self) -> Option<Producer<'static, Records>> {
        self.0.take()
    }
}

#[cfg(test)]
/// Runs `f` while the calling thread holds the spare rings; for tests of fork.
pub(crate) fn while_spare_locked(f: impl FnOnce()) {
    hold(SPARE.get(), f);
}

/// Returns the size of a thread's ring under this memory limit, a power of two.
fn ring_bytes(memory_limit: usize) -> usize {
    let most = (memory_limit / 64).min(LARGEST);
    1 << most.ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are those of the README, section Limits.
    #[test]
    fn a_memory_limit_allows_a_fixed_number_of_rings() {
        for (limit, fallback_kib, rings, ring_kib) in
            [(16 << 20, 1024, 112, 64), (1 << 20, 256, 16, 16)]
        {
            let (mut pool, fallback) = RingPool::new(limit);
            let taken: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
            let kib = |ends: &RingEnds| ends.producer.capacity() >> 10;
            assert_eq!(fallback.as_ref().map(kib), Some(fallback_kib));
            assert_eq!(taken.len(), rings);
            assert!(taken.iter().all(|ends| kib(ends) == ring_kib));
            taken
                .into_iter()
                .chain(fallback)
                .for_each(RingEnds::recycle);
        }
    }

    #[test]
    fn a_closed_pool_makes_spare_the_ring_that_comes_back() {
        // No tracer has rings of this size, so no other test takes a spare one.
        const SMALLEST: usize = 8 << 10;
        let mut pool = RingPool {
            free: Vec::new(),
            made: 0,
            limit: 1,
            ring_bytes: SMALLEST,
            closed: false,
        };
        let ends = pool.take().unwrap();
        pool.close();
        pool.put(ends);
        assert!(pool.take().is_none());
        assert!(RingEnds::take_spare(SMALLEST).is_some());
    }
}
