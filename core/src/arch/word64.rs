//! 64-bit targets: what takes the fewest instructions.

use super::{CONTINUED, IS_KERNEL, LONGEST_VARINT, WORD, Word, join};

/// 64 bits as they lie in an id: one word.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub(crate) struct Bits(u64);

/// Text up to this length is copied in line: its length is one byte.
pub(crate) const SHORT_TEXT: usize = 0x7f;

impl Bits {
    #[inline]
    pub(crate) const fn new(bits: u64) -> Self {
        Bits(bits)
    }

    #[inline]
    pub(crate) const fn get(self) -> u64 {
        self.0
    }

    #[inline]
    pub(crate) const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// A result that is kept to save its calculation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Kept<T>(T);

impl<T: Copy> Kept<T> {
    #[inline(always)]
    pub(crate) const fn new(result: T) -> Self {
        Kept(result)
    }

    /// The result, which is always kept here.
    #[inline(always)]
    pub(crate) fn or_else(self, _calculate: impl FnOnce() -> T) -> T {
        self.0
    }
}

/// The state of a generator of ids: a counter times itself under a key, whose product's halves
/// make the id. That is wyrand's step, with a key of each generator's own.
#[derive(Clone, Debug)]
pub(crate) struct GeneratorState {
    pub(super) counter: u64,
    pub(super) key: u64,
}

impl GeneratorState {
    /// The counter's step: odd, so that the counter takes all values.
    pub(super) const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    pub(crate) const fn new([a, b, c]: [u32; 3]) -> Self {
        let counter = scatter(join([a, b]));
        GeneratorState {
            counter,
            key: scatter(counter.wrapping_add(c as u64).wrapping_add(Self::STEP)),
        }
    }

    /// Draws 64 bits, never all zero.
    #[inline]
    pub(crate) const fn draw(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(Self::STEP);
        let product = self.counter as u128 * (self.counter ^ self.key) as u128;
        let id = (product >> 64) as u64 ^ product as u64;
        id + (id == 0) as u64
    }
}

/// The finalizer of splitmix64: a one-to-one map whose bits all depend on all.
const fn scatter(mut word: u64) -> u64 {
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

/// Stores 64 bits at the front of `words`, in one of them.
#[inline]
pub(crate) const fn store_bits(bits: u64, words: &mut [Word]) {
    if let [word, ..] = words {
        *word = Word::new(bits as usize);
    }
}

/// Returns the bytes that [`store_bits`] leaves.
#[inline]
pub(crate) const fn stored_bits(bits: u64) -> [u8; 8] {
    bits.to_ne_bytes()
}

/// Loads 64 bits from the front of `words`, 0 where there are fewer.
///
/// # Safety
/// [`store_bits`] wrote them.
#[inline]
pub(crate) const unsafe fn load_bits(words: &[Word]) -> u64 {
    match words {
        // SAFETY: it was written, by the caller's promise.
        [word, ..] => unsafe { word.assume_init() as u64 },
        [] => 0,
    }
}

/// Orders what comes before and after, where registers are few: here they are not.
#[inline]
pub(crate) fn in_order() {}

/// Copies words that were stored a moment ago, between slices of one length.
///
/// One by one: a load that is wider than those stores would wait until they have reached the
/// cache.
#[inline(always)]
pub(crate) fn copy_fresh_words(from: &[Word], to: &mut [Word]) {
    for (from, to) in from.iter().zip(to) {
        // SAFETY: a reference is valid for a write. Volatile, so that the compiler does not
        // widen the copy.
        unsafe { core::ptr::from_mut(to).write_volatile(*from) };
    }
}

/// Copies words between slices of one length; 32 and fewer without a call.
#[inline(always)]
pub(crate) fn copy_words(from: &[Word], to: &mut [Word]) {
    if from.is_empty() || from.len() != to.len() {
        return;
    }
    if IS_KERNEL {
        return to.copy_from_slice(from);
    }
    // The usual lengths come first.
    let copied = copy_ends::<4>(from, to)
        || copy_ends::<8>(from, to)
        || copy_ends::<16>(from, to)
        || copy_ends::<2>(from, to)
        || copy_ends::<1>(from, to);
    if !copied {
        to.copy_from_slice(from);
    }
}

/// Copies `N` to `2 * N` words as the first and the last `N`, without a call.
///
/// Copies nothing and returns `false` if there are fewer or more.
#[inline(always)]
fn copy_ends<const N: usize>(from: &[Word], to: &mut [Word]) -> bool {
    let (Some(head), Some(tail)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) else {
        return false;
    };
    if from.len() > 2 * N {
        return false;
    }
    let Some(to_head) = to.first_chunk_mut() else {
        return false;
    };
    *to_head = *head;
    let Some(to_tail) = to.last_chunk_mut() else {
        return false;
    };
    *to_tail = *tail;
    true
}

/// Copies bytes to the front of as many words as they take, the last of them filled up with
/// zeros.
///
/// # Safety
/// `words` are exactly as many as the bytes take.
#[inline(always)]
pub(crate) unsafe fn copy_padded(bytes: &[u8], words: &mut [Word]) {
    debug_assert!(words.len() == bytes.len().div_ceil(WORD));
    if let [word] = words
        && !IS_KERNEL
    {
        *word = Word::new(one_word(bytes));
    } else {
        copy_many_padded(bytes, words);
    }
}

/// Out of line, so that short text needs no frame.
#[inline(never)]
fn copy_many_padded(bytes: &[u8], words: &mut [Word]) {
    let Some(last) = words.last_mut() else {
        return;
    };
    *last = Word::new(0);
    let length = bytes.len().min(size_of_val(words));
    let to = words.as_mut_ptr().cast::<u8>();
    // SAFETY: source and target have that many bytes, and a word may be any.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, length) }
}

/// A word's bytes or fewer, but not none, filled up with zeros.
#[inline(always)]
fn one_word(bytes: &[u8]) -> usize {
    let word = if let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) {
        // Four to eight bytes, as two overlapping halves.
        let [head, tail] = [head, tail].map(|half| u32::from_le_bytes(*half) as u64);
        head | tail << ((8 * (bytes.len() - 4)) & 63)
    } else {
        // One to three bytes, of which some are the same.
        let (length, middle) = (bytes.len(), bytes.len() / 2);
        let at = |index: usize| {
            bytes
                .get(index)
                .map_or(0, |byte| (*byte as u64) << (8 * index))
        };
        at(0) | at(middle) | at(length.wrapping_sub(1))
    };
    usize::from_le(word as usize)
}

/// Copies between slices of one length by a call.
#[cold]
#[inline(never)]
pub(crate) fn copy_many_bytes(from: &[u8], to: &mut [u8]) {
    if from.len() == to.len() {
        to.copy_from_slice(from);
    }
}

/// Copies between slices of one length.
#[cfg(feature = "relay")]
#[inline(always)]
pub(crate) fn copy_each_byte(from: &[u8], to: &mut [u8]) {
    copy_many_bytes(from, to);
}

/// Puts a byte before others, the last of which is lost.
#[cold]
#[inline(never)]
pub(crate) fn insert_first(first: u8, bytes: &mut [u8]) {
    // A kernel has no other use for `memmove`, which is as large as a third of the encoder.
    if IS_KERNEL {
        return super::insert_each(first, bytes);
    }
    if let Some(stay) = bytes.len().checked_sub(1) {
        bytes.copy_within(..stay, 1);
        bytes.iter_mut().take(1).for_each(|byte| *byte = first);
    }
}

/// Returns zero.
#[inline(always)]
pub(crate) const fn stored_zero() -> u64 {
    0
}

/// Returns whether a number is below 64 and not negative.
#[inline]
pub(crate) const fn is_small(number: i64) -> bool {
    (number as u64) < 1 << 6
}

/// Writes a varint and returns its length; the bytes behind it may change too.
///
/// Seven bits to a byte, all bytes at once. The only branch is at 2^56: ids lie above,
/// all else below.
#[inline]
pub(crate) fn put_varint(room: &mut [u8; LONGEST_VARINT], number: u64) -> usize {
    const EACH_CONTINUED: u64 = u64::from_le_bytes([CONTINUED; 8]);

    let spread = spread(number & ((1 << 56) - 1));
    let [first, ..] = room.as_chunks_mut().0 else {
        return 0;
    };
    if number < 1 << 56 {
        // The number of the last byte, from its highest bit.
        let last = (number | 1).ilog2() / 7;
        let before = (1 << (8 * last)) - 1;
        *first = (spread | EACH_CONTINUED & before).to_le_bytes();
        return last as usize + 1;
    }
    *first = (spread | EACH_CONTINUED).to_le_bytes();
    let more = number >> 63;
    let [.., a, b, _, _] = room;
    (*a, *b) = (
        (number >> 56) as u8 & !CONTINUED | (more as u8) << 7,
        more as u8,
    );
    9 + more as usize
}

/// Spreads 56 bits over the lower seven of each byte.
#[inline]
const fn spread(number: u64) -> u64 {
    let halves = number & 0x0fff_ffff | (number & 0xff_ffff_f000_0000) << 4;
    let quarters = halves & 0x3fff_0000_3fff | (halves & 0xfff_c000_0fff_c000) << 2;
    quarters & 0x7f_007f_007f_007f | (quarters & 0x3f80_3f80_3f80_3f80) << 1
}
