//! The locks of a tracer, for tests of fork.

use crate::memory::rings;
use crate::state::{TracerState, at_exit};
use crate::sys::sync::hold;

/// Locks in the order in which they may nest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lock {
    /// Packets, rings and transport.
    Exporter,
    /// New rings, until the exporter takes them.
    RingRegistry,
    /// Rings for threads to come.
    RingPool,
    /// The shard of threads that have none.
    FallbackShard,
    /// The ring that threads without one share.
    FallbackRing,
    /// The worker's thread handle.
    Worker,
    /// Tickets of flushes.
    Flush,
    /// State of a sampler that has one.
    Sampler,
    /// Slots that no thread holds.
    SpanPool,
    /// Counts.
    StatsRegistry,
    /// The process's list of tracers.
    AtExit,
    /// The process's rings of dropped tracers.
    SpareRings,
}

impl Lock {
    pub(crate) const ALL: [Lock; 12] = [
        Lock::Exporter,
        Lock::RingRegistry,
        Lock::RingPool,
        Lock::FallbackShard,
        Lock::FallbackRing,
        Lock::Worker,
        Lock::Flush,
        Lock::Sampler,
        Lock::SpanPool,
        Lock::StatsRegistry,
        Lock::AtExit,
        Lock::SpareRings,
    ];
}

impl TracerState {
    /// Runs `f` while the calling thread holds a lock.
    pub(crate) fn while_locked(&self, which: Lock, f: impl FnOnce()) {
        match which {
            Lock::Exporter => hold(&self.exporter, f),
            Lock::RingRegistry => self.common.while_ring_registry_locked(f),
            Lock::RingPool => self.common.while_ring_pool_locked(f),
            Lock::FallbackShard => hold(&self.fallback_shard, f),
            Lock::FallbackRing => hold(&self.fallback_ring, f),
            Lock::Worker => self.worker.while_thread_locked(f),
            Lock::Flush => self.worker.tickets().while_locked(f),
            Lock::Sampler => self.common.sampler.while_locked(f),
            Lock::SpanPool => hold(&self.pool, f),
            Lock::StatsRegistry => self.common.while_stats_registry_locked(f),
            Lock::AtExit => at_exit::while_list_locked(f),
            Lock::SpareRings => rings::while_spare_locked(f),
        }
    }
}
