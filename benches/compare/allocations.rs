//! Counts the allocations of all threads, while switched on.
//!
//! Timed bursts run with the count switched off, since each increment would add
//! a few nanoseconds to a library that allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static COUNTING: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The system's allocator with a counter before it.
pub(crate) struct Counting;

/// Runs `part`; returns how often any thread allocated or grew a block
/// meanwhile, and what `part` returned.
pub(crate) fn count<R>(part: impl FnOnce() -> R) -> (u64, R) {
    let before = COUNT.load(Ordering::SeqCst);
    COUNTING.store(true, Ordering::SeqCst);
    let result = part();
    COUNTING.store(false, Ordering::SeqCst);
    (COUNT.load(Ordering::SeqCst) - before, result)
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller keeps the contract that this method shares.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract that this method shares.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller keeps the contract that this method shares.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: the caller keeps the contract that this method shares.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[inline]
fn note() {
    if COUNTING.load(Ordering::Relaxed) {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
}
