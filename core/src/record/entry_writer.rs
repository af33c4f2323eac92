//! Writing entries into an area.

use super::Open;
use super::layout::{LONGEST_KEY, LONGEST_VALUE, POINTER, boundary, header, kind};
use crate::arch::{WORD, copy_padded, store_bits};
use crate::ring::Word;
use crate::value::{Key, Value};

/// The content of an entry, behind its key: eight bytes, or text and bytes.
pub(super) trait Content: Copy {
    /// Bytes, padding apart.
    fn length(self) -> usize;

    /// Fills the words that it takes.
    ///
    /// # Safety
    /// `words` are exactly as many as [`Content::length`] bytes take.
    unsafe fn write(self, words: &mut [Word]);

    /// The part of it, shorter and not empty, that fits into `room` bytes.
    fn shortened(self, head: u32, room: usize) -> Option<Self>;
}

impl Open {
    /// Appends an entry if it fits whole.
    #[inline(always)]
    pub(super) fn try_append(&mut self, flags: u32, key: Key<'_>, value: Value<'_>) -> bool {
        self.append_as::<true>(flags, key, value)
    }

    /// Appends an entry, or as much of it as fits, and marks the span.
    #[inline(always)]
    pub(super) fn append(&mut self, flags: u32, key: Key<'_>, value: Value<'_>) {
        self.append_as::<false>(flags, key, value);
    }

    /// Appends an entry: where `WHOLE`, all or nothing, and returns whether it fitted; else as much
    /// as fits, and returns `true`.
    #[inline(always)]
    fn append_as<const WHOLE: bool>(&mut self, flags: u32, key: Key<'_>, value: Value<'_>) -> bool {
        match value {
            Value::Str(text) => self.entry::<WHOLE, _>(flags | kind::STRING, key, text.as_bytes()),
            Value::Bytes(bytes) => self.entry::<WHOLE, _>(flags | kind::BINARY, key, bytes),
            Value::Bool(n) => self.entry::<WHOLE, _>(flags | boolean(n), key, NOTHING),
            Value::I64(n) => self.entry::<WHOLE, _>(flags | kind::LONG, key, n as u64),
            Value::U64(n) => self.entry::<WHOLE, _>(flags | kind::UNSIGNED, key, n),
            Value::F64(n) => self.entry::<WHOLE, _>(flags | kind::DOUBLE, key, n.to_bits()),
            Value::Char(c) => self.entry::<WHOLE, _>(flags | kind::STRING, key, c.as_bytes()),
            Value::Absent => true,
        }
    }

    #[inline(always)]
    fn entry<const WHOLE: bool, C: Content>(
        &mut self,
        head: u32,
        key: Key<'_>,
        content: C,
    ) -> bool {
        match key {
            Key::Static(key) if key.len() <= LONGEST_KEY => {
                let head = head | (key.len() as u32) << header::KEY_SHIFT;
                let key = pointer(key.as_ptr());
                if WHOLE {
                    return self.try_keyed(head, key, content);
                }
                self.keyed(head, key, content);
            }
            _ if WHOLE => return self.try_named(head, key, content),
            _ => self.named(head, key, content),
        }
        true
    }

    /// Appends an entry with this header, but for its length, and this pointer to
    /// its key, if it fits: the fast way.
    #[inline(never)]
    fn try_keyed<C: Content>(&mut self, head: u32, key: Word, content: C) -> bool {
        self.write_keyed(head, key, content)
    }

    /// The same, or as much as fits.
    #[inline(never)]
    fn keyed<C: Content>(&mut self, head: u32, key: Word, content: C) {
        if !self.write_keyed(head, key, content) {
            self.cut_keyed(head, key, content);
        }
    }

    /// Appends what fits of an entry that did not fit whole. That is shorter, and fits.
    #[cold]
    #[inline(never)]
    fn cut_keyed<C: Content>(&mut self, head: u32, key: Word, content: C) {
        match content.shortened(head, self.room_behind(POINTER)) {
            Some(part) => {
                self.mark_cut();
                self.keyed(head, key, part);
            }
            None => self.mark_dropped(),
        }
    }

    /// Appends an entry with any key if it fits whole, but for a key that is too long.
    #[inline(never)]
    pub(super) fn try_named<C: Content>(&mut self, head: u32, key: Key<'_>, content: C) -> bool {
        let text = key.as_str().as_bytes();
        let name = text.get(..boundary(text, LONGEST_KEY)).unwrap_or(&[]);
        let head = head | (name.len() as u32) << header::KEY_SHIFT;
        let written = match key {
            Key::Static(_) => self.write_keyed(head, pointer(name.as_ptr()), content),
            Key::Copied(_) => self.write_copied(head | header::COPIED, name, content),
        };
        if written && name.len() < text.len() {
            self.mark_cut();
        }
        written
    }

    /// Appends as much of an entry with any key as fits, and marks the span;
    /// `false` if nothing fits, which the caller counts.
    #[cold]
    pub(super) fn cut_named<C: Content>(&mut self, head: u32, key: Key<'_>, content: C) -> bool {
        let name_words = match key {
            Key::Static(_) => POINTER,
            Key::Copied(name) => words(name.len().min(LONGEST_KEY)),
        };
        let part = content.shortened(head, self.room_behind(name_words));
        let written = part.is_some_and(|part| self.try_named(head, key, part));
        if written {
            self.mark_cut();
        }
        written
    }

    #[inline(never)]
    fn named<C: Content>(&mut self, head: u32, key: Key<'_>, content: C) {
        if !self.try_named(head, key, content) && !self.cut_named(head, key, content) {
            self.mark_dropped();
        }
    }

    #[inline(always)]
    fn write_keyed<C: Content>(&mut self, head: u32, key: Word, content: C) -> bool {
        let Some([first, at, room @ ..]) = self.open_entry(POINTER, content.length()) else {
            return false;
        };
        *first = header_word(head, content.length());
        *at = key;
        // SAFETY: the entry was opened with the words of this length behind the key's.
        unsafe { content.write(room) };
        true
    }

    #[inline(always)]
    fn write_copied<C: Content>(&mut self, head: u32, name: &[u8], content: C) -> bool {
        let name_words = words(name.len());
        let Some([first, rest @ ..]) = self.open_entry(name_words, content.length()) else {
            return false;
        };
        let Some((at, room)) = rest.split_at_mut_checked(name_words) else {
            return false;
        };
        *first = header_word(head, content.length());
        // SAFETY: split behind the words of this name, and the entry was opened with the
        // words of this length behind them.
        unsafe {
            copy_padded(name, at);
            content.write(room);
        }
        true
    }

    /// Takes the words of an entry, header included, if there are as many.
    #[inline(always)]
    fn open_entry(&mut self, key_words: usize, length: usize) -> Option<&mut [Word]> {
        if length > LONGEST_VALUE {
            return None;
        }
        let used = self.fixed.used as usize;
        let end = used + 1 + key_words + words(length);
        let entry = self.area.get_mut(used..end)?;
        self.fixed.used = end as u16;
        Some(entry)
    }

    /// Bytes that are left for the value of an entry whose key takes so many words.
    fn room_behind(&self, key_words: usize) -> usize {
        let before = self.fixed.used as usize + 1 + key_words;
        self.area.len().saturating_sub(before) * WORD
    }
}

impl Content for u64 {
    #[inline(always)]
    fn length(self) -> usize {
        8
    }

    #[inline(always)]
    unsafe fn write(self, words: &mut [Word]) {
        store_bits(self, words);
    }

    fn shortened(self, _head: u32, _room: usize) -> Option<Self> {
        None
    }
}

impl Content for &[u8] {
    #[inline(always)]
    fn length(self) -> usize {
        self.len()
    }

    #[inline(always)]
    unsafe fn write(self, words: &mut [Word]) {
        // SAFETY: the caller's promise.
        unsafe { copy_padded(self, words) };
    }

    fn shortened(self, head: u32, room: usize) -> Option<Self> {
        let room = room.min(LONGEST_VALUE);
        let kept = if head & header::KIND == kind::BINARY {
            room
        } else {
            boundary(self, room)
        };
        self.get(..kept)
            .filter(|part| !part.is_empty() && part.len() < self.len())
    }
}

/// The header of a boolean, which has no value behind it.
#[inline(always)]
const fn boolean(value: bool) -> u32 {
    kind::BOOL | (value as u32) << header::TRUE_SHIFT
}

/// The words that so many bytes take.
#[inline(always)]
pub(super) const fn words(bytes: usize) -> usize {
    bytes.wrapping_add(WORD - 1) / WORD
}

#[inline(always)]
pub(super) const fn header_word(head: u32, length: usize) -> Word {
    Word::new((head | (length as u32) << header::VALUE_SHIFT) as usize)
}

/// A pointer as a word, provenance and all.
#[inline(always)]
pub(super) fn pointer(at: *const u8) -> Word {
    let mut word = Word::uninit();
    // SAFETY: a pointer has the size and alignment of a word.
    unsafe { word.as_mut_ptr().cast::<*const u8>().write(at) };
    word
}

/// For entries without a value.
const NOTHING: &[u8] = &[];
