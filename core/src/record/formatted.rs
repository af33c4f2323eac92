//! Values that are formatted into the area, without a buffer between.

use core::fmt::{self, Write};
use core::mem::MaybeUninit;

use super::entry_writer::{header_word, pointer, words};
use super::layout::{LONGEST_KEY, LONGEST_VALUE, POINTER, boundary, header, kind};
use super::{Area, Open};
use crate::arch::{WORD, copy_padded};
use crate::ring::Word;
use crate::value::Key;

/// The fate of a formatted entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// It is written.
    Whole,
    /// It is written up to the longest text that was asked for.
    Limited,
    /// The area has no room for all of it; nothing is written, or as much as fits.
    Short,
}

impl<A: Area + ?Sized> Open<A> {
    /// Appends a tag whose value is formatted into the area. What does not fit is cut or
    /// refused, and marked.
    ///
    /// ```
    /// use picojaeger_core::adapter::record::Open;
    /// use picojaeger_core::ring::Word;
    /// use picojaeger_core::{Flags, SpanContext, SpanId, TraceId};
    ///
    /// let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
    /// let mut span = Open::<[Word; 8]>::new("read", context, SpanId::default(), 1_000);
    /// span.tag_fmt("peer".into(), format_args!("{}:{}", "10.0.0.1", 6831));
    /// assert_eq!(span.record().tags().next().unwrap().value, "10.0.0.1:6831".into());
    /// ```
    pub fn tag_fmt(&mut self, key: Key<'_>, value: fmt::Arguments<'_>) {
        A::erase(self).format_or_cut(0, key, value);
    }

    /// Appends a tag whose value is formatted into the area, and cut to `most` bytes; the
    /// image is as it was, and the answer `false`, if the area has no room for these.
    pub fn try_tag_fmt(&mut self, key: Key<'_>, value: fmt::Arguments<'_>, most: usize) -> bool {
        A::erase(self).try_format(0, key, value, most)
    }

    /// Appends a field, as [`Open::tag_fmt`] does a tag, to the log that was begun last.
    pub fn field_fmt(&mut self, key: Key<'_>, value: fmt::Arguments<'_>) {
        A::erase(self).format_or_cut(header::FIELD, key, value);
    }

    /// Appends a field, as [`Open::try_tag_fmt`] does a tag, to the log that was begun last.
    pub fn try_field_fmt(&mut self, key: Key<'_>, value: fmt::Arguments<'_>, most: usize) -> bool {
        A::erase(self).try_format(header::FIELD, key, value, most)
    }
}

impl Open {
    #[inline(never)]
    fn try_format(
        &mut self,
        flags: u32,
        key: Key<'_>,
        value: fmt::Arguments<'_>,
        most: usize,
    ) -> bool {
        self.format(flags, key, value, most, false) != Fit::Short
    }

    #[inline(never)]
    fn format_or_cut(&mut self, flags: u32, key: Key<'_>, value: fmt::Arguments<'_>) {
        let used = self.fixed.used;
        if self.format(flags, key, value, LONGEST_VALUE, true) == Fit::Short {
            if self.fixed.used == used {
                self.mark_dropped();
            } else {
                self.mark_cut();
            }
        }
    }

    /// Writes an entry; the image is changed only once its text is known to be kept,
    /// which is where it fits, or with `cut` where something of it does.
    fn format(
        &mut self,
        flags: u32,
        key: Key<'_>,
        value: fmt::Arguments<'_>,
        most: usize,
        cut: bool,
    ) -> Fit {
        let text = key.as_str().as_bytes();
        let name = text.get(..boundary(text, LONGEST_KEY)).unwrap_or(&[]);
        let (copied, key_words) = match key {
            Key::Static(_) => (0, POINTER),
            Key::Copied(_) => (header::COPIED, words(name.len())),
        };
        let used = self.fixed.used as usize;
        let Some((first, at, room)) = split_entry(&mut self.area, used, key_words) else {
            return Fit::Short;
        };
        let (length, fit) = write_text(room, value, most.min(LONGEST_VALUE));
        if fit == Fit::Short && (!cut || length == 0) {
            return Fit::Short;
        }
        match (key, at) {
            (Key::Static(_), at) => at.fill(pointer(name.as_ptr())),
            // SAFETY: split behind the words of this name.
            (Key::Copied(_), at) => unsafe { copy_padded(name, at) },
        }
        let key_length = (name.len() as u32) << header::KEY_SHIFT;
        *first = header_word(flags | kind::STRING | copied | key_length, length);
        self.fixed.used = (used + 1 + key_words + words(length)) as u16;
        if name.len() < text.len() || fit == Fit::Limited {
            self.mark_cut();
        }
        fit
    }
}

/// The header, the key and the room for the value of an entry at `used`.
fn split_entry(
    area: &mut [Word],
    used: usize,
    key_words: usize,
) -> Option<(&mut Word, &mut [Word], &mut [Word])> {
    let (first, rest) = area.get_mut(used..)?.split_first_mut()?;
    let (key, value) = rest.split_at_mut_checked(key_words)?;
    Some((first, key, value))
}

/// Writes the text to the front of the words, the last of them filled up with zeros; gives
/// the bytes that were written. An error of the text's own `Display` cuts it there.
fn write_text(words: &mut [Word], text: fmt::Arguments<'_>, most: usize) -> (usize, Fit) {
    let room = as_bytes(words);
    let (is_enough, most) = (room.len() >= most, most.min(room.len()));
    let mut out = Text {
        room: room.get_mut(..most).unwrap_or_default(),
        length: 0,
        is_full: false,
    };
    let result = out.write_fmt(text);
    let (length, is_full) = (out.length, out.is_full);
    let padding = as_bytes(words).get_mut(length..length.next_multiple_of(WORD));
    for byte in padding.unwrap_or_default() {
        byte.write(0);
    }
    let fit = match (result, is_full) {
        (_, true) if !is_enough => Fit::Short,
        (Ok(()), false) => Fit::Whole,
        _ => Fit::Limited,
    };
    (length, fit)
}

/// Takes text until its room is full.
struct Text<'a> {
    room: &'a mut [MaybeUninit<u8>],
    length: usize,
    is_full: bool,
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.room.get_mut(self.length..).unwrap_or_default();
        let kept = if self.is_full {
            0
        } else {
            boundary(text.as_bytes(), room.len())
        };
        for (to, from) in room.iter_mut().zip(text.as_bytes()).take(kept) {
            to.write(*from);
        }
        self.length += kept;
        self.is_full |= kept < text.len();
        if self.is_full {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}

/// The bytes of words.
fn as_bytes(words: &mut [Word]) -> &mut [MaybeUninit<u8>] {
    let length = size_of_val(words);
    // SAFETY: the same memory, of which any byte may be undefined under either type.
    unsafe { core::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), length) }
}

#[cfg(test)]
mod tests {
    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::*;
    use crate::context::{Flags, SpanContext};
    use crate::id::{SpanId, TraceId};
    use crate::time::Timestamp;
    use crate::value::Value;

    /// Room for a header, a pointer, and 16 bytes.
    const SMALL: usize = 2 + 16 / WORD;

    /// Fails behind some text of its own.
    struct Failing;

    impl fmt::Display for Failing {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("so far")?;
            Err(fmt::Error)
        }
    }

    /// Goes on writing behind an error.
    struct Deaf;

    impl fmt::Display for Deaf {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for text in ["0123456789abcde\u{e9}", "x"] {
                let _ = f.write_str(text);
            }
            Ok(())
        }
    }

    fn span<const N: usize>() -> Open<[Word; N]> {
        let context = SpanContext::new(TraceId::from_parts(1, 2), SpanId::new(3), Flags::SAMPLED);
        Open::new("op", context, SpanId::new(4), 5)
    }

    fn tags<A: Area + ?Sized>(span: &Open<A>) -> Vec<(String, String)> {
        let tags = span.record().tags().map(|tag| match tag.value {
            Value::Str(text) => (tag.key.to_string(), text.to_string()),
            other => panic!("{other:?}"),
        });
        tags.collect()
    }

    #[test]
    fn text_of_every_length_is_written_as_formatted() {
        // Four bytes each: odd lengths and even ones end within a word and at its end.
        for length in (0..40).step_by(if cfg!(miri) { 7 } else { 1 }) {
            let text = "\u{20ac}a".repeat(length);
            let mut span = span::<256>();
            span.tag_fmt("k".into(), format_args!("{text}"));
            span.tag_fmt(Key::copied("copied"), format_args!("{}{}", text, length));
            span.tag("last".into(), text.as_str().into());
            let expected = [
                ("k".to_string(), text.clone()),
                ("copied".to_string(), std::format!("{text}{length}")),
                ("last".to_string(), text),
            ];
            assert_eq!(tags(&span), expected);
            assert!(!span.record().is_cut());
        }
    }

    #[test]
    fn text_without_room_is_cut_at_a_character() {
        let mut span = span::<SMALL>();
        span.tag_fmt("k".into(), format_args!("0123456789{}", "abcde\u{e9}f"));
        assert_eq!(tags(&span), [("k".into(), "0123456789abcde".into())]);
        assert!(span.record().is_cut());
        assert_eq!(span.record().dropped(), 0);
        span.tag_fmt("none".into(), format_args!("x"));
        assert_eq!((tags(&span).len(), span.record().dropped()), (1, 1));
    }

    #[test]
    fn text_without_room_for_one_character_is_dropped() {
        // Room for a header and a pointer.
        let mut span = span::<2>();
        span.tag_fmt("k".into(), format_args!("x"));
        assert_eq!((tags(&span).len(), span.record().dropped()), (0, 1));
    }

    #[test]
    fn a_try_without_room_changes_nothing() {
        let mut span = span::<SMALL>();
        let before = std::format!("{:?}", span.fixed);
        assert!(!span.try_tag_fmt("k".into(), format_args!("{:17}", 1), 17));
        assert!(!span.try_tag_fmt(Key::copied(&"k".repeat(99)), format_args!(""), 17));
        assert_eq!(std::format!("{:?}", span.fixed), before);
        assert!(span.try_tag_fmt("k".into(), format_args!("{:17}", 1), 16));
        assert_eq!(tags(&span), [("k".into(), " ".repeat(16))]);
        assert!(span.record().is_cut(), "it is longer than was asked for");
    }

    #[test]
    fn a_key_that_is_too_long_is_cut() {
        let mut span = span::<128>();
        let long = "k".repeat(300);
        assert!(span.try_tag_fmt(Key::copied(&long), format_args!("v"), 9));
        assert_eq!(tags(&span), [(long[..255].into(), "v".into())]);
        assert!(span.record().is_cut());
    }

    #[test]
    fn a_display_that_fails_is_cut_there() {
        let mut span = span::<16>();
        assert!(span.try_tag_fmt("k".into(), format_args!("{Failing}, not this"), 99));
        assert_eq!(tags(&span), [("k".into(), "so far".into())]);
        assert!(span.record().is_cut());
    }

    #[test]
    fn nothing_follows_what_was_cut() {
        let mut span = span::<SMALL>();
        span.tag_fmt("k".into(), format_args!("{Deaf}"));
        assert_eq!(tags(&span), [("k".into(), "0123456789abcde".into())]);
        assert!(span.record().is_cut());
    }

    #[test]
    fn fields_belong_to_their_log() {
        let mut span = span::<32>();
        assert!(span.try_log(Timestamp::Ticks(6)));
        span.field_fmt("a".into(), format_args!("{}", 1));
        assert!(span.try_field_fmt("b".into(), format_args!("{}", 2), 9));
        let log = span.record().logs().next().unwrap();
        let fields: Vec<_> = log.fields().map(|field| (field.key, field.value)).collect();
        assert_eq!(fields, [("a", "1".into()), ("b", "2".into())]);
        assert_eq!(span.record().tags().count(), 0);
    }
}
