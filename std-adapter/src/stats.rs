//! Counts of spans by their fate: counters of each thread, and their sum.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use picojaeger_core::adapter::DeliveryCounts;
use picojaeger_core::{ExportCounts, Lost, Stats};

/// Counters that one thread writes and any reads; they only grow.
#[derive(Debug, Default)]
pub(crate) struct ThreadCounters {
    pub(crate) sampled: Counter,
    /// Spans that finished while sampled; numbers the next of them.
    pub(crate) finished: Counter,
    pub(crate) cleared: Counter,
    pub(crate) unsampled: Counter,
    pub(crate) full: Counter,
    pub(crate) memory: Counter,
    pub(crate) closed: Counter,
}

/// A counter with one writer at a time, so that it grows by a load and a store.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

/// The counters of all threads, and the worker's counts and errors.
#[derive(Debug, Default)]
pub(crate) struct StatsRegistry {
    threads: Vec<Arc<ThreadCounters>>,
    /// Sums of threads that ended.
    gone: Stats,
    pub(crate) delivery: DeliveryCounts,
    /// Of the transport, when the last pass ended.
    pub(crate) exports: ExportCounts,
    /// Refusals of packets that count as delivered.
    pub(crate) late_refusals: u64,
    /// Records that were still in rings after the tracer had closed.
    pub(crate) swept: u64,
    /// The error by which the worker last lost spans.
    pub(crate) fault: Option<String>,
    /// The error that kept the last pass from sending, if any.
    pub(crate) obstacle: Option<String>,
}

impl StatsRegistry {
    pub(crate) fn join(&mut self, counters: Arc<ThreadCounters>) {
        self.threads.push(counters);
    }

    /// Keeps the sums of a thread that ends.
    pub(crate) fn leave(&mut self, counters: &Arc<ThreadCounters>) {
        counters.add_to(&mut self.gone);
        self.threads.retain(|other| !Arc::ptr_eq(other, counters));
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.gone;
        for counters in &self.threads {
            counters.add_to(&mut stats);
        }
        let delivery = self.delivery;
        stats.delivered = delivery.delivered;
        stats.lost.too_large += delivery.too_large;
        stats.lost.refused += delivery.refused;
        stats.lost.failed += delivery.failed;
        stats.lost.unreachable += delivery.unreachable;
        stats.lost.closed += self.swept;
        stats.late_refusals = self.late_refusals;
        // Until here `queued` counts every finished span.
        stats.open = stats.sampled.saturating_sub(stats.queued);
        let left = stats.delivered + stats.lost.total() + stats.cleared;
        stats.queued = stats.queued.saturating_sub(left);
        stats
    }
}

impl ThreadCounters {
    /// Adds these counters; `queued` gets every finished span until [`StatsRegistry::stats`]
    /// subtracts those that left.
    fn add_to(&self, stats: &mut Stats) {
        // Ends are read before starts, so that a span that starts and ends in between does not
        // make more ends than starts.
        let cleared = self.cleared.get();
        stats.queued += self.finished.get() + cleared;
        stats.cleared += cleared;
        stats.unsampled += self.unsampled.get();
        let lost: &mut Lost = &mut stats.lost;
        lost.full += self.full.get();
        lost.memory += self.memory.get();
        lost.closed += self.closed.get();
        stats.sampled += self.sampled.get();
    }
}

impl Counter {
    /// Adds 1.
    #[inline(always)]
    pub(crate) fn increment(&self) {
        // Not `fetch_add`, which locks the bus: nobody else writes. Relaxed: a sum is exact only
        // when no call is in progress anyhow.
        self.0.store(self.get().wrapping_add(1), Relaxed);
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
