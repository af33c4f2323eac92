//! Keys that are written once: of tags with one key the last counts, as for Jaeger's receiver.

use super::status;
use crate::record::{Record, Tag};
use crate::value::Value;
use crate::wire::{TagSink, state_tags};

/// The keys of a list, as a filter: it may have a key that is not in the list, seldom.
#[derive(Clone, Copy, Default)]
pub(super) struct Keys(u64);

impl Keys {
    /// The keys that are fields here, and those of tags that a record's state stands for.
    pub(super) const SPECIAL: Self = {
        let mut keys = Keys(0);
        let mut lists: &[&[&str]] = &[&status::KEYS, &state_tags::KEYS];
        while let [first, rest @ ..] = lists {
            let mut list = *first;
            while let [key, rest @ ..] = list {
                keys.0 |= bit(key);
                list = rest;
            }
            lists = rest;
        }
        keys
    };

    /// Adds a key; returns whether it may have been in the list before.
    #[inline(always)]
    pub(super) fn add(&mut self, key: &str) -> bool {
        let (before, bit) = (self.0, bit(key));
        self.0 |= bit;
        before & bit != 0
    }
}

/// One of 64 bits, by the key's length and two of its letters.
///
/// Of some ninety keys of OpenTelemetry and OpenTracing, six share a bit with a special one.
#[inline(always)]
const fn bit(key: &str) -> u64 {
    let mixed = match key.as_bytes() {
        [first, .., last] => (*first as u32) << 5 ^ *last as u32,
        _ => 0,
    };
    1_u64.wrapping_shl(mixed + key.len() as u32)
}

/// Returns whether a key of a record is not special and occurs once in it.
#[cold]
#[inline(never)]
pub(super) fn is_unique(key: &str, record: &Record<'_>) -> bool {
    let is_special = status::KEYS.contains(&key) || state_tags::KEYS.contains(&key);
    !is_special && record.tags().filter(|tag| tag.key == key).count() == 1
}

/// Returns whether the key is one of these tags'.
#[cold]
#[inline(never)]
pub(super) fn occurs<'r>(key: &str, tags: impl IntoIterator<Item = Tag<'r>>) -> bool {
    tags.into_iter().any(|tag| tag.key == key)
}

/// A sink that looks for a key.
pub(super) struct Search<'k> {
    pub(super) key: &'k str,
    pub(super) found: bool,
}

impl TagSink for Search<'_> {
    #[inline(always)]
    fn tag(self, key: &'static str, _: Value<'static>) -> Self {
        let found = self.found || key == self.key;
        Search { found, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_was_added_is_found() {
        let mut keys = Keys::default();
        for key in ["", "a", "error", "ä", "item.index"] {
            assert!(!keys.add(key), "{key}");
            assert!(keys.add(key), "{key}");
        }
    }

    #[test]
    fn special_keys_are_found() {
        let found = |key| Keys::SPECIAL.clone().add(key);
        assert!(
            status::KEYS
                .iter()
                .chain(&state_tags::KEYS)
                .all(|key| found(key))
        );
        assert!(!found("component"));
    }
}
