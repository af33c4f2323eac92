//! What was lost, as lines of the program's log.

use std::time::{Duration, Instant};

use picojaeger_core::Stats;

/// Writes one line for each cause of loss through the [`log`] crate: target `picojaeger`, level
/// warn; at once at the first loss of a cause, then at most once an interval.
///
/// A line says how many spans were lost since the cause's last one, so a count that falls into
/// an interval waits for its end. Refusals that came too late for the sum are a cause of their
/// own, counted in packets: behind a network they may be all that is heard of a closed port.
#[derive(Debug)]
pub(crate) struct LossLog {
    interval: Duration,
    causes: [Said; CAUSES],
}

/// What was said of a cause.
#[derive(Clone, Copy, Default, Debug)]
struct Said {
    count: u64,
    at: Option<Instant>,
}

/// Those of [`Lost`](picojaeger_core::Lost), and late refusals.
const CAUSES: usize = 10;

const LATE: &str = "late";

impl LossLog {
    /// At most one line a cause and minute.
    pub(crate) fn new() -> Self {
        Self::with_interval(Duration::from_secs(60))
    }

    /// At most one line a cause and interval.
    pub(crate) fn with_interval(interval: Duration) -> Self {
        LossLog {
            interval,
            causes: [Said::default(); CAUSES],
        }
    }

    /// Writes the lines that are due; `last_error` is what the sender says, and asked only
    /// where a line needs it. A few comparisons where nothing was lost.
    pub(crate) fn note(
        &mut self,
        stats: &Stats,
        now: Instant,
        last_error: impl Fn() -> Option<String>,
    ) {
        for line in self.due(stats, now, last_error) {
            log::warn!(target: "picojaeger", "{line}");
        }
    }

    fn due(
        &mut self,
        stats: &Stats,
        now: Instant,
        last_error: impl Fn() -> Option<String>,
    ) -> Vec<String> {
        let counts = stats.lost.by_cause().into_iter();
        let counts = counts.chain([(LATE, stats.late_refusals)]);
        let mut lines = Vec::new();
        for (said, (cause, count)) in self.causes.iter_mut().zip(counts) {
            let is_early = |at| now.saturating_duration_since(at) < self.interval;
            let new = count.saturating_sub(said.count);
            if new == 0 || said.at.is_some_and(is_early) {
                continue;
            }
            *said = Said {
                count,
                at: Some(now),
            };
            lines.push(line(cause, new, &last_error));
        }
        lines
    }
}

fn line(cause: &str, new: u64, last_error: impl Fn() -> Option<String>) -> String {
    let reason = match cause {
        "full" => "the thread's ring was full; raise memory_limit or sample less".into(),
        "blocked" => "the ring's oldest span was in use".into(),
        "evicted" => "newer spans took their place; raise memory_limit or sample less".into(),
        "reentered" => "they finished inside another call of the tracer".into(),
        "too large" => "they fit no packet even when cut; raise max_packet_size".into(),
        "memory" => "memory_limit was reached; raise it or sample less".into(),
        "closed" => "the tracer was closed before they finished".into(),
        _ => last_error().unwrap_or_else(|| "the network gave no reason".into()),
    };
    match cause {
        LATE => format!("packets perhaps lost: {new}; {reason}"),
        _ => format!("spans lost ({cause}): {new}; {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picojaeger_core::Lost;

    fn stats(full: u64, refused: u64) -> Stats {
        let lost = Lost {
            full,
            refused,
            ..Lost::default()
        };
        Stats {
            lost,
            ..Stats::default()
        }
    }

    fn closed() -> Option<String> {
        Some("no agent listens at here:1: refused".into())
    }

    const FULL: &str = "the thread's ring was full; raise memory_limit or sample less";

    #[test]
    fn the_first_loss_is_said_at_once_and_later_ones_once_a_minute() {
        let mut log = LossLog::new();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut due = |full, seconds| log.due(&stats(full, 0), at(seconds), || panic!());
        assert!(due(0, 0).is_empty());
        assert_eq!(due(2, 1), [format!("spans lost (full): 2; {FULL}")]);
        assert!(due(5, 2).is_empty());
        assert!(due(9, 60).is_empty());
        assert_eq!(due(9, 61), [format!("spans lost (full): 7; {FULL}")]);
        assert!(due(9, 200).is_empty(), "nothing new");
    }

    #[test]
    fn causes_have_their_own_intervals() {
        let mut log = LossLog::with_interval(Duration::from_secs(5));
        let start = Instant::now();
        assert_eq!(log.due(&stats(1, 0), start, closed).len(), 1);
        let later = start + Duration::from_secs(1);
        assert_eq!(
            log.due(&stats(2, 4), later, closed),
            ["spans lost (refused): 4; no agent listens at here:1: refused"]
        );
        let last = start + Duration::from_secs(6);
        assert_eq!(log.due(&stats(2, 5), last, || None).len(), 2);
    }

    #[test]
    fn late_refusals_are_said_in_packets() {
        let stats = Stats {
            late_refusals: 3,
            ..Stats::default()
        };
        assert_eq!(
            LossLog::new().due(&stats, Instant::now(), closed),
            ["packets perhaps lost: 3; no agent listens at here:1: refused"]
        );
        assert_eq!(
            LossLog::new().due(&stats, Instant::now(), || None),
            ["packets perhaps lost: 3; the network gave no reason"]
        );
    }

    #[test]
    fn every_cause_is_said() {
        let mut stats = Stats {
            late_refusals: 1,
            ..Stats::default()
        };
        stats.lost = Lost {
            full: 1,
            blocked: 1,
            evicted: 1,
            reentered: 1,
            too_large: 1,
            refused: 1,
            failed: 1,
            memory: 1,
            closed: 1,
        };
        let lines = LossLog::new().due(&stats, Instant::now(), closed);
        assert_eq!(lines.len(), CAUSES);
        let by_network = lines.iter().filter(|line| line.contains("here:1"));
        assert_eq!(by_network.count(), 3, "refused, failed and late");
    }
}
