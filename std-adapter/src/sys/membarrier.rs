//! The two halves of an asymmetric fence.
//!
//! Where the kernel has a process-wide barrier (`membarrier`), the frequent half is free;
//! elsewhere both are full fences.

use std::sync::atomic::{AtomicBool, Ordering, compiler_fence, fence};

/// Whether the kernel's barrier is in use.
static EXPEDITED: AtomicBool = AtomicBool::new(false);

/// Registers for the kernel's barrier, if it has one. Must run before the first pair of fences
/// that matters.
pub(crate) fn prepare() {
    EXPEDITED.store(register(), Ordering::SeqCst);
}

/// The frequent half: orders this thread's stores before its later loads,
/// together with [`heavy`] in the other thread.
#[inline(always)]
pub(crate) fn light() {
    if EXPEDITED.load(Ordering::Relaxed) {
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// The rare half: about 1 µs.
pub(crate) fn heavy() {
    fence(Ordering::SeqCst);
    if EXPEDITED.load(Ordering::Relaxed) && !barrier() {
        // Not observed after a successful registration; from here on both halves are full fences.
        EXPEDITED.store(false, Ordering::SeqCst);
    }
    fence(Ordering::SeqCst);
}

#[cfg(all(target_os = "linux", not(miri)))]
fn register() -> bool {
    membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
}

#[cfg(all(target_os = "linux", not(miri)))]
fn barrier() -> bool {
    membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED)
}

#[cfg(all(target_os = "linux", not(miri)))]
fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: the call takes three integers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
fn register() -> bool {
    false
}

#[cfg(not(all(target_os = "linux", not(miri))))]
fn barrier() -> bool {
    false
}
