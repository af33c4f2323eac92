//! Numbers above `i64::MAX` as text, for formats without unsigned ones.

/// Returns how many digits such a number has: 19, or 20.
pub(super) const fn digits(number: u64) -> u8 {
    if number < 10_000_000_000_000_000_000 {
        19
    } else {
        20
    }
}

/// Writes the digits of a number, which fill `room`.
#[inline(always)]
pub(super) fn put_digits(room: &mut [u8], mut number: u64) {
    for digit in room.iter_mut().rev() {
        *digit = b'0' + divide_by_ten(&mut number) as u8;
    }
}

/// Divides a number and gives the remainder.
///
/// By 8 bits a step, from the highest on, and the quotient follows from below: a
/// chip divides 64 bits by a large library function only, and some any number.
fn divide_by_ten(number: &mut u64) -> u32 {
    let mut remainder = 0;
    for _ in 0..8 {
        let dividend = remainder << 8 | (*number >> 56) as u32;
        // Exact below 16,384.
        let quotient = (dividend * 6_554) >> 16;
        *number = *number << 8 | quotient as u64;
        remainder = dividend - quotient * 10;
    }
    remainder
}
