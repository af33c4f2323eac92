//! Registers of Cortex-M.

use core::arch::asm;

/// Returns the number of the active exception, 0 in thread mode.
#[inline(always)]
pub(crate) fn exception_number() -> usize {
    let number;
    // SAFETY: reads a register, and touches neither memory nor flags.
    unsafe {
        asm!("mrs {}, IPSR", out(reg) number, options(nomem, nostack, preserves_flags));
    }
    number
}
