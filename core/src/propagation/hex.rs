//! Hex digits of ids, sixteen or eight at a time.

use crate::arch::{Capitals, hex_number};
use crate::id::{SpanId, TraceId};

/// One in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// Reads a trace id of 1 to 32 digits, of either case.
#[inline]
pub(super) fn trace_id(text: &[u8]) -> Option<TraceId> {
    whole(split_trace_id(text)?)
}

/// Reads a span id of 1 to 16 digits, of either case.
#[inline]
pub(super) fn span_id(text: &[u8]) -> Option<SpanId> {
    whole(split_span_id(text)?)
}

/// Splits a trace id of 1 to 32 digits off the front of a text. More digits are left there.
#[inline]
pub(super) fn split_trace_id(text: &[u8]) -> Option<(TraceId, &[u8])> {
    let (first, rest) = split_number(text)?;
    if let Some((second, behind)) = split_sixteen(rest) {
        return Some((TraceId::from_parts(first, second), behind));
    }
    let Some((second, behind)) = split_short_number(rest) else {
        return Some((TraceId::from_parts(0, first), rest));
    };
    // The last 16 digits are the lower half.
    let bits = 4 * (rest.len() - behind.len()) as u32;
    let low = first.checked_shl(bits).unwrap_or_default() | second;
    let high = first.checked_shr(64 - bits).unwrap_or_default();
    Some((TraceId::from_parts(high, low), behind))
}

/// Splits a span id of 1 to 16 digits off the front of a text. More digits are left there.
#[inline]
pub(super) fn split_span_id(text: &[u8]) -> Option<(SpanId, &[u8])> {
    let (number, rest) = split_number(text)?;
    Some((SpanId::new(number), rest))
}

/// Splits a number of 1 to 16 digits, of either case, off the front of a text.
#[inline]
fn split_number(text: &[u8]) -> Option<(u64, &[u8])> {
    split_sixteen(text).or_else(|| split_short_number(text))
}

/// Splits a number of 16 digits off the front of a text.
#[inline]
fn split_sixteen(text: &[u8]) -> Option<(u64, &[u8])> {
    let (digits, rest) = text.split_first_chunk()?;
    Some((hex_number(digits, Capitals::Taken)?, rest))
}

/// Splits a number of 1 to 15 digits off the front of a text.
#[inline]
fn split_short_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut number, mut rest) = (0, text);
    while let [digit, behind @ ..] = rest
        && let Some(value) = value(*digit)
    {
        (number, rest) = (number << 4 | u64::from(value), behind);
    }
    (rest.len() < text.len()).then_some((number, rest))
}

/// Returns what was split off a text, if that is all.
#[inline]
fn whole<T>((found, rest): (T, &[u8])) -> Option<T> {
    rest.is_empty().then_some(found)
}

/// Reads a number of 16 lower-case digits.
#[inline]
pub(super) fn lower(digits: &[u8; 16]) -> Option<u64> {
    hex_number(digits, Capitals::Refused)
}

/// Reads a byte of 1 or 2 digits, of either case.
#[inline]
pub(super) fn byte(text: &[u8]) -> Option<u8> {
    match *text {
        [low] => value(low),
        [high, low] => Some(value(high)? << 4 | value(low)?),
        _ => None,
    }
}

/// Reads a byte of two lower-case digits.
#[inline]
pub(super) fn lower_byte([high, low]: [u8; 2]) -> Option<u8> {
    Some(lower_value(high)? << 4 | lower_value(low)?)
}

/// Returns the value of a digit of either case.
#[inline]
pub(super) fn value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => lower_value(digit),
    }
}

/// Returns the value of a digit that is no capital letter.
#[inline]
fn lower_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Returns the 16 lower-case digits of a number.
#[inline]
pub(super) fn digits(number: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    let (high, low) = digits.split_at_mut(8);
    high.copy_from_slice(&eight_digits((number >> 32) as u32));
    low.copy_from_slice(&eight_digits(number as u32));
    digits
}

/// Returns the lower-case digit of the low four bits.
pub(super) fn digit(bits: u8) -> u8 {
    let bits = bits & 15;
    bits + if bits < 10 { b'0' } else { b'a' - 10 }
}

#[inline]
fn eight_digits(number: u32) -> [u8; 8] {
    let fours = (number as u64 | (number as u64) << 16) & 0x0000_ffff_0000_ffff;
    let pairs = (fours | fours << 8) & 0x00ff_00ff_00ff_00ff;
    let values = (pairs | pairs << 4) & (15 * ONES);
    to_text(values).to_be_bytes()
}

/// Returns one for each byte above nine; bytes are below 16.
#[inline]
fn letters(values: u64) -> u64 {
    ((values + 6 * ONES) >> 4) & ONES
}

/// Returns the lower-case digits of bytes below 16.
#[inline]
fn to_text(values: u64) -> u64 {
    values + 0x30 * ONES + letters(values) * 0x27
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    fn number(text: &[u8]) -> Option<u64> {
        span_id(text).map(SpanId::get)
    }

    #[test]
    fn every_byte_in_every_place_is_a_digit_or_none() {
        for place in 0..16 {
            for byte in 0..=u8::MAX {
                let mut text = *b"0123456789abcdef";
                text[place] = byte;
                let expected = std::str::from_utf8(&text)
                    .ok()
                    .filter(|text| !text.contains('+'))
                    .and_then(|text| u64::from_str_radix(text, 16).ok());
                assert_eq!(number(&text), expected, "{byte} at {place}");
                let is_lower = !byte.is_ascii_uppercase();
                assert_eq!(lower(&text), expected.filter(|_| is_lower));
                // One digit less is read digit by digit.
                let short = text[..15].iter().all(u8::is_ascii_hexdigit);
                let expected = expected.or(number(&[&text[..15], b"f"].concat()));
                let expected = expected.filter(|_| short).map(|number| number >> 4);
                assert_eq!(number(&text[..15]), expected, "{byte} at {place}");
            }
        }
    }

    #[test]
    fn numbers_of_each_length_are_read() {
        let text = b"fedcba98765432100123456789abcdef";
        for length in 1..=32 {
            let digits = std::str::from_utf8(&text[..length]).unwrap();
            let expected = u128::from_str_radix(digits, 16).unwrap();
            assert_eq!(trace_id(&text[..length]), Some(TraceId::new(expected)));
            let span = (length <= 16).then_some(expected as u64);
            assert_eq!(number(&text[..length]), span);
        }
        assert_eq!((number(b""), number(b"00000000000000001")), (None, None));
        assert_eq!((byte(b""), byte(b"001")), (None, None));
        assert_eq!(trace_id(b""), None);
        assert_eq!(trace_id(b"1F"), Some(TraceId::new(0x1f)));
        assert_eq!(trace_id(b"000000000000000000000000000000001"), None);
        for byte in 0..=u8::MAX {
            let text = format!("{byte:02x}");
            assert_eq!(lower_byte(text.as_bytes().try_into().unwrap()), Some(byte));
            let digit = (byte as char).to_digit(16).map(|value| value as u8);
            assert_eq!(value(byte), digit);
            let low = digit.filter(|_| !byte.is_ascii_uppercase());
            assert_eq!(lower_byte([b'0', byte]), low);
            assert_eq!(super::byte(&[byte]), digit);
            assert_eq!(super::byte(&[b'f', byte]), digit.map(|value| 0xf0 | value));
            assert_eq!(
                super::byte(&[byte, b'1']),
                digit.map(|value| value << 4 | 1)
            );
            assert_eq!(lower_byte([byte, b'0']), low.map(|value| value << 4));
        }
    }

    #[test]
    fn ids_are_split_off_what_follows() {
        let id = |high, low, rest| Some((TraceId::from_parts(high, low), rest));
        for (text, expected) in [
            (&b"1:2"[..], id(0, 1, &b":2"[..])),
            (b"000000000000001f:", id(0, 0x1f, b":")),
            (b"0000000000000001f-", id(0, 0x1f, b"-")),
            (b"00000000000000010000000000000002", id(1, 2, b"")),
            (b"000000000000000100000000000000023", id(1, 2, b"3")),
            (b":", None),
        ] {
            assert_eq!(split_trace_id(text), expected);
        }
        let number = 0x0123_4567_89ab_cdef;
        assert_eq!(
            split_number(b"0123456789abcdef0"),
            Some((number, &b"0"[..]))
        );
    }

    #[test]
    fn numbers_are_written_with_all_zeros() {
        for number in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            assert_eq!(digits(number), format!("{number:016x}").as_bytes());
        }
        assert_eq!([digit(9), digit(10), digit(31)], *b"9af");
    }
}
