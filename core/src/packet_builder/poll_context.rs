//! The inputs of a poll.

use crate::wire::{ClientStats, EncodeContext, Process, Status};

/// The inputs of a poll, borrowed for the call. See [`PacketBuilder`](super::PacketBuilder) for an
/// example.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct PollContext<'s> {
    /// The time by any clock that does not step back; the unit is that of the
    /// flush interval.
    pub now: u64,
    /// Whether to pack all records, due or not.
    pub flush: bool,
    /// The process that the spans come from.
    pub process: &'s Process<'s>,
    /// The losses to report to the backend.
    pub stats: ClientStats,
    /// The state of the tracer, for encoders [that carry it](crate::wire::Encoder::WITH_STATUS).
    pub status: Option<&'s Status<'s>>,
    /// The meaning of ticks and sampler codes.
    pub encode: &'s EncodeContext<'s>,
}

impl<'s> PollContext<'s> {
    /// Makes the inputs of a poll that packs due records and reports no losses.
    pub const fn new(now: u64, process: &'s Process<'s>, encode: &'s EncodeContext<'s>) -> Self {
        PollContext {
            now,
            flush: false,
            process,
            stats: ClientStats::NONE,
            status: None,
            encode,
        }
    }

    /// Packs all records, due or not, if this is a `flush`.
    #[must_use]
    pub const fn with_flush(mut self, flush: bool) -> Self {
        self.flush = flush;
        self
    }

    /// Sets the losses to report.
    #[must_use]
    pub const fn with_stats(mut self, stats: ClientStats) -> Self {
        self.stats = stats;
        self
    }

    /// Sets the state of the tracer.
    #[must_use]
    pub const fn with_status(mut self, status: Option<&'s Status<'s>>) -> Self {
        self.status = status;
        self
    }
}
