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
