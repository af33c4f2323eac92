//! A thread that asks servers now and then, for what the worker must not wait for.

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::sys::clock::monotonic;
use crate::sys::sync::{lock, wait_while};
use crate::sys::threads;
use crate::sys::unwind::caught;
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
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    /// What was started, as it is named, so that nothing is polled twice.
    started: Vec<&'static str>,
    /// The polls that wait; not the one that is under way.
    tasks: Vec<Task>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Phase {
    #[default]
    Idle,
    Running,
    Closed,
}

/// A poll, and the monotonic time at which it is due.
struct Task {
    due: u64,
    poll: Box<dyn FnMut() -> Duration + Send>,
}

/// A wait that only a new poll or a close ends.
const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);

impl Poller {
    /// Polls `subject` on the thread, which is started for the first one, unless it was started
    /// before or the poller is closed: after `first`, and then each time after the wait that the
    /// poll returned. One poll waits for another. The thread counts as a worker, so that what it
    /// runs traces nothing.
    ///
    /// # Errors
    /// There is no thread; the next call tries again.
    pub(crate) fn start(
        &self,
        subject: &'static str,
        first: Duration,
        poll: impl FnMut() -> Duration + Send + 'static,
    ) -> io::Result<()> {
        let mut state = lock(&self.signal.state);
        if state.phase == Phase::Closed || state.started.contains(&subject) {
            return Ok(());
        }
        if state.phase == Phase::Idle {
            let signal = self.signal.clone();
            threads::spawn("picojaeger-poll", move || as_worker(|| signal.run()))?;
            state.phase = Phase::Running;
        }
        state.started.push(subject);
        let poll = Box::new(poll);
        state.tasks.push(Task::after(first, poll));
        self.signal.changed.notify_all();
        Ok(())
    }

    /// Ends the thread: at once while it waits, and after its poll, which nobody waits for, while it
    /// polls.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.signal.state);
        state.phase = Phase::Closed;
        // Dropped when the lock is free: a poll may own the user's code.
        let tasks = std::mem::take(&mut state.tasks);
        drop(state);
        self.signal.changed.notify_all();
        drop(tasks);
    }
}

impl Signal {
    fn run(&self) {
        while let Some(mut task) = self.next() {
            // A panic ends this poll for good, and no other.
            if let Some(wait) = caught(|| (task.poll)()) {
                self.put_back(Task::after(wait, task.poll));
            }
        }
    }

    /// Keeps a poll for its next time, or drops it after a close.
    fn put_back(&self, task: Task) {
        let mut state = lock(&self.state);
        if state.phase != Phase::Closed {
            state.tasks.push(task);
        }
    }

    /// Waits for the next poll; `None` after a close.
    fn next(&self) -> Option<Task> {
        let mut state = lock(&self.state);
        while state.phase != Phase::Closed {
            let tasks = state.tasks.iter().enumerate();
            let next = tasks.min_by_key(|(_, task)| task.due);
            let wait = match next.map(|(at, task)| (at, task.wait())) {
                Some((at, Duration::ZERO)) => return Some(state.tasks.swap_remove(at)),
                Some((_, wait)) => wait,
                None => FOREVER,
            };
            let known = state.tasks.len();
            state = wait_while(&self.changed, state, wait, |state| {
                state.phase != Phase::Closed && state.tasks.len() == known
            });
        }
        None
    }
}

impl Task {
    fn after(wait: Duration, poll: Box<dyn FnMut() -> Duration + Send>) -> Self {
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        Task {
            due: monotonic().saturating_add(wait),
            poll,
        }
    }

    /// Returns the time until the poll is due.
    fn wait(&self) -> Duration {
        Duration::from_nanos(self.due.saturating_sub(monotonic()))
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("due", &self.due)
            .finish_non_exhaustive()
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
        poller.start("it", Duration::ZERO, poll).unwrap();
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
        poller.start("it", LONG, poll(polled.clone())).unwrap();
        // Once started, another poll of the same name is none.
        let again = poll(polled.clone());
        poller.start("it", Duration::ZERO, again).unwrap();
        poller.close();
        poller.start("late", Duration::ZERO, poll(polled)).unwrap();
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
        poller.start("it", Duration::ZERO, poll).unwrap();
        polls.recv().unwrap();
        poller.close();
        drop(answer);
        assert!(polls.recv().is_err(), "one poll, and the end");
    }

    #[test]
    fn several_polls_share_the_thread_and_a_panic_ends_only_its_own() {
        let (polled, polls) = channel();
        let poller = Poller::default();
        let name = || std::thread::current().id();
        let poll = |what: &'static str, mut waits: Vec<Duration>| {
            let polled = polled.clone();
            move || {
                polled.send((what, name())).unwrap();
                waits.pop().expect("the wait that panics")
            }
        };
        let slow = poll("slow", vec![LONG, Duration::ZERO]);
        poller.start("slow", Duration::ZERO, slow).unwrap();
        let (first, thread) = polls.recv().unwrap();
        let (second, _) = polls.recv().unwrap();
        assert_eq!((first, second), ("slow", "slow"));
        let broken = poll("broken", vec![]);
        poller.start("broken", Duration::ZERO, broken).unwrap();
        assert_eq!(polls.recv().unwrap(), ("broken", thread));
        let last = poll("last", vec![LONG]);
        poller.start("last", Duration::ZERO, last).unwrap();
        assert_eq!(polls.recv().unwrap(), ("last", thread));
        poller.close();
    }
}
