//! The words of a ring, and the storage they lie in.

use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

pub use crate::arch::Word;
#[cfg(not(loom))]
use crate::arch::{copy_fresh_words, copy_words};

#[cfg(not(loom))]
use super::positions::{HEADER, WORD};
#[cfg(not(loom))]
use super::sync::{AtomicU32, Ordering};

/// One byte of a ring's memory.
pub type ByteCell = UnsafeCell<MaybeUninit<u8>>;

/// In-place storage of `N` bytes, a power of two from 128 to 2³⁰.
///
/// ```
/// use picojaeger_core::Interrupts;
/// use picojaeger_core::ring::{Bytes, FrameRing};
///
/// static RING: FrameRing<Interrupts, (), Bytes<256>> = FrameRing::new(());
/// assert_eq!(RING.consumer().unwrap().capacity(), 256);
/// ```
pub type Bytes<const N: usize> = [ByteCell; N];

/// Gives [`Bytes`] the alignment of the frame header.
#[repr(C, align(8))]
pub(super) struct Aligned<B: ?Sized>(pub(super) B);

/// Where a ring's frames lie: [`Bytes`], or [`SliceStorage`] words.
///
/// # Safety
///
/// `memory` must give the same bytes each time: writable through a shared
/// reference, 8-byte aligned where the value itself is, used by nothing else,
/// and a power of two from 128 to 2³⁰ of them.
pub unsafe trait Storage {
    /// Fails to compile for a size that a ring cannot have; every constructor of a
    /// ring asks for it.
    #[doc(hidden)]
    const VALID: ();

    /// The bytes.
    #[doc(hidden)]
    fn memory(&self) -> Memory<'_>;
}

/// Storage that is lent as a slice of words.
///
/// ```
/// use picojaeger_core::ring::{SliceStorage, Word};
///
/// let mut words = [Word::uninit(); 64];
/// assert!(SliceStorage::new(&mut words).is_some());
/// assert!(SliceStorage::new(&mut words[..63]).is_none()); // not a power of two
/// ```
#[derive(Debug)]
#[cfg_attr(loom, allow(dead_code))] // models run on `loom_model::Places`
pub struct SliceStorage<'a> {
    base: *mut Word,
    bytes: u32,
    _lent: PhantomData<&'a mut [Word]>,
}

// SAFETY: the slice is lent mutably, so nobody else uses it, and words may be sent.
unsafe impl Send for SliceStorage<'_> {}
// SAFETY: a shared `SliceStorage` gives no access to the words; the ring it lies in does,
// under the ring's own rules.
unsafe impl Sync for SliceStorage<'_> {}

/// A view of a ring's bytes, addressed by free-running positions.
#[cfg(not(loom))]
#[derive(Clone, Copy, Debug)]
pub struct Memory<'r> {
    base: *mut u8,
    size: u32,
    _ring: PhantomData<&'r ByteCell>,
}

#[cfg(not(loom))]
// SAFETY: it gives access by `unsafe` methods and to atomics only.
unsafe impl Send for Memory<'_> {}
#[cfg(not(loom))]
// SAFETY: as above.
unsafe impl Sync for Memory<'_> {}

#[cfg(loom)]
pub(super) use crate::loom_model::LoomMemory as Memory;

/// A committed frame, read in place.
///
/// ```
/// use picojaeger_core::ring::{Bytes, FrameRing, Spsc, Word};
///
/// let mut ring = FrameRing::<Spsc, (), Bytes<128>>::spsc();
/// let (mut producer, mut consumer) = ring.split();
/// producer.push(7, &[Word::new(1), Word::new(2)]).unwrap();
/// let frame = consumer.peek().unwrap();
/// assert_eq!((frame.sequence, frame.words.len()), (7, 2));
/// ```
#[derive(Debug)]
pub struct Frame<'r> {
    /// The frame's number.
    pub sequence: u32,
    /// The body.
    #[cfg(not(loom))]
    pub words: &'r [Word],
    /// The body, copied out through the model's cells.
    #[cfg(loom)]
    pub words: crate::loom_model::FrameCopy<'r>,
}

/// Fails to compile for a size that a ring cannot have.
#[cfg(not(loom))]
const fn assert_size(bytes: usize) {
    assert!(
        valid_size(bytes),
        "a ring has a power of two of bytes, from 128 to 1 GiB"
    );
}

/// Undefined bytes.
#[cfg(not(loom))]
pub(super) const fn bytes<const N: usize>() -> Bytes<N> {
    [const { UnsafeCell::new(MaybeUninit::uninit()) }; N]
}

const fn valid_size(bytes: usize) -> bool {
    bytes.is_power_of_two() && bytes >= 128 && bytes <= 1 << 30
}

#[cfg(not(loom))]
// SAFETY: a ring of a slice was made as a ring of `Bytes`, whose size was checked;
// `Aligned` gives the alignment, and the cells belong to the ring alone.
unsafe impl Storage for [ByteCell] {
    const VALID: () = ();

    #[inline(always)]
    fn memory(&self) -> Memory<'_> {
        Memory {
            base: self.as_ptr().cast_mut().cast(),
            size: self.len() as u32,
            _ring: PhantomData,
        }
    }
}

#[cfg(not(loom))]
// SAFETY: `VALID` checks the size; the rest as for the slice.
unsafe impl<const N: usize> Storage for Bytes<N> {
    const VALID: () = assert_size(N);

    #[inline(always)]
    fn memory(&self) -> Memory<'_> {
        self.as_slice().memory()
    }
}

#[cfg(not(loom))]
// SAFETY: `SliceStorage::new` checks size and alignment, and holds the only borrow.
unsafe impl Storage for SliceStorage<'_> {
    const VALID: () = ();

    #[inline(always)]
    fn memory(&self) -> Memory<'_> {
        Memory {
            base: self.base.cast(),
            size: self.bytes,
            _ring: PhantomData,
        }
    }
}

impl<'a> SliceStorage<'a> {
    /// The words as storage; `None` unless they are a power of two of bytes,
    /// from 128 to 2³⁰, and aligned to 8 bytes.
    pub fn new(words: &'a mut [Word]) -> Option<Self> {
        let bytes = size_of_val(words);
        let base = words.as_mut_ptr();
        (valid_size(bytes) && base.addr().is_multiple_of(8)).then_some(SliceStorage {
            base,
            bytes: bytes as u32,
            _lent: PhantomData,
        })
    }
}

#[cfg(not(loom))]
impl<'r> Memory<'r> {
    /// Bytes of the ring, a power of two.
    #[inline(always)]
    pub(super) fn size(self) -> u32 {
        self.size
    }

    #[inline(always)]
    fn at(self, position: u32) -> *mut u8 {
        // SAFETY: masked by the size, the offset lies in the memory.
        unsafe { self.base.add((position & (self.size - 1)) as usize) }
    }

    /// The commit word of the frame at `position`, which must be a multiple of a word.
    #[inline(always)]
    pub(super) fn commit_word(self, position: u32) -> &'r AtomicU32 {
        debug_assert!(position.is_multiple_of(WORD));
        // SAFETY: in bounds and aligned to a word. While a position is a frame's start
        // its first four bytes are only ever accessed atomically.
        unsafe { AtomicU32::from_ptr(self.at(position).cast()) }
    }

    /// Starts a frame or a pad at `position`, in bytes that are free.
    #[inline(always)]
    pub(super) fn open(self, position: u32, word: u32) {
        self.commit_word(position).store(word, Ordering::Relaxed);
    }

    /// Writes the sequence number of the frame at `position`.
    ///
    /// # Safety
    /// The caller holds that frame, open.
    #[inline(always)]
    pub(super) unsafe fn write_sequence(self, position: u32, sequence: u32) {
        // SAFETY: a frame has at least `HEADER` bytes, in one piece.
        unsafe { self.at(position).add(4).cast::<u32>().write(sequence) }
    }

    /// Writes the body of the frame at `position`. The compiler should know the
    /// length of `first`.
    ///
    /// # Safety
    /// The caller holds that frame, open, and it has the bytes of both parts.
    #[inline(always)]
    pub(super) unsafe fn fill(self, position: u32, first: &[Word], second: &[Word]) {
        // SAFETY: a frame is contiguous and has room for both; it is the caller's alone, so
        // nothing else refers to these bytes; they are aligned to words, which may be undefined.
        let (to_first, to_second) = unsafe {
            let to = self.at(position).add(HEADER as usize).cast::<Word>();
            (
                core::slice::from_raw_parts_mut(to, first.len()),
                core::slice::from_raw_parts_mut(to.add(first.len()), second.len()),
            )
        };
        copy_fresh_words(first, to_first);
        copy_words(second, to_second);
    }

    /// The committed frame of `length` bytes at `position`.
    ///
    /// # Safety
    /// The commit word was read by Acquire, and the frame is not freed in `'r`.
    #[inline(always)]
    pub(super) unsafe fn frame(self, position: u32, length: u32) -> Frame<'r> {
        let at = self.at(position);
        // SAFETY: the producer wrote the header before the commit; the body was
        // written or is undefined, which `Word` allows.
        unsafe {
            Frame {
                sequence: at.add(4).cast::<u32>().read(),
                words: core::slice::from_raw_parts(
                    at.add(HEADER as usize).cast(),
                    ((length - HEADER) / WORD) as usize,
                ),
            }
        }
    }
}
