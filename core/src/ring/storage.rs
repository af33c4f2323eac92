//! The storage that a ring's frames lie in.

use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use super::Word;
use super::memory::Memory;

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

/// Storage for a ring's frames: [`Bytes`], or [`SliceStorage`] words.
///
/// # Safety
///
/// `memory` must give the same bytes each time: writable through a shared
/// reference, 8-byte aligned where the value itself is, used by nothing else,
/// and a power of two from 128 to 2³⁰ of them.
pub unsafe trait Storage {
    /// Fails to compile for a size that a ring cannot have; every constructor of a
    /// ring evaluates it.
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
        // SAFETY: this implementation's promise.
        unsafe { Memory::new(self.as_ptr().cast_mut().cast(), self.len() as u32) }
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
        // SAFETY: this implementation's promise.
        unsafe { Memory::new(self.base.cast(), self.bytes) }
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
