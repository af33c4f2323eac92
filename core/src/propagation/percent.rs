//! Percent-encoding of header values (RFC 3986, section 2).

use crate::propagation::hex;

/// The encoding of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Encoding {
    /// None: each byte stands for itself.
    Plain,
    /// As in a form: `+` is a space, too. Jaeger's clients write this.
    Form,
    /// As in a URL: `+` stands for itself.
    Percent,
}

/// Yields the decoded bytes of a value; a `%` without two hex digits after it stands for itself.
pub(super) struct Decode<'a> {
    rest: &'a [u8],
    encoding: Encoding,
}

impl<'a> Decode<'a> {
    /// Yields the bytes that `value` encodes.
    pub(super) fn new(value: &'a [u8], encoding: Encoding) -> Self {
        Decode {
            rest: value,
            encoding,
        }
    }
}

impl Iterator for Decode<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (&first, mut rest) = self.rest.split_first()?;
        let mut byte = first;
        if self.encoding == Encoding::Form && first == b'+' {
            byte = b' ';
        } else if self.encoding != Encoding::Plain
            && first == b'%'
            && let [high, low, behind @ ..] = rest
            && let (Some(high), Some(low)) = (hex::value(*high), hex::value(*low))
        {
            (byte, rest) = (high << 4 | low, behind);
        }
        self.rest = rest;
        Some(byte)
    }
}

/// Yields the bytes of a percent-encoded text, where `+` stands for itself; a `%` without two hex
/// digits after it does, too.
///
/// ```
/// use picojaeger_core::adapter::percent_decode;
///
/// assert!(percent_decode(b"a%20b+%zz").eq(*b"a b+%zz"));
/// ```
pub fn percent_decode(text: &[u8]) -> impl Iterator<Item = u8> {
    Decode::new(text, Encoding::Percent)
}

/// Yields the percent-encoded form of a text: all but letters, digits and `-._~` as `%XX`.
///
/// ```
/// use picojaeger_core::adapter::percent_encode;
///
/// assert!(percent_encode("a b").eq(*b"a%20b"));
/// ```
pub fn percent_encode(value: &str) -> impl Iterator<Item = u8> {
    value.bytes().flat_map(|byte| {
        let plain = is_plain(byte);
        let text = [b'%', upper_digit(byte >> 4), upper_digit(byte & 15)];
        let text = if plain { [byte, 0, 0] } else { text };
        text.into_iter().take(if plain { 1 } else { 3 })
    })
}

/// Returns the number of bytes of the percent-encoded form of a baggage value, as an HTTP header
/// has it.
///
/// ```
/// use picojaeger_core::adapter::encoded_len;
///
/// assert_eq!(encoded_len("a b"), "a%20b".len());
/// ```
pub fn encoded_len(value: &str) -> usize {
    let lens = value.bytes().map(|byte| if is_plain(byte) { 1 } else { 3 });
    lens.fold(0, usize::saturating_add)
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Returns the upper-case hex digit of a value below 16.
fn upper_digit(value: u8) -> u8 {
    if value < 10 {
        b'0' + value
    } else {
        b'A' - 10 + value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decodes_to(value: &str, expected: &str) {
        let decode = |encoding| Decode::new(value.as_bytes(), encoding);
        assert!(decode(Encoding::Form).eq(expected.bytes()), "{value}");
        assert!(decode(Encoding::Plain).eq(value.bytes()));
        if !value.contains('+') {
            assert!(decode(Encoding::Percent).eq(expected.bytes()), "{value}");
        }
    }

    #[test]
    fn decodes_the_forms_of_all_clients() {
        for value in [
            "a%20b/%C3%A9%2B~",   // Python
            "a%20b%2F%C3%A9%2B~", // Node
            "a+b%2F%C3%A9%2B%7E", // Java
            "a+b%2F%C3%A9%2B~",   // Go
            "a%20b%2f%c3%a9%2b~", // lower case
        ] {
            decodes_to(value, "a b/\u{e9}+~");
        }
    }

    #[test]
    fn keeps_text_that_is_no_escape() {
        for value in ["%", "%2", "%zz", "100%", "%%", "%2g", "%g2"] {
            decodes_to(value, value);
        }
        decodes_to("%%41", "%A");
        decodes_to("%2541", "%41");
    }

    #[test]
    fn plus_is_a_space_in_forms_only() {
        assert!(Decode::new(b"a+b%20c", Encoding::Percent).eq(*b"a+b c"));
        decodes_to("a+b%20c", "a b c");
    }

    #[test]
    fn encodes_all_but_the_unreserved() {
        assert!(percent_encode("a b/\u{e9}+~-._%").eq(*b"a%20b%2F%C3%A9%2B~-._%25"));
        assert!(percent_encode("").eq([]));
        for value in ["", "a", "a b/\u{e9}+~-._%"] {
            assert_eq!(encoded_len(value), percent_encode(value).count(), "{value}");
        }
    }
}
