//! Messages whose length is written last.

use super::Protobuf;
use crate::arch::CONTINUED;
use crate::wire::out::Out;

/// Bytes before the content of such a message: its field, and its length in four bytes.
pub(super) const HEADER: usize = 5;
/// The longest message, of which all lengths take four bytes.
pub(super) const LONGEST_MESSAGE: usize = 1 << 28;

/// Ends a message whose content is behind [`HEADER`] bytes and left so many bytes.
#[inline(always)]
pub(super) fn end_message(out: Out<'_, Protobuf>, field: u8, left: usize) -> Out<'_, Protobuf> {
    let written = out.left() - left;
    let (message, rest) = out.take(written);
    put_length(message, field);
    rest
}

/// Writes the field and the length of a whole message before its content.
#[inline(always)]
pub(super) fn put_length(message: &mut [u8], field: u8) {
    let length = message.len().wrapping_sub(HEADER);
    if let Some([to, room @ ..]) = message.first_chunk_mut::<HEADER>() {
        *to = field;
        *room = padded_varint(length as u32);
    }
}

/// A number below 2^28 as a varint of four bytes.
#[inline(always)]
const fn padded_varint(number: u32) -> [u8; 4] {
    let halves = number & 0x3fff | (number & 0xfff_c000) << 2;
    let spread = halves & 0x7f_007f | (halves & 0x3f80_3f80) << 1;
    (spread | u32::from_le_bytes([CONTINUED, CONTINUED, CONTINUED, 0])).to_le_bytes()
}

/// Bytes of a number as a varint.
#[inline(always)]
pub(super) const fn varint_length(number: u64) -> usize {
    // Bits by seven, rounded up: exact for up to 64.
    let bits = 64 - (number | 1).leading_zeros() as usize;
    (bits * 9 + 64) / 64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::tests::plain_varint;

    #[test]
    fn lengths_of_varints() {
        for bit in 0..64 {
            for number in [1 << bit, (1 << bit) - 1, u64::MAX >> bit] {
                assert_eq!(
                    varint_length(number),
                    plain_varint(number).len(),
                    "{number}"
                );
            }
        }
    }

    #[test]
    fn the_longest_length() {
        assert_eq!(padded_varint((1 << 28) - 1), [0xff, 0xff, 0xff, 0x7f]);
        assert_eq!(padded_varint(1 << 27), [0x80, 0x80, 0x80, 0x40]);
    }

    #[test]
    fn the_length_of_a_message_takes_four_bytes() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 2_097_152] {
            let mut message = std::vec![0xee; HEADER + length];
            put_length(&mut message, 0x12);
            assert_eq!(message[0], 0x12);
            let bytes = message[1..HEADER].iter().enumerate();
            let read = bytes.fold(0, |sum, (at, byte)| {
                sum | usize::from(byte & 0x7f) << (7 * at)
            });
            assert_eq!(read, length);
            let more = [1, 2, 3, 4].map(|at| message[at] >> 7);
            assert_eq!(more, [1, 1, 1, 0]);
        }
    }
}
