//! The worker thread: how it is started, flushed and ended.

use std::io;
use std::sync::{Arc, Mutex, TryLockError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use log::Level;

use crate::memory::span_slot::SpanOwner as _;
use crate::state::TracerState;
use crate::state::thread_local as local;
use crate::sys::log::log_guarded;
use crate::sys::per_process::PerProcess;
use crate::sys::signals;
use crate::sys::sync::{hold, lock};
use crate::worker::parking::{self, Parking, Pass, Work};

/// The worker's sleep and handle.
pub(crate) struct WorkerHandle {
    parking: Parking,
    handle: Mutex<Option<JoinHandle<()>>>,
}

/// Tracers that are flushed when the process ends.
static AT_EXIT: PerProcess<Mutex<Vec<Weak<TracerState>>>> = PerProcess::new(Mutex::new(Vec::new()));
/// How long the end of the process, or of the last handle, waits.
pub(crate) const LAST_FLUSH: Duration = Duration::from_millis(500);
/// Between two tries to send on the calling thread.
const PAUSE: Duration = Duration::from_millis(10);

impl WorkerHandle {
    pub(crate) fn new() -> Self {
        WorkerHandle {
            parking: Parking::new(),
            handle: Mutex::new(None),
        }
    }

    /// Called by a producer behind each push.
    #[inline(always)]
    pub(crate) fn after_push(&self, state: &Arc<TracerState>, urgent: bool) {
        if self.parking.needs_wake(urgent) {
            self.wake(state);
        }
    }

    /// Called by a producer behind a push that left its ring less than half full: whether
    /// the worker has to be woken.
    #[inline(always)]
    pub(crate) fn is_idle(&self) -> bool {
        self.parking.needs_wake(false)
    }

    /// Wakes the worker, and starts it where there is none yet.
    #[cold]
    #[inline(never)]
    pub(crate) fn wake(&self, state: &Arc<TracerState>) {
        self.parking.mark_awake();
        // The lock is over before anything is logged: a logger may trace.
        if let Err(error) = self.unpark_or_start(state) {
            let line =
                format_args!("cannot start the worker: {error}; spans are sent at flush() only");
            log_guarded(Level::Warn, line);
        }
    }

    fn unpark_or_start(&self, state: &Arc<TracerState>) -> io::Result<()> {
        let mut handle = lock(&self.handle);
        match &*handle {
            Some(worker) if !worker.is_finished() => worker.thread().unpark(),
            // What is left of a closed tracer is sent by whoever closes it.
            _ if state.is_closed() || !state.common.settings.background => {}
            _ => *handle = Some(start(state)?),
        }
        Ok(())
    }

    /// Whether a worker runs.
    fn has_worker(&self) -> bool {
        lock(&self.handle)
            .as_ref()
            .is_some_and(|worker| !worker.is_finished())
    }

    /// Waits for a worker that is about to end.
    fn join(&self) {
        let worker = lock(&self.handle).take();
        if worker.is_some_and(|worker| worker.join().is_err()) {
            let line = format_args!("the worker panicked; please report it");
            log_guarded(Level::Error, line);
        }
    }

    pub(crate) fn while_locked(&self, f: impl FnOnce()) {
        hold(&self.handle, f);
    }
}

impl Work for Arc<TracerState> {
    fn is_closed(&self) -> bool {
        self.is_closing()
    }

    fn pass(&self, flush: bool) -> Pass {
        self.exporter().pass(&self.common, flush)
    }

    fn holds(&self) -> bool {
        self.exporter().holds(&self.common)
    }

    fn park(&self, timeout: Option<Duration>) {
        match timeout {
            Some(timeout) => thread::park_timeout(timeout),
            None => thread::park(),
        }
    }

    fn drained(&self) {
        self.set_drained();
    }
}

/// Sends everything that finished before this call; `false` if the time runs out.
///
/// Inside a reporter it only asks for that: the pass that runs the reporter cannot
/// wait for itself.
pub(crate) fn flush(state: &Arc<TracerState>, timeout: Duration) -> bool {
    let ticket = state.tickets().take();
    if local::is_worker() {
        return false;
    }
    if !state.worker().has_worker() && state.common.stats_registry().stats().queued == 0 {
        // No need for a worker yet. What finishes now raced with the end, if there was one.
        // Whoever has the exporter speaks of losses too. As the worker, since a logger may flush.
        if let Some(mut exporter) = state.try_exporter() {
            local::as_worker(|| exporter.log_losses(&state.common));
        }
        if state.is_closed() {
            state.set_drained();
        }
        return true;
    }
    state.worker().wake(state);
    if state.worker().has_worker() {
        return state.tickets().wait(ticket, timeout);
    }
    drain_here(state, timeout)
}

/// Flushes, ends the worker, and lets go of the slots that are back.
pub(crate) fn close(state: &Arc<TracerState>, timeout: Duration) -> bool {
    state.set_closed();
    let complete = flush(state, timeout);
    if complete {
        state.worker().join();
    }
    let slots = state.pool().close();
    drop(slots);
    state.common.close_ring_pool();
    complete
}

/// Flushes on the calling thread, which is a worker meanwhile.
fn drain_here(state: &Arc<TracerState>, timeout: Duration) -> bool {
    let until = Instant::now().checked_add(timeout);
    loop {
        let closing = state.is_closing();
        if local::as_worker(|| state.exporter().pass(&state.common, true)).complete {
            if closing {
                state.set_drained();
            }
            return true;
        }
        let left = until.map_or(PAUSE, |until| {
            until.saturating_duration_since(Instant::now())
        });
        if left.is_zero() {
            return false;
        }
        // Not parked: the wake-up of a parked thread may be its owner's.
        thread::sleep(left.min(PAUSE));
    }
}

/// Lets the end of the process flush this tracer.
pub(crate) fn flush_when_the_process_ends(state: &Arc<TracerState>) {
    let mut tracers = lock(AT_EXIT.get());
    tracers.retain(|tracer| tracer.strong_count() > 0);
    tracers.push(Arc::downgrade(state));
}

/// Runs `f` while the calling thread holds the list of tracers; for tests of fork.
pub(crate) fn while_list_locked(f: impl FnOnce()) {
    hold(AT_EXIT.get(), f);
}

/// Flushes all tracers of this process, for half a second together. It waits for
/// no lock that the end of the process may have left held.
pub(crate) extern "C" fn flush_all() {
    if local::is_worker() {
        return;
    }
    let tracers: Vec<_> = match AT_EXIT.get().try_lock() {
        Ok(tracers) => tracers.iter().filter_map(Weak::upgrade).collect(),
        Err(TryLockError::Poisoned(tracers)) => {
            tracers.get_ref().iter().filter_map(Weak::upgrade).collect()
        }
        Err(TryLockError::WouldBlock) => return,
    };
    let until = Instant::now() + LAST_FLUSH;
    for state in tracers.iter().filter(|state| !state.is_closed()) {
        flush_by_worker(state, until.saturating_duration_since(Instant::now()));
    }
}

/// Asks a worker that runs to flush, and waits; without one there is nothing to
/// wait for that could be had while the process ends.
fn flush_by_worker(state: &Arc<TracerState>, timeout: Duration) {
    let Ok(handle) = state.worker().handle.try_lock() else {
        return;
    };
    let Some(worker) = handle.as_ref().filter(|worker| !worker.is_finished()) else {
        return;
    };
    let ticket = state.tickets().take();
    worker.thread().unpark();
    drop(handle);
    if !state.tickets().wait(ticket, timeout) {
        let line = format_args!("the process ends before all spans are sent");
        log_guarded(Level::Warn, line);
    }
}

fn start(state: &Arc<TracerState>) -> io::Result<JoinHandle<()>> {
    let worker = state.clone();
    thread::Builder::new()
        .name("picojaeger".into())
        .spawn(move || {
            signals::block_signals();
            local::become_worker();
            parking::run(&worker, &worker.worker().parking, worker.tickets());
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spans::fast_path::start_root;
    use crate::sys::clock::TickSource;

    #[test]
    fn no_span_wakes_a_worker_that_waits_for_more() {
        const LONG: Duration = Duration::from_secs(3_600);
        let state = TracerState::of_test(TickSource::Tsc, |config| {
            config.background(true).flush_interval(LONG)
        });
        let parking = &state.worker().parking;
        let waits = || !parking.needs_wake(false) && parking.needs_wake(true);
        drop(start_root(&state, "wakes it"));
        while !waits() {
            thread::yield_now();
        }
        for finish in [true, false] {
            let mut span = start_root(&state, "does not");
            if finish {
                span.finish();
            }
            drop(span);
            assert!(waits());
        }
        assert!(close(&state, LONG));
        assert_eq!(state.stats().delivered, 3);
    }
}
