//! The worker thread: its start, wake-up and join.

use std::cell::Cell;
use std::io;
use std::sync::Mutex;
use std::thread::{JoinHandle, Thread};

use log::Level;

use crate::sys::clock::SECOND;
use crate::sys::log::log_guarded;
#[cfg(test)]
use crate::sys::sync::hold;
use crate::sys::sync::{lock, try_lock};
use crate::sys::threads;
use crate::worker::parking::{self, Parking, Tickets, Urgency, Work};

/// Handle of a tracer's worker, whether it runs or not.
pub(crate) struct WorkerHandle {
    parking: Parking,
    tickets: Tickets,
    thread: Mutex<WorkerThread>,
}

/// The worker's thread, and the starts that failed since the last one that succeeded.
#[derive(Default)]
struct WorkerThread {
    handle: Option<JoinHandle<()>>,
    failures: u32,
    /// The monotonic time from which on a start is tried again.
    retry_at: u64,
}

/// The reason that no worker runs.
enum Absence {
    NotAllowed,
    /// A start failed within the last [`BACK_OFF`].
    BackOff,
    Failed {
        error: io::Error,
        failures: u32,
    },
}

/// The shortest time between two tries to start a worker, in nanoseconds.
const BACK_OFF: u64 = SECOND;

thread_local! {
    /// Whether this thread works for a tracer. Without a destructor, so that reading it costs no
    /// check.
    static WORKER: Cell<bool> = const { Cell::new(false) };
}

impl WorkerHandle {
    pub(crate) fn new() -> Self {
        WorkerHandle {
            parking: Parking::new(),
            tickets: Tickets::new(),
            thread: Mutex::default(),
        }
    }

    /// Returns whether the worker has to be woken; called by a producer after each push.
    #[inline(always)]
    pub(crate) fn needs_wake(&self, urgency: Urgency) -> bool {
        self.parking.needs_wake(urgency)
    }

    pub(crate) fn tickets(&self) -> &Tickets {
        &self.tickets
    }

    /// Wakes the worker; returns whether one runs. If none runs, `start` starts one, or returns
    /// `None` if none is allowed; only then is the monotonic clock read.
    ///
    /// After a start that failed, the next push calls this again, and the first call after a
    /// second tries again. The first, the second, the fourth failure and so on get a line.
    pub(crate) fn wake(
        &self,
        now: impl FnOnce() -> u64,
        start: impl FnOnce() -> Option<io::Result<JoinHandle<()>>>,
    ) -> bool {
        self.parking.mark_awake();
        let Err(absence) = self.unpark_or_start(now, start) else {
            return true;
        };
        // Logged here, after `unpark_or_start` has unlocked: a logger may trace.
        if let Absence::Failed { error, failures } = absence
            && failures.is_power_of_two()
        {
            let line = format_args!(
                "cannot start the worker: {error}; spans wait for flush(), or until a later span finds a thread"
            );
            log_guarded(Level::Warn, line);
        }
        false
    }

    fn unpark_or_start(
        &self,
        now: impl FnOnce() -> u64,
        start: impl FnOnce() -> Option<io::Result<JoinHandle<()>>>,
    ) -> Result<(), Absence> {
        let mut thread = lock(&self.thread);
        if let Some(running) = running(&thread.handle) {
            running.unpark();
            return Ok(());
        }
        let started = thread.start(now(), start);
        if let Err(Absence::BackOff | Absence::Failed { .. }) = started {
            // Under the lock, so that this does not overwrite the state of a worker that another
            // thread starts.
            self.parking.mark_idle();
        }
        started
    }

    /// Wakes a running worker, without waiting for a lock; returns whether it did.
    pub(crate) fn try_unpark(&self) -> bool {
        let Some(thread) = try_lock(&self.thread) else {
            return false;
        };
        let running = running(&thread.handle);
        running.inspect(|worker| worker.unpark()).is_some()
    }

    /// Returns whether a worker runs.
    pub(crate) fn is_running(&self) -> bool {
        running(&lock(&self.thread).handle).is_some()
    }

    /// Waits for the end of a worker that is about to end.
    pub(crate) fn join(&self) {
        // A statement of its own: the lock ends with it, before the wait.
        let worker = lock(&self.thread).handle.take();
        if worker.is_some_and(|worker| worker.join().is_err()) {
            let line = format_args!("the worker panicked; please report it");
            log_guarded(Level::Error, line);
        }
    }

    #[cfg(test)]
    /// Runs `f` while the calling thread holds the worker's thread handle; for tests of fork.
    pub(crate) fn while_thread_locked(&self, f: impl FnOnce()) {
        hold(&self.thread, f);
    }
}

impl WorkerThread {
    /// Starts a worker, unless none is allowed or a start failed a moment ago.
    fn start(
        &mut self,
        now: u64,
        start: impl FnOnce() -> Option<io::Result<JoinHandle<()>>>,
    ) -> Result<(), Absence> {
        if now < self.retry_at {
            return Err(Absence::BackOff);
        }
        match start() {
            None => Err(Absence::NotAllowed),
            Some(Ok(handle)) => {
                self.handle = Some(handle);
                self.failures = 0;
                Ok(())
            }
            Some(Err(error)) => {
                self.failures = self.failures.wrapping_add(1);
                self.retry_at = now.saturating_add(BACK_OFF);
                let failures = self.failures;
                Err(Absence::Failed { error, failures })
            }
        }
    }
}

/// Returns the thread of a worker that has not ended.
fn running(worker: &Option<JoinHandle<()>>) -> Option<&Thread> {
    let running = worker.as_ref().filter(|worker| !worker.is_finished());
    running.map(JoinHandle::thread)
}

/// Starts a worker thread that does `work` until it is closed; `handle` returns the handle that
/// wakes it.
pub(crate) fn spawn<W: Work + Send + 'static>(
    work: W,
    handle: fn(&W) -> &WorkerHandle,
) -> io::Result<JoinHandle<()>> {
    threads::spawn("picojaeger", move || {
        WORKER.set(true);
        let WorkerHandle {
            parking, tickets, ..
        } = handle(&work);
        parking::run(&work, parking, tickets);
    })
}

/// Starts a thread that helps a tracer: as on a worker, spans that are started there are discarded.
#[cfg(feature = "http")]
pub(crate) fn spawn_helper(
    name: &'static str,
    run: Box<dyn FnOnce() + Send>,
) -> io::Result<JoinHandle<()>> {
    threads::spawn(name, || as_worker(run))
}

/// Returns whether this thread works for a tracer: spans that it starts are discarded.
#[inline(always)]
pub(crate) fn is_worker() -> bool {
    WORKER.get()
}

/// Runs `f` as on a worker thread.
pub(crate) fn as_worker<R>(f: impl FnOnce() -> R) -> R {
    /// Restores the flag, after a panic too.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            WORKER.set(self.0);
        }
    }
    let _restore = Restore(WORKER.replace(true));
    f()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Started = Option<io::Result<JoinHandle<()>>>;

    /// Wakes with this result of a start; returns whether a worker runs, and whether a start was
    /// tried.
    fn wake(worker: &WorkerHandle, now: u64, started: Started) -> (bool, bool) {
        let mut tried = false;
        let runs = worker.wake(
            || now,
            || {
                tried = true;
                started
            },
        );
        (runs, tried)
    }

    fn no_thread() -> Started {
        Some(Err(io::ErrorKind::WouldBlock.into()))
    }

    #[test]
    fn a_start_that_failed_is_tried_again_after_a_second_by_the_next_push() {
        let worker = WorkerHandle::new();
        let (end, wait) = std::sync::mpsc::channel::<()>();
        for (now, tried) in [(7, true), (8, false), (BACK_OFF + 6, false)] {
            assert!(worker.needs_wake(Urgency::Low), "by any push");
            assert_eq!(wake(&worker, now, no_thread()), (false, tried), "{now}");
        }
        assert_eq!(
            wake(&worker, BACK_OFF + 7, no_thread()),
            (false, true),
            "and again"
        );
        let thread = threads::spawn("test", move || assert!(wait.recv().is_err()));
        let later = 2 * BACK_OFF + 7;
        assert_eq!(wake(&worker, later, Some(thread)), (true, true));
        assert!(!worker.needs_wake(Urgency::Full), "it is awake");
        assert_eq!(wake(&worker, later + 1, no_thread()), (true, false));
        drop(end);
        worker.join();
    }

    #[test]
    fn where_no_worker_is_allowed_no_push_calls_again() {
        let worker = WorkerHandle::new();
        assert_eq!(wake(&worker, 7, None), (false, true));
        assert!(!worker.needs_wake(Urgency::Full));
    }
}
