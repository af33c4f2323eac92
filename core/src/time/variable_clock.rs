//! A clock whose counter changes its frequency.

use super::{Clock, Extension};
use crate::raw_mutex::{Guarded, Interrupts, RawMutex};

/// A counter whose frequency changes while it runs, as one [`Clock`] of a constant frequency: that
/// which the counter's own [`Clock::frequency`] returns, below 2³² Hz.
///
/// Spans that are open or queued at a change keep their times. The contract of [`Clock`] holds for the
/// counter: it is read at least once in each 15/16 of its period, by the time that
/// [`PacketReporter::poll_at`](crate::PacketReporter::poll_at) returns, unless the frequency rises after
/// that call; [`Tracer::slept`](crate::Tracer::slept) is for longer sleeps.
/// [`Tracer::captured`](crate::Tracer::captured) takes ticks of this clock, not of the counter. A reading
/// costs a mutex and two multiplications more than the counter's; tracers whose frequency is
/// constant pay nothing. A non-maskable interrupt has no time: its reading is 0.
///
/// ```
/// use picojaeger_core::{Clock, Const, Interrupts, Ring, Tracer, VariableClock};
/// use picojaeger_core::ring::Bytes;
/// # struct Timer;
/// # impl Clock for Timer {
/// #     const BITS: u32 = 32;
/// #     fn ticks(&self) -> u64 { 7 }
/// #     fn frequency(&self) -> u64 { 25_000_000 }
/// # }
///
/// static CLOCK: VariableClock<Timer> = VariableClock::new(Timer);
/// static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
/// static TRACER: Tracer<(&VariableClock<Timer>, Const)> =
///     Tracer::new((&CLOCK, Const(true)), &RING);
///
/// // The processor's clock is divided by 4 from here on.
/// CLOCK.frequency_changed(6_250_000);
/// assert_eq!(CLOCK.frequency(), 25_000_000);
/// ```
#[derive(Debug)]
pub struct VariableClock<C, X = Interrupts> {
    counter: C,
    scale: Guarded<X, Option<Scale>>,
}

/// The conversion of the counter's ticks since its first reading.
#[derive(Debug)]
struct Scale {
    counter: Extension,
    /// The last change, on both scales.
    from: u64,
    to: u64,
    /// What `to` lacks, in 2³²ths of a tick.
    rest: u32,
    /// Ticks of the clock a tick of the counter, in 2³²ths.
    ratio: u64,
}

impl<C: Clock, X: RawMutex> VariableClock<C, X> {
    /// Makes the clock of a counter, which has its [`Clock::frequency`] first.
    #[cfg(not(loom))]
    pub const fn new(counter: C) -> Self {
        VariableClock {
            counter,
            scale: Guarded::new(None),
        }
    }

    /// Takes note that the counter makes so many ticks a second from now on; 0 counts as 1.
    pub fn frequency_changed(&self, hertz: u64) {
        let nominal = self.counter.frequency().min(u32::MAX.into());
        let ratio = (nominal << 32) / hertz.max(1);
        self.with(|scale, ticks| {
            (scale.to, scale.rest) = scale.exact(ticks, C::BITS);
            (scale.from, scale.ratio) = (scale.counter.extend(ticks, C::BITS), ratio);
        });
    }

    fn with<T>(&self, f: impl FnOnce(&mut Scale, u64) -> T) -> Option<T> {
        self.scale.with(|scale| {
            let ticks = self.counter.ticks();
            f(
                scale.get_or_insert_with(|| Scale::starting_at(ticks)),
                ticks,
            )
        })
    }
}

impl<C: Clock, X: RawMutex> Clock for VariableClock<C, X> {
    const BITS: u32 = 64;

    fn ticks(&self) -> u64 {
        let ticks = self.with(|scale, ticks| scale.at(ticks, C::BITS));
        ticks.unwrap_or(0)
    }

    fn frequency(&self) -> u64 {
        self.counter.frequency()
    }

    fn read_within(&self) -> Option<u64> {
        let ticks = self.counter.read_within()?;
        self.with(|scale, _| scale.ticks_of(ticks))
    }

    fn slept_until(&self, now: u64) {
        self.with(|scale, shown| {
            let about = scale.counter_at(now);
            scale.counter.skip_to(about, shown, C::BITS);
        });
    }
}

impl Scale {
    const fn starting_at(ticks: u64) -> Self {
        Scale {
            counter: Extension::starting_at(ticks),
            from: ticks,
            to: ticks,
            rest: 0,
            ratio: 1 << 32,
        }
    }

    /// The clock's ticks in so many of the counter, at the present frequency.
    fn ticks_of(&self, counted: u64) -> u64 {
        let ticks = (u128::from(counted) * u128::from(self.ratio)) >> 32;
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// The counter's extended ticks at this time, unless the frequency has changed since.
    fn counter_at(&self, time: u64) -> u64 {
        let passed = u128::from(time.saturating_sub(self.to)) << 32;
        let counted = passed / u128::from(self.ratio.max(1));
        self.from
            .saturating_add(u64::try_from(counted).unwrap_or(u64::MAX))
    }

    /// The clock's ticks where the counter shows these.
    fn at(&mut self, ticks: u64, bits: u32) -> u64 {
        self.exact(ticks, bits).0
    }

    /// The same, and what exceeds whole ticks, in 2³²ths.
    fn exact(&mut self, ticks: u64, bits: u32) -> (u64, u32) {
        let passed = self.counter.extend(ticks, bits).wrapping_sub(self.from);
        let scaled = u128::from(passed) * u128::from(self.ratio) + u128::from(self.rest);
        (self.to.wrapping_add((scaled >> 32) as u64), scaled as u32)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// A counter of 32 bits that a test sets, 1 MHz at first.
    #[derive(Default)]
    struct Counter(AtomicU64);

    impl Clock for Counter {
        const BITS: u32 = 32;
        fn ticks(&self) -> u64 {
            self.0.load(Ordering::Relaxed) & 0xffff_ffff
        }
        fn frequency(&self) -> u64 {
            1_000_000
        }
    }

    impl VariableClock<Counter> {
        fn pass(&self, ticks: u64) -> u64 {
            self.counter.0.fetch_add(ticks, Ordering::Relaxed);
            self.ticks()
        }
    }

    #[test]
    fn time_goes_on_at_one_rate_whatever_the_counter_does() {
        let clock = VariableClock::<Counter>::new(Counter::default());
        assert_eq!(clock.pass(500), 500);
        clock.frequency_changed(4_000_000);
        assert_eq!((clock.ticks(), clock.pass(400)), (500, 600));
        clock.frequency_changed(250_000);
        assert_eq!(clock.pass(50), 800);
        clock.frequency_changed(1_000_000);
        assert_eq!(clock.pass(1), 801);
        clock.frequency_changed(0);
        assert_eq!(clock.pass(1), 1_000_801);
    }

    #[test]
    fn a_million_changes_add_no_error() {
        let clock = VariableClock::<Counter>::new(Counter::default());
        for _ in 0..500_000 {
            clock.frequency_changed(2_000_000);
            clock.pass(2_001);
            clock.frequency_changed(1_000_000);
            clock.pass(1_000);
        }
        assert_eq!(clock.ticks(), 1_000_250_000, "half ticks add up");
    }

    #[test]
    fn a_sleep_is_added_at_the_present_rate() {
        let clock = VariableClock::<Counter>::new(Counter(AtomicU64::new(1 << 31)));
        let start = clock.ticks();
        clock.frequency_changed(500_000);
        let slept = 3 << 32;
        let by_then = start + 2 * (slept + 10);
        clock.counter.0.fetch_add(slept + 10, Ordering::Relaxed);
        clock.slept_until(by_then + 1_000);
        assert_eq!(clock.ticks(), by_then);
        clock.slept_until(by_then - 1_000);
        assert_eq!(clock.ticks(), by_then);
        clock.frequency_changed(u64::MAX);
        clock.slept_until(u64::MAX);
    }

    #[test]
    fn the_counter_s_period_counts_at_the_present_rate() {
        let clock = VariableClock::<Counter>::new(Counter::default());
        assert_eq!(clock.read_within(), Some(7 << 29));
        clock.frequency_changed(4_000_000);
        assert_eq!(clock.read_within(), Some(7 << 27));
        clock.frequency_changed(1);
        assert_eq!(clock.read_within(), Some((7 << 29) * 1_000_000));
    }
}
