//! Counts of exports: packets, bytes, retries and durations.

use core::time::Duration;

use super::SendOutcome;

/// Counts of the packets that a transport was given, for metrics; they only grow.
///
/// ```
/// use std::time::Duration;
/// use picojaeger_core::{ExportCounts, SendOutcome};
///
/// let mut exports = ExportCounts::default();
/// exports.count(SendOutcome::Retry, 1_400, Duration::from_micros(3));
/// exports.count(SendOutcome::Accepted, 1_400, Duration::from_micros(20));
/// assert_eq!((exports.packets, exports.bytes, exports.retries), (1, 1_400, 1));
/// assert_eq!(exports.durations.sum(), Duration::from_micros(20));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct ExportCounts {
    /// Packets that were accepted.
    pub packets: u64,
    /// Packets whose spans were lost.
    pub failures: u64,
    /// Bytes of the accepted packets, as sent.
    pub bytes: u64,
    /// Attempts that were to be repeated.
    pub retries: u64,
    /// Durations of the other attempts.
    pub durations: Durations,
}

/// A histogram of durations, with fixed bounds from 10 µs to 30 s.
///
/// ```
/// use std::time::Duration;
/// use picojaeger_core::Durations;
///
/// let mut durations = Durations::default();
/// durations.record(Duration::from_millis(1));
/// durations.record(Duration::from_secs(60));
/// let within = |limit| durations.cumulative().find(|(bound, _)| *bound == limit).unwrap().1;
/// assert_eq!(within(Some(Duration::from_micros(100))), 0);
/// assert_eq!(within(Some(Duration::from_millis(1))), 1);
/// assert_eq!((within(None), durations.count()), (2, 2));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Durations {
    /// Of each bound, the durations up to it and above the one before; last, those above all.
    counts: [u64; Durations::BOUNDS.len() + 1],
    nanos: u64,
}

impl ExportCounts {
    /// Counts the outcome of a packet of so many bytes, if it has one, after this time.
    pub fn count(&mut self, outcome: SendOutcome, bytes: usize, duration: Duration) {
        match outcome {
            SendOutcome::Pending | SendOutcome::Partial => return,
            SendOutcome::TooLarge | SendOutcome::Retry => {
                self.retries += 1;
                return;
            }
            SendOutcome::Refused | SendOutcome::Failed | SendOutcome::Unreachable => {
                self.failures += 1;
            }
            SendOutcome::Accepted | SendOutcome::PartlyAccepted { .. } => {
                self.packets += 1;
                self.bytes += bytes as u64;
            }
        }
        self.durations.record(duration);
    }
}

impl Durations {
    /// The upper bounds; each belongs to its own range.
    pub const BOUNDS: [Duration; 15] = [
        Duration::from_micros(10),
        Duration::from_micros(100),
        Duration::from_millis(1),
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(25),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(250),
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_millis(2_500),
        Duration::from_secs(5),
        Duration::from_secs(10),
        Duration::from_secs(30),
    ];

    /// Adds a duration.
    pub fn record(&mut self, duration: Duration) {
        let at = Self::BOUNDS.partition_point(|bound| *bound < duration);
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
        }
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.nanos = self.nanos.saturating_add(nanos);
    }

    /// Adds the durations of another histogram.
    pub fn add(&mut self, other: &Durations) {
        let pairs = self.counts.iter_mut().zip(&other.counts);
        pairs.for_each(|(count, more)| *count += more);
        self.nanos = self.nanos.saturating_add(other.nanos);
    }

    /// Returns the number of durations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the sum of the durations.
    pub const fn sum(&self) -> Duration {
        Duration::from_nanos(self.nanos)
    }

    /// Returns each bound and the number of durations up to it; last, no bound and all of them.
    pub fn cumulative(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let bounds = Self::BOUNDS.into_iter().map(Some).chain([None]);
        let mut sum = 0;
        bounds.zip(self.counts).map(move |(bound, count)| {
            sum += count;
            (bound, sum)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn a_bound_belongs_to_its_own_range() {
        for (at, bound) in Durations::BOUNDS.into_iter().enumerate() {
            let mut durations = Durations::default();
            durations.record(bound);
            durations.record(bound + Duration::from_nanos(1));
            let cumulative: Vec<_> = durations.cumulative().map(|(_, count)| count).collect();
            assert_eq!(cumulative[at], 1, "{bound:?}");
            assert_eq!(cumulative[at + 1], 2, "{bound:?}");
            assert_eq!(cumulative[..at].iter().sum::<u64>(), 0, "{bound:?}");
        }
    }

    #[test]
    fn histograms_add_up_and_saturate() {
        let mut durations = Durations::default();
        durations.record(Duration::from_millis(2));
        let mut other = Durations::default();
        other.record(Duration::from_millis(3));
        durations.add(&other);
        assert_eq!(
            (durations.count(), durations.sum()),
            (2, Duration::from_millis(5))
        );
        durations.record(Duration::MAX);
        assert_eq!(durations.sum(), Duration::from_nanos(u64::MAX));
        assert_eq!(durations.cumulative().last(), Some((None, 3)));
    }

    #[test]
    fn each_outcome_has_its_count() {
        let mut exports = ExportCounts::default();
        let took = Duration::from_secs(1);
        for outcome in [
            SendOutcome::Accepted,
            SendOutcome::PartlyAccepted { rejected: 1 },
            SendOutcome::Pending,
            SendOutcome::Partial,
            SendOutcome::TooLarge,
            SendOutcome::Retry,
            SendOutcome::Refused,
            SendOutcome::Failed,
            SendOutcome::Unreachable,
        ] {
            exports.count(outcome, 7, took);
        }
        let counts = [
            exports.packets,
            exports.failures,
            exports.bytes,
            exports.retries,
        ];
        assert_eq!(counts, [2, 3, 14, 2]);
        assert_eq!(
            (exports.durations.count(), exports.durations.sum()),
            (5, 5 * took)
        );
    }
}
