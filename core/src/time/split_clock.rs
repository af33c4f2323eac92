//! A timer and the count of its interrupts, as one clock.

use super::Clock;

/// A timer of a fixed period and the count of its interrupts, such as Cortex-M's SysTick and a
/// counter of milliseconds; a [`SplitClock`] of it is a [`Clock`].
///
/// ```
/// use core::sync::atomic::{AtomicU32, Ordering};
/// use picojaeger_core::{Clock, SplitClock, SplitTimer};
///
/// static MILLISECONDS: AtomicU32 = AtomicU32::new(0); // the interrupt adds 1
///
/// /// SysTick at 25 MHz, reloaded with 24,999.
/// struct SysTick;
/// impl SplitTimer for SysTick {
///     const PERIOD: u32 = 25_000;
///     fn periods(&self) -> u32 {
///         MILLISECONDS.load(Ordering::Relaxed)
///     }
///     fn elapsed(&self) -> u32 {
///         let value = 24_000; // SysTick counts down: `SYST::get_current()`
///         (Self::PERIOD - value) % Self::PERIOD // the interrupt comes with value 0
///     }
///     fn is_pending(&self) -> bool {
///         false // `SCB::is_pendst_pending()`
///     }
///     fn frequency(&self) -> u64 {
///         25_000_000
///     }
/// }
///
/// MILLISECONDS.store(3, Ordering::Relaxed);
/// assert_eq!(SplitClock(SysTick).ticks(), 76_000);
/// ```
pub trait SplitTimer {
    /// Ticks from one interrupt to the next, at least 2.
    const PERIOD: u32;

    /// The interrupts so far, modulo 2³²; whoever counts them adds 1 in each.
    fn periods(&self) -> u32;

    /// Ticks since the last interrupt came or was due, below [`SplitTimer::PERIOD`].
    fn elapsed(&self) -> u32;

    /// Whether an interrupt is due that has not been counted, as where interrupts are masked.
    fn is_pending(&self) -> bool;

    /// Ticks a second, at least 1; always the same.
    fn frequency(&self) -> u64;
}

/// The [`Clock`] of a [`SplitTimer`], a counter of 32 bits; see there for an example.
///
/// Right from interrupts and with interrupts masked, if each interrupt of the timer is counted
/// within half a period.
#[derive(Clone, Copy, Default, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_structs, reason = "it is its timer")]
pub struct SplitClock<T>(pub T);

impl<T: SplitTimer> Clock for SplitClock<T> {
    /// Periods and ticks modulo 2³² are one counter, whatever the period: the product wraps where
    /// the count of the periods does.
    const BITS: u32 = 32;

    fn ticks(&self) -> u64 {
        const { assert!(T::PERIOD >= 2, "a period of less than 2 ticks") }
        loop {
            let periods = self.0.periods();
            let (elapsed, pending) = (self.0.elapsed(), self.0.is_pending());
            if periods != self.0.periods() {
                // Interrupted by the timer: its value may be of either period.
                continue;
            }
            // A period that ended between the two readings is pending, but its value is not.
            let uncounted = pending && elapsed < T::PERIOD / 2;
            let periods = periods.wrapping_add(uncounted.into());
            let ticks = periods.wrapping_mul(T::PERIOD).wrapping_add(elapsed);
            return ticks.into();
        }
    }

    fn frequency(&self) -> u64 {
        self.0.frequency()
    }
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use super::*;

    /// A timer whose time goes on by a tick with each reading of a register, and whose interrupt
    /// runs by itself unless it is masked.
    struct Simulated {
        now: Cell<u64>,
        counted: Cell<u64>,
        masked: bool,
    }

    impl Simulated {
        const TICKS: u64 = 100;

        fn at(now: u64, masked: bool) -> SplitClock<Self> {
            SplitClock(Simulated {
                now: Cell::new(now),
                counted: Cell::new(now / Self::TICKS),
                masked,
            })
        }

        fn read(&self) -> u64 {
            let now = self.now.get() + 1;
            self.now.set(now);
            if !self.masked {
                self.counted.set(now / Self::TICKS);
            }
            now
        }
    }

    impl SplitTimer for Simulated {
        const PERIOD: u32 = Self::TICKS as u32;
        fn periods(&self) -> u32 {
            self.read();
            self.counted.get() as u32
        }
        fn elapsed(&self) -> u32 {
            (self.read() % Self::TICKS) as u32
        }
        fn is_pending(&self) -> bool {
            self.read() / Self::TICKS != self.counted.get()
        }
        fn frequency(&self) -> u64 {
            1_000
        }
    }

    #[test]
    fn a_reading_lies_between_its_begin_and_its_end() {
        for masked in [false, true] {
            for now in (0..1_000).chain((1 << 32) * 100 - 300..(1 << 32) * 100 + 300) {
                let clock = Simulated::at(now, masked);
                let ticks = clock.ticks();
                let (begin, end) = (now as u32, clock.0.now.get() as u32);
                let passed = (ticks as u32).wrapping_sub(begin);
                assert!(
                    passed <= end.wrapping_sub(begin),
                    "{ticks} of {begin} to {end}, masked: {masked}"
                );
            }
        }
    }
}
