//! The areas of images.

use core::mem::MaybeUninit;

use super::Open;
use crate::arch::WORD;
use crate::ring::Word;

/// The areas of an [`Open`] image: `[Word; N]` and `[Word]`, and the [`ByteArea`]s.
pub trait Area: sealed::Sealed {
    /// The words.
    #[doc(hidden)]
    fn words(&self) -> &[Word];

    /// The image without its size, so that code which is not generic takes it.
    #[doc(hidden)]
    fn erase(open: &mut Open<Self>) -> &mut Open;
}

/// The areas that are given in bytes.
pub trait ByteArea: Area {}

impl ByteArea for AreaBytes {}

impl<const N: usize> ByteArea for AreaBytes<[MaybeUninit<u8>; N]> {}

/// An area that is given in bytes: `AreaBytes<[MaybeUninit<u8>; N]>`, or without `N`.
///
/// Bytes behind the last whole word stay unused.
///
/// ```
/// use core::mem::MaybeUninit;
///
/// use picojaeger_core::adapter::record::AreaBytes;
///
/// assert_eq!(size_of::<AreaBytes<[MaybeUninit<u8>; 96]>>(), 96);
/// ```
#[repr(C)]
pub struct AreaBytes<B: ?Sized = [MaybeUninit<u8>]> {
    aligned: [Word; 0],
    bytes: B,
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for [super::Word] {}
    impl<const N: usize> Sealed for [super::Word; N] {}
    impl Sealed for super::AreaBytes {}
    impl<const N: usize> Sealed for super::AreaBytes<[super::MaybeUninit<u8>; N]> {}
}

impl Area for [Word] {
    #[inline]
    fn words(&self) -> &[Word] {
        self
    }

    #[inline]
    fn erase(open: &mut Open<Self>) -> &mut Open {
        open
    }
}

impl<const N: usize> Area for [Word; N] {
    #[inline]
    fn words(&self) -> &[Word] {
        self
    }

    #[inline]
    fn erase(open: &mut Open<Self>) -> &mut Open {
        open
    }
}

impl<const N: usize> AreaBytes<[MaybeUninit<u8>; N]> {
    /// Nothing is written yet.
    #[inline]
    pub const fn new() -> Self {
        AreaBytes {
            aligned: [],
            bytes: [const { MaybeUninit::uninit() }; N],
        }
    }
}

impl<const N: usize> Default for AreaBytes<[MaybeUninit<u8>; N]> {
    fn default() -> Self {
        AreaBytes::new()
    }
}

impl<B: ?Sized> core::fmt::Debug for AreaBytes<B> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let bytes = size_of_val(&self.bytes);
        f.debug_struct("AreaBytes").field("bytes", &bytes).finish()
    }
}

impl Area for AreaBytes {
    #[inline]
    fn words(&self) -> &[Word] {
        let words = self.bytes.len() / WORD;
        // SAFETY: aligned to words by the field before, and undefined bytes are words.
        unsafe { core::slice::from_raw_parts(self.bytes.as_ptr().cast(), words) }
    }

    #[inline]
    fn erase(open: &mut Open<Self>) -> &mut Open {
        let words = open.area.bytes.len() / WORD;
        let image = core::ptr::slice_from_raw_parts_mut((&raw mut *open).cast::<Word>(), words);
        // SAFETY: both images are laid out in the order of their fields, in each of which the
        // area follows the fixed part without a gap; it has that many whole words.
        unsafe { &mut *(image as *mut Open) }
    }
}

impl<const N: usize> Area for AreaBytes<[MaybeUninit<u8>; N]> {
    #[inline]
    fn words(&self) -> &[Word] {
        let unsized_room: &AreaBytes = self;
        unsized_room.words()
    }

    #[inline]
    fn erase(open: &mut Open<Self>) -> &mut Open {
        let unsized_open: &mut Open<AreaBytes> = open;
        AreaBytes::erase(unsized_open)
    }
}
