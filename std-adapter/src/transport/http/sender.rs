//! The sender: a thread that posts one batch after another, and repeats attempts.

use std::cell::Cell;
use std::task::Waker;
use std::time::{Duration, SystemTime};

use picojaeger_core::SendOutcome;

use super::answer::Verdict;
use super::client::Client;
use super::mailbox::Mailbox;
use super::retry::Retry;
use crate::config::{CollectorSettings, Protocol};
use crate::sys::clock::monotonic;
use crate::sys::unwind::caught;

/// Posts batches; passes from thread to thread with the state of its connections and pauses.
pub(super) struct Sender {
    client: Client,
    retry: Retry,
    is_otlp: bool,
    /// The collector, as errors name it.
    name: String,
}

/// Time for which a thread waits for the next batch; then it ends, and the next batch starts
/// another. Longer than the usual interval of flushes.
const LINGER: Duration = Duration::from_secs(3);

/// The time and the end of waiting, replaceable in tests.
pub(super) trait Pauses: Send + Sync {
    fn now(&self) -> Duration;
    /// Waits for this time, or until the tracer is closed.
    fn pause(&self, pause: Duration);
    /// Returns whether the next attempt is the last one.
    fn is_closing(&self) -> bool;
}

impl Sender {
    pub(super) fn new(settings: &CollectorSettings, client: Client) -> Self {
        Sender {
            client,
            retry: Retry::new(settings.retry_time),
            is_otlp: settings.protocol == Protocol::Otlp,
            name: format!("collector {}", settings.endpoint),
        }
    }

    /// Sends the batches of a mailbox until none comes for a while; `told` is
    /// woken after each, and after each attempt that is to be repeated.
    pub(super) fn run(mailbox: &Mailbox, pauses: &dyn Pauses, told: &Waker) {
        let Some(mut sender) = mailbox.take_sender() else {
            return;
        };
        while let Some((mut again, batch)) = mailbox.next(sender, LINGER) {
            // A panic must not leave the batch without an outcome for good.
            let outcome = caught(|| again.deliver(&batch, mailbox, pauses, told));
            if outcome.is_none() {
                let error = format!("{}: the HTTP client panicked", again.name);
                mailbox.note(Some(error), SendOutcome::Failed, 0, Duration::ZERO);
            }
            mailbox.settle(outcome.unwrap_or(SendOutcome::Failed), batch);
            told.wake_by_ref();
            sender = again;
        }
    }

    fn deliver(
        &mut self,
        batch: &[u8],
        mailbox: &Mailbox,
        pauses: &dyn Pauses,
        told: &Waker,
    ) -> SendOutcome {
        let (client, is_otlp, name) = (&mut self.client, self.is_otlp, &self.name);
        let (sent, took) = (Cell::new(0), Cell::new(Duration::ZERO));
        let attempt = || {
            let begun = monotonic();
            let verdict = client.attempt(batch, is_otlp);
            sent.set(client.sent());
            took.set(Duration::from_nanos(monotonic().saturating_sub(begun)));
            verdict
        };
        let note = |outcome, error: Option<String>| {
            let error = error.map(|error| format!("{name}: {error}"));
            mailbox.note(error, outcome, sent.get(), took.get());
            // For a flush that runs out of time while the collector does not answer. An outcome wakes
            // the worker once, when it can be taken.
            if outcome == SendOutcome::Retry {
                told.wake_by_ref();
            }
        };
        deliver(&mut self.retry, pauses, attempt, note)
    }
}

impl Client {
    fn attempt(&mut self, batch: &[u8], is_otlp: bool) -> Verdict {
        match self.post(batch) {
            Ok(answer) => {
                let verdict = answer.verdict(is_otlp, SystemTime::now());
                verdict.map_error(|error| self.without_secrets(error))
            }
            Err(error) => Verdict::Again { error, asked: None },
        }
    }
}

/// Makes attempts until one is final, or the time is over; the outcome of each is noted, with its
/// error.
fn deliver(
    retry: &mut Retry,
    pauses: &dyn Pauses,
    mut attempt: impl FnMut() -> Verdict,
    mut note: impl FnMut(SendOutcome, Option<String>),
) -> SendOutcome {
    retry.begin(pauses.now());
    loop {
        pauses.pause(retry.pause(pauses.now()));
        let is_last = pauses.is_closing();
        match attempt() {
            Verdict::Final(outcome, error) => {
                retry.succeed();
                note(outcome, error);
                return outcome;
            }
            Verdict::Again { error, asked } => {
                let random = getrandom::u64().unwrap_or(u64::MAX);
                if !retry.fail(pauses.now(), asked, random) || is_last {
                    note(SendOutcome::Unreachable, Some(error));
                    return SendOutcome::Unreachable;
                }
                note(SendOutcome::Retry, Some(error));
            }
        }
    }
}

impl Pauses for Mailbox {
    fn now(&self) -> Duration {
        Duration::from_nanos(monotonic())
    }

    fn pause(&self, pause: Duration) {
        self.pause(pause);
    }

    fn is_closing(&self) -> bool {
        self.is_closing()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::sys::sync::lock;

    /// A clock that pauses move on, until the tracer is closed at some time.
    struct Fake {
        now: Mutex<Duration>,
        closes: Duration,
        pauses: Mutex<Vec<Duration>>,
    }

    impl Fake {
        fn new(closes: Duration) -> Self {
            Fake {
                now: Mutex::new(Duration::from_secs(1)),
                closes,
                pauses: Mutex::default(),
            }
        }
    }

    impl Pauses for Fake {
        fn now(&self) -> Duration {
            *lock(&self.now)
        }

        fn pause(&self, pause: Duration) {
            let left = self.closes.saturating_sub(self.now());
            *lock(&self.now) += pause.min(left);
            lock(&self.pauses).push(pause);
        }

        fn is_closing(&self) -> bool {
            self.now() >= self.closes
        }
    }

    const TIME: Duration = Duration::from_secs(30);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn again(asked: Option<Duration>) -> Verdict {
        Verdict::Again {
            error: "down".into(),
            asked,
        }
    }

    #[test]
    fn a_collector_that_is_down_for_an_hour_is_tried_a_few_times_a_minute_and_then_gets_all() {
        let (fake, mut retry) = (Fake::new(Duration::MAX), Retry::new(TIME));
        let (mut attempts, mut lost, mut errors) = (0, 0, 0);
        while fake.now() < HOUR {
            let attempt = || {
                attempts += 1;
                again(None)
            };
            let outcome = deliver(&mut retry, &fake, attempt, |_, error| {
                errors += usize::from(error.is_some())
            });
            assert_eq!(outcome, SendOutcome::Unreachable);
            lost += 1;
        }
        assert!(
            (100..=120).contains(&lost),
            "a batch in 30 s and less: {lost}"
        );
        assert!(
            (720..=1_600).contains(&attempts),
            "one in 2.5 to 5 s: {attempts}"
        );
        assert_eq!(errors, attempts);
        let accepted = || Verdict::Final(SendOutcome::Accepted, None);
        let mut last = Some("stale".into());
        for _ in 0..2 {
            let outcome = deliver(&mut retry, &fake, accepted, |_, error| last = error);
            assert_eq!((outcome, last.take()), (SendOutcome::Accepted, None));
        }
        let pauses = lock(&fake.pauses);
        assert_eq!(
            pauses.last(),
            Some(&Duration::ZERO),
            "no pause after an answer"
        );
    }

    #[test]
    fn a_close_ends_the_pause_and_leaves_one_attempt() {
        let closes = Duration::from_secs(2);
        let (fake, mut retry) = (Fake::new(closes), Retry::new(TIME));
        let asked = Some(Duration::from_secs(50));
        let mut attempts = Vec::new();
        for _ in 0..2 {
            let attempt = || {
                attempts.push(fake.now());
                again(asked)
            };
            let outcome = deliver(&mut retry, &fake, attempt, |_, _| {});
            assert_eq!(outcome, SendOutcome::Unreachable);
        }
        let first = Duration::from_secs(1);
        assert_eq!(attempts, [first, closes, closes]);
    }

    #[test]
    fn the_pause_that_one_batch_is_asked_for_holds_for_the_next() {
        let (fake, mut retry) = (Fake::new(Duration::MAX), Retry::new(Duration::ZERO));
        let asked = Some(Duration::from_secs(40));
        deliver(&mut retry, &fake, || again(asked), |_, _| {});
        let accepted = || Verdict::Final(SendOutcome::Accepted, None);
        deliver(&mut retry, &fake, accepted, |_, _| {});
        assert_eq!(fake.now(), Duration::from_secs(41));
    }
}
