//! The layout of entries in an area: the fields of their header words, and the words they take.

use crate::arch::WORD;
use crate::value::Key;

/// The fields of a header word.
pub(super) mod header {
    pub(in crate::record) const KIND: u32 = 0xf;
    pub(in crate::record) const FIELD: u32 = 1 << 4;
    pub(in crate::record) const COPIED: u32 = 1 << 5;
    pub(in crate::record) const EXPLICIT: u32 = 1 << 6;
    pub(in crate::record) const FOLLOWS: u32 = 1 << 6;
    pub(in crate::record) const TRUE_SHIFT: u32 = 6;
    pub(in crate::record) const KEY_SHIFT: u32 = 8;
    pub(in crate::record) const VALUE_SHIFT: u32 = 16;
}

/// The kinds of entries.
pub(super) mod kind {
    pub(in crate::record) const STRING: u32 = 0;
    pub(in crate::record) const DOUBLE: u32 = 1;
    pub(in crate::record) const BOOL: u32 = 2;
    pub(in crate::record) const LONG: u32 = 3;
    pub(in crate::record) const BINARY: u32 = 4;
    pub(in crate::record) const UNSIGNED: u32 = 5;
    pub(in crate::record) const REFERENCE: u32 = 6;
    pub(in crate::record) const LOG: u32 = 7;
    pub(in crate::record) const OPERATION: u32 = 8;
}

/// Bytes of a key that are kept.
pub(super) const LONGEST_KEY: usize = u8::MAX as usize;
/// Bytes of a value or a name that are kept.
pub(super) const LONGEST_VALUE: usize = u16::MAX as usize;
/// Words of a key that is kept by reference.
pub(super) const POINTER: usize = 1;
/// For entries without a key: takes no word.
pub(super) const NO_KEY: Key<'static> = Key::Copied("");

/// The words of the key of an entry with this header.
#[inline]
pub(super) const fn key_words(head: u32) -> usize {
    if head & header::COPIED == 0 {
        return POINTER;
    }
    ((head >> header::KEY_SHIFT & 0xff) as usize).div_ceil(WORD)
}

/// The words of the value of an entry with this header.
#[inline]
pub(super) const fn value_words(head: u32) -> usize {
    ((head >> header::VALUE_SHIFT) as usize).div_ceil(WORD)
}

/// The greatest length up to `limit` that does not cut a character of UTF-8.
pub const fn boundary(text: &[u8], limit: usize) -> usize {
    let mut at = limit;
    if at >= text.len() {
        return text.len();
    }
    while at > 0 && byte(text, at) & 0xc0 == 0x80 {
        at -= 1;
    }
    at
}

/// The byte at `at`, 0 past the end.
const fn byte(text: &[u8], at: usize) -> u8 {
    match text.split_at_checked(at) {
        Some((_, [first, ..])) => *first,
        _ => 0,
    }
}
