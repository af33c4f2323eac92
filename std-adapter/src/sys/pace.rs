//! The pace of an action that any thread may do, but none too often.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::sys::clock::SECOND;

/// Lets one call through a second, and the first at once.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// The monotonic time from which on the next call goes through.
    next: AtomicU64,
}

impl Pace {
    /// Returns whether the action is due at this monotonic time, in nanoseconds; if so, the caller
    /// has to do it.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        let next = self.next.load(Relaxed);
        let after = now.saturating_add(SECOND);
        // Relaxed: it orders nothing else.
        let mine = |next| self.next.compare_exchange(next, after, Relaxed, Relaxed);
        now >= next && mine(next).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_a_second_goes_through() {
        let pace = Pace::default();
        let times = [3, 3, SECOND + 2, SECOND + 3, SECOND + 4, 9 * SECOND];
        let due = times.map(|now| pace.is_due(now));
        assert_eq!(due, [true, false, false, true, false, true]);
    }
}
