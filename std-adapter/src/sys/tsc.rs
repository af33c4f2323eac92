//! The processor's time stamp counter.
//!
//! Read without a crate: the existing ones measure the frequency for 10 to 200 ms at load or at
//! first use, while the anchors yield it without waiting.

/// Reads the counter, in its own ticks; 0 where there is none.
///
/// Not ordered against the memory accesses around it, as a fence would double the cost.
#[inline(always)]
pub(crate) fn ticks() -> u64 {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        // SAFETY: every x86-64 has the instruction, and it touches no memory. A kernel that
        // forbids it (`PR_SET_TSC`) does so for all code of the process.
        unsafe { core::arch::x86_64::_rdtsc() }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    {
        0
    }
}

/// Returns whether the processor has a counter.
pub(crate) const fn exists() -> bool {
    cfg!(all(target_arch = "x86_64", not(miri)))
}

/// Returns whether the counter runs at a constant rate in all frequency and sleep states.
///
/// Bit 8 of `edx` in leaf 0x8000_0007 of `cpuid`: AMD64 Architecture Programmer's Manual,
/// volume 3, appendix E.4.4; Intel's manual, volume 3B, chapter 19.17.1.
pub(crate) fn is_invariant() -> bool {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        const LAST_EXTENDED: u32 = 0x8000_0000;
        const POWER: u32 = 0x8000_0007;
        cpuid(LAST_EXTENDED).eax >= POWER && cpuid(POWER).edx & 1 << 8 != 0
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    {
        false
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[allow(
    unused_unsafe,
    reason = "safe in today's Rust, unsafe in the oldest that is supported"
)]
fn cpuid(leaf: u32) -> core::arch::x86_64::CpuidResult {
    // SAFETY: every x86-64 has the instruction, and it touches no memory.
    unsafe { core::arch::x86_64::__cpuid(leaf) }
}

#[cfg(test)]
mod tests {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[test]
    fn the_counter_counts() {
        let first = super::ticks();
        assert!(first > 0);
        assert!((0..1_000).any(|_| super::ticks() > first));
    }
}
