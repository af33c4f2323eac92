//! A ring's bytes, addressed by positions.

use core::marker::PhantomData;

use crate::arch::{Word, copy_fresh_words, copy_words};

use super::frame::{Frame, HEADER, WORD};
use super::storage::ByteCell;
use super::sync::{AtomicU32, Ordering};

/// A view of a ring's bytes, addressed by free-running positions.
#[derive(Clone, Copy, Debug)]
pub struct Memory<'r> {
    base: *mut u8,
    size: u32,
    _ring: PhantomData<&'r ByteCell>,
}

// SAFETY: it gives access by `unsafe` methods and to atomics only.
unsafe impl Send for Memory<'_> {}
// SAFETY: as above.
unsafe impl Sync for Memory<'_> {}

impl<'r> Memory<'r> {
    /// Bytes of the ring, a power of two.
    #[inline(always)]
    pub(super) fn size(self) -> u32 {
        self.size
    }

    /// A view of `size` bytes.
    ///
    /// # Safety
    /// They are as the contract of [`Storage`](super::Storage) has them, for all of `'r`.
    #[inline(always)]
    pub(super) unsafe fn new(base: *mut u8, size: u32) -> Self {
        Memory {
            base,
            size,
            _ring: PhantomData,
        }
    }

    #[inline(always)]
    fn at(self, position: u32) -> *mut u8 {
        // SAFETY: masked by the size, the offset lies in the memory.
        unsafe { self.base.add((position & (self.size - 1)) as usize) }
    }

    /// The commit word of the frame at `position`, which must be a multiple of a word.
    #[inline]
    pub(super) fn commit_word(self, position: u32) -> &'r AtomicU32 {
        debug_assert!(position.is_multiple_of(WORD));
        // SAFETY: in bounds and aligned to a word. While a position is a frame's start
        // its first four bytes are only ever accessed atomically.
        unsafe { AtomicU32::from_ptr(self.at(position).cast()) }
    }

    /// Starts a frame or a pad at `position`, in bytes that are free.
    #[inline]
    pub(super) fn open(self, position: u32, word: u32) {
        self.commit_word(position).store(word, Ordering::Relaxed);
    }

    /// Writes the sequence number of the frame at `position`.
    ///
    /// # Safety
    /// The caller holds that frame, open.
    #[inline]
    pub(super) unsafe fn write_sequence(self, position: u32, sequence: u32) {
        // SAFETY: a frame has at least `HEADER` bytes, in one piece.
        unsafe { self.at(position).add(4).cast::<u32>().write(sequence) }
    }

    /// Writes the body of the frame at `position`. The compiler should know the
    /// length of `first`.
    ///
    /// # Safety
    /// The caller holds that frame, open, and it has the bytes of both parts.
    #[inline]
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
    #[inline]
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
