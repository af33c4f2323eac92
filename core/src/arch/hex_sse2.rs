//! Hex digits on x86-64: sixteen in one register, a third of the instructions of two words.

use core::arch::x86_64::{
    __m128i, _mm_add_epi8, _mm_and_si128, _mm_cmpeq_epi8, _mm_cvtsi128_si64, _mm_min_epu8,
    _mm_movemask_epi8, _mm_or_si128, _mm_packus_epi16, _mm_set_epi64x, _mm_set1_epi8,
    _mm_set1_epi16, _mm_slli_epi16, _mm_srli_epi16, _mm_sub_epi8,
};

use super::Capitals;

/// Reads a number of 16 digits.
#[inline(always)]
pub(crate) fn hex_number(digits: &[u8; 16], capitals: Capitals) -> Option<u64> {
    // SAFETY: this file is compiled for targets with SSE2 only.
    unsafe { number(digits, capitals) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn number(digits: &[u8; 16], capitals: Capitals) -> Option<u64> {
    let text = u128::from_le_bytes(*digits);
    let text = _mm_set_epi64x((text >> 64) as i64, text as i64);
    let small = _mm_or_si128(text, _mm_set1_epi8(capitals as i8));
    let (is_number, is_letter) = (among(text, b'0', 9), among(small, b'a', 5));
    if _mm_movemask_epi8(_mm_or_si128(is_number, is_letter)) != 0xffff {
        return None;
    }
    let nine = _mm_and_si128(is_letter, _mm_set1_epi8(9));
    let values = _mm_add_epi8(_mm_and_si128(text, _mm_set1_epi8(15)), nine);
    // The first digit of a pair is in the lower byte, and above the second in the number.
    let pairs = _mm_or_si128(_mm_slli_epi16(values, 4), _mm_srli_epi16(values, 8));
    let pairs = _mm_and_si128(pairs, _mm_set1_epi16(0xff));
    let bytes = _mm_cvtsi128_si64(_mm_packus_epi16(pairs, pairs));
    Some(u64::from_be_bytes(bytes.to_le_bytes()))
}

/// Returns ones for the bytes from `first` to `first + more`.
#[inline]
#[target_feature(enable = "sse2")]
fn among(bytes: __m128i, first: u8, more: u8) -> __m128i {
    let distance = _mm_sub_epi8(bytes, _mm_set1_epi8(first as i8));
    _mm_cmpeq_epi8(_mm_min_epu8(distance, _mm_set1_epi8(more as i8)), distance)
}
