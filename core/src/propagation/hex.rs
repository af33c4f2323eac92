//! Hex digits of ids, eight at a time.

use crate::id::{SpanId, TraceId};

/// One in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// Reads a trace id of 1 to 32 digits, of either case.
pub(super) fn trace_id(digits: &[u8]) -> Option<TraceId> {
    let (high, low) = digits.split_at_checked(digits.len().saturating_sub(16))?;
    let high = if high.is_empty() { 0 } else { number(high)? };
    Some(TraceId::from_parts(high, number(low)?))
}

/// Reads a span id of 1 to 16 digits, of either case.
pub(super) fn span_id(digits: &[u8]) -> Option<SpanId> {
    number(digits).map(SpanId::new)
}

/// Reads a number of 1 to 16 digits, of either case.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if let Ok(digits) = digits.try_into() {
        return sixteen(digits, false);
    }
    if digits.is_empty() {
        return None;
    }
    let mut padded = [b'0'; 16];
    let start = padded.len().checked_sub(digits.len())?;
    for (slot, digit) in padded.iter_mut().skip(start).zip(digits) {
        *slot = *digit;
    }
    sixteen(&padded, false)
}

/// Reads a number of 16 lower-case digits.
pub(super) fn lower(digits: &[u8; 16]) -> Option<u64> {
    sixteen(digits, true)
}

/// Reads a byte of two lower-case digits.
pub(super) fn lower_byte(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits;
    eight([b'0', b'0', b'0', b'0', b'0', b'0', high, low], true).map(|word| word as u8)
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

fn sixteen(digits: &[u8; 16], only_lower: bool) -> Option<u64> {
    let (high, low) = (digits.first_chunk()?, digits.last_chunk()?);
    let (high, low) = (eight(*high, only_lower)?, eight(*low, only_lower)?);
    Some((high as u64) << 32 | low as u64)
}

/// Reads eight digits in the bytes of one word. What is no digit shows in that its value is written
/// otherwise.
#[inline]
fn eight(digits: [u8; 8], only_lower: bool) -> Option<u32> {
    let text = u64::from_be_bytes(digits);
    let values = (text & (15 * ONES)) + ((text >> 6) & ONES) * 9;
    let lower = if only_lower {
        text
    } else {
        text | letters(values) << 5
    };
    if values & (0xf0 * ONES) != 0 || to_text(values) != lower {
        return None;
    }
    let pairs = (values | values >> 4) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    Some((fours | fours >> 16) as u32)
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
            }
        }
    }

    #[test]
    fn numbers_of_each_length_are_read() {
        let text = b"fedcba9876543210";
        for length in 1..=16 {
            let digits = &text[..length];
            let expected = u64::from_str_radix(std::str::from_utf8(digits).unwrap(), 16);
            assert_eq!(number(digits), expected.ok());
        }
        assert_eq!((number(b""), number(b"00000000000000001")), (None, None));
        assert_eq!(trace_id(b""), None);
        assert_eq!(trace_id(b"1F"), Some(TraceId::new(0x1f)));
        assert_eq!(
            trace_id(b"10000000000000002"),
            Some(TraceId::from_parts(1, 2))
        );
        assert_eq!(trace_id(b"000000000000000000000000000000001"), None);
        for byte in 0..=u8::MAX {
            let text = format!("{byte:02x}");
            assert_eq!(lower_byte(text.as_bytes().try_into().unwrap()), Some(byte));
        }
        assert_eq!((lower_byte(*b"0A"), lower_byte(*b" 1")), (None, None));
    }

    #[test]
    fn numbers_are_written_with_all_zeros() {
        for number in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            assert_eq!(digits(number), format!("{number:016x}").as_bytes());
        }
        assert_eq!([digit(9), digit(10), digit(31)], *b"9af");
    }
}
