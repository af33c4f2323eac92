//! Counts of sampled spans, and of losses by cause.

use core::fmt;

/// Counts of sampled spans, which add up: nothing is lost uncounted.
///
/// `sampled` = `open` + `queued` + `delivered` + `lost` + `cleared` whenever no call is in
/// progress. The counts start with the tracer and only grow, except `open` and `queued`.
///
/// ```
/// use picojaeger_core::{LossCause, Lost, Stats};
///
/// let mut stats = Stats::default();
/// (stats.sampled, stats.delivered) = (3, 2);
/// stats.lost = Lost::default().with(LossCause::Full, 1);
/// assert!(stats.adds_up());
/// assert_eq!(stats.to_string(), "3 sampled: 0 open, 0 queued, 2 delivered, 1 lost (1 full), 0 cleared");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Spans that became sampled, at their start or later.
    pub sampled: u64,
    /// Sampled spans that have not finished.
    pub open: u64,
    /// Finished spans in a ring, or in a packet that has no outcome yet.
    pub queued: u64,
    /// Spans in packets that were accepted. With UDP: passed to the network without a known error.
    pub delivered: u64,
    /// Lost spans, by cause.
    pub lost: Lost,
    /// Sampled spans whose priority was set to 0 before they finished.
    pub cleared: u64,
    /// Not in the sum: spans that were never sampled.
    pub unsampled: u64,
    /// Not in the sum: spans started before the tracer had a seed.
    pub unseeded: u64,
    /// Not in the sum: spans of a parent process that a forked child dropped.
    pub forked: u64,
    /// Not in the sum: records of spans that had not finished. Each counts as a span of its own in the
    /// sum, beside the span itself.
    pub unfinished: u64,
    /// Not in the sum: packets that were accepted and then met an error, as far as known.
    pub late_refusals: u64,
    /// Not in the sum: extractions that met a malformed header.
    pub decode_errors: u64,
}

/// Counts of lost spans, one for each cause.
///
/// ```
/// use picojaeger_core::{LossCause, Lost};
///
/// let lost = Lost::default().with(LossCause::Full, 1).with(LossCause::Refused, 2);
/// assert_eq!((lost.full, lost.total()), (1, 3));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Lost {
    /// The ring was full.
    pub full: u64,
    /// The ring overwrites, and its oldest record was open or being read.
    pub blocked: u64,
    /// Newer records overwrote it, or it was abandoned by
    /// `PacketReporter::abandon_open`, since it would never have been whole.
    pub evicted: u64,
    /// Started or finished in a re-entrant call.
    pub reentered: u64,
    /// Larger than a packet, even when truncated.
    pub too_large: u64,
    /// The peer's port was closed.
    pub refused: u64,
    /// The network or the transport failed.
    pub failed: u64,
    /// The peer gave no usable answer, whatever was tried in the time for it.
    pub unreachable: u64,
    /// No memory was left within the limit.
    pub memory: u64,
    /// Started or finished after the tracer was closed.
    pub closed: u64,
}

/// The cause of a loss; each is a field of [`Lost`].
///
/// ```
/// use picojaeger_core::{Lost, LossCause};
///
/// let lost = Lost::default().with(LossCause::TooLarge, 2);
/// let worst = lost.by_cause().into_iter().max_by_key(|(_, count)| *count);
/// assert_eq!(worst, Some((LossCause::TooLarge, 2)));
/// assert_eq!(LossCause::TooLarge.to_string(), "too large");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LossCause {
    /// [`Lost::full`].
    Full,
    /// [`Lost::blocked`].
    Blocked,
    /// [`Lost::evicted`].
    Evicted,
    /// [`Lost::reentered`].
    Reentered,
    /// [`Lost::too_large`].
    TooLarge,
    /// [`Lost::refused`].
    Refused,
    /// [`Lost::failed`].
    Failed,
    /// [`Lost::unreachable`].
    Unreachable,
    /// [`Lost::memory`].
    Memory,
    /// [`Lost::closed`].
    Closed,
}

impl Stats {
    /// Returns whether the sum holds.
    pub const fn adds_up(&self) -> bool {
        self.sampled == self.open + self.queued + self.delivered + self.lost.total() + self.cleared
    }
}

impl Lost {
    /// Sets the count of one cause.
    #[must_use]
    pub const fn with(mut self, cause: LossCause, count: u64) -> Self {
        *match cause {
            LossCause::Full => &mut self.full,
            LossCause::Blocked => &mut self.blocked,
            LossCause::Evicted => &mut self.evicted,
            LossCause::Reentered => &mut self.reentered,
            LossCause::TooLarge => &mut self.too_large,
            LossCause::Refused => &mut self.refused,
            LossCause::Failed => &mut self.failed,
            LossCause::Unreachable => &mut self.unreachable,
            LossCause::Memory => &mut self.memory,
            LossCause::Closed => &mut self.closed,
        } = count;
        self
    }

    /// Returns the losses since an earlier count.
    pub const fn since(&self, earlier: &Lost) -> Lost {
        Lost {
            full: self.full.saturating_sub(earlier.full),
            blocked: self.blocked.saturating_sub(earlier.blocked),
            evicted: self.evicted.saturating_sub(earlier.evicted),
            reentered: self.reentered.saturating_sub(earlier.reentered),
            too_large: self.too_large.saturating_sub(earlier.too_large),
            refused: self.refused.saturating_sub(earlier.refused),
            failed: self.failed.saturating_sub(earlier.failed),
            unreachable: self.unreachable.saturating_sub(earlier.unreachable),
            memory: self.memory.saturating_sub(earlier.memory),
            closed: self.closed.saturating_sub(earlier.closed),
        }
    }

    /// Returns the sum of all causes.
    pub const fn total(&self) -> u64 {
        let mut total = 0;
        let mut rest: &[(LossCause, u64)] = &self.by_cause();
        while let [(_, count), tail @ ..] = rest {
            total += *count;
            rest = tail;
        }
        total
    }

    /// Returns each cause and its count.
    pub const fn by_cause(&self) -> [(LossCause, u64); LossCause::COUNT] {
        [
            (LossCause::Full, self.full),
            (LossCause::Blocked, self.blocked),
            (LossCause::Evicted, self.evicted),
            (LossCause::Reentered, self.reentered),
            (LossCause::TooLarge, self.too_large),
            (LossCause::Refused, self.refused),
            (LossCause::Failed, self.failed),
            (LossCause::Unreachable, self.unreachable),
            (LossCause::Memory, self.memory),
            (LossCause::Closed, self.closed),
        ]
    }
}

impl LossCause {
    /// The number of causes.
    pub const COUNT: usize = 10;

    /// Returns the cause in a word or two, for messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            LossCause::Full => "full",
            LossCause::Blocked => "blocked",
            LossCause::Evicted => "evicted",
            LossCause::Reentered => "reentered",
            LossCause::TooLarge => "too large",
            LossCause::Refused => "refused",
            LossCause::Failed => "failed",
            LossCause::Unreachable => "unreachable",
            LossCause::Memory => "memory",
            LossCause::Closed => "closed",
        }
    }
}

impl fmt::Display for LossCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} sampled: {} open, {} queued, {} delivered, {} lost{}, {} cleared",
            self.sampled,
            self.open,
            self.queued,
            self.delivered,
            self.lost.total(),
            self.lost,
            self.cleared
        )
    }
}

/// Writes the causes that occurred in parentheses after a space; nothing if there are none.
impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = " (";
        for (cause, count) in self.by_cause() {
            if count != 0 {
                write!(f, "{separator}{count} {cause}")?;
                separator = ", ";
            }
        }
        f.write_str(if separator == ", " { ")" } else { "" })
    }
}
