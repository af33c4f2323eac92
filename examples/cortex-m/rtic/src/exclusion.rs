//! The mutex of the ring: it masks the priorities that make spans, and none above them.

#[cfg(feature = "thumbv7em")]
use cortex_m::register::{basepri, basepri_max};
#[cfg(feature = "thumbv7em")]
use picojaeger_core::RawMutex;

#[cfg(feature = "thumbv7em")]
use crate::device::NVIC_PRIO_BITS;

/// The highest of RTIC's priorities that makes spans.
pub const HIGHEST: u8 = 2;

/// Masks RTIC's priorities up to [`HIGHEST`].
#[cfg(feature = "thumbv7em")]
pub type Exclusion = UpTo<{ ((1 << NVIC_PRIO_BITS) - HIGHEST) << (8 - NVIC_PRIO_BITS) }>;
/// Masks all interrupts: this kind of core has no other way.
#[cfg(feature = "thumbv6m")]
pub type Exclusion = picojaeger_core::Interrupts;

/// Masks the priorities up to this one, as the register has it: higher ones have smaller numbers.
#[cfg(feature = "thumbv7em")]
pub struct UpTo<const PRIORITY: u8>;

// SAFETY: interrupts of these priorities wait, and others end before what they interrupt goes on.
#[cfg(feature = "thumbv7em")]
unsafe impl<const PRIORITY: u8> RawMutex for UpTo<PRIORITY> {
    const INIT: Self = UpTo;

    #[inline(always)]
    fn lock<R>(&self, f: impl FnOnce() -> R) -> R {
        let before = basepri::read();
        basepri_max::write(PRIORITY); // never lowers it
        let result = f();
        // SAFETY: masks again what was masked before.
        unsafe { basepri::write(before) };
        result
    }
}
