//! The counts of a tracer, over its statuses.

use std::collections::VecDeque;

use crate::relay::payload::Status;

/// The counts of a tracer so far.
#[derive(Default)]
pub(super) struct Counts {
    /// The last status as it came.
    last: Status,
    /// The same with all of its counts continued.
    total: Option<Status>,
    /// Frame and time of the last statuses.
    seen: VecDeque<(u32, u64)>,
}

/// The statuses that are known if they come again: those of a quarter of an hour.
const MOST_SEEN: usize = 1_024;

impl Counts {
    /// Returns the counts; `None` before the first status.
    pub(super) fn total(&self) -> Option<&Status> {
        self.total.as_ref()
    }

    /// Returns whether the status of this frame has come before, as on a line that is read twice.
    pub(super) fn is_repeated(&self, frame: u32, status: &Status) -> bool {
        self.seen.contains(&(frame, status.now))
    }

    /// Returns whether a status belongs to a later boot: its counts are less.
    pub(super) fn is_before(&self, status: &Status) -> bool {
        self.total.is_some() && status.is_behind(&self.last)
    }

    /// Takes the status of a frame, since the last of which so many spans were `read`.
    pub(super) fn take(&mut self, frame: u32, status: Status, read: u64) {
        if self.seen.len() == MOST_SEEN {
            self.seen.pop_front();
        }
        self.seen.push_back((frame, status.now));
        let mut next = status.clone();
        if let Some(total) = &self.total {
            next.continue_from(total, &self.last, read);
        }
        (self.last, self.total) = (status, Some(next));
    }
}
