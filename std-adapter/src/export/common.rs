//! Parts of a tracer that both its threads and its exporter use.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::config::{Settings, TagValue};
use crate::memory::ring_reader::{RingReader, RingRegistry};
use crate::memory::rings::{ReturnedProducer, RingEnds, RingPool};
use crate::reporters::Reporter;
use crate::sampling::RootSampler;
use crate::stats::StatsRegistry;
#[cfg(test)]
use crate::sys::sync::hold;
use crate::sys::sync::lock;

/// Settings, sampler, rings and counts of one tracer in one process.
pub(crate) struct Common {
    pub(crate) settings: Arc<Settings>,
    pub(crate) sampler: RootSampler,
    /// A copy of the setting, beside the sampler: each root needs both.
    pub(crate) trace_id_128bit: bool,
    pub(crate) process: ProcessTags,
    pub(crate) reporters: Reporters,
    ring_registry: Mutex<RingRegistry>,
    ring_pool: Mutex<RingPool>,
    stats_registry: Mutex<StatsRegistry>,
}

/// The process tags, as sent.
pub(crate) type ProcessTags = Arc<[(String, TagValue)]>;

/// The user's reporters.
pub(crate) type Reporters = Arc<[Arc<dyn Reporter>]>;

impl Common {
    pub(crate) fn new(
        settings: Arc<Settings>,
        process: ProcessTags,
        reporters: Reporters,
        ring_pool: RingPool,
    ) -> Self {
        Common {
            sampler: RootSampler::new(settings.sampler),
            trace_id_128bit: settings.trace_id_128bit,
            settings,
            process,
            reporters,
            ring_registry: Mutex::default(),
            ring_pool: Mutex::new(ring_pool),
            stats_registry: Mutex::default(),
        }
    }

    pub(crate) fn stats_registry(&self) -> MutexGuard<'_, StatsRegistry> {
        lock(&self.stats_registry)
    }

    /// Takes a ring for a thread; `None` if the memory limit allows no more.
    pub(crate) fn take_ring(&self) -> Option<RingEnds> {
        lock(&self.ring_pool).take()
    }

    /// Puts back the ring of a thread that ended.
    pub(crate) fn put_ring(&self, ends: RingEnds) {
        lock(&self.ring_pool).put(ends);
    }

    /// Makes spare the rings that no thread holds, now and later.
    pub(crate) fn close_ring_pool(&self) {
        lock(&self.ring_pool).close();
    }

    /// Registers a ring for the exporter to read.
    pub(crate) fn register(&self, reader: RingReader) {
        lock(&self.ring_registry).add(reader);
    }

    /// Puts back the ring of a thread that ended, if it is empty and the exporter has not taken
    /// it; returns whether it did.
    pub(crate) fn withdraw(&self, returned: &Arc<ReturnedProducer>) -> bool {
        // A statement of its own: the registry's lock ends with it, before the pool's is taken.
        let ends = lock(&self.ring_registry).withdraw(returned);
        ends.map(|ends| self.put_ring(ends)).is_some()
    }

    /// Appends the readers of new rings to those of the exporter.
    pub(crate) fn take_new_readers(&self, readers: &mut Vec<RingReader>) {
        lock(&self.ring_registry).take_all(readers);
    }

    #[cfg(test)]
    /// Runs `f` while the calling thread holds the registry of new rings; for tests of fork.
    pub(crate) fn while_ring_registry_locked(&self, f: impl FnOnce()) {
        hold(&self.ring_registry, f);
    }

    #[cfg(test)]
    /// Runs `f` while the calling thread holds the pool of rings; for tests of fork.
    pub(crate) fn while_ring_pool_locked(&self, f: impl FnOnce()) {
        hold(&self.ring_pool, f);
    }

    #[cfg(test)]
    /// Runs `f` while the calling thread holds the counts; for tests of fork.
    pub(crate) fn while_stats_registry_locked(&self, f: impl FnOnce()) {
        hold(&self.stats_registry, f);
    }
}
