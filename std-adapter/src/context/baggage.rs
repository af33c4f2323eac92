//! Baggage on servers, and what else only some traces have: one immutable block with a reference
//! count.

use std::sync::Arc;

use picojaeger_core::adapter::encoded_len;
use picojaeger_core::{BaggageError, BaggageSink, check_baggage_key};

use crate::context::pending::Pending;

/// The baggage of a context, its debug id, and what the W3C's headers said. If empty, it allocates
/// nothing; a child shares its parent's block, and a change copies it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Baggage(Option<Arc<Block>>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Block {
    items: Vec<(String, String)>,
    /// Bytes of all items in their headers, without the prefix of each key.
    size: usize,
    debug_id: Option<String>,
    /// The members of the W3C's `tracestate`.
    tracestate: Option<Box<str>>,
    /// Whether the trace came from elsewhere without the flag that those which begin here have.
    is_not_random: bool,
    /// The decision about the root that has this baggage, while it waits.
    pending: Option<Pending>,
}

/// Largest number of items, so that a hostile header costs no more than its reading. The limit is
/// OpenTelemetry's.
const MOST: usize = 180;

/// Limit of all items together, as they are injected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BaggageLimit {
    /// Bytes of the headers' names and values.
    pub(crate) size: usize,
    /// Bytes before the key in each header's name.
    pub(crate) prefix: usize,
}

impl Baggage {
    pub(crate) const EMPTY: Baggage = Baggage(None);

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let found = self.iter().find(|(name, _)| *name == key);
        found.map(|(_, value)| value)
    }

    /// Sets an item, whatever its size, and returns its previous value.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Result<Option<String>, BaggageError> {
        let unlimited = BaggageLimit {
            size: usize::MAX,
            prefix: 0,
        };
        self.set_within(key, value, unlimited)
    }

    /// Sets an item and returns its previous value. On an error the baggage is as it was.
    pub(crate) fn set_within(
        &mut self,
        key: &str,
        value: &str,
        limit: BaggageLimit,
    ) -> Result<Option<String>, BaggageError> {
        check_baggage_key(key)?;
        let old = self.get(key);
        let count = self.len() + usize::from(old.is_none());
        if count > MOST {
            return Err(BaggageError::Full);
        }
        let others = self.size() - old.map_or(0, |old| item_size(key, old));
        let size = others + item_size(key, value);
        if size + count * limit.prefix > limit.size {
            return Err(BaggageError::OverLimit);
        }
        let block = Arc::make_mut(self.0.get_or_insert_default());
        block.size = size;
        if let Some((_, old)) = block.items.iter_mut().find(|(name, _)| name == key) {
            return Ok(Some(std::mem::replace(old, value.into())));
        }
        block.items.push((key.into(), value.into()));
        Ok(None)
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<String> {
        let block = self.0.as_mut()?;
        let at = block.items.iter().position(|(name, _)| name == key)?;
        let block = Arc::make_mut(block);
        let (key, value) = block.items.remove(at);
        block.size -= item_size(&key, &value);
        Some(value)
    }

    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |block| block.items.len())
    }

    fn size(&self) -> usize {
        self.0.as_ref().map_or(0, |block| block.size)
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

    /// Returns the members of `tracestate`; empty if there are none.
    pub(crate) fn tracestate(&self) -> &str {
        let block = self.0.as_ref();
        block
            .and_then(|block| block.tracestate.as_deref())
            .unwrap_or_default()
    }

    /// Returns whether the trace came from elsewhere without the flag of a random trace id that
    /// those which begin here have.
    pub(crate) fn is_not_random(&self) -> bool {
        self.0.as_ref().is_some_and(|block| block.is_not_random)
    }

    pub(crate) fn set_tracestate(&mut self, members: &str) {
        Arc::make_mut(self.0.get_or_insert_default()).tracestate = Some(members.into());
    }

    /// Notes that the trace, which came from elsewhere, has no flag of a random trace id.
    pub(crate) fn set_not_random(&mut self) {
        Arc::make_mut(self.0.get_or_insert_default()).is_not_random = true;
    }

    /// Returns the decision that waits for the name of this root, if it does.
    pub(crate) fn pending(&self) -> Option<&Pending> {
        self.0.as_ref()?.pending.as_ref()
    }

    /// Makes the decision about the root wait.
    pub(crate) fn set_pending(&mut self) {
        Arc::make_mut(self.0.get_or_insert_default()).pending = Some(Pending::default());
    }

    /// Removes the decision that waits, which no context has; empty if there is nothing else.
    pub(crate) fn without_pending(mut self) -> Self {
        let Some(block) = self.0.as_mut().filter(|block| block.pending.is_some()) else {
            return self;
        };
        Arc::make_mut(block).pending = None;
        match **block == Block::default() {
            true => Baggage::EMPTY,
            false => self,
        }
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

/// Takes what the codec has found within its own limit.
impl BaggageSink for Baggage {
    fn set(&mut self, key: &str, value: &str) -> Result<(), BaggageError> {
        Baggage::set(self, key, value).map(drop)
    }

    fn key_like(&self, key: &str) -> Option<&str> {
        let mut keys = self.iter().map(|(known, _)| known);
        keys.find(|known| known.eq_ignore_ascii_case(key))
    }
}

/// Bytes of an item in its header, without the prefix.
fn item_size(key: &str, value: &str) -> usize {
    key.len() + encoded_len(value)
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

    #[test]
    fn baggage_is_limited_as_it_is_injected() {
        let mut baggage = Baggage::EMPTY;
        let limit = BaggageLimit {
            size: 24,
            prefix: 8,
        };
        let over = Err(BaggageError::OverLimit);
        assert_eq!(baggage.set_within("a", &"x".repeat(16), limit), over);
        assert!(baggage.is_empty());
        assert_eq!(baggage.set_within("a", " 1", limit), Ok(None)); // 8 + 1 + 4
        assert_eq!(baggage.set_within("b", "123", limit), over); // 8 + 1 + 3
        assert_eq!(baggage.set_within("b", "12", limit), Ok(None));
        assert_eq!(baggage.set_within("a", " 12", limit), over);
        assert_eq!(
            baggage.set_within("a", "1234", limit).unwrap().as_deref(),
            Some(" 1")
        );
        assert_eq!(baggage.remove("a").as_deref(), Some("1234"));
        assert_eq!(baggage.set_within("c", "1234", limit), Ok(None));
        assert_eq!(baggage.set_within("c", "12345", limit), over);
        assert!(baggage.iter().eq([("b", "12"), ("c", "1234")]));
    }
}
