//! A sampling decision that waits for the operation name.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};

use picojaeger_core::Description;

use crate::sys::sync::{lock, try_lock};

/// The decision about a local root, which is made once.
///
/// Behind a trait, since contexts are keys of maps: clippy warns of a key in which it sees a lock, and
/// need not, since what is compared and hashed never changes.
#[derive(Clone, Debug)]
pub(crate) struct Pending(Arc<dyn Once>);

/// A place for a decision.
trait Once: fmt::Debug + Send + Sync {
    fn decided(&self) -> &Mutex<Option<Decided>>;
}

impl Once for Mutex<Option<Decided>> {
    fn decided(&self) -> &Mutex<Option<Decided>> {
        self
    }
}

/// A decision, and the description of the sampler that sampled the root.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Decided {
    pub(crate) sampled: bool,
    pub(crate) description: Option<Description>,
}

impl Pending {
    /// Returns the decision; the first call makes it.
    pub(crate) fn decide(&self, make: impl FnOnce() -> Decided) -> Decided {
        *lock(self.0.decided()).get_or_insert_with(make)
    }

    /// Returns whether the decision was not made yet. Waits for no lock, which a forked child's
    /// parent might hold.
    pub(crate) fn is_open(&self) -> bool {
        try_lock(self.0.decided()).is_some_and(|decided| decided.is_none())
    }
}

impl Default for Pending {
    fn default() -> Self {
        Pending(Arc::new(Mutex::new(None)))
    }
}

impl Decided {
    pub(crate) const NO: Decided = Decided::without_description(false);

    pub(crate) const fn without_description(sampled: bool) -> Self {
        Decided {
            sampled,
            description: None,
        }
    }
}

/// Contexts are compared by what travels, which this does not.
impl PartialEq for Pending {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Pending {}

impl Hash for Pending {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_made_once() {
        let pending = Pending::default();
        let copy = pending.clone();
        assert!(pending.is_open());
        assert_eq!(pending.decide(|| Decided::NO), Decided::NO);
        assert!(!copy.is_open());
        let again = copy.decide(|| Decided::without_description(true));
        assert_eq!(again, Decided::NO);
    }
}
