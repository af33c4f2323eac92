//! Code that depends on the size of a machine word.
//!
//! `word32` and `word64` define the same names with the same signatures, and this module picks
//! one of them. On 64-bit targets instructions are what counts; on 32-bit ones it is flash,
//! stack and registers as well. Both files compile on any target, so that the tests run both.
//! `hex` and `hex_sse2` define the same function, too. `cortex_m` reads a register that no other target has.

#[cfg(all(target_arch = "arm", target_os = "none"))]
mod cortex_m;
#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
mod hex;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod hex_sse2;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(any(test, not(target_pointer_width = "64")))]
#[cfg_attr(test, allow(dead_code, reason = "the tests compile the other one too"))]
mod word32;
#[cfg(any(test, target_pointer_width = "64"))]
#[cfg_attr(test, allow(dead_code, reason = "the tests compile the other one too"))]
mod word64;

use core::mem::MaybeUninit;

#[cfg(all(target_arch = "arm", target_os = "none"))]
pub(crate) use cortex_m::exception_number;
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
pub(crate) use hex::hex_number;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
pub(crate) use hex_sse2::hex_number;
#[cfg(not(target_pointer_width = "64"))]
pub(crate) use word32::*;
#[cfg(target_pointer_width = "64")]
pub(crate) use word64::*;

/// A machine word that may be undefined or part of a pointer: what frames are
/// copied in.
///
/// ```
/// use picojaeger_core::ring::Word;
///
/// assert_eq!(size_of::<Word>(), size_of::<usize>());
/// ```
pub type Word = MaybeUninit<usize>;

/// Whether capital letters are digits, as the bit that tells small letters from them.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Capitals {
    Refused = 0,
    Taken = 0x20,
}

/// Bytes of a word.
pub(crate) const WORD: usize = size_of::<usize>();

/// Bytes of the longest varint, in groups of four.
pub(crate) const LONGEST_VARINT: usize = 12;

/// The bit by which a byte of a varint is not its last.
pub(crate) const CONTINUED: u8 = 0x80;

/// Whether this is a 64-bit target without an operating system: as on a chip, bytes of code count
/// there, and not only instructions as on a server.
pub(crate) const IS_KERNEL: bool = cfg!(all(target_pointer_width = "64", target_os = "none"));

/// Defines a function that is in line on servers, 64-bit targets with an operating system, and called
/// elsewhere.
///
/// For steps of the encoder: called they would cost a server a tenth of the instructions of
/// encoding, in line a chip's flash and stack, and a kernel's image.
macro_rules! inline_on_servers {
    ($($function:tt)*) => {
        #[cfg_attr(all(target_pointer_width = "64", not(target_os = "none")), inline(always))]
        #[cfg_attr(not(all(target_pointer_width = "64", not(target_os = "none"))), inline(never))]
        $($function)*
    };
}
pub(crate) use inline_on_servers;

/// Puts a byte before others, the last of which is lost, byte by byte.
#[inline]
fn insert_each(first: u8, bytes: &mut [u8]) {
    let mut carried = first;
    for byte in bytes {
        carried = core::mem::replace(byte, carried);
    }
}

/// Returns the two 32-bit halves of `bits`, least significant first.
#[inline(always)]
pub(crate) const fn halves(bits: u64) -> [u32; 2] {
    [bits as u32, (bits >> 32) as u32]
}

/// The inverse of [`halves`].
#[inline(always)]
pub(crate) const fn join(halves: [u32; 2]) -> u64 {
    halves[0] as u64 | (halves[1] as u64) << 32
}

/// Copies between slices of one length, up to 16 bytes without a call but in a kernel.
#[inline(always)]
pub(crate) fn copy_bytes(from: &[u8], to: &mut [u8]) {
    if from.len() > 16 || IS_KERNEL {
        copy_many_bytes(from, to);
    } else {
        let _ = copy_ends::<8>(from, to)
            || copy_ends::<4>(from, to)
            || copy_ends::<2>(from, to)
            || copy_ends::<1>(from, to);
    }
}

/// Copies `N` to `2 * N` bytes as the first and the last `N`, without a call.
///
/// Copies nothing and returns `false` if there are fewer or more, or if the lengths differ.
#[inline(always)]
fn copy_ends<const N: usize>(from: &[u8], to: &mut [u8]) -> bool {
    if from.len() < N || from.len() > 2 * N || from.len() != to.len() {
        return false;
    }
    to.split_at_mut(N).0.copy_from_slice(from.split_at(N).0);
    let tail = to.split_at_mut(to.len() - N).1;
    tail.copy_from_slice(from.split_at(from.len() - N).1);
    true
}
