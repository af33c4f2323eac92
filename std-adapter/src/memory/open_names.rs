//! The names of the open spans of all slots that a pool has made.

use std::sync::Arc;

use crate::memory::open_name::OpenName;

/// One name for each slot for sampled spans, in use or not.
#[derive(Debug, Default)]
pub(crate) struct OpenNames {
    names: Vec<Arc<OpenName>>,
    /// Slots that were freed since the last look for their names.
    freed: usize,
}

/// Bytes of a name, its reference counts and its place in the list.
pub(crate) const COST: usize = size_of::<OpenName>() + 3 * size_of::<usize>();

impl OpenNames {
    /// Makes the name of a new slot.
    pub(crate) fn add(&mut self) -> Arc<OpenName> {
        if self.freed > self.names.len() / 2 {
            self.prune();
        }
        let name = Arc::new(OpenName::new());
        self.names.push(name.clone());
        name
    }

    /// Counts slots that are about to be freed.
    pub(crate) fn note_freed(&mut self, slots: usize) {
        self.freed += slots;
    }

    /// Returns the names, to be read without the pool's lock.
    pub(crate) fn all(&mut self) -> Vec<Arc<OpenName>> {
        self.prune();
        self.names.clone()
    }

    /// Drops the names whose slots are gone.
    fn prune(&mut self) {
        self.names.retain(|name| Arc::strong_count(name) > 1);
        self.freed = 0;
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}
