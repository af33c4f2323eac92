//! The memory of a retained ring.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

use super::header::{self, Header};
use crate::raw_mutex::Interrupts;
use crate::ring::{Bytes, DropNewest};
use crate::tracer::Ring;

/// The memory of a [`RetainedRing`](super::RetainedRing), in a section that no start initialises: `.uninit` of
/// `cortex-m-rt`, for example.
///
/// Takes 272 bytes more than a [`Ring`]. On a processor whose data cache survives no reset it must
/// lie where that does not hold writes back.
///
/// ```
/// use picojaeger_core::RetainedMemory;
///
/// # #[cfg(any())]
/// #[unsafe(link_section = ".uninit.spans")]
/// static MEMORY: RetainedMemory<4096> = RetainedMemory::new();
/// ```
#[repr(C, align(8))]
pub struct RetainedMemory<const N: usize, X = Interrupts, P = DropNewest> {
    /// Two copies, so that one is whole while the other is written.
    headers: [UnsafeCell<MaybeUninit<[u8; header::LENGTH]>>; 2],
    pub(super) ring: UnsafeCell<MaybeUninit<Ring<X, Bytes<N>, P>>>,
}

// SAFETY: it gives access by raw pointers only.
unsafe impl<const N: usize, X: Sync, P> Sync for RetainedMemory<N, X, P> {}

impl<const N: usize, X, P> RetainedMemory<N, X, P> {
    /// Makes memory of which nothing is known.
    pub const fn new() -> Self {
        RetainedMemory {
            headers: [const { UnsafeCell::new(MaybeUninit::uninit()) }; 2],
            ring: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// Returns the place of the ring.
    pub(super) const fn ring(&self) -> *mut Ring<X, Bytes<N>, P> {
        self.ring.get().cast()
    }

    /// Returns the newer header of those that are whole.
    ///
    /// # Safety
    /// Nothing writes one meanwhile, and their bytes have some value each.
    pub(super) unsafe fn header(&self) -> Option<Header> {
        let [first, second] = self.headers.each_ref().map(|place| {
            // SAFETY: passed on to the caller. Volatile, since the compiler may know of no write before.
            let bytes = unsafe { place.get().cast::<[u8; header::LENGTH]>().read_volatile() };
            Header::from_bytes(&bytes)
        });
        match (first, second) {
            (Some(first), Some(second)) => Some(if second.is_newer_than(&first) {
                second
            } else {
                first
            }),
            (first, second) => first.or(second),
        }
    }

    /// Replaces the older header by this one, as the next generation of it, so that the newer one holds until
    /// it is whole; without one, makes both invalid.
    ///
    /// # Safety
    /// Nothing else accesses them meanwhile.
    pub(super) unsafe fn replace_header(&self, mut header: Option<&mut Header>) {
        if let Some(header) = &mut header {
            header.generation = header.generation.wrapping_add(1);
        }
        let [even, odd] = &self.headers;
        let (places, bytes) = match header {
            Some(header) if header.generation & 1 == 0 => ([even, even], header.to_bytes()),
            Some(header) => ([odd, odd], header.to_bytes()),
            None => ([even, odd], [0; header::LENGTH]),
        };
        for place in places {
            // SAFETY: passed on to the caller. Volatile, since it is read after a reset.
            unsafe {
                place
                    .get()
                    .cast::<[u8; header::LENGTH]>()
                    .write_volatile(bytes)
            };
        }
    }
}

impl<const N: usize, X, P> Default for RetainedMemory<N, X, P> {
    fn default() -> Self {
        RetainedMemory::new()
    }
}

impl<const N: usize, X, P> core::fmt::Debug for RetainedMemory<N, X, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RetainedMemory")
            .field("bytes", &size_of_val(self))
            .finish_non_exhaustive()
    }
}
