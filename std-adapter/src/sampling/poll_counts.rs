//! The counts of questions to a sampling server.

/// Questions to a sampling server, and what became of their answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PollCounts {
    /// Questions that were answered.
    pub(crate) answered: u64,
    pub(crate) unanswered: u64,
    /// Answers that are in use, or were.
    pub(crate) applied: u64,
    /// Answers that are no strategy.
    pub(crate) unreadable: u64,
}
