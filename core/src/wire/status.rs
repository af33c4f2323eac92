//! The state of a tracer, for packets that carry it.

use core::fmt;

use crate::sampler_description::Description;
use crate::stats::LossCause;
use crate::time::Anchor;

/// The state of the tracer behind a packet, for encoders [that carry it](super::Encoder::WITH_STATUS).
///
/// ```
/// use picojaeger_core::wire::{Batch, ClientStats, Counts, Process, Status};
///
/// let (process, counts) = (Process::new("pump"), || Some(Counts::new([0; 8], [0; 10])));
/// let status = Status::new(7, 25_000_000, &counts, &|_| None);
/// let batch = Batch::new(&process, 1, ClientStats::NONE).with_status(Some(&status));
/// assert_eq!(batch.status.unwrap().now, 7);
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Status<'s> {
    /// The time, in ticks of the tracer's clock.
    pub now: u64,
    /// Ticks a second.
    pub frequency: u64,
    /// The point where ticks and Unix time meet, if it is known.
    pub anchor: Option<&'s Anchor>,
    /// The counts, which are added up only if they are sent; `None` where they cannot be read now.
    pub counts: &'s dyn Fn() -> Option<Counts>,
    /// The descriptions that the codes of samplers stand for.
    pub samplers: &'s dyn Fn(u8) -> Option<Description>,
    /// Whether the packet is made for its status, due or not.
    pub announces: bool,
}

/// The counts of [`Stats`](crate::Stats) modulo 2³², as a packet has them: a chip adds up no longer
/// numbers for it. See [`Status`] for an example.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Counts {
    /// Spans: sampled, open, queued, delivered, cleared, unsampled, unseeded; and decode errors.
    pub spans: [u32; 8],
    /// Losses, in the order of [`LossCause`].
    pub lost: [u32; LossCause::COUNT],
}

impl Counts {
    /// The counts in these orders.
    pub const fn new(spans: [u32; 8], lost: [u32; LossCause::COUNT]) -> Self {
        Counts { spans, lost }
    }
}

impl<'s> Status<'s> {
    /// The state at this time, of a clock with so many ticks a second, which is sent where it is due.
    pub const fn new(
        now: u64,
        frequency: u64,
        counts: &'s dyn Fn() -> Option<Counts>,
        samplers: &'s dyn Fn(u8) -> Option<Description>,
    ) -> Self {
        Status {
            now,
            frequency,
            anchor: None,
            counts,
            samplers,
            announces: false,
        }
    }

    /// Sets where ticks and Unix time meet.
    #[must_use]
    pub const fn with_anchor(mut self, anchor: Option<&'s Anchor>) -> Self {
        self.anchor = anchor;
        self
    }

    /// Makes it due if this `announces`.
    #[must_use]
    pub const fn with_announcement(mut self, announces: bool) -> Self {
        self.announces = announces;
        self
    }
}

impl fmt::Debug for Status<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Status")
            .field("now", &self.now)
            .field("frequency", &self.frequency)
            .finish_non_exhaustive()
    }
}
