//! Percent-encoding of header values (RFC 3986, section 2).

/// Yields the decoded bytes of a value.
///
/// `+` is a space, and a `%` without two hex digits after it stands for itself.
pub(super) struct Decode<'a> {
    rest: &'a [u8],
    encoded: bool,
}

impl<'a> Decode<'a> {
    /// Yields the bytes of `value` unchanged, or decoded if it is `encoded`.
    pub(super) fn new(value: &'a [u8], encoded: bool) -> Self {
        Decode {
            rest: value,
            encoded,
        }
    }
}

impl Iterator for Decode<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (&first, mut rest) = self.rest.split_first()?;
        let mut byte = first;
        if self.encoded && first == b'+' {
            byte = b' ';
        } else if self.encoded
            && first == b'%'
            && let [high, low, behind @ ..] = rest
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            (byte, rest) = ((high << 4 | low) as u8, behind);
        }
        self.rest = rest;
        Some(byte)
    }
}

/// Yields the encoded form of `value`: all but letters, digits and `-._~` as `%XX`.
pub(super) fn encode(value: &str) -> impl Iterator<Item = u8> {
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

/// Returns the value of a hex digit of either case.
pub(super) fn hex_digit(byte: u8) -> Option<u32> {
    (byte as char).to_digit(16)
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
        assert!(
            Decode::new(value.as_bytes(), true).eq(expected.bytes()),
            "{value}"
        );
        assert!(Decode::new(value.as_bytes(), false).eq(value.bytes()));
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
    fn encodes_all_but_the_unreserved() {
        assert!(encode("a b/\u{e9}+~-._%").eq(*b"a%20b%2F%C3%A9%2B~-._%25"));
        assert!(encode("").eq([]));
        for value in ["", "a", "a b/\u{e9}+~-._%"] {
            assert_eq!(encoded_len(value), encode(value).count(), "{value}");
        }
    }
}
