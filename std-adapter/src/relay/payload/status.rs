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
