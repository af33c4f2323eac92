//! Parts of a tracer that both its threads and its exporter use.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::config::{Settings, TagValue};
use crate::memory::rings::Rings;
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
    pub(crate) rings: Rings,
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
        rings: Rings,
        sampler: RootSampler,
    ) -> Self {
        Common {
            sampler,
            trace_id_128bit: settings.trace_id_128bit,
            settings,
            process,
            reporters,
            rings,
            stats_registry: Mutex::default(),
        }
    }

    pub(crate) fn stats_registry(&self) -> MutexGuard<'_, StatsRegistry> {
        lock(&self.stats_registry)
    }

    #[cfg(test)]
    /// Runs `f` while the calling thread holds the counts; for tests of fork.
    pub(crate) fn while_stats_registry_locked(&self, f: impl FnOnce()) {
        hold(&self.stats_registry, f);
    }
}
