//! The flush of all tracers when the process ends.

use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use log::Level;

use crate::state::TracerState;
use crate::sys::exit;
use crate::sys::log::log_guarded;
use crate::sys::per_process::PerProcess;
#[cfg(test)]
use crate::sys::sync::hold;
use crate::sys::sync::{lock, try_lock};
use crate::worker::is_worker;

/// Tracers to flush when the process ends.
static AT_EXIT: PerProcess<Mutex<Vec<Weak<TracerState>>>> = PerProcess::new(Mutex::new(Vec::new()));

/// Longest wait when the process ends, or when a tracer's last handle is dropped.
pub(crate) const LAST_FLUSH: Duration = Duration::from_millis(500);

/// Adds a tracer to those that are flushed when the process ends.
pub(super) fn flush_at_exit(state: &Arc<TracerState>) {
    let mut tracers = lock(AT_EXIT.get());
    tracers.retain(|tracer| tracer.strong_count() > 0);
    tracers.push(Arc::downgrade(state));
}

/// Installs the hook that runs when the process ends.
pub(crate) fn install() {
    exit::install(flush_all);
}

#[cfg(test)]
/// Runs `f` while the calling thread holds the list of tracers; for tests of fork.
pub(super) fn while_list_locked(f: impl FnOnce()) {
    hold(AT_EXIT.get(), f);
}

/// Flushes all tracers of this process, for half a second together. It waits for no lock, since
/// the end of the process may have left any held.
extern "C" fn flush_all() {
    // A reporter that calls `exit` would wait for its own thread.
    if is_worker() {
        return;
    }
    let Some(tracers) = living_tracers() else {
        return;
    };
    let until = Instant::now() + LAST_FLUSH;
    for state in tracers.iter().filter(|state| !state.is_closed()) {
        flush_by_worker(state, until.saturating_duration_since(Instant::now()));
    }
}

/// Returns the tracers to flush, without waiting for the list.
fn living_tracers() -> Option<Vec<Arc<TracerState>>> {
    let tracers = try_lock(AT_EXIT.get())?;
    Some(tracers.iter().filter_map(Weak::upgrade).collect())
}

/// Requests a flush of a running worker and waits for it; does nothing without a worker, which
/// cannot be started while the process ends.
fn flush_by_worker(state: &Arc<TracerState>, timeout: Duration) {
    let tickets = state.worker().tickets();
    // Before the worker is woken, so that its next pass sees the ticket.
    let ticket = tickets.take();
    if state.worker().try_unpark() && !tickets.wait(ticket, timeout) {
        let line = format_args!("the process ends before all spans are sent");
        log_guarded(Level::Warn, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::thread_local::as_worker;
    use crate::sys::clock::TickSource;

    #[test]
    fn a_worker_that_ends_the_process_requests_no_flush() {
        let state = TracerState::of_test(TickSource::System, |config| config.flush_at_exit(true));
        let tickets = state.worker().tickets();
        let before = tickets.take();
        as_worker(|| flush_all());
        assert_eq!(tickets.take(), before + 1, "the hook took no ticket");
    }
}
