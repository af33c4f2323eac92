//! Losses, as lines of the program's log.

use std::time::Duration;

use log::Level;
use picojaeger_core::{LossCause, Lost};

use crate::sys::log::{LogThrottle, log_guarded};

/// Writes one line for each cause of loss through the [`log`] crate: target `picojaeger`, level
/// warn; at the first call after the first loss of a cause, then at most once an interval.
///
/// A line has the number of spans lost since the cause's previous line, so a loss within an
/// interval is reported at the first call after its end. Times are those of any monotonic clock.
#[derive(Debug)]
pub(crate) struct LossLog {
    /// Precedes each line: the name of a transport beside the first.
    prefix: String,
    interval: Duration,
    /// In the order of [`Lost::by_cause`].
    causes: [LogThrottle; CAUSES],
    late: LogThrottle,
}

const CAUSES: usize = LossCause::COUNT;

impl LossLog {
    /// Writes at most one line a cause and minute.
    pub(crate) fn new() -> Self {
        Self::with_interval(Duration::from_secs(60))
    }

    /// Writes as many about one of several transports, which each line names.
    pub(super) fn of_transport(name: &str) -> Self {
        LossLog {
            prefix: format!("transport {name}: "),
            ..Self::new()
        }
    }

    /// Writes at most one line a cause and interval.
    fn with_interval(interval: Duration) -> Self {
        LossLog {
            prefix: String::new(),
            interval,
            causes: [LogThrottle::default(); CAUSES],
            late: LogThrottle::default(),
        }
    }

    /// Writes the lines that are due. `details` returns the error behind a cause, if known, and is
    /// called only for a line that has it. Costs a few comparisons if nothing was lost.
    pub(crate) fn log(
        &mut self,
        lost: &Lost,
        now: Duration,
        details: impl Fn(LossCause) -> Option<String>,
    ) {
        for line in self.due(lost, now, details) {
            log_guarded(Level::Warn, format_args!("{line}"));
        }
    }

    /// Writes the line about late refusals, if it is due: of packets that count as delivered.
    /// Across a network they may be the only sign of a closed port.
    pub(crate) fn log_late(
        &mut self,
        refusals: u64,
        now: Duration,
        details: impl Fn(LossCause) -> Option<String>,
    ) {
        if let Some(line) = self.late_due(refusals, now, details) {
            log_guarded(Level::Warn, format_args!("{line}"));
        }
    }

    fn due(
        &mut self,
        lost: &Lost,
        now: Duration,
        details: impl Fn(LossCause) -> Option<String>,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        for (log, (cause, count)) in self.causes.iter_mut().zip(lost.by_cause()) {
            if let Some(new) = log.take(count, now, self.interval) {
                let reason = reason(cause, &details);
                let prefix = &self.prefix;
                lines.push(format!("{prefix}spans lost ({cause}): {new}; {reason}"));
            }
        }
        lines
    }

    fn late_due(
        &mut self,
        refusals: u64,
        now: Duration,
        details: impl Fn(LossCause) -> Option<String>,
    ) -> Option<String> {
        let new = self.late.take(refusals, now, self.interval)?;
        // The cause is that of any refusal; only its time differs.
        let reason = reason(LossCause::Refused, details);
        let prefix = &self.prefix;
        Some(format!("{prefix}packets perhaps lost: {new}; {reason}"))
    }
}

/// Returns the reason of a cause, and the user's remedy.
fn reason(cause: LossCause, details: impl Fn(LossCause) -> Option<String>) -> String {
    let known = match cause {
        LossCause::Full => {
            "the memory for finished spans was full; raise memory_limit or sample less"
        }
        LossCause::Blocked => "the ring's oldest span was in use",
        LossCause::Evicted => "newer spans took their place; raise memory_limit or sample less",
        LossCause::Reentered => "they finished inside another call of the tracer",
        LossCause::Memory => {
            "the memory for open spans was full; raise memory_limit or sample less"
        }
        LossCause::Closed => "the tracer was closed before they finished",
        LossCause::TooLarge => {
            let known = "they fit no packet even when truncated; raise max_packet_size";
            return details(cause).unwrap_or_else(|| known.into());
        }
        _ => return details(cause).unwrap_or_else(|| "the network gave no reason".into()),
    };
    known.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(full: u64, refused: u64) -> Lost {
        Lost::default()
            .with(LossCause::Full, full)
            .with(LossCause::Refused, refused)
    }

    fn refusal(_: LossCause) -> Option<String> {
        Some("no agent listens at here:1: refused".into())
    }

    const START: Duration = Duration::from_secs(7);
    const SMALL: &str = "the memory for finished spans was full; raise memory_limit or sample less";

    #[test]
    fn the_first_loss_is_reported_at_once_and_later_ones_once_a_minute() {
        let mut log = LossLog::new();
        let at = |seconds| START + Duration::from_secs(seconds);
        let mut due = |full, seconds| log.due(&lost(full, 0), at(seconds), |_| panic!());
        assert!(due(0, 0).is_empty());
        assert_eq!(due(2, 1), [format!("spans lost (full): 2; {SMALL}")]);
        assert!(due(5, 2).is_empty());
        assert!(due(9, 60).is_empty());
        assert_eq!(due(9, 61), [format!("spans lost (full): 7; {SMALL}")]);
        assert!(due(9, 200).is_empty(), "nothing new");
    }

    #[test]
    fn causes_have_their_own_intervals() {
        let mut log = LossLog::with_interval(Duration::from_secs(5));
        assert_eq!(log.due(&lost(1, 0), START, refusal).len(), 1);
        let later = START + Duration::from_secs(1);
        assert_eq!(
            log.due(&lost(2, 4), later, refusal),
            ["spans lost (refused): 4; no agent listens at here:1: refused"]
        );
        let last = START + Duration::from_secs(6);
        assert_eq!(log.due(&lost(2, 5), last, |_| None).len(), 2);
    }

    #[test]
    fn late_refusals_are_reported_in_packets() {
        let mut log = LossLog::new();
        assert_eq!(
            log.late_due(3, START, refusal).unwrap(),
            "packets perhaps lost: 3; no agent listens at here:1: refused"
        );
        assert_eq!(log.late_due(4, START, refusal), None);
        let later = START + Duration::from_secs(60);
        assert_eq!(
            log.late_due(4, later, |_| None).unwrap(),
            "packets perhaps lost: 1; the network gave no reason"
        );
    }

    #[test]
    fn every_cause_is_reported() {
        let all = Lost::default().by_cause().into_iter();
        let lost = all.fold(Lost::default(), |lost, (cause, _)| lost.with(cause, 1));
        let lines = LossLog::new().due(&lost, START, refusal);
        assert_eq!(lines.len(), CAUSES);
        let by_network = lines.iter().filter(|line| line.contains("here:1"));
        assert_eq!(
            by_network.count(),
            4,
            "too large, refused, failed and unreachable"
        );
    }
}
