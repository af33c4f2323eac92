//! The worker thread: when it sleeps, and who wakes it.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::local;
use crate::shared::{Shared, hold, lock};
use crate::unix::{self, fence};

/// Nothing is held, and the worker is parked without a time-out or not started.
const IDLE: u8 = 0;
/// Something is held, and the worker is parked for at most the flush interval.
const TIMED: u8 = 1;
/// The worker is running, or about to.
const AWAKE: u8 = 2;

/// The worker's state and handle.
pub(crate) struct Waker {
    state: AtomicU8,
    handle: Mutex<Option<JoinHandle<()>>>,
}

/// Tickets: who asks for a flush takes a number and waits until it is answered.
pub(crate) struct Flush {
    asked: AtomicU64,
    answered: Mutex<u64>,
    changed: Condvar,
}

impl Waker {
    pub(crate) const fn new() -> Self {
        Waker {
            state: AtomicU8::new(IDLE),
            handle: Mutex::new(None),
        }
    }

    /// Called by a producer behind each push.
    #[inline(always)]
    pub(crate) fn after_push(&self, shared: &Arc<Shared>, urgent: bool) {
        fence::light();
        let state = self.state.load(Ordering::Relaxed);
        if state == IDLE || (urgent && state == TIMED) {
            self.wake(shared);
        }
    }

    /// Wakes the worker, and starts it where there is none yet.
    #[cold]
    #[inline(never)]
    pub(crate) fn wake(&self, shared: &Arc<Shared>) {
        self.state.store(AWAKE, Ordering::SeqCst);
        let mut handle = lock(&self.handle);
        match &*handle {
            Some(worker) => worker.thread().unpark(),
            None if shared.settings.background => *handle = start(shared),
            None => {}
        }
    }

    /// Whether a worker runs or can be had.
    fn has_worker(&self) -> bool {
        lock(&self.handle)
            .as_ref()
            .is_some_and(|worker| !worker.is_finished())
    }

    /// Waits for a worker that is about to end.
    fn join(&self) {
        let worker = lock(&self.handle).take();
        if let Some(worker) = worker.filter(|worker| worker.thread().id() != thread::current().id())
            && worker.join().is_err()
        {
            log::error!(target: "picojaeger", "the worker panicked; please report it");
        }
    }

    pub(crate) fn while_locked(&self, f: impl FnOnce()) {
        hold(&self.handle, f);
    }
}

impl Flush {
    pub(crate) fn new() -> Self {
        Flush {
            asked: AtomicU64::new(0),
            answered: Mutex::new(0),
            changed: Condvar::new(),
        }
    }

    fn ask(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn answer(&self, ticket: u64) {
        *lock(&self.answered) = ticket;
        self.changed.notify_all();
    }

    /// Whether the ticket is answered within this time.
    fn wait(&self, ticket: u64, timeout: Duration) -> bool {
        let answered = lock(&self.answered);
        let waited = self
            .changed
            .wait_timeout_while(answered, timeout, |answered| *answered < ticket);
        let (answered, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *answered >= ticket
    }

    pub(crate) fn while_locked(&self, f: impl FnOnce()) {
        hold(&self.answered, f);
    }
}

/// Sends everything that finished before this call; `false` if the time runs out.
pub(crate) fn flush(shared: &Arc<Shared>, timeout: Duration) -> bool {
    let ticket = shared.flush().ask();
    if !local::is_worker() {
        shared.waker().wake(shared);
        if shared.waker().has_worker() {
            return shared.flush().wait(ticket, timeout);
        }
    }
    drain_here(shared, timeout)
}

/// Flushes, ends the worker, and lets go of the slots that are back.
pub(crate) fn close(shared: &Arc<Shared>, timeout: Duration) -> bool {
    shared.set_closed();
    let complete = flush(shared, timeout);
    if complete {
        shared.waker().join();
    }
    let slots = shared.pool().close();
    drop(slots);
    shared.recycle_chunks();
    complete
}

/// Flushes on the calling thread.
fn drain_here(shared: &Arc<Shared>, timeout: Duration) -> bool {
    let until = Instant::now() + timeout;
    loop {
        let pass = shared.engine().pass(shared, true);
        if pass.complete {
            return true;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        thread::park_timeout(left.min(Duration::from_millis(10)));
    }
}

/// Asks a worker that runs to flush, and waits; without one there is nothing to
/// wait for that could be had while the process ends.
pub(crate) fn flush_at_exit(shared: &Arc<Shared>, timeout: Duration) {
    let Ok(handle) = shared.waker().handle.try_lock() else {
        return;
    };
    let Some(worker) = handle.as_ref().filter(|worker| !worker.is_finished()) else {
        return;
    };
    let ticket = shared.flush().ask();
    worker.thread().unpark();
    drop(handle);
    if !shared.flush().wait(ticket, timeout) {
        log::warn!(target: "picojaeger", "the process ends before all spans are sent");
    }
}

fn start(shared: &Arc<Shared>) -> Option<JoinHandle<()>> {
    let worker = shared.clone();
    let started = thread::Builder::new()
        .name("picojaeger".into())
        .spawn(move || run(&worker));
    match started {
        Ok(handle) => Some(handle),
        Err(error) => {
            log::warn!(target: "picojaeger", "cannot start the worker: {error}; spans are sent at flush() only");
            None
        }
    }
}

fn run(shared: &Arc<Shared>) {
    unix::block_signals();
    local::become_worker();
    let (waker, flush) = (shared.waker(), shared.flush());
    let mut answered = 0;
    loop {
        waker.state.store(AWAKE, Ordering::SeqCst);
        let asked = flush.asked.load(Ordering::SeqCst);
        let closing = shared.is_closed();
        let pass = shared.engine().pass(shared, asked != answered || closing);
        if pass.complete {
            answered = asked;
            flush.answer(asked);
            if closing {
                return;
            }
        }
        if pass.held {
            waker.state.store(TIMED, Ordering::SeqCst);
            thread::park_timeout(pass.wait);
        } else {
            waker.state.store(IDLE, Ordering::SeqCst);
            fence::heavy();
            let news = flush.asked.load(Ordering::SeqCst) != answered || shared.is_closed();
            if !news && !shared.engine().holds(shared) {
                thread::park();
            }
        }
    }
}
