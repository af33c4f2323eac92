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
    /// Of the further transports, when the last pass ended.
    pub(crate) further: Vec<TransportStats>,
    /// Refusals of packets that count as delivered.
    pub(crate) late_refusals: u64,
    /// Records that were still in rings after the tracer had closed.
    pub(crate) swept: u64,
    /// The error by which the worker last lost spans.
    pub(crate) fault: Option<String>,
    /// The error that kept the last pass from sending, if any.
    pub(crate) obstacle: Option<String>,
}

/// Counts of a transport beside the first one, whose counts are the tracer's
/// [`Stats`](crate::Stats).
///
/// `delivered` + `lost` + `queued` are the finished spans that found room in a ring; what was lost
/// before that no transport gets.
///
/// ```
/// use std::time::Duration;
/// use picojaeger_std::config::{Config, Sampler};
/// use picojaeger_std::transport::Recorder;
///
/// let (old, new) = (Recorder::new(), Recorder::new());
/// let tracer = Config::new("shop")
///     .sampler(Sampler::Const(true))
///     .tracer_builder()
///     .transport(move || old.clone())
///     .also_transport("new", move || new.clone())
///     .build()?;
/// tracer.start("order").finish();
/// tracer.flush(Duration::from_secs(2))?;
/// let [new] = &tracer.further_transports()[..] else { panic!("there is one") };
/// assert_eq!((new.name.as_str(), new.delivered, new.queued), ("new", 1, 0));
/// assert_eq!(tracer.stats().delivered, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct TransportStats {
    /// The name that it was given, or its address.
    pub name: String,
    /// Spans in packets that were accepted.
    pub delivered: u64,
    /// Spans that this transport lost, by cause; `full` are those that found its queue full.
    pub lost: Lost,
    /// Spans that wait, or are in a packet that has no outcome yet.
    pub queued: u64,
    /// Packets that were accepted and then met an error, as far as known.
    pub late_refusals: u64,
    /// Packets, bytes, retries and durations.
    pub exports: ExportCounts,
}

impl StatsRegistry {
    /// Returns the spans that wait for further transports.
    pub(crate) fn queued_further(&self) -> u64 {
        self.further.iter().map(|it| it.queued).sum()
    }

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
