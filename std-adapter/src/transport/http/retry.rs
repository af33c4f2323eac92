//! The schedule of attempts, as a pure function of times.

use std::time::Duration;

/// When the next attempt is made, and when a batch is given up. Times are those of any monotonic
/// clock.
///
/// Pauses double from [`FIRST`] to [`LONGEST`], each less up to half of it at random. They go on
/// from one batch to the next until one finds an answer, so a collector that is down is tried a few
/// times a minute, however many batches wait. What the collector itself asks for (`Retry-After`)
/// is granted up to [`MOST_ASKED`], beyond the time of the batch too, and holds for the next ones.
#[derive(Debug)]
pub(super) struct Retry {
    /// The time of each batch.
    time: Duration,
    /// End of the time of the present batch.
    until: Duration,
    /// Attempts without an answer since the last one with.
    failures: u32,
    not_before: Duration,
}

/// The first pause.
const FIRST: Duration = Duration::from_millis(250);
/// The longest pause.
pub(super) const LONGEST: Duration = Duration::from_secs(5);
/// The longest pause that a collector may ask for.
pub(super) const MOST_ASKED: Duration = Duration::from_secs(60);

impl Retry {
    /// Makes a schedule that gives each batch this time.
    pub(super) fn new(time: Duration) -> Self {
        Retry {
            time,
            until: Duration::ZERO,
            failures: 0,
            not_before: Duration::ZERO,
        }
    }

    /// Begins the time of a batch.
    pub(super) fn begin(&mut self, now: Duration) {
        self.until = now + self.time;
    }

    /// Returns the time until the next attempt.
    pub(super) fn pause(&self, now: Duration) -> Duration {
        self.not_before.saturating_sub(now)
    }

    /// Notes an answer, whatever it says about the batch.
    pub(super) fn succeed(&mut self) {
        self.failures = 0;
        self.not_before = Duration::ZERO;
    }

    /// Notes an attempt without a usable answer, after which the collector may have asked for a
    /// pause; returns whether to try this batch again. The last attempt is at the end of its time.
    pub(super) fn fail(&mut self, now: Duration, asked: Option<Duration>, random: u64) -> bool {
        self.failures = self.failures.saturating_add(1);
        let again = now < self.until;
        let next = now + backoff(self.failures, random);
        self.not_before = match asked {
            Some(asked) => next.max(now + asked.min(MOST_ASKED)),
            None if again => next.min(self.until),
            None => next,
        };
        again
    }
}

/// Returns the pause after so many failures.
fn backoff(failures: u32, random: u64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let pause = (FIRST * (1 << doublings)).min(LONGEST);
    let half = pause / 2;
    half + half.mul_f64(random as f64 / u64::MAX as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn pauses_double_up_to_a_limit_and_are_spread() {
        let most: Vec<_> = (1..8).map(|n| backoff(n, u64::MAX).as_millis()).collect();
        assert_eq!(most, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
        let least: Vec<_> = (1..8).map(|n| backoff(n, 0).as_millis()).collect();
        assert_eq!(least, [125, 250, 500, 1_000, 2_000, 2_500, 2_500]);
        assert_eq!(backoff(u32::MAX, u64::MAX), LONGEST);
    }

    #[test]
    fn the_last_attempt_is_at_the_end_of_the_time() {
        let mut retry = Retry::new(secs(30));
        retry.begin(secs(7));
        let (mut now, mut attempts) = (secs(7), 1);
        while retry.fail(now, None, u64::MAX) {
            now += retry.pause(now);
            attempts += 1;
        }
        assert_eq!((now, attempts), (secs(37), 11));
        assert_eq!(retry.pause(now), LONGEST, "for the next batch");
    }

    #[test]
    fn without_time_a_batch_has_one_attempt() {
        let mut retry = Retry::new(Duration::ZERO);
        retry.begin(secs(7));
        assert!(!retry.fail(secs(7), None, 0));
    }

    #[test]
    fn a_pause_that_the_collector_asks_for_is_granted_up_to_a_minute() {
        for (asked, granted) in [(1, 1), (45, 45), (60, 60), (3_600, 60)] {
            let mut retry = Retry::new(secs(30));
            retry.begin(secs(7));
            assert!(retry.fail(secs(8), Some(secs(asked)), 0));
            assert_eq!(retry.pause(secs(8)), secs(granted));
            let after = secs(8 + granted);
            assert_eq!(retry.fail(after, None, 0), granted < 29, "time is left");
        }
    }

    #[test]
    fn it_holds_for_the_next_batch_until_an_answer() {
        let mut retry = Retry::new(secs(1));
        retry.begin(secs(7));
        assert!(!retry.fail(secs(9), Some(secs(20)), 0));
        retry.begin(secs(10));
        assert_eq!(retry.pause(secs(10)), secs(19));
        retry.succeed();
        assert_eq!(retry.pause(secs(10)), Duration::ZERO);
        assert!(retry.fail(secs(10), None, u64::MAX));
        assert_eq!(retry.pause(secs(10)), FIRST, "from the beginning");
    }
}
