//! What became of spans: counts of each thread, and their sum.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use picojaeger_core::{Delivery, Lost, Stats};

/// Counts that one thread writes and any reads; they only grow.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) began: Count,
    /// Spans that finished while sampled; numbers the next of them.
    pub(crate) ended: Count,
    pub(crate) cleared: Count,
    pub(crate) unsampled: Count,
    pub(crate) full: Count,
    pub(crate) memory: Count,
    pub(crate) closed: Count,
}

/// A counter with one writer at a time.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

/// The counts of all threads, and what the worker knows of their spans.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    threads: Vec<Arc<Counts>>,
    /// Sums of threads that ended.
    gone: Stats,
    pub(crate) delivery: Delivery,
    /// Records that were still in rings after the tracer had closed.
    pub(crate) swept: u64,
    /// What spans were last lost by, outside of the threads.
    pub(crate) fault: Option<String>,
    /// What keeps the last pass from sending, if anything.
    pub(crate) obstacle: Option<String>,
}

impl Ledger {
    pub(crate) fn join(&mut self, counts: Arc<Counts>) {
        self.threads.push(counts);
    }

    /// Keeps the sums of a thread that ends.
    pub(crate) fn leave(&mut self, counts: &Arc<Counts>) {
        counts.add_to(&mut self.gone);
        self.threads.retain(|other| !Arc::ptr_eq(other, counts));
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.gone;
        for counts in &self.threads {
            counts.add_to(&mut stats);
        }
        let delivery = self.delivery;
        stats.delivered = delivery.delivered;
        stats.lost.too_large += delivery.too_large;
        stats.lost.refused += delivery.refused;
        stats.lost.failed += delivery.failed;
        stats.lost.closed += self.swept;
        // `held` has counted what ended until here.
        stats.open = stats.began.saturating_sub(stats.held);
        let left = stats.delivered + stats.lost.total() + stats.cleared;
        stats.held = stats.held.saturating_sub(left);
        stats
    }
}

impl Counts {
    /// Adds these counts; what ended goes to `held` for the time being.
    fn add_to(&self, stats: &mut Stats) {
        // Ends are read first, so that a span is never seen to end before it began.
        let cleared = self.cleared.get();
        stats.held += self.ended.get() + cleared;
        stats.cleared += cleared;
        stats.unsampled += self.unsampled.get();
        let lost: &mut Lost = &mut stats.lost;
        lost.full += self.full.get();
        lost.memory += self.memory.get();
        lost.closed += self.closed.get();
        stats.began += self.began.get();
    }
}

impl Count {
    #[inline(always)]
    pub(crate) fn increment(&self) {
        self.0.store(self.get().wrapping_add(1), Relaxed);
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
