//! Mutual exclusion of two processors and their interrupts.

use core::arch::asm;
use core::hint::spin_loop;
use core::sync::atomic::{AtomicBool, Ordering};

use critical_section::RawRestoreState;
use picojaeger_core::RawMutex;

/// A spin lock that masks the interrupts of the processor that holds it: a ring's mutex.
pub struct SpinLock(AtomicBool);

impl SpinLock {
    const fn new() -> Self {
        SpinLock(AtomicBool::new(false))
    }

    /// Masks interrupts, then takes the lock; returns what was masked before.
    ///
    /// Called, not in line: a span's start, tags and finish have some dozen critical sections.
    #[inline(never)]
    fn acquire(&self) -> u64 {
        let masked: u64;
        // SAFETY: masking interrupts is safe; `release` restores them.
        unsafe { asm!("mrs {}, daif", "msr daifset, #3", out(reg) masked, options(nostack)) };
        while self.0.swap(true, Ordering::Acquire) {
            while self.0.load(Ordering::Relaxed) {
                spin_loop();
            }
        }
        masked
    }

    fn release(&self, masked: u64) {
        self.0.store(false, Ordering::Release);
        // SAFETY: it was read by `acquire` on this processor.
        unsafe { asm!("msr daif, {}", in(reg) masked, options(nostack)) };
    }
}

// SAFETY: the lock is held while `f` runs, and no interrupt of this processor comes in between.
unsafe impl RawMutex for SpinLock {
    const INIT: Self = SpinLock::new();

    #[inline(always)]
    fn lock<R>(&self, f: impl FnOnce() -> R) -> R {
        let masked = self.acquire();
        let result = f();
        self.release(masked);
        result
    }
}

/// The critical section of the whole kernel: one lock for all who share it. Nobody nests it.
static KERNEL: SpinLock = SpinLock::new();

struct KernelLock;
critical_section::set_impl!(KernelLock);

// SAFETY: a section excludes the other processor by the lock, and interrupts of its own by masking.
unsafe impl critical_section::Impl for KernelLock {
    unsafe fn acquire() -> RawRestoreState {
        KERNEL.acquire()
    }

    unsafe fn release(masked: RawRestoreState) {
        KERNEL.release(masked);
    }
}
