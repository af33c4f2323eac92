//! The check of an image that outlived its program: nothing in it is believed.

use super::Fixed;
use super::entry_writer::pointer;
use super::fixed::FIXED_WORDS;
use super::layout::{header, key_words, kind, value_words};
use crate::ring::Word;

/// Returns the fixed part of the finished span that these words are, or `None` if they are none that
/// this program could have recorded: lengths that do not add up, text that is not UTF-8, or a name that does
/// not lie in `names`. Pointers to names are made anew from `names`.
///
/// # Safety
/// Each word is initialised.
pub(crate) unsafe fn check<'w>(
    words: &'w mut [Word],
    names: &'static [u8],
) -> Option<&'w mut Fixed> {
    let (fixed, area) = words.split_at_mut_checked(FIXED_WORDS)?;
    // SAFETY: a `Fixed` is so many words, aligned as they are, and every value of them is valid.
    let fixed = unsafe { &mut *fixed.as_mut_ptr().cast::<Fixed>() };
    let context = fixed.context();
    if !context.is_sampled() || !context.is_valid() || fixed.used as usize != area.len() {
        return None;
    }
    // SAFETY: passed on to the caller.
    let has_name = unsafe { check_area(area, names) }?;
    if fixed.operation.is_null() {
        return has_name.then_some(fixed);
    }
    let name = find(
        names,
        fixed.operation.addr(),
        fixed.operation_length as usize,
    )?;
    fixed.operation = name.as_ptr();
    Some(fixed)
}

/// Checks all entries; returns whether a name is among them.
///
/// # Safety
/// Each word is initialised.
unsafe fn check_area(area: &mut [Word], names: &'static [u8]) -> Option<bool> {
    let (mut rest, mut has_name) = (area, false);
    while let Some((first, behind)) = rest.split_first_mut() {
        // SAFETY: passed on to the caller.
        let head = u32::try_from(unsafe { first.assume_init() }).ok()?;
        let (key, behind) = behind.split_at_mut_checked(key_words(head))?;
        let (value, behind) = behind.split_at_mut_checked(value_words(head))?;
        // SAFETY: passed on to the caller.
        unsafe {
            check_key(head, key, names)?;
            check_value(head, value)?;
        }
        has_name |= head & header::KIND == kind::OPERATION;
        rest = behind;
    }
    Some(has_name)
}

/// # Safety
/// Each word is initialised.
unsafe fn check_key(head: u32, key: &mut [Word], names: &'static [u8]) -> Option<()> {
    let length = (head >> header::KEY_SHIFT & 0xff) as usize;
    if head & header::KIND > kind::UNSIGNED {
        let nameless = length == 0 && head & (header::COPIED | header::FIELD) == header::COPIED;
        return nameless.then_some(());
    }
    if head & header::COPIED != 0 {
        // SAFETY: passed on to the caller.
        return unsafe { text(key, length) };
    }
    let [place] = key else { return None };
    // SAFETY: passed on to the caller.
    let address = unsafe { place.assume_init() };
    let name = find(names, address, length)?;
    *place = pointer(name.as_ptr());
    Some(())
}

/// # Safety
/// Each word is initialised.
unsafe fn check_value(head: u32, value: &[Word]) -> Option<()> {
    let length = (head >> header::VALUE_SHIFT) as usize;
    let fits = match head & header::KIND {
        // SAFETY: passed on to the caller.
        kind::STRING | kind::OPERATION => return unsafe { text(value, length) },
        kind::DOUBLE | kind::LONG | kind::UNSIGNED | kind::LOG => length == 8,
        kind::BOOL => length == 0,
        kind::REFERENCE => length == 24,
        kind::BINARY => true,
        _ => false,
    };
    fits.then_some(())
}

/// Checks that the words begin with so many bytes of text.
///
/// # Safety
/// Each word is initialised.
unsafe fn text(words: &[Word], length: usize) -> Option<()> {
    // SAFETY: the bytes of initialised words.
    let bytes =
        unsafe { core::slice::from_raw_parts(words.as_ptr().cast::<u8>(), size_of_val(words)) };
    core::str::from_utf8(bytes.get(..length)?).ok().map(drop)
}

/// Returns the name of this address and length, if it lies among the program's own.
fn find(names: &'static [u8], address: usize, length: usize) -> Option<&'static str> {
    if length == 0 {
        return Some(""); // which lies nowhere
    }
    let start = address.checked_sub(names.as_ptr().addr())?;
    let bytes = names.get(start..start.checked_add(length)?)?;
    core::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::record::{Open, Timestamp};
    use crate::{Flags, Key, SpanContext, SpanId, TraceId, Value};

    static NAMES: &str = "sample|channel";

    type Span = Open<[Word; 64]>;

    /// A span with a static key, a copied one, text and a log.
    fn span() -> Span {
        let context = SpanContext::new(TraceId::new(1), SpanId::new(2), Flags::SAMPLED);
        let mut span = Span::new(&NAMES[..6], context, SpanId::default(), 7);
        span.tag(Key::from(&NAMES[7..]), Value::I64(1 << 40));
        span.tag(Key::copied("unit"), Value::Str("celsius"));
        assert!(span.try_log(Timestamp::Ticks(9)));
        span.finish(11);
        span
    }

    /// Returns the words of an image, as a ring has them.
    fn words(span: &mut Span) -> Vec<Word> {
        let (fixed, area) = span.parts();
        let fixed: *const Fixed = fixed;
        // SAFETY: it is so many words, aligned as they are.
        let fixed = unsafe { core::slice::from_raw_parts(fixed.cast::<Word>(), FIXED_WORDS) };
        [fixed, area].concat()
    }

    fn is_kept(mut words: Vec<Word>) -> bool {
        // SAFETY: the spans of these tests have no padding between their entries.
        unsafe { check(&mut words, NAMES.as_bytes()) }.is_some()
    }

    #[test]
    fn a_whole_image_is_kept_and_one_of_another_length_is_not() {
        let whole = words(&mut span());
        assert!(is_kept(whole.clone()));
        for length in 0..whole.len() {
            assert!(!is_kept(whole[..length].to_vec()), "{length} words");
        }
        assert!(!is_kept([&whole[..], &[Word::new(0)]].concat()));
    }

    #[test]
    fn only_sampled_spans_of_traces_are_kept() {
        let mut unsampled = span();
        unsampled.set_flags(Flags::NONE);
        assert!(!is_kept(words(&mut unsampled)));
        for (trace, id) in [(0, 2), (1, 0)] {
            let context = SpanContext::new(TraceId::new(trace), SpanId::new(id), Flags::SAMPLED);
            let mut span = Span::new(&NAMES[..6], context, SpanId::default(), 7);
            assert!(!is_kept(words(&mut span)), "trace {trace}, span {id}");
        }
    }

    #[test]
    fn names_lie_in_the_program_and_text_is_text() {
        static ELSEWHERE: &str = "elsewhere";
        let context = SpanContext::new(TraceId::new(1), SpanId::new(2), Flags::SAMPLED);
        let mut outside = Span::new(ELSEWHERE, context, SpanId::default(), 7);
        assert!(!is_kept(words(&mut outside)));
        let mut outside = span();
        outside.tag(Key::from(ELSEWHERE), Value::U64(1));
        assert!(!is_kept(words(&mut outside)));
        // One byte behind the last.
        let mut behind = span();
        behind.fixed_mut().operation = NAMES[9..].as_ptr();
        assert!(!is_kept(words(&mut behind)));
        let mut nameless = span();
        nameless.fixed_mut().operation = core::ptr::null();
        assert!(!is_kept(words(&mut nameless)));
        assert!(nameless.try_copy_operation("made up"));
        assert!(is_kept(words(&mut nameless)));
        let whole = words(&mut span());
        // The value behind the head and key of the second tag: three words of the first.
        let text =
            FIXED_WORDS + 2 + 8 / size_of::<Word>() + 1 + "unit".len().div_ceil(size_of::<Word>());
        let mut torn = whole.clone();
        torn[text] = Word::new(usize::MAX);
        assert!(is_kept(whole) && !is_kept(torn));
    }
}
