//! The worker thread: its start, wake-up and join.

use std::cell::Cell;
use std::io;
use std::sync::Mutex;
use std::thread::{JoinHandle, Thread};

use log::Level;

use crate::sys::log::log_guarded;
#[cfg(test)]
use crate::sys::sync::hold;
use crate::sys::sync::{lock, try_lock};
use crate::sys::threads;
use crate::worker::parking::{self, Parking, Tickets, Work};

/// Handle of a tracer's worker, whether it runs or not.
pub(crate) struct WorkerHandle {
    parking: Parking,
    tickets: Tickets,
    thread: Mutex<Option<JoinHandle<()>>>,
}

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
            thread: Mutex::new(None),
        }
    }

    /// Returns whether the worker has to be woken; called by a producer after each push, with
    /// `urgent` if its ring is half full or was full.
    #[inline(always)]
    pub(crate) fn needs_wake(&self, urgent: bool) -> bool {
        self.parking.needs_wake(urgent)
    }

    pub(crate) fn tickets(&self) -> &Tickets {
        &self.tickets
    }

    /// Wakes the worker. If none runs, `start` starts one, or returns `None` if none is allowed.
    pub(crate) fn wake(&self, start: impl FnOnce() -> Option<io::Result<JoinHandle<()>>>) {
        self.parking.mark_awake();
        // The error is logged here, after `unpark_or_start` has unlocked: a logger may trace.
        if let Err(error) = self.unpark_or_start(start) {
            let line =
                format_args!("cannot start the worker: {error}; spans are sent at flush() only");
            log_guarded(Level::Warn, line);
        }
    }

    fn unpark_or_start(
        &self,
        start: impl FnOnce() -> Option<io::Result<JoinHandle<()>>>,
    ) -> io::Result<()> {
        let mut thread = lock(&self.thread);
        if let Some(running) = running(&thread) {
            running.unpark();
        } else if let Some(started) = start() {
            *thread = Some(started?);
        }
        Ok(())
    }

    /// Wakes a running worker, without waiting for a lock; returns whether it did.
    pub(crate) fn try_unpark(&self) -> bool {
        let Some(thread) = try_lock(&self.thread) else {
            return false;
        };
        running(&thread).inspect(|worker| worker.unpark()).is_some()
    }

    /// Returns whether a worker runs.
    pub(crate) fn is_running(&self) -> bool {
        running(&lock(&self.thread)).is_some()
    }

    /// Waits for the end of a worker that is about to end.
    pub(crate) fn join(&self) {
        // A statement of its own: the lock ends with it, before the wait.
        let worker = lock(&self.thread).take();
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
