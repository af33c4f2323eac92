//! Clocks, and the extension of a counter that wraps.

/// A monotonic counter.
///
/// The hot path stores raw ticks; they become microseconds when a record is
/// encoded. `ticks` may be called with interrupts masked and from interrupts.
///
/// ```
/// use picojaeger_core::Clock;
///
/// /// A 24-bit timer that counts 32,768 times a second.
/// struct Rtc;
/// impl Clock for Rtc {
///     const BITS: u32 = 24;
///     fn ticks(&self) -> u64 {
///         0x12_3456 // a register read
///     }
///     fn frequency(&self) -> u64 {
///         32_768
///     }
/// }
/// ```
pub trait Clock {
    /// The counter's width, 1 to 64 bits; it wraps to 0 after its greatest value.
    const BITS: u32;

    /// The counter as it stands; bits above [`Clock::BITS`] are zero.
    fn ticks(&self) -> u64;

    /// Ticks a second, at least 1.
    fn frequency(&self) -> u64;
}

impl<C: Clock + ?Sized> Clock for &C {
    const BITS: u32 = C::BITS;
    #[inline]
    fn ticks(&self) -> u64 {
        (**self).ticks()
    }
    #[inline]
    fn frequency(&self) -> u64 {
        (**self).frequency()
    }
}

/// Widens a counter that wraps to 64 bits.
///
/// Exact as long as it is called at least once in each period of the counter. A
/// counter that steps back counts as one that wrapped.
///
/// ```
/// use picojaeger_core::adapter::Extension;
///
/// let mut extension = Extension::new();
/// assert_eq!(extension.extend(0xff_fff0, 24), 0xff_fff0);
/// assert_eq!(extension.extend(0x00_0010, 24), 0x100_0010);
/// ```
#[derive(Clone, Debug)]
pub struct Extension {
    last: u64,
}

impl Extension {
    /// An extension that has seen no ticks.
    pub const fn new() -> Self {
        Extension { last: 0 }
    }

    /// The extended value of `ticks`, read from a counter of `bits` bits.
    #[inline]
    pub const fn extend(&mut self, ticks: u64, bits: u32) -> u64 {
        if bits >= 64 {
            return ticks;
        }
        let mask = (1 << bits) - 1;
        let mut extended = self.last & !mask | ticks & mask;
        if extended < self.last {
            extended = extended.wrapping_add(mask + 1);
        }
        self.last = extended;
        extended
    }
}

impl Default for Extension {
    fn default() -> Self {
        Extension::new()
    }
}
