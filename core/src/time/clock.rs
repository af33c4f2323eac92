//! Clocks, and the extension of a counter that wraps.

/// A monotonic counter.
///
/// The hot path stores ticks, extended to 64 bits; they become microseconds when a record is
/// encoded. `ticks` may be called with interrupts masked and from interrupts. The counter is read
/// again before 15/16 of its period are over, by spans, polls or [`Tracer::tick`](crate::Tracer::tick);
/// after a sleep of more use [`Tracer::slept`](crate::Tracer::slept).
///
/// A counter of interrupts and a timer's value are one clock as a [`SplitClock`](crate::SplitClock);
/// a counter whose frequency changes is one as a [`VariableClock`](crate::VariableClock).
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

    /// Ticks a second, at least 1; always the same.
    fn frequency(&self) -> u64;

    /// Returns the ticks within which the clock must be read again, or `None` if it need not be.
    ///
    /// By default 7/8 of the period of a counter of less than 64 bits: so a reading that is late by
    /// less than 1/16 of it is in time. A clock that extends a counter by itself returns that
    /// counter's.
    #[inline]
    fn read_within(&self) -> Option<u64> {
        match Self::BITS {
            64.. => None,
            bits => {
                let period = 1_u64 << bits;
                Some(period - (period >> 3).max(1))
            }
        }
    }

    /// Takes note that the time is about `now`, on the scale of [`Tracer::now`](crate::Tracer::now),
    /// which calls this after a sleep. Only a clock that extends a counter by itself needs it.
    #[inline]
    fn slept_until(&self, now: u64) {
        let _ = now;
    }
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
    #[inline]
    fn read_within(&self) -> Option<u64> {
        (**self).read_within()
    }
    #[inline]
    fn slept_until(&self, now: u64) {
        (**self).slept_until(now);
    }
}

/// The time beyond which no sleep leads: 146 years at 2 GHz.
const LATEST: u64 = u64::MAX >> 1;

/// Widens a counter that wraps to 64 bits.
///
/// Exact as long as it is called again before 15/16 of the counter's period are over. A counter that
/// steps back by less than 1/16 of its period, as one does that two cores or two registers
/// disagree on, stands still until it has caught up; a longer step counts as a wrap.
///
/// ```
/// use picojaeger_core::adapter::Extension;
///
/// let mut extension = Extension::new();
/// assert_eq!(extension.extend(0x12_3456, 24), 0x12_3456);
/// assert_eq!(extension.extend(0xe0_0000, 24), 0xe0_0000);
/// assert_eq!(extension.extend(0x00_0010, 24), 0x100_0010);
/// assert_eq!(extension.extend(0xff_fff0, 24), 0x100_0010, "32 ticks back");
/// ```
#[derive(Clone, Debug)]
pub struct Extension {
    last: u64,
}

impl Extension {
    /// An extension of a counter that starts at 0.
    pub const fn new() -> Self {
        Extension::starting_at(0)
    }

    /// An extension of a counter that shows these ticks now.
    pub const fn starting_at(ticks: u64) -> Self {
        Extension { last: ticks }
    }

    /// The extended value of `ticks`, read from a counter of `bits` bits.
    #[inline(always)]
    pub const fn extend(&mut self, ticks: u64, bits: u32) -> u64 {
        match bits {
            64.. => ticks,
            33..64 => {
                let passed = ticks.wrapping_sub(self.last) & ((1 << bits) - 1);
                if passed >> (bits - 4) != 15 {
                    self.last = self.last.wrapping_add(passed);
                }
                self.last
            }
            // The same in half words, for chips.
            _ => {
                let unused = 32 - bits;
                let passed = (ticks as u32).wrapping_sub(self.last as u32) << unused;
                let step = if passed >> 28 == 15 {
                    0
                } else {
                    passed >> unused
                };
                self.last = self.last.wrapping_add(step as u64);
                self.last
            }
        }
    }

    /// The extended value of `ticks`, read less than 15/16 of a period ago.
    ///
    /// For a counter's value that hardware captured. Does not move the extension.
    pub const fn extend_past(&self, ticks: u64, bits: u32) -> u64 {
        let Some(mask) = mask(bits) else { return ticks };
        let passed = ticks.wrapping_sub(self.last) & mask;
        if passed <= mask >> 4 {
            self.last.wrapping_add(passed)
        } else {
            self.last
                .saturating_sub(self.last.wrapping_sub(ticks) & mask)
        }
    }

    /// Moves on to the value nearest to `about` that a counter that shows `ticks` may have; never
    /// back.
    ///
    /// `about` may be off by less than half a period.
    pub const fn skip_to(&mut self, about: u64, ticks: u64, bits: u32) -> u64 {
        let Some(mask) = mask(bits) else { return ticks };
        // Far from where the time itself would wrap, however wrong the measurement is.
        let about = if about > LATEST { LATEST } else { about };
        let ahead = ticks.wrapping_sub(about) & mask;
        let behind = about.wrapping_sub(ticks) & mask;
        let nearest = if ahead <= behind {
            about.saturating_add(ahead)
        } else {
            about.saturating_sub(behind)
        };
        if nearest > self.last {
            self.last = nearest;
        }
        self.last
    }
}

/// The bits of a counter that is extended: one of less than 64.
const fn mask(bits: u32) -> Option<u64> {
    match bits {
        64.. => None,
        _ => Some((1 << bits) - 1),
    }
}

impl Default for Extension {
    fn default() -> Self {
        Extension::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An extension of a 24-bit counter that has shown these values.
    fn after(readings: &[u64]) -> (Extension, u64) {
        let mut extension = Extension::new();
        let last = readings.iter().map(|ticks| extension.extend(*ticks, 24));
        let last = last.last().unwrap_or(0);
        (extension, last)
    }

    #[test]
    fn a_step_back_of_less_than_a_sixteenth_is_no_step() {
        for (readings, expected) in [
            (&[1_000, 999][..], 1_000),
            (&[1_000, 999, 1_001], 1_001),
            (&[1, 0xff_ffff], 1),
            (&[0x20_0000, 0x10_0000], 0x20_0000),
            (&[0x20_0000, 0x0f_ffff], 0x10f_ffff),
            (&[0x20_0000, 0x1f_ffff, 0x10_0001, 0x20_0000], 0x20_0000),
            (&[0x80_0000, 0x00_0000, 0x80_0000], 0x180_0000),
        ] {
            assert_eq!(after(readings).1, expected, "{readings:x?}");
        }
    }

    #[test]
    fn a_reading_in_less_than_15_of_16_parts_of_a_period_suffices() {
        let (mut extension, mut exact) = (Extension::new(), 0);
        for _ in 0..100 {
            exact += 0xef_ffff;
            assert_eq!(extension.extend(exact & 0xff_ffff, 24), exact);
        }
    }

    #[test]
    fn a_captured_value_lies_before_the_last_reading_but_for_a_sixteenth() {
        let (extension, last) = after(&[0x80_0000, 0x10_0000]);
        assert_eq!(last, 0x110_0000);
        for (captured, expected) in [
            (0x10_0000, last),
            (0x0f_ffff, last - 1),
            (0xff_ffff, 0xff_ffff),
            (0x10_0005, last + 5),
            (0x20_0000, 0x20_0000),
        ] {
            assert_eq!(
                extension.extend_past(captured, 24),
                expected,
                "{captured:x}"
            );
        }
        assert_eq!(
            Extension::new().extend_past(0xff_0000, 24),
            0,
            "before the start"
        );
    }

    #[test]
    fn a_sleep_of_several_periods_is_added() {
        let (mut extension, last) = after(&[0x12_3456]);
        let now = last + (200 << 20); // 12.5 periods
        let shown = now & 0xff_ffff;
        for error in [-0x7f_0000, -1, 0, 1, 0x7f_0000] {
            let mut extension = extension.clone();
            let measured = now.checked_add_signed(error).unwrap();
            assert_eq!(extension.skip_to(measured, shown, 24), now, "{error}");
            assert_eq!(extension.extend(shown + 1, 24), now + 1);
        }
        assert_eq!(extension.skip_to(0, 0x12_3455, 24), last, "never back");
        let latest = extension.skip_to(u64::MAX, 7, 24);
        assert_eq!(
            extension.extend(8, 24),
            latest + 1,
            "the time does not wrap"
        );
        assert_eq!(extension.skip_to(u64::MAX, 8, 24), latest + 1);
    }

    #[test]
    fn a_reading_within_a_sleep_adds_nothing_to_it() {
        let (mut extension, since) = after(&[0x12_3456]);
        let now = since + (200 << 20);
        // An interrupt reads the counter after the wake, and has a time of half a period.
        assert_eq!(extension.extend(now & 0xff_ffff, 24), since + (1 << 23));
        assert_eq!(extension.skip_to(now - 9, now & 0xff_ffff, 24), now);
    }

    #[test]
    fn wide_counters_are_not_extended() {
        let mut extension = Extension::starting_at(7);
        assert_eq!(extension.extend(5, 64), 5);
        assert_eq!(extension.extend_past(3, 64), 3);
        assert_eq!(extension.skip_to(100, 9, 64), 9);
    }

    #[test]
    fn narrow_counters_are_read_within_their_period() {
        struct Counter<const BITS: u32>;
        impl<const BITS: u32> Clock for Counter<BITS> {
            const BITS: u32 = BITS;
            fn ticks(&self) -> u64 {
                0
            }
            fn frequency(&self) -> u64 {
                1
            }
        }
        let narrow = [
            Counter::<1>.read_within(),
            Counter::<2>.read_within(),
            Counter::<3>.read_within(),
            Counter::<4>.read_within(),
        ];
        assert_eq!(narrow, [1, 3, 7, 14].map(Some));
        assert_eq!((&&Counter::<63>).read_within(), Some(7 << 60));
        assert_eq!(Counter::<64>.read_within(), None);
    }
}
