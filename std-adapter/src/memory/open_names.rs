//! The names of the open spans of all slots that a pool has made.

use std::sync::Arc;

use crate::memory::open_name::{DETAILS, OpenName};

/// One name for each slot for sampled spans, in use or not.
#[derive(Debug, Default)]
pub(crate) struct OpenNames {
    names: Vec<Arc<OpenName>>,
    /// Slots that were freed since the last look for their names.
    freed: usize,
    /// Whether more than the names is known.
    has_details: bool,
}

/// Bytes of a name, its reference counts and its place in the list.
const COST: usize = size_of::<OpenName>() + 3 * size_of::<usize>();
/// Bytes of what is known beside it.
const COST_OF_DETAILS: usize = DETAILS * size_of::<u64>();

impl OpenNames {
    pub(crate) fn new(has_details: bool) -> Self {
        OpenNames {
            has_details,
            ..OpenNames::default()
        }
    }

    /// Returns the bytes of one name.
    pub(super) fn cost(&self) -> usize {
        let details = if self.has_details { COST_OF_DETAILS } else { 0 };
        COST + details
    }

    /// Makes the name of a new slot.
    pub(crate) fn add(&mut self) -> Arc<OpenName> {
        if self.freed > self.names.len() / 2 {
            self.prune();
        }
        let name = Arc::new(OpenName::with_details(self.has_details));
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
