//! The fate of the spans in packets.

/// Counts of spans by what became of their packets. With a tracer of a chip,
/// these are the part of the sum that [`Stats::queued`](crate::Stats) still holds.
///
/// ```
/// use picojaeger_core::adapter::DeliveryCounts;
///
/// let mut counts = DeliveryCounts::default();
/// (counts.failed, counts.refused) = (1, 2);
/// assert_eq!(counts.lost(), 3);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct DeliveryCounts {
    /// In packets that were accepted.
    pub delivered: u64,
    /// Fitted no packet.
    pub too_large: u64,
    /// In packets that were refused.
    pub refused: u64,
    /// In packets that could not be sent.
    pub failed: u64,
}

impl DeliveryCounts {
    /// All that was lost.
    pub const fn lost(&self) -> u64 {
        self.too_large + self.refused + self.failed
    }
}
