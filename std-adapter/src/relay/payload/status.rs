//! The frame with a device's time and counts, and the frame with the host's time.

use std::ops::Range;

use serde::Deserialize;

use picojaeger_core::{LossCause, Lost};

/// The time and the cumulative counts of a tracer.
#[derive(Clone, PartialEq, Eq, Default, Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct Status {
    /// Ticks when the packet was made.
    pub(crate) now: u64,
    /// Ticks, the Unix time at them, and its uncertainty, both in microseconds.
    pub(crate) anchor: Option<(u64, u64, u32)>,
    pub(crate) sampled: u64,
    pub(crate) open: u64,
    pub(crate) queued: u64,
    pub(crate) delivered: u64,
    pub(crate) cleared: u64,
    pub(crate) unsampled: u64,
    pub(crate) unseeded: u64,
    pub(crate) decode_errors: u64,
    /// In the order of `LossCause`.
    pub(crate) losses: Vec<u64>,
}

/// A count that no device reaches, so that sums do not overflow.
const MOST: u64 = 1 << 48;
/// The most causes of loss that are read.
const MOST_CAUSES: usize = 64;
/// The causes that a reporter counts: from too large to unreachable, of [`LossCause`].
const OF_REPORTER: Range<usize> = 4..8;

/// Returns by how much a count has grown, modulo 2³².
const fn added(count: u64, earlier: u64) -> u32 {
    (count as u32).wrapping_sub(earlier as u32)
}

/// Returns whether a count is less than an earlier one, modulo 2³².
const fn is_less(count: u64, earlier: u64) -> bool {
    added(count, earlier) > i32::MAX as u32
}

impl Status {
    /// Reads a payload; `None` also if a count is 2⁴⁸ or more.
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let (status, _later): (Self, _) = postcard::take_from_bytes(payload).ok()?;
        let counts = [
            status.sampled,
            status.open,
            status.queued,
            status.delivered,
            status.cleared,
            status.unsampled,
            status.unseeded,
            status.decode_errors,
        ];
        let mut all = counts.iter().chain(&status.losses);
        let is_possible = all.all(|count| *count < MOST) && status.losses.len() <= MOST_CAUSES;
        is_possible.then_some(status)
    }

    /// Returns whether the counts are less than those of an earlier status: another boot began. They
    /// are compared modulo 2³², as devices send them.
    pub(crate) fn is_behind(&self, earlier: &Self) -> bool {
        is_less(self.sampled, earlier.sampled)
    }

    /// Continues the counts, which devices send modulo 2³²: from the `total` of the status before,
    /// which came as `last`, and since which so many spans were `read`.
    ///
    /// Where another reporter took over, as after a fault, it counts from 0, and as queued what the one
    /// before delivered. That one delivered what was read, and no more is known of it.
    pub(crate) fn continue_from(&mut self, total: &Self, last: &Self, read: u64) {
        let finished = self.finished();
        let is_anew = self.is_of_another_reporter(last);
        for (count, total, last) in [
            (&mut self.sampled, total.sampled, last.sampled),
            (&mut self.delivered, total.delivered, last.delivered),
            (&mut self.cleared, total.cleared, last.cleared),
            (&mut self.unsampled, total.unsampled, last.unsampled),
            (&mut self.unseeded, total.unseeded, last.unseeded),
            (
                &mut self.decode_errors,
                total.decode_errors,
                last.decode_errors,
            ),
        ] {
            *count = total + u64::from(added(*count, last));
        }
        let before = total.losses.iter().zip(&last.losses);
        for (cause, (count, (total, last))) in self.losses.iter_mut().zip(before).enumerate() {
            let is_anew = is_anew && OF_REPORTER.contains(&cause);
            *count = total + u64::from(added(*count, if is_anew { 0 } else { *last }));
        }
        if is_anew {
            self.delivered = total.delivered + read;
        }
        let left = self.finished().wrapping_sub(self.queued);
        self.queued = added(finished, left).into();
    }

    /// Returns the spans that finished.
    fn finished(&self) -> u64 {
        self.queued + self.delivered + self.losses.iter().sum::<u64>()
    }

    /// Returns whether a reporter has delivered or lost less than by an earlier status.
    fn is_of_another_reporter(&self, earlier: &Self) -> bool {
        let losses = self.losses.iter().zip(&earlier.losses);
        let mut losses = losses.skip(OF_REPORTER.start).take(OF_REPORTER.len());
        is_less(self.delivered, earlier.delivered)
            || losses.any(|(count, earlier)| is_less(*count, *earlier))
    }

    /// Returns the losses by cause. Causes that this version does not know count as `Failed`.
    pub(crate) fn lost(&self) -> Lost {
        let causes = Lost::default().by_cause();
        let known = self.losses.iter().zip(causes);
        let lost = known.fold(Lost::default(), |lost, (count, (cause, _))| {
            lost.with(cause, *count)
        });
        let unknown = self.losses.iter().skip(LossCause::COUNT);
        let unknown = unknown.fold(0u64, |sum, count| sum.saturating_add(*count));
        lost.with(LossCause::Failed, lost.failed.saturating_add(unknown))
    }
}

/// Returns the payload of a time frame: the status that it answers, the host's Unix time in
/// microseconds, and how long the answer took.
#[cfg(feature = "relay")]
pub(crate) fn time(ticks: u64, unix_micros: u64, held_micros: u32) -> Vec<u8> {
    let mut buffer = [0; 25];
    let fields = (ticks, unix_micros, held_micros);
    let written = postcard::to_slice(&fields, &mut buffer);
    written.map(|bytes| bytes.to_vec()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_on_beyond_32_bits() {
        let status = |sampled, full| Status {
            sampled,
            delivered: sampled - 1,
            losses: vec![full, 0],
            ..Status::default()
        };
        let mut last = status(u64::from(u32::MAX), 7);
        let mut total = last.clone();
        for (sampled, full) in [(5, 8), (1_500_000_000, 8), (3_000_000_000, 8), (2, 0)] {
            let next = status(sampled, full);
            assert!(!next.is_behind(&last));
            let mut continued = next.clone();
            // The last one lost 2³² spans less eight, by a cause that is no reporter's.
            continued.continue_from(&total, &last, 0);
            (last, total) = (next, continued);
        }
        let last = total;
        assert_eq!(
            (last.sampled, last.delivered),
            ((2 << 32) + 2, (2 << 32) + 1)
        );
        assert_eq!(last.losses, [1 << 32, 0]);
        assert!(status(2, 0).is_behind(&status(3, 0)) && !status(3, 0).is_behind(&status(3, 0)));
    }
}
