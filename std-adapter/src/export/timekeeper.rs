//! Conversion of ticks to Unix time.
//!
//! The worker's [`Timekeeper`] reads ticks, monotonic and real time together now and then. The
//! counter's rate follows from the first and the latest such reading, the anchors from the real
//! time of some of them: one a second, and each that shows a step of the real time. The monotonic clock is the reference: a counter that departs from it, as
//! in a suspended machine, gets a wrong rate.

use picojaeger_core::Anchor;
use picojaeger_core::adapter::Rate;

use crate::sys::clock::{SECOND, TickSource, monotonic, unix_micros};

/// Keeps the rate and the anchors of one source.
#[derive(Debug)]
pub(crate) struct Timekeeper {
    source: TickSource,
    first: Reading,
    latest: Reading,
    rate: Rate,
    /// Oldest first, never empty.
    anchors: Vec<Anchor>,
    /// Monotonic time of the newest anchor.
    anchored: u64,
    /// A reading is due, however late the last one was.
    expired: bool,
}

/// Three clocks read together.
#[derive(Clone, Copy, Debug)]
struct Reading {
    ticks: u64,
    /// Nanoseconds since the process's epoch.
    monotonic: u64,
    /// Microseconds since 1970-01-01 UTC.
    unix_micros: u64,
}

/// Number of anchors kept: those of the last minute or more, if the real time seldom steps.
const ANCHORS: usize = 64;
/// Departure of the real time from the newest anchor that counts as a step, in microseconds: more
/// than a slewed clock departs in a second.
const STEP: u64 = 1_000;
/// Attempts at a reading, so that one of them is not interrupted.
const TRIES: usize = 5;

impl Timekeeper {
    /// Takes the first reading, and with it the first anchor: about 1 µs.
    pub(crate) fn new(source: TickSource) -> Self {
        let first = Reading::take(&source);
        Self::with_reading(source, first)
    }

    /// Takes a reading if one is due; to be called when the worker wakes and before records are
    /// encoded.
    ///
    /// A reading is due a second after the last, or sooner when the baseline of the rate, from the
    /// first reading to now, has grown by a quarter, and at the first call after
    /// [`Timekeeper::expire`]. So the error of the rate is the noise of one
    /// reading over nearly the whole baseline, and no span that finished before this call is off
    /// by more than 1.25 times that noise. Costs a read of the ticks, and about 1 µs for a
    /// reading. An anchor is kept once a second, or when the real time has stepped.
    pub(crate) fn observe(&mut self) {
        if self.is_due(self.source.ticks()) {
            self.admit(Reading::take(&self.source));
        }
    }

    /// Makes a reading due; to be called before the worker sleeps without a time-out, since the
    /// real time may step until it wakes.
    pub(crate) fn expire(&mut self) {
        self.expired = true;
    }

    /// Returns the rate of the ticks; for a counter that was read only once, a nanosecond each.
    pub(crate) fn rate(&self) -> Rate {
        self.rate
    }

    /// Returns the anchors of the last minute or more, oldest first.
    pub(crate) fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    fn with_reading(source: TickSource, first: Reading) -> Self {
        let mut anchors = Vec::with_capacity(ANCHORS);
        anchors.push(first.anchor());
        let rate = Rate::new(source.frequency());
        Timekeeper {
            source,
            first,
            latest: first,
            rate,
            anchors,
            anchored: first.monotonic,
            expired: false,
        }
    }

    fn is_due(&self, ticks: u64) -> bool {
        let since = self.rate.micros(ticks.saturating_sub(self.latest.ticks));
        let baseline = self.latest.monotonic - self.first.monotonic;
        self.expired || since >= (baseline / 4).min(SECOND) / 1_000
    }

    /// Refines the rate by a reading, and keeps it as an anchor if the last one is old, or the real
    /// time has stepped since.
    ///
    /// A reading that lies before the latest one is ignored.
    fn admit(&mut self, reading: Reading) {
        self.expired = false;
        if reading.ticks <= self.latest.ticks || reading.monotonic <= self.latest.monotonic {
            return;
        }
        self.latest = reading;
        if self.source.is_tsc() {
            self.rate = Rate::new(frequency(self.first, reading));
        }
        if reading.monotonic - self.anchored >= SECOND || self.has_stepped(&reading) {
            self.anchored = reading.monotonic;
            if self.anchors.len() == ANCHORS {
                self.anchors.remove(0);
            }
            self.anchors.push(reading.anchor());
        }
    }

    /// Returns whether the real time departs from that of the newest anchor.
    fn has_stepped(&self, reading: &Reading) -> bool {
        let expected = |anchor: &Anchor| anchor.unix_micros_at(reading.ticks, self.rate);
        let newest = self.anchors.last().map(expected);
        newest.is_none_or(|expected| reading.unix_micros.abs_diff(expected) > STEP)
    }
}

impl Reading {
    /// Reads the three clocks a few times, and returns the shortest reading: the least disturbed.
    fn take(source: &TickSource) -> Reading {
        let (mut best, mut shortest) = Reading::try_take(source);
        for _ in 1..TRIES {
            let (reading, took) = Reading::try_take(source);
            if took < shortest {
                (best, shortest) = (reading, took);
            }
        }
        best
    }

    /// Returns a reading, and its duration in ticks.
    fn try_take(source: &TickSource) -> (Reading, u64) {
        let before = source.ticks();
        let monotonic = monotonic();
        let middle = source.ticks();
        let unix_micros = unix_micros(source.unix_time());
        let took = source.ticks().saturating_sub(before);
        let reading = Reading {
            ticks: before + middle.saturating_sub(before) / 2,
            monotonic,
            unix_micros,
        };
        (reading, took)
    }

    fn anchor(&self) -> Anchor {
        Anchor::new(self.ticks, self.unix_micros)
    }
}

/// Returns the ticks a second between two readings, rounded; `latest` must be the later one.
fn frequency(first: Reading, latest: Reading) -> u64 {
    let ticks = u128::from(latest.ticks - first.ticks);
    let nanos = u128::from(latest.monotonic - first.monotonic);
    let rounded = (ticks * u128::from(SECOND) + nanos / 2) / nanos;
    u64::try_from(rounded).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::sys::clock::ClockSource;
    use picojaeger_core::adapter::{ClockSegment, Timeline, Timestamp};

    const HERTZ: u64 = 2_799_998_123;
    const BOOT: u64 = 77_000_000_000;
    const UNIX: u64 = 1_700_000_000_000_000;

    fn ticks_at(nanos: u64) -> u64 {
        BOOT + (u128::from(nanos) * u128::from(HERTZ) / 1_000_000_000) as u64
    }

    /// A reading `nanos` after the start, whose ticks are read `late` nanoseconds late.
    fn reading(nanos: u64, late: u64) -> Reading {
        Reading {
            ticks: ticks_at(nanos + late),
            monotonic: nanos,
            unix_micros: UNIX + nanos / 1_000,
        }
    }

    fn keeper() -> Timekeeper {
        Timekeeper::with_reading(TickSource::Tsc, reading(0, 0))
    }

    /// Start and duration in microseconds of a span between two times in nanoseconds.
    fn span(keeper: &Timekeeper, start: u64, finish: u64) -> (u64, u64) {
        let segments = [ClockSegment::new(keeper.rate(), keeper.anchors())];
        let (start, finish) = (ticks_at(start), ticks_at(finish));
        let timeline = Timeline::new(&segments);
        let times = timeline.times(0, Timestamp::Ticks(start), Timestamp::Ticks(finish));
        (times.start_micros, times.duration_micros)
    }

    #[test]
    fn an_early_rate_is_exact_to_the_noise_of_a_reading() {
        for after in [2_000, 50_000, 1_000_000, 30_000_000] {
            let mut keeper = keeper();
            keeper.admit(reading(after, 60));
            let (start, duration) = span(&keeper, 0, after);
            assert_eq!(start, UNIX);
            let exact = after / 1_000;
            assert!(duration.abs_diff(exact) <= 1, "{duration} for {exact}");
        }
    }

    #[test]
    fn the_rate_sharpens_with_the_baseline() {
        let mut keeper = keeper();
        keeper.admit(reading(1_000, 60));
        assert!(span(&keeper, 0, SECOND).1.abs_diff(1_000_000) > 10_000);
        keeper.admit(reading(100 * SECOND, 60));
        assert!(span(&keeper, 0, 100 * SECOND).1.abs_diff(100_000_000) <= 1);
    }

    #[test]
    fn readings_are_due_as_the_baseline_grows_then_once_a_second() {
        let mut keeper = keeper();
        assert!(keeper.is_due(ticks_at(0)));
        for (baseline, wait) in [(SECOND / 100, SECOND / 400), (8 * SECOND, SECOND)] {
            keeper.admit(reading(baseline, 0));
            assert!(!keeper.is_due(ticks_at(baseline)));
            assert!(!keeper.is_due(ticks_at(baseline + wait - 10_000)));
            assert!(keeper.is_due(ticks_at(baseline + wait + 10_000)));
        }
    }

    #[test]
    fn anchors_are_a_second_apart_and_bounded() {
        let mut keeper = keeper();
        for half in 1..=300 {
            keeper.admit(reading(half * SECOND / 2, 0));
        }
        let ticks: Vec<_> = keeper.anchors().iter().map(|anchor| anchor.ticks).collect();
        let expected: Vec<_> = (87..=150).map(|second| ticks_at(second * SECOND)).collect();
        assert_eq!(ticks, expected);
        assert_eq!(keeper.anchors.capacity(), ANCHORS);
    }

    #[test]
    fn a_stepped_wall_clock_moves_spans_that_are_nearer_to_the_reading_after_it() {
        let mut keeper = keeper();
        let mut stepped = reading(2 * SECOND, 0);
        stepped.unix_micros -= 3_600_000_000;
        keeper.admit(stepped);
        let near = |(start, duration): (u64, u64), expected: u64, micros: u64| {
            start.abs_diff(expected) <= 1 && duration.abs_diff(micros) <= 1
        };
        let across = span(&keeper, SECOND - 1_000, 3 * SECOND);
        assert!(near(across, UNIX + 999_999, 2_000_001), "{across:?}");
        // The first one starts before the reading that shows the step.
        for start in [SECOND + 1_000_000, 3 * SECOND] {
            let after = span(&keeper, start, start + SECOND);
            let expected = UNIX + start / 1_000 - 3_600_000_000;
            assert!(near(after, expected, 1_000_000), "{after:?}");
        }
    }

    #[test]
    fn a_reading_is_due_after_a_sleep_and_is_an_anchor_if_the_time_stepped() {
        let mut keeper = keeper();
        keeper.admit(reading(8 * SECOND, 0));
        for (millis, step, anchors) in [(1, 0, 2), (2, 1_100, 3), (3, 1_100, 3), (4, 0, 4)] {
            let at = 8 * SECOND + millis * 1_000_000;
            assert!(!keeper.is_due(ticks_at(at)));
            keeper.expire();
            assert!(keeper.is_due(ticks_at(at)));
            let mut reading = reading(at, 0);
            reading.unix_micros += step;
            keeper.admit(reading);
            assert_eq!(keeper.anchors().len(), anchors, "{millis} ms");
        }
    }

    #[test]
    fn an_earlier_reading_is_ignored() {
        let mut keeper = keeper();
        keeper.admit(reading(2 * SECOND, 0));
        let rate = keeper.rate();
        keeper.admit(reading(SECOND, 0));
        assert_eq!((keeper.rate(), keeper.anchors().len()), (rate, 2));
    }

    #[test]
    fn system_ticks_are_nanoseconds_from_the_start() {
        let mut keeper = Timekeeper::new(TickSource::System);
        keeper.observe();
        assert_eq!(keeper.rate(), Rate::new(SECOND));
        let first = TickSource::System.ticks();
        assert!(TickSource::System.ticks() >= first);
    }

    #[test]
    fn the_sources_agree_about_now() {
        for wanted in [ClockSource::Auto, ClockSource::Tsc, ClockSource::System] {
            let source = TickSource::choose(wanted);
            let mut keeper = Timekeeper::new(source.clone());
            let since = source.unix_time().duration_since(UNIX_EPOCH).unwrap();
            let ticks = source.ticks();
            keeper.observe();
            let unix = keeper.anchors()[0].unix_micros_at(ticks, keeper.rate());
            let off = unix.abs_diff(since.as_micros() as u64);
            assert!(off < 5_000_000, "{source:?} is off by {off} µs");
        }
    }
}
