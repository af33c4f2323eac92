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
use crate::worker::parking::Tickets;

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
    if !flush_together(&tracers, LAST_FLUSH) {
        let line = format_args!("the process ends before all spans are sent");
        log_guarded(Level::Warn, line);
    }
}

/// Returns the tracers to flush, without waiting for the list.
fn living_tracers() -> Option<Vec<Arc<TracerState>>> {
    let tracers = try_lock(AT_EXIT.get())?;
    Some(tracers.iter().filter_map(Weak::upgrade).collect())
}

/// Flushes by the tracers' workers; returns whether each that runs sent everything in time.
///
/// All are asked before the first is waited for, so that one that is stuck costs the others
/// nothing.
fn flush_together(tracers: &[Arc<TracerState>], timeout: Duration) -> bool {
    let until = Instant::now() + timeout;
    let open = tracers.iter().filter(|state| !state.is_closed());
    let asked: Vec<_> = open.filter_map(ask).collect();
    // Where one times out, no time is left for the others.
    asked.into_iter().all(|(tickets, ticket)| {
        let left = until.saturating_duration_since(Instant::now());
        tickets.wait(ticket, left)
    })
}

/// Requests a flush of a running worker; returns its ticket, or `None` without a worker, which
/// cannot be started while the process ends.
fn ask(state: &Arc<TracerState>) -> Option<(&Tickets, u64)> {
    let tickets = state.worker().tickets();
    // Before the worker is woken, so that its next pass sees the ticket.
    let ticket = tickets.take();
    state.worker().try_unpark().then_some((tickets, ticket))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::config::{Config, Sampler};
    use crate::reporters::{FinishedSpan, Reporter};
    use crate::state::thread_local::as_worker;
    use crate::sys::clock::TickSource;
    use crate::tracer::Tracer;

    /// Waits for a message, or sends it.
    enum Linked {
        Waits(Mutex<Receiver<()>>),
        Sends(Sender<()>),
    }

    impl Reporter for Linked {
        fn report(&self, _: &FinishedSpan<'_>) {
            match self {
                Linked::Waits(message) => lock(message).recv().unwrap(),
                Linked::Sends(message) => message.send(()).unwrap(),
            }
        }
    }

    /// A tracer with one span in its ring and a worker that sleeps.
    fn tracer(reporter: Linked) -> Tracer {
        let config = Config::new("at-exit").sampler(Sampler::Const(true));
        let config = config.agent(false).flush_at_exit(false);
        let config = config.flush_interval(Duration::from_secs(3_600));
        let tracer = config.reporter(reporter).build().unwrap();
        tracer.start("waits").finish();
        tracer
    }

    #[test]
    fn a_tracer_that_is_stuck_takes_no_time_of_the_others() {
        const SOON: Duration = Duration::from_secs(10);
        let (message, wait) = channel();
        // The first one sends nothing before the second one does.
        let tracers = [
            tracer(Linked::Waits(Mutex::new(wait))),
            tracer(Linked::Sends(message)),
        ];
        let states = tracers.each_ref().map(|it| it.state().unwrap().clone());
        let begun = Instant::now();
        let complete = flush_together(&states, SOON);
        assert!(complete && begun.elapsed() < SOON, "one waits in vain");
        let delivered = tracers.each_ref().map(|tracer| tracer.stats().delivered);
        assert_eq!(delivered, [1, 1]);
    }

    #[test]
    fn a_worker_that_ends_the_process_requests_no_flush() {
        let state = TracerState::of_test(TickSource::System, |config| config.flush_at_exit(true));
        let tickets = state.worker().tickets();
        let before = tickets.take();
        as_worker(|| flush_all());
        assert_eq!(tickets.take(), before + 1, "the hook took no ticket");
    }
}
