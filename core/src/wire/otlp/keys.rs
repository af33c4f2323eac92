//! Keys that are written once: of tags with one key the last counts, as for Jaeger's receiver.

use crate::record::Tag;
use crate::value::Value;
use crate::wire::TagSink;

/// The keys of a list, as a filter that tells those which occur once from most others.
#[derive(Clone, Copy, Default)]
pub(super) struct Keys {
    once: u64,
    twice: u64,
}

impl Keys {
    #[inline(always)]
    pub(super) fn add(&mut self, key: &str) {
        let bit = bit(key);
        self.twice |= self.once & bit;
        self.once |= bit;
    }

    /// Whether the key may occur more than once.
    #[inline(always)]
    pub(super) fn may_repeat(&self, key: &str) -> bool {
        self.twice & bit(key) != 0
    }
}

impl TagSink for Keys {
    #[inline(always)]
    fn tag(mut self, key: &'static str, _: Value<'static>) -> Self {
        self.add(key);
        self
    }
}

/// One of 64 bits, by the key's length and two of its letters.
#[inline(always)]
fn bit(key: &str) -> u64 {
    let letter = |byte: Option<&u8>| byte.map_or(0, |byte| *byte as u32);
    let key = key.as_bytes();
    let mixed = letter(key.first()) ^ letter(key.last()) << 1 ^ (key.len() as u32) << 2;
    1_u64.wrapping_shl(mixed)
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
    fn every_repeated_key_may_repeat() {
        let mut keys = Keys::default();
        for key in ["", "a", "error", "ä", "a"] {
            keys.add(key);
        }
        assert!(keys.may_repeat("a"));
        assert!(!keys.may_repeat("error"));
        keys.add("");
        assert!(keys.may_repeat(""));
    }
}
