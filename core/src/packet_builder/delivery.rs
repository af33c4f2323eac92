//! Counts of spans by the outcome of their packets.

/// Counts of spans by the outcome of their packets. A chip's
/// [`Tracer::stats`](crate::Tracer::stats) counts all of these as queued.
///
/// ```
/// use picojaeger_core::adapter::DeliveryCounts;
///
/// let mut counts = DeliveryCounts::default();
/// (counts.failed, counts.refused) = (1, 2);
/// assert_eq!(counts.lost(), 3);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct DeliveryCounts {
    /// Spans in packets that were accepted, but for those that the peer rejected.
    pub delivered: u64,
    /// Spans that fitted no packet.
    pub too_large: u64,
    /// Spans in packets that were refused, and rejected ones of other packets.
    pub refused: u64,
    /// Spans in packets that could not be sent.
    pub failed: u64,
    /// Spans in packets whose peer could not be reached.
    pub unreachable: u64,
}

impl DeliveryCounts {
    /// Returns the number of lost spans.
    pub const fn lost(&self) -> u64 {
        self.too_large + self.refused + self.failed + self.unreachable
    }
}
