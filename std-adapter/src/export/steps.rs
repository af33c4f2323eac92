//! Results of sending: of one packet, and of a pass.

/// The reason that sending stopped; of several transports, the greatest is that of all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum End {
    /// Every record that was to be sent has its outcome.
    Passed,
    /// Nothing is due.
    NotDue,
    /// Nothing can be sent now.
    Stuck,
    /// The time was over.
    OutOfTime,
}

/// The result of one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// It has its outcome, or records were skipped.
    Done,
    /// None is due.
    NotDue,
    /// It is to be sent again, or its outcome is not known yet.
    Again,
}
