//! A thread that asks now and then, for what the worker must not wait for.

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::sys::sync::{lock, wait_while};
use crate::sys::threads;
use crate::worker::as_worker;

/// Handle of a polling thread, whether it runs or not; to be closed by its owner, in the process
/// that started the thread.
#[derive(Debug, Default)]
pub(crate) struct Poller {
    signal: Arc<Signal>,
}

/// The state of the thread.
#[derive(Debug, Default)]
struct Signal {
    phase: Mutex<Phase>,
    changed: Condvar,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Phase {
    #[default]
    Idle,
    Running,
    Closed,
}

impl Poller {
    /// Starts the thread, unless it has been started or closed: it polls after `first`, and then
    /// each time after the wait that the poll returned. It counts as a worker, so that what it runs
    /// traces nothing.
    ///
    /// # Errors
    /// There is no thread; the next call tries again.
    pub(crate) fn start(
        &self,
        first: Duration,
        poll: impl FnMut() -> Duration + Send + 'static,
    ) -> io::Result<()> {
        let mut phase = lock(&self.signal.phase);
        if *phase != Phase::Idle {
            return Ok(());
        }
        let signal = self.signal.clone();
        threads::spawn("picojaeger-poll", move || {
            as_worker(|| signal.run(first, poll));
        })?;
        *phase = Phase::Running;
        Ok(())
    }

    /// Ends the thread: at once while it waits, and after its poll, which nobody waits for, while it
    /// polls.
    pub(crate) fn close(&self) {
        *lock(&self.signal.phase) = Phase::Closed;
        self.signal.changed.notify_all();
    }
}

impl Signal {
    fn run(&self, first: Duration, mut poll: impl FnMut() -> Duration) {
        let mut wait = first;
        while !self.is_closed_within(wait) {
            wait = poll();
        }
    }

    /// Waits, but not after a close; returns whether there was one.
    fn is_closed_within(&self, wait: Duration) -> bool {
        let phase = lock(&self.phase);
        let is_open = |phase: &Phase| *phase != Phase::Closed;
        *wait_while(&self.changed, phase, wait, is_open) == Phase::Closed
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::worker::is_worker;

    const LONG: Duration = Duration::from_secs(3_600);

    #[test]
    fn it_polls_as_a_worker_and_waits_as_the_poll_says() {
        let (polled, polls) = channel();
        let poller = Poller::default();
        let mut waits = vec![LONG, Duration::ZERO, Duration::ZERO];
        let poll = move || {
            polled.send(is_worker()).unwrap();
            waits.pop().unwrap_or(LONG)
        };
        poller.start(Duration::ZERO, poll).unwrap();
        for _ in 0..3 {
            assert!(polls.recv().unwrap());
        }
        poller.close();
        assert!(polls.recv().is_err(), "the thread ends, and drops its poll");
    }

    #[test]
    fn a_close_ends_the_wait_and_prevents_a_start() {
        let (polled, polls) = channel::<()>();
        let poller = Poller::default();
        let poll = |sender: Sender<()>| {
            move || {
                sender.send(()).unwrap();
                LONG
            }
        };
        poller.start(LONG, poll(polled.clone())).unwrap();
        poller.start(Duration::ZERO, poll(polled.clone())).unwrap();
        poller.close();
        poller.start(Duration::ZERO, poll(polled)).unwrap();
        assert!(polls.recv().is_err(), "no thread is left, and none polled");
    }

    #[test]
    fn nobody_waits_for_a_poll_that_hangs() {
        let (polled, polls) = channel();
        let (answer, answers) = channel::<()>();
        let poller = Poller::default();
        let poll = move || {
            polled.send(()).unwrap();
            assert!(answers.recv().is_err());
            Duration::ZERO
        };
        poller.start(Duration::ZERO, poll).unwrap();
        polls.recv().unwrap();
        poller.close();
        drop(answer);
        assert!(polls.recv().is_err(), "one poll, and the end");
    }
}
