//! Writing entries into an area.

use super::{Fixed, LONGEST_KEY, LONGEST_VALUE, POINTER, WORD, bits, boundary, header, kind};
use crate::id::halves;
use crate::ring::Word;
use crate::value::{Key, Value};

impl Fixed {
    #[inline(always)]
    pub(super) fn append(
        &mut self,
        area: &mut [Word],
        flags: u32,
        key: Key<'_>,
        value: Value<'_>,
    ) -> bool {
        match key {
            Key::Static(key) if key.len() <= LONGEST_KEY => {
                self.append_static(area, flags, key, value)
            }
            _ => self.append_any(area, flags, key, value),
        }
    }

    /// Appends an entry, or as much of it as fits.
    #[inline(always)]
    pub(super) fn append_or_cut(
        &mut self,
        area: &mut [Word],
        flags: u32,
        key: Key<'_>,
        value: Value<'_>,
    ) {
        let Key::Static(key) = key else {
            return self.append_any_or_cut(area, flags, key, value);
        };
        if key.len() > LONGEST_KEY {
            return self.append_any_or_cut(area, flags, Key::Static(key), value);
        }
        if self.append_static(area, flags, key, value) {
            return;
        }
        // Key and value go on as plain words: as enums they would have to lie in memory,
        // where they are written long before it is known whether this is reached.
        match value {
            Value::Str(text) => self.cut_static(area, flags | kind::STRING, key, text.as_bytes()),
            Value::Bytes(bytes) => self.cut_static(area, flags | kind::BINARY, key, bytes),
            _ => self.refuse(),
        }
    }

    #[inline(never)]
    fn append_any_or_cut(&mut self, area: &mut [Word], flags: u32, key: Key<'_>, value: Value<'_>) {
        if !self.append_any(area, flags, key, value) {
            self.cut(area, flags, key, value);
        }
    }

    /// Appends an entry whose key is kept by reference, if it fits: the fast way.
    #[inline(always)]
    fn append_static(
        &mut self,
        area: &mut [Word],
        flags: u32,
        key: &'static str,
        value: Value<'_>,
    ) -> bool {
        let flags = flags | (key.len() as u32) << header::KEY_SHIFT;
        let key = pointer(key.as_ptr());
        let (kind, bytes) = match value {
            Value::Str(text) => (kind::STRING, text.as_bytes()),
            Value::Bytes(bytes) => (kind::BINARY, bytes),
            Value::Bool(n) => {
                let head = flags | kind::BOOL | (n as u32) << header::TRUE_SHIFT;
                return self.append_keyed_bytes(area, head, key, &[]);
            }
            Value::I64(n) => {
                return self.append_keyed_number(area, flags | kind::LONG, key, n as u64);
            }
            Value::U64(n) => return self.append_keyed_number(area, flags | kind::UNSIGNED, key, n),
            Value::F64(n) => {
                return self.append_keyed_number(area, flags | kind::DOUBLE, key, n.to_bits());
            }
        };
        if bytes.len() > LONGEST_VALUE {
            return false;
        }
        let head = flags | kind | (bytes.len() as u32) << header::VALUE_SHIFT;
        self.append_keyed_bytes(area, head, key, bytes)
    }

    /// Appends an entry with this header and this pointer to its key, if it fits.
    #[inline(never)]
    fn append_keyed_bytes(
        &mut self,
        area: &mut [Word],
        head: u32,
        key: Word,
        value: &[u8],
    ) -> bool {
        let used = self.used as usize;
        let end = used + 1 + POINTER + value.len().div_ceil(WORD);
        let Some([first, at, room @ ..]) = area.get_mut(used..end) else {
            return false;
        };
        *first = Word::new(head as usize);
        *at = key;
        copy_bytes(value, room);
        self.used = end as u16;
        true
    }

    /// Appends a number with this header, but for its length, and this pointer
    /// to its key, if it fits.
    #[inline(never)]
    fn append_keyed_number(&mut self, area: &mut [Word], head: u32, key: Word, value: u64) -> bool {
        let used = self.used as usize;
        let end = used + 1 + POINTER + 8 / WORD;
        let Some([first, at, room @ ..]) = area.get_mut(used..end) else {
            return false;
        };
        *first = Word::new((head | 8 << header::VALUE_SHIFT) as usize);
        *at = key;
        write_number(value, room);
        self.used = end as u16;
        true
    }

    #[inline(always)]
    fn append_any(
        &mut self,
        area: &mut [Word],
        flags: u32,
        key: Key<'_>,
        value: Value<'_>,
    ) -> bool {
        match value {
            Value::Str(text) => self.append_bytes(area, flags | kind::STRING, key, text.as_bytes()),
            Value::Bytes(bytes) => self.append_bytes(area, flags | kind::BINARY, key, bytes),
            Value::I64(n) => self.append_number(area, flags | kind::LONG, key, n as u64),
            Value::U64(n) => self.append_number(area, flags | kind::UNSIGNED, key, n),
            Value::F64(n) => self.append_number(area, flags | kind::DOUBLE, key, n.to_bits()),
            Value::Bool(n) => {
                let value = (n as u32) << header::TRUE_SHIFT;
                self.append_bytes(area, flags | kind::BOOL | value, key, &[])
            }
        }
    }

    /// Appends text or bytes if they fit.
    #[inline(never)]
    pub(super) fn append_bytes(
        &mut self,
        area: &mut [Word],
        head: u32,
        key: Key<'_>,
        value: &[u8],
    ) -> bool {
        let words = value.len().div_ceil(WORD);
        if value.len() > LONGEST_VALUE {
            return false;
        }
        let head = head | (value.len() as u32) << header::VALUE_SHIFT;
        let Some(room) = self.open_entry(area, head, key, words) else {
            return false;
        };
        copy_bytes(value, room);
        true
    }

    /// Appends eight bytes if they fit.
    #[inline(never)]
    pub(super) fn append_number(
        &mut self,
        area: &mut [Word],
        head: u32,
        key: Key<'_>,
        value: u64,
    ) -> bool {
        let head = head | 8 << header::VALUE_SHIFT;
        let Some(room) = self.open_entry(area, head, key, 8 / WORD) else {
            return false;
        };
        write_number(value, room);
        true
    }

    /// Writes header and key, and gives the room for the value's words.
    #[inline(always)]
    fn open_entry<'a>(
        &mut self,
        area: &'a mut [Word],
        head: u32,
        key: Key<'_>,
        value_words: usize,
    ) -> Option<&'a mut [Word]> {
        let free = area.get_mut(self.used as usize..)?;
        let (first, rest) = free.split_first_mut()?;
        let (head, key_words, room) = match key {
            Key::Static(text) => {
                let length = if text.len() > LONGEST_KEY {
                    cut_key(text, &mut self.bits)
                } else {
                    text.len()
                };
                let (at, room) = rest.split_first_mut()?;
                if room.len() < value_words {
                    return None;
                }
                *at = pointer(text.as_ptr());
                (head | (length as u32) << header::KEY_SHIFT, POINTER, room)
            }
            Key::Copied(text) => {
                let length = if text.len() > LONGEST_KEY {
                    cut_key(text, &mut self.bits)
                } else {
                    text.len()
                };
                let words = length.div_ceil(WORD);
                let (at, room) = rest.split_at_mut_checked(words)?;
                if room.len() < value_words {
                    return None;
                }
                copy_bytes(text.as_bytes().get(..length)?, at);
                let head = head | header::COPIED | (length as u32) << header::KEY_SHIFT;
                (head, words, room)
            }
        };
        *first = Word::new(head as usize);
        self.used += (1 + key_words + value_words) as u16;
        room.get_mut(..value_words)
    }

    /// Counts an entry that finds no room.
    #[cold]
    #[inline(never)]
    fn refuse(&mut self) {
        self.mark_dropped();
    }

    /// Appends as much of text or bytes as fits, and marks the span.
    #[cold]
    #[inline(never)]
    fn cut_static(&mut self, area: &mut [Word], head: u32, key: &'static str, value: &[u8]) {
        if !self.append_cut(area, head, Key::Static(key), value) {
            self.mark_dropped();
        }
    }

    /// Appends as much of a value as fits, and marks the span.
    #[cold]
    #[inline(never)]
    pub(super) fn cut(&mut self, area: &mut [Word], flags: u32, key: Key<'_>, value: Value<'_>) {
        let appended = match value {
            Value::Str(text) => self.append_cut(area, flags | kind::STRING, key, text.as_bytes()),
            Value::Bytes(bytes) => self.append_cut(area, flags | kind::BINARY, key, bytes),
            _ => false,
        };
        if !appended {
            self.mark_dropped();
        }
    }

    /// Appends as much of `value` as there is room for; `false` if there is none.
    #[cold]
    pub(super) fn append_cut(
        &mut self,
        area: &mut [Word],
        head: u32,
        key: Key<'_>,
        value: &[u8],
    ) -> bool {
        let key_words = match key {
            Key::Static(_) => POINTER,
            Key::Copied(text) => text.len().min(LONGEST_KEY).div_ceil(WORD),
        };
        let free = area.len().saturating_sub(self.used as usize);
        let room = free.saturating_sub(1 + key_words) * WORD;
        let room = room.min(LONGEST_VALUE);
        let kept = if value.len() <= room {
            value.len()
        } else if head & header::KIND == kind::BINARY {
            room
        } else {
            boundary(value, room)
        };
        if kept == 0 && !value.is_empty() {
            return false;
        }
        if kept < value.len() {
            self.bits |= bits::CUT;
        }
        self.append_bytes(area, head, key, value.get(..kept).unwrap_or(&[]))
    }
}

/// A pointer as a word, provenance and all.
#[inline(always)]
fn pointer(at: *const u8) -> Word {
    let mut word = Word::uninit();
    // SAFETY: a pointer has the size and alignment of a word.
    unsafe { word.as_mut_ptr().cast::<*const u8>().write(at) };
    word
}

/// Writes a number to its one or two words.
#[inline(always)]
fn write_number(value: u64, words: &mut [Word]) {
    let [low, high] = halves(value);
    match words {
        [one] => *one = Word::new(value as usize),
        [first, second, ..] => {
            *first = Word::new(low as usize);
            *second = Word::new(high as usize);
        }
        [] => {}
    }
}

/// Copies `bytes` to the front of `words`, the last of them filled up with zeros.
#[inline(always)]
fn copy_bytes(bytes: &[u8], words: &mut [Word]) {
    debug_assert!(bytes.len() <= size_of_val(words));
    if cfg!(target_pointer_width = "32") {
        return copy_by_words(bytes, words);
    }
    if let [word] = words {
        *word = Word::new(one_word(bytes));
        return;
    }
    if let Some(last) = words.last_mut() {
        *last = Word::new(0);
    }
    let to = words.as_mut_ptr().cast::<u8>();
    // SAFETY: the callers give room for all bytes.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) }
}

/// The same without a call, for chips, where text is short.
#[inline(always)]
fn copy_by_words(bytes: &[u8], words: &mut [Word]) {
    let (whole, rest) = bytes.as_chunks::<WORD>();
    let mut to = words.iter_mut();
    for (chunk, word) in whole.iter().zip(&mut to) {
        let value = Word::new(usize::from_ne_bytes(*chunk));
        // SAFETY: a reference is valid. Volatile, so that the compiler does not
        // make a call of it.
        unsafe { core::ptr::from_mut(word).write_volatile(value) };
    }
    if let Some(word) = to.next() {
        let mut last = 0;
        for byte in rest.iter().rev() {
            last = last << 8 | *byte as usize;
        }
        *word = Word::new(usize::from_le(last));
    }
}

/// A word's bytes or fewer, filled up with zeros.
#[inline(always)]
fn one_word(bytes: &[u8]) -> usize {
    if cfg!(all(target_pointer_width = "64", target_endian = "little"))
        && let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk())
    {
        // Four to eight bytes, as two overlapping halves.
        let [head, tail] = [head, tail].map(|half| u32::from_le_bytes(*half) as u64);
        return (head | tail << ((8 * (bytes.len() - 4)) & 63)) as usize;
    }
    let mut word = [0; WORD];
    for (byte, from) in word.iter_mut().zip(bytes) {
        *byte = *from;
    }
    usize::from_ne_bytes(word)
}

#[cold]
fn cut_key(text: &str, state: &mut u16) -> usize {
    *state |= bits::CUT;
    boundary(text.as_bytes(), LONGEST_KEY)
}
