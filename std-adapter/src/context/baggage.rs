//! Baggage on servers: one immutable block with a reference count.

use std::sync::Arc;

use picojaeger_core::{BaggageError, BaggageSink, check_baggage_key};

/// The baggage of a context. If empty, it allocates nothing; a child shares its parent's block,
/// and a change copies it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Baggage(Option<Arc<Block>>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Block {
    items: Vec<(String, String)>,
    debug_id: Option<String>,
}

/// Largest number of items, so that a hostile header costs no more than its reading. The limit is
/// OpenTelemetry's.
const MOST: usize = 180;

impl Baggage {
    pub(crate) const EMPTY: Baggage = Baggage(None);

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let found = self.iter().find(|(name, _)| *name == key);
        found.map(|(_, value)| value)
    }

    /// Sets an item and returns its previous value.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Result<Option<String>, BaggageError> {
        check_baggage_key(key)?;
        let block = Arc::make_mut(self.0.get_or_insert_default());
        if let Some((_, old)) = block.items.iter_mut().find(|(name, _)| name == key) {
            return Ok(Some(std::mem::replace(old, value.into())));
        }
        if block.items.len() == MOST {
            return Err(BaggageError::Full);
        }
        block.items.push((key.into(), value.into()));
        Ok(None)
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<String> {
        let block = self.0.as_mut()?;
        let at = block.items.iter().position(|(name, _)| name == key)?;
        Some(Arc::make_mut(block).items.remove(at).1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        let items = self.0.iter().flat_map(|block| &block.items);
        items.map(|(key, value)| (key.as_str(), value.as_str()))
    }

    pub(crate) fn debug_id(&self) -> Option<&str> {
        self.0.as_ref()?.debug_id.as_deref()
    }

    pub(crate) fn set_debug_id(&mut self, id: &str) {
        Arc::make_mut(self.0.get_or_insert_default()).debug_id = Some(id.into());
    }

    /// Removes the debug id, which only the root takes; the items stay.
    pub(crate) fn without_debug_id(mut self) -> Self {
        if let Some(block) = self.0.as_mut().filter(|block| block.debug_id.is_some()) {
            Arc::make_mut(block).debug_id = None;
        }
        self
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl BaggageSink for Baggage {
    fn set(&mut self, key: &str, value: &str) -> Result<(), BaggageError> {
        Baggage::set(self, key, value).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_leaves_the_parents_block_alone() {
        let mut parent = Baggage::EMPTY;
        parent.set("user", "ann").unwrap();
        let mut child = parent.clone();
        assert_eq!(child.set("user", "bob").unwrap().as_deref(), Some("ann"));
        child.set("empty", "").unwrap();
        assert_eq!(
            (parent.get("user"), child.get("user")),
            (Some("ann"), Some("bob"))
        );
        assert_eq!((parent.get("empty"), child.get("empty")), (None, Some("")));
        assert_eq!(child.remove("user").as_deref(), Some("bob"));
        assert_eq!(child.iter().collect::<Vec<_>>(), [("empty", "")]);
    }

    #[test]
    fn items_beyond_the_limit_are_refused_and_known_ones_still_change() {
        let mut baggage = Baggage::EMPTY;
        for item in 0..MOST {
            baggage.set(&format!("k{item}"), "1").unwrap();
        }
        assert_eq!(baggage.set("another", "1"), Err(BaggageError::Full));
        assert_eq!(baggage.set("k7", "2").unwrap().as_deref(), Some("1"));
        assert_eq!(baggage.remove("k8").as_deref(), Some("1"));
        assert_eq!(baggage.set("another", "1"), Ok(None));
    }

    #[test]
    fn illegal_keys_are_refused() {
        let mut baggage = Baggage::EMPTY;
        assert_eq!(baggage.set("a b", "c"), Err(BaggageError::IllegalKey));
    }
}
