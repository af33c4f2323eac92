//! Hex digits on any target.

use super::Capitals;

/// One in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// Reads a number of 16 digits.
#[inline]
pub(crate) fn hex_number(digits: &[u8; 16], capitals: Capitals) -> Option<u64> {
    // Looks at each, so that a vector may hold them.
    let all = |all, byte: &u8| all & is_digit(*byte, capitals);
    let text = u128::from_be_bytes(*digits);
    let number = || u64::from(eight((text >> 64) as u64)) << 32 | u64::from(eight(text as u64));
    digits.iter().fold(true, all).then(number)
}

/// Returns whether the byte is a digit.
#[inline]
fn is_digit(byte: u8, capitals: Capitals) -> bool {
    byte.wrapping_sub(b'0') < 10 || (byte | capitals as u8).wrapping_sub(b'a') < 6
}

/// Returns the number that the eight digits in the bytes of a word write.
#[inline]
fn eight(text: u64) -> u32 {
    // Letters have the bit that is asked for, and one in their lower half for `a`.
    let values = (text & (15 * ONES)) + ((text >> 6) & ONES) * 9;
    let pairs = (values | values >> 4) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    (fours | fours >> 16) as u32
}
