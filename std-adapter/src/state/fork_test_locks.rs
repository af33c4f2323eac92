//! The locks of a tracer, for tests of fork.

use crate::memory::span_slot::SpanOwner as _;
use crate::state::{TracerState, at_exit};
use crate::sys::sync::hold;

/// Locks in the order in which they may nest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lock {
    /// Packets, rings and transport.
    Exporter,
    /// The shard of threads that have none.
    FallbackShard,
    /// The ring that threads without one share.
    SharedRing,
    /// New rings, until the exporter takes them.
    RingRegistry,
    /// Rings that no thread holds.
    RingPool,
    /// The worker's thread handle.
    Worker,
    /// Tickets of flushes.
    Flush,
    /// State of a sampler that has one.
    Sampler,
    /// Slots that no thread holds.
    SpanPool,
    /// What rings and open spans have drawn of the memory limit.
    MemoryBudget,
    /// Counts.
    StatsRegistry,
    /// The process's list of tracers.
    AtExit,
}

impl Lock {
    pub(crate) const ALL: [Lock; 12] = [
        Lock::Exporter,
        Lock::FallbackShard,
        Lock::SharedRing,
        Lock::RingRegistry,
        Lock::RingPool,
        Lock::Worker,
        Lock::Flush,
        Lock::Sampler,
        Lock::SpanPool,
        Lock::MemoryBudget,
        Lock::StatsRegistry,
        Lock::AtExit,
    ];
}

impl TracerState {
    /// Runs `f` while the calling thread holds a lock.
    pub(crate) fn while_locked(&self, which: Lock, f: impl FnOnce()) {
        match which {
            Lock::Exporter => hold(&self.exporter, f),
            Lock::RingRegistry => self.common.rings.while_registry_locked(f),
            Lock::RingPool => self.common.rings.while_pool_locked(f),
            Lock::FallbackShard => hold(&self.fallback_shard, f),
            Lock::SharedRing => hold(&self.shared_ring, f),
            Lock::Worker => self.worker.while_thread_locked(f),
            Lock::Flush => self.worker.tickets().while_locked(f),
            Lock::Sampler => self.common.sampler.while_locked(f),
            Lock::SpanPool => hold(&self.pool, f),
            Lock::MemoryBudget => {
                // A statement of its own: the pool is unlocked first.
                let budget = self.pool().budget().clone();
                budget.while_locked(f);
            }
            Lock::StatsRegistry => self.common.while_stats_registry_locked(f),
            Lock::AtExit => at_exit::while_list_locked(f),
        }
    }
}
