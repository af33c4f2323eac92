//! The counts of baggage items that the program sets.

use std::sync::atomic::{AtomicU64, Ordering};

/// Baggage items by what became of them.
#[derive(Debug, Default)]
pub(crate) struct BaggageCounts {
    set: AtomicU64,
    refused: AtomicU64,
    truncated: AtomicU64,
}

impl BaggageCounts {
    /// Counts an item that was set or refused, and perhaps truncated.
    pub(crate) fn count(&self, was_set: bool, was_truncated: bool) {
        let updates = if was_set { &self.set } else { &self.refused };
        updates.fetch_add(1, Ordering::Relaxed);
        if was_truncated {
            self.truncated.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn set(&self) -> u64 {
        self.set.load(Ordering::Relaxed)
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Returns the items of both kinds whose value was too long for the server's restrictions.
    pub(crate) fn truncated(&self) -> u64 {
        self.truncated.load(Ordering::Relaxed)
    }
}
