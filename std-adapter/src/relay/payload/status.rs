//! The frame with a device's time and counts, and the frame with the host's time.

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

/// Returns by how much a count has grown, modulo 2³².
const fn added(count: u64, earlier: u64) -> u32 {
    (count as u32).wrapping_sub(earlier as u32)
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
        ];
        let mut all = counts.iter().chain(&status.losses);
        all.all(|count| *count < MOST).then_some(status)
    }

    /// Returns whether the counts are less than those of an earlier status: another boot began. They
    /// are compared modulo 2³², as devices send them.
    pub(crate) fn is_behind(&self, earlier: &Self) -> bool {
        added(self.sampled, earlier.sampled) > i32::MAX as u32
    }

    /// Continues the counts, which devices send modulo 2³², from those of an earlier status.
    pub(crate) fn continue_from(&mut self, earlier: &Self) {
        let counts = [
            (&mut self.sampled, earlier.sampled),
            (&mut self.delivered, earlier.delivered),
            (&mut self.cleared, earlier.cleared),
            (&mut self.unsampled, earlier.unsampled),
            (&mut self.unseeded, earlier.unseeded),
            (&mut self.decode_errors, earlier.decode_errors),
        ];
        let losses = self.losses.iter_mut().zip(earlier.losses.iter().copied());
        for (count, earlier) in counts.into_iter().chain(losses) {
            *count = earlier + u64::from(added(*count, earlier));
        }
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
        for (sampled, full) in [(5, 8), (3_000_000_000, 8), (2, 0)] {
            let mut next = status(sampled, full);
            // The last one lost 2³² spans less eight, and is behind in nothing that is compared.
            assert!(!next.is_behind(&last) || sampled == 3_000_000_000);
            next.continue_from(&last);
            last = next;
        }
        assert_eq!(
            (last.sampled, last.delivered),
            ((2 << 32) + 2, (2 << 32) + 1)
        );
        assert_eq!(last.losses, [1 << 32, 0]);
        assert!(status(2, 0).is_behind(&status(3, 0)) && !status(3, 0).is_behind(&status(3, 0)));
    }
}
