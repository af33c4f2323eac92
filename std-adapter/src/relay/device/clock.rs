//! A device's clock on the host's time scale.

use std::collections::VecDeque;

/// The time at which bytes arrived, in Unix microseconds.
///
/// ```
/// use picojaeger_std::relay::Arrival;
///
/// let live = Arrival::At(1_700_000_000_000_000);
/// assert_ne!(live, Arrival::Unknown(1_700_000_000_000_000));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a time is known or it is not")]
pub enum Arrival {
    /// The bytes arrived then.
    At(u64),
    /// The bytes were stored without times, until then: spans get times around it, and the tag
    /// `clock.unsynced`.
    Unknown(u64),
}

/// Converts the ticks of a device to Unix time, from the times at which its reports of ticks arrived
/// and from its own anchors.
///
/// A report says that the offset between both clocks is at most arrival less ticks, since nothing
/// arrives before it is sent. Clocks drift by at most [`DRIFT`], so a report bounds the offset at any
/// other time too. The least of these bounds is the offset that is used; it is too great by
/// the delay of the report that it comes from. Delays show in how far the other reports lie above.
#[derive(Clone, Debug)]
pub(in crate::relay) struct DeviceClock {
    frequency: u64,
    /// The newest last.
    reports: VecDeque<Report>,
    /// The farthest that a report lies above the bounds of the others.
    spread: u64,
    anchor: Option<Report>,
    /// The arrival of the first report is arbitrary, and no other one counts.
    is_stored: bool,
}

/// An instant of both clocks, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Report {
    /// By the device's clock.
    micros: i64,
    /// Unix time less the device's.
    offset: i64,
    uncertainty: u64,
}

/// Unix time less the device's, and the most by which that may be off, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Offset {
    pub(super) micros: i64,
    /// `None` if nothing is known.
    pub(super) uncertainty: Option<u64>,
}

/// Microseconds in which two clocks may drift apart by one: 200 ppm, 100 for each.
const DRIFT: u64 = 5_000;
/// The reports that are kept.
const REPORTS: usize = 64;
/// The reports after which the spread shows the delays.
const FEW: usize = 16;
/// The delay that is assumed before.
const ASSUMED: u64 = 250_000;
/// A delay that all reports have does not show in their spread: transmission, latency timers of USB.
const CONSTANT: u64 = 20_000;
/// As many reports above all others are a change of frequency.
const CHANGE: usize = 8;

impl DeviceClock {
    /// Makes a clock of so many ticks a second, of which nothing else is known.
    pub(in crate::relay) fn new(frequency: u64) -> Self {
        DeviceClock {
            frequency,
            reports: VecDeque::new(),
            spread: 0,
            anchor: None,
            is_stored: false,
        }
    }

    pub(super) fn frequency(&self) -> u64 {
        self.frequency
    }

    /// Returns whether ticks can be converted.
    pub(super) fn is_set(&self) -> bool {
        !self.reports.is_empty() || self.anchor.is_some()
    }

    /// Takes the ticks of a device that arrived now.
    pub(in crate::relay) fn report(&mut self, ticks: u64, arrival: Arrival) {
        let micros = self.micros(ticks);
        let (unix, is_stored) = match arrival {
            Arrival::At(unix) => (unix, false),
            Arrival::Unknown(unix) => (unix, true),
        };
        if is_stored && !self.reports.is_empty() {
            return;
        }
        self.is_stored = is_stored;
        if self.reports.len() == REPORTS {
            self.reports.pop_front();
        }
        let offset = unix.cast_signed().saturating_sub(micros);
        self.reports.push_back(Report {
            micros,
            offset,
            uncertainty: 0,
        });
        self.judge();
    }

    /// Takes the Unix time that the device itself knows at some ticks.
    pub(in crate::relay) fn set_anchor(&mut self, ticks: u64, unix_micros: u64, uncertainty: u32) {
        let micros = self.micros(ticks);
        self.anchor = Some(Report {
            micros,
            offset: unix_micros.cast_signed().saturating_sub(micros),
            uncertainty: uncertainty.into(),
        });
    }

    /// Returns microseconds of the device's clock.
    pub(super) fn micros(&self, ticks: u64) -> i64 {
        let micros = u128::from(ticks) * 1_000_000 / u128::from(self.frequency.max(1));
        i64::try_from(micros).unwrap_or(i64::MAX)
    }

    /// Returns the offset at a time of the device's clock.
    pub(super) fn offset(&self, micros: i64) -> Offset {
        let own = self.anchor.map(|anchor| Offset {
            micros: anchor.offset,
            uncertainty: Some(anchor.uncertainty + anchor.drift(micros)),
        });
        let arrivals = self.bound(micros).map(|bound| Offset {
            micros: bound.offset,
            uncertainty: (!self.is_stored).then(|| self.delay() + bound.drift(micros)),
        });
        let sure = |offset: &Offset| offset.uncertainty.unwrap_or(u64::MAX);
        own.into_iter()
            .chain(arrivals)
            .min_by_key(sure)
            .unwrap_or(Offset {
                micros: 0,
                uncertainty: None,
            })
    }

    /// Returns the uncertainty at the newest report.
    pub(super) fn uncertainty(&self) -> Option<u64> {
        let newest = self.reports.back().or(self.anchor.as_ref())?;
        self.offset(newest.micros).uncertainty
    }

    /// Returns the report that bounds the offset most.
    fn bound(&self, micros: i64) -> Option<&Report> {
        self.reports.iter().min_by_key(|report| report.at(micros))
    }

    /// Returns the longest delay that a report may have had.
    fn delay(&self) -> u64 {
        let least = if self.reports.len() < FEW {
            ASSUMED
        } else {
            CONSTANT
        };
        self.spread.max(least)
    }

    /// Measures the spread; forgets the reports of another frequency.
    fn judge(&mut self) {
        let above = |report: &Report| {
            let bound = self.bound(report.micros);
            bound.map_or(0, |bound| report.offset.abs_diff(bound.at(report.micros)))
        };
        let above: Vec<u64> = self.reports.iter().map(above).collect();
        let (before, last) = above.split_at(above.len().saturating_sub(CHANGE));
        let has_changed = before.len() >= CHANGE && last.iter().min() > before.iter().max();
        self.spread = above.iter().copied().max().unwrap_or(0);
        if has_changed {
            let old = before.len();
            self.reports.drain(..old);
            self.judge();
        }
    }
}

impl Report {
    /// Returns by how much both clocks may have drifted apart since, or before.
    fn drift(&self, micros: i64) -> u64 {
        self.micros.abs_diff(micros) / DRIFT
    }

    /// Returns the greatest offset at another time.
    fn at(&self, micros: i64) -> i64 {
        self.offset.saturating_add_unsigned(self.drift(micros))
    }
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
