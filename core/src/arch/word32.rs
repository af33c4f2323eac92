//! 32-bit targets: what takes little flash and stack, and few registers.

use core::marker::PhantomData;
use core::sync::atomic::{Ordering, compiler_fence};

use super::{CONTINUED, LONGEST_VARINT, WORD, Word, halves, join};

/// 64 bits as they lie in an id: the halves, least significant first. They need no 8-byte
/// alignment, so that no padding surrounds them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub(crate) struct Bits([u32; 2]);

/// Text up to this length is copied in line. Longer text is rare on chips, and copying it
/// takes long anyway.
pub(crate) const SHORT_TEXT: usize = 16;

impl Bits {
    #[inline]
    pub(crate) const fn new(bits: u64) -> Self {
        Bits(halves(bits))
    }

    #[inline]
    pub(crate) const fn get(self) -> u64 {
        join(self.0)
    }

    #[inline]
    pub(crate) const fn is_zero(self) -> bool {
        self.0[0] | self.0[1] == 0
    }
}

/// A result that is not kept, but calculated again: that takes less stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Kept<T>(PhantomData<T>);

impl<T: Copy> Kept<T> {
    #[inline(always)]
    pub(crate) const fn new(_result: T) -> Self {
        Kept(PhantomData)
    }

    /// The result, calculated again.
    #[inline(always)]
    pub(crate) fn or_else(self, calculate: impl FnOnce() -> T) -> T {
        calculate()
    }
}

/// The state of a generator of ids: sfc32, a chaotic generator that needs additions, shifts
/// and no multiplication.
#[derive(Clone, Debug)]
pub(crate) struct GeneratorState {
    pub(super) a: u32,
    pub(super) b: u32,
    pub(super) c: u32,
    pub(super) counter: u32,
}

impl GeneratorState {
    pub(crate) const fn new([a, b, c]: [u32; 3]) -> Self {
        let mut state = GeneratorState {
            a,
            b,
            c,
            counter: 1,
        };
        // So that seeds which differ in one bit soon differ in half of them.
        let mut round = 0;
        while round < 12 {
            state.word();
            round += 1;
        }
        state
    }

    /// Draws 64 bits, never all zero.
    #[inline]
    pub(crate) const fn draw(&mut self) -> u64 {
        // One step makes both halves: its output, and the word that it leaves behind.
        let high = self.word();
        let low = self.c;
        join([low | (low | high == 0) as u32, high])
    }

    #[inline]
    const fn word(&mut self) -> u32 {
        let word = self.a.wrapping_add(self.b).wrapping_add(self.counter);
        self.counter = self.counter.wrapping_add(1);
        self.a = self.b ^ self.b >> 9;
        self.b = self.c.wrapping_add(self.c << 3);
        self.c = self.c.rotate_left(21).wrapping_add(word);
        word
    }
}

/// Stores 64 bits at the front of `words`, in two of them.
#[inline]
pub(crate) const fn store_bits(bits: u64, words: &mut [Word]) {
    if let [first, second, ..] = words {
        let [low, high] = halves(bits);
        *first = Word::new(low as usize);
        *second = Word::new(high as usize);
    }
}

/// Returns the bytes that [`store_bits`] leaves.
#[inline]
pub(crate) const fn stored_bits(bits: u64) -> [u8; 8] {
    let [low, high] = halves(bits);
    let ([a, b, c, d], [e, f, g, h]) = (low.to_ne_bytes(), high.to_ne_bytes());
    [a, b, c, d, e, f, g, h]
}

/// Loads 64 bits from the front of `words`, 0 where there are fewer.
///
/// # Safety
/// [`store_bits`] wrote them.
#[inline]
pub(crate) const unsafe fn load_bits(words: &[Word]) -> u64 {
    let [first, second, ..] = words else {
        return 0;
    };
    // SAFETY: both were written, by the caller's promise.
    let (low, high) = unsafe { (first.assume_init(), second.assume_init()) };
    join([low as u32, high as u32])
}

/// Keeps the compiler from interleaving what comes before and after: together they need more
/// registers than a chip has.
#[inline]
pub(crate) fn in_order() {
    compiler_fence(Ordering::SeqCst);
}

/// Copies words that were stored a moment ago, between slices of one length.
#[inline]
pub(crate) fn copy_fresh_words(from: &[Word], to: &mut [Word]) {
    if from.len() == to.len() {
        to.copy_from_slice(from);
    }
}

/// Copies words between slices of one length, by fours: for a record's length that is cheaper
/// than a call of `memcpy`.
#[inline]
pub(crate) fn copy_words(from: &[Word], to: &mut [Word]) {
    if from.len() != to.len() {
        return;
    }
    let (fours, rest) = from.as_chunks::<4>();
    let mut to = to.as_mut_ptr();
    for four in fours {
        // SAFETY: both slices have one length.
        unsafe {
            core::ptr::copy_nonoverlapping(four.as_ptr(), to, 4);
            to = to.add(4);
        }
        keep_loop();
    }
    for word in rest {
        // SAFETY: as above.
        unsafe {
            to.write(*word);
            to = to.add(1);
        }
        keep_loop();
    }
}

/// Copies bytes to the front of as many words as they take, the last of them filled up with
/// zeros. Without a call: text is short.
///
/// # Safety
/// `words` are exactly as many as the bytes take.
#[inline]
pub(crate) unsafe fn copy_padded(bytes: &[u8], words: &mut [Word]) {
    debug_assert!(words.len() == bytes.len().div_ceil(WORD));
    let (whole, rest) = bytes.as_chunks::<WORD>();
    let mut to = words.as_mut_ptr();
    for chunk in whole {
        // SAFETY: there is a word for each whole chunk, by the caller's promise.
        unsafe {
            to.write(Word::new(usize::from_ne_bytes(*chunk)));
            to = to.add(1);
        }
        keep_loop();
    }
    if !rest.is_empty() {
        let bytes = rest.iter().rev();
        let last = bytes.fold(0, |last, byte| last << 8 | *byte as usize);
        // SAFETY: as above, and one more for the rest.
        unsafe { to.write(Word::new(usize::from_le(last))) };
    }
}

/// Keeps the compiler from unrolling a loop that copies, or making a call of it:
/// both cost more than what is copied.
#[inline]
fn keep_loop() {
    core::hint::black_box(());
}

/// Copies between slices of one length by a call: `memcpy` takes more stack than all that leads to
/// it.
#[cold]
#[inline(never)]
pub(crate) fn copy_many_bytes(from: &[u8], to: &mut [u8]) {
    copy_each_byte(from, to);
}

/// Copies between slices of one length, byte by byte.
#[inline(always)]
pub(crate) fn copy_each_byte(from: &[u8], to: &mut [u8]) {
    for (byte, from) in to.iter_mut().zip(from) {
        *byte = *from;
        keep_loop();
    }
}

/// Returns zero as a value that the compiler does not know, so that it stores words: for a run of
/// zeros it would call `memclr`, 350 bytes that a small program has no other use for.
#[inline(always)]
pub(crate) fn stored_zero() -> u64 {
    core::hint::black_box(0_u32).into()
}

/// Puts a byte before others, the last of which is lost. `memmove` would be as large as all of
/// the encoder.
#[cold]
#[inline(never)]
pub(crate) fn insert_first(first: u8, bytes: &mut [u8]) {
    super::insert_each(first, bytes);
}

/// Returns whether a number is below 64 and not negative: cheaper than comparing 64 bits.
#[inline]
pub(crate) const fn is_small(number: i64) -> bool {
    let [low, high] = halves(number as u64);
    low >> 6 | high == 0
}

/// Writes a varint and returns its length; the bytes behind it may change too.
///
/// In words of 32 bits, and without a loop for ids, which take all bytes.
#[inline]
pub(crate) fn put_varint(room: &mut [u8; LONGEST_VARINT], number: u64) -> usize {
    let [first, second, third] = room.as_chunks_mut().0 else {
        return 0;
    };
    if number < 1 << 28 {
        return put_last(first, number as u32);
    }
    put_continued(first, number as u32);
    let rest = (number >> 28) as u32;
    if number < 1 << 56 {
        return 4 + put_last(second, rest);
    }
    put_continued(second, rest);
    8 + put_last(third, (number >> 56) as u32)
}

/// Writes 28 bits that more follow.
#[inline]
fn put_continued([a, b, c, d]: &mut [u8; 4], number: u32) {
    *a = number as u8 | CONTINUED;
    *b = (number >> 7) as u8 | CONTINUED;
    *c = (number >> 14) as u8 | CONTINUED;
    *d = (number >> 21) as u8 | CONTINUED;
}

/// Writes a number below 2^28 and returns its length.
#[inline]
fn put_last(room: &mut [u8; 4], number: u32) -> usize {
    let (mut rest, mut length) = (number, 0);
    for byte in room {
        *byte = rest as u8 | CONTINUED;
        length += 1;
        if rest < CONTINUED as u32 {
            *byte = rest as u8;
            break;
        }
        rest >>= 7;
    }
    length
}
