//! Rings for threads, in pieces of one size that outlive the tracers they serve.

use std::sync::Mutex;

use picojaeger_core::record::Records;
use picojaeger_core::ring::{Consumer, DropNewest, FrameRing, Producer, SliceStorage, Spsc, Word};

use crate::sys::per_process::PerProcess;
use crate::sys::sync::{hold, lock};

/// Both ends of a ring that lives as long as the program.
#[derive(Debug)]
pub(crate) struct RingEnds {
    pub(crate) producer: Producer<'static, Records>,
    pub(crate) consumer: Consumer<'static, Records>,
}

type ThreadRing = FrameRing<Spsc, (), SliceStorage<'static>, DropNewest, Records>;

/// Rings of tracers that are gone.
static SPARE: PerProcess<Mutex<Vec<RingEnds>>> = PerProcess::new(Mutex::new(Vec::new()));

/// The smallest ring of a thread, in bytes.
pub(crate) const SMALLEST: usize = 8 << 10;
/// The largest ring of a thread, in bytes.
pub(crate) const LARGEST: usize = 64 << 10;

impl RingEnds {
    /// A chunk of `bytes`, a power of two from 8 KiB: a spare one, or a new one
    /// that is never freed but becomes spare.
    pub(crate) fn get(bytes: usize) -> Option<RingEnds> {
        if let Some(chunk) = Self::take_spare(bytes) {
            return Some(chunk);
        }
        let words = vec![Word::uninit(); bytes / size_of::<Word>()];
        let storage = SliceStorage::new(Vec::leak(words))?;
        let ring: &'static mut ThreadRing = Box::leak(Box::new(FrameRing::spsc_over(storage)));
        let (producer, consumer) = ring.split();
        Some(RingEnds { producer, consumer })
    }

    /// Keeps the chunk, which must be empty, for the next tracer.
    pub(crate) fn recycle(self) {
        lock(SPARE.get()).push(self);
    }

    fn take_spare(bytes: usize) -> Option<RingEnds> {
        let mut spare = lock(SPARE.get());
        let fits = |chunk: &RingEnds| chunk.producer.capacity() == bytes;
        spare.iter().position(fits).map(|at| spare.swap_remove(at))
    }
}

/// Runs `f` while the calling thread holds the spare chunks; for tests of fork.
pub(crate) fn while_spare_locked(f: impl FnOnce()) {
    hold(SPARE.get(), f);
}

/// The size of a thread's ring under this memory limit.
pub(crate) fn ring_bytes(memory_limit: usize) -> usize {
    let most = (memory_limit / 64).clamp(SMALLEST, LARGEST);
    // The greatest power of two up to that.
    1 << most.ilog2()
}
