//! The answers of a server that is asked now and then: their counts, and lines about failures.

use std::sync::Mutex;
use std::time::Duration;

use log::Level;

use super::http;
use crate::sys::clock::monotonic;
use crate::sys::log::{LogThrottle, log_guarded};
use crate::sys::sync::lock;

/// The answers of one server.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counts: AnswerCounts,
    throttle: LogThrottle,
}

/// The counts of questions to one server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AnswerCounts {
    /// Answers that were applied.
    pub(crate) applied: u64,
    /// Questions without an answer, or with one that cannot be read.
    pub(crate) failed: u64,
}

/// Largest answer in bytes that is read.
const MAX_ANSWER: u64 = 1 << 20;
/// The shortest time between two lines about failures.
const HOUR: Duration = Duration::from_secs(3_600);

impl Answers {
    /// Asks for a URL, which takes at most `patience`, and applies the body of the answer. The first
    /// failure is a line of the log, and then at most one an hour.
    pub(crate) fn ask(
        &self,
        url: &str,
        patience: Duration,
        apply: impl FnOnce(&[u8]) -> Result<(), String>,
    ) {
        let outcome = http::get(url, patience, MAX_ANSWER).and_then(|answer| match answer.status {
            200 => apply(&answer.body),
            status => Err(format!("status {status}")),
        });
        let line = self.count(&outcome, Duration::from_nanos(monotonic()));
        // Unlocked before the line is written: a logger may do anything.
        if let (Err(error), Some(failures)) = (outcome, line) {
            let server = url.split('?').next().unwrap_or_default();
            let line =
                format_args!("no usable answer from {server}: {failures} times; the last: {error}");
            log_guarded(Level::Warn, line);
        }
    }

    pub(crate) fn counts(&self) -> AnswerCounts {
        lock(&self.state).counts
    }

    /// Counts an outcome; returns the number of failures to log, if a line is due.
    fn count(&self, outcome: &Result<(), String>, now: Duration) -> Option<u64> {
        let mut state = lock(&self.state);
        if outcome.is_ok() {
            state.counts.applied += 1;
            return None;
        }
        state.counts.failed += 1;
        let failed = state.counts.failed;
        state.throttle.take(failed, now, HOUR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_and_a_line_at_first_and_hourly() {
        let answers = Answers::default();
        let fail = |seconds| {
            let outcome = Err("down".to_owned());
            answers.count(&outcome, Duration::from_secs(seconds))
        };
        assert_eq!(answers.count(&Ok(()), Duration::ZERO), None);
        assert_eq!((fail(7), fail(60), fail(3_606)), (Some(1), None, None));
        assert_eq!(fail(3_607), Some(3));
        let (applied, failed) = (1, 4);
        assert_eq!(answers.counts(), AnswerCounts { applied, failed });
    }
}
