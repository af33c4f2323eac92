//! The place where the worker and the sender's thread meet: one batch, and its outcome.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use picojaeger_core::{ExportCounts, SendOutcome};

use super::sender::Sender;
use crate::sys::sync::{lock, wait_while};

/// A batch on its way, and the sender while no thread runs it.
#[derive(Default)]
pub(super) struct Mailbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stage: Stage,
    /// The error of the latest attempt, if it had one.
    error: Option<String>,
    /// The tracer is being closed: no pause, and the next failure is the last.
    is_closing: bool,
    /// Nobody waits for an answer any more.
    is_over: bool,
    /// Ready for a thread.
    sender: Option<Sender>,
    counts: ExportCounts,
    /// Memory of the last batch, for the next.
    spare: Vec<u8>,
}

#[derive(Default)]
enum Stage {
    #[default]
    Empty,
    Waiting(Vec<u8>),
    UnderWay,
    Settled(SendOutcome),
}

/// The worker's side.
impl Mailbox {
    pub(super) fn new(sender: Sender) -> Self {
        let mailbox = Mailbox::default();
        lock(&mailbox.state).sender = Some(sender);
        mailbox
    }

    /// Puts in a copy of a batch; returns whether a thread has to be started for it.
    pub(super) fn put(&self, batch: &[u8]) -> bool {
        let mut state = lock(&self.state);
        let mut copy = std::mem::take(&mut state.spare);
        copy.clear();
        copy.extend_from_slice(batch);
        state.stage = Stage::Waiting(copy);
        let is_idle = state.sender.is_some();
        drop(state);
        self.changed.notify_all();
        is_idle
    }

    /// Takes the batch back, for which no thread could be started.
    pub(super) fn take_back(&self, error: String) {
        let mut state = lock(&self.state);
        state.stage = Stage::Empty;
        state.error = Some(error);
    }

    /// Takes the outcome of the batch, if it is known.
    pub(super) fn take_outcome(&self) -> Option<SendOutcome> {
        let mut state = lock(&self.state);
        let Stage::Settled(outcome) = state.stage else {
            return None;
        };
        state.stage = Stage::Empty;
        Some(outcome)
    }

    /// Returns the error of the latest attempt, if it had one.
    pub(super) fn error(&self) -> Option<String> {
        lock(&self.state).error.clone()
    }

    pub(super) fn counts(&self) -> ExportCounts {
        lock(&self.state).counts
    }

    /// Ends pauses: each batch gets one more attempt.
    pub(super) fn close(&self) {
        self.change(|state| state.is_closing = true);
    }

    /// Ends all: the thread stops as soon as it notices.
    pub(super) fn end(&self) {
        self.change(|state| (state.is_closing, state.is_over) = (true, true));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.state));
        self.changed.notify_all();
    }
}

/// The thread's side.
impl Mailbox {
    /// Takes the sender for a thread that starts.
    pub(super) fn take_sender(&self) -> Option<Sender> {
        lock(&self.state).sender.take()
    }

    /// Waits for a batch; puts the sender back if none comes in this time.
    pub(super) fn next(&self, sender: Sender, linger: Duration) -> Option<(Sender, Vec<u8>)> {
        let state = lock(&self.state);
        let none = |state: &State| !matches!(state.stage, Stage::Waiting(_)) && !state.is_over;
        let mut state = wait_while(&self.changed, state, linger, none);
        if state.is_over {
            return None;
        }
        match std::mem::replace(&mut state.stage, Stage::UnderWay) {
            Stage::Waiting(batch) => Some((sender, batch)),
            other => {
                (state.stage, state.sender) = (other, Some(sender));
                None
            }
        }
    }

    /// Sets the outcome of a batch, and gives its memory back.
    pub(super) fn settle(&self, outcome: SendOutcome, batch: Vec<u8>) {
        self.change(|state| (state.stage, state.spare) = (Stage::Settled(outcome), batch));
    }

    /// Notes an attempt: its error, if it had one, and its outcome after so many bytes and this time.
    pub(super) fn note(
        &self,
        error: Option<String>,
        outcome: SendOutcome,
        bytes: usize,
        took: Duration,
    ) {
        let mut state = lock(&self.state);
        state.error = error;
        state.counts.count(outcome, bytes, took);
    }

    /// Waits for this time, or until the tracer is closed.
    pub(super) fn pause(&self, pause: Duration) {
        let state = lock(&self.state);
        drop(wait_while(&self.changed, state, pause, |state| {
            !state.is_closing
        }));
    }

    pub(super) fn is_closing(&self) -> bool {
        lock(&self.state).is_closing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sampler as Sampling};
    use crate::transport::http::client::Client;

    fn mailbox() -> Mailbox {
        let config = Config::new("mailbox").sampler(Sampling::Const(true));
        let settings = config.otlp("http://c:1").resolve().unwrap().collector;
        let settings = settings.unwrap();
        Mailbox::new(Sender::new(&settings, Client::new(&settings)))
    }

    /// The next batch then needs another thread, which finds the sender again.
    #[test]
    fn a_thread_that_gets_no_batch_puts_the_sender_back() {
        let mailbox = mailbox();
        for _ in 0..2 {
            let sender = mailbox.take_sender().unwrap();
            assert!(mailbox.next(sender, Duration::ZERO).is_none());
        }
        assert!(mailbox.put(b"batch"), "a thread has to be started");
        let sender = mailbox.take_sender().unwrap();
        assert!(!mailbox.put(b"other"), "one runs");
        let (_, batch) = mailbox.next(sender, Duration::ZERO).unwrap();
        assert_eq!(batch, b"other");
    }

    #[test]
    fn a_thread_ends_with_its_tracer() {
        let mailbox = mailbox();
        let sender = mailbox.take_sender().unwrap();
        mailbox.put(b"batch");
        mailbox.end();
        assert!(mailbox.next(sender, Duration::ZERO).is_none());
        assert!(mailbox.is_closing());
    }
}
