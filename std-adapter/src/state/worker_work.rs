//! The work of a tracer's worker thread, and the start of that thread.

use std::io;
use std::sync::{Arc, Weak};
use std::task::Wake;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::state::TracerState;
use crate::state::thread_local::as_worker;
use crate::sys::clock::monotonic;
use crate::worker::parking::{Pass, Urgency, Work};
use crate::worker::{self, WorkerHandle};

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

impl TracerState {
    #[inline(always)]
    pub(crate) fn worker(&self) -> &WorkerHandle {
        &self.worker
    }

    /// Wakes the worker if a push makes that necessary.
    #[inline(always)]
    pub(crate) fn after_push(self: &Arc<Self>, urgency: Urgency) {
        if self.worker.needs_wake(urgency) {
            self.wake_worker();
        }
    }

    /// Has a loss logged, at most once a second: by the worker, or by this thread if none runs.
    ///
    /// For losses of the application's threads, after their count. No lock may be held, and no
    /// shard in use: a logger may trace.
    #[cold]
    pub(crate) fn after_loss(self: &Arc<Self>) {
        // A worker that is awake logs it anyhow, but not the losses after its end.
        let may_have_none = self.is_closed() || !self.common.settings.reporter.background;
        if (may_have_none || self.worker.needs_wake(Urgency::Full))
            && self.loss_pace.is_due(monotonic())
            && !self.wake_worker()
        {
            self.log_losses();
        }
    }

    /// Logs losses on the calling thread.
    pub(crate) fn log_losses(self: &Arc<Self>) {
        // A thread that holds the exporter logs losses itself. As a worker, since a logger may
        // flush.
        if let Some(mut exporter) = self.try_exporter() {
            as_worker(|| exporter.log_losses(&self.common));
        }
    }

    /// Wakes the worker, or starts it if none runs; returns whether one runs now.
    // Cold and not inlined: callers on the hot path keep only the test and a call.
    #[cold]
    #[inline(never)]
    pub(crate) fn wake_worker(self: &Arc<Self>) -> bool {
        self.worker.wake(monotonic, || self.start_worker())
    }

    /// Starts a worker, unless the tracer is closed or has no background thread: the rest of a
    /// closed tracer is sent by the thread that closes it.
    fn start_worker(self: &Arc<Self>) -> Option<io::Result<JoinHandle<()>>> {
        if self.is_closed() || !self.common.settings.reporter.background {
            return None;
        }
        Some(worker::spawn(self.clone(), |state| &state.worker))
    }
}

/// Wakes the worker of a tracer, unless the tracer has been dropped.
pub(super) struct WakeWorker(pub(super) Weak<TracerState>);

impl Wake for WakeWorker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(state) = self.0.upgrade() {
            state.wake_worker();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock::TickSource;
    use crate::tracer::lifecycle::close;
    use crate::tracer::span::start_root;

    #[test]
    fn a_worker_that_waits_for_its_interval_is_not_woken() {
        const LONG: Duration = Duration::from_secs(3_600);
        let state = TracerState::of_test(TickSource::Tsc, |config| {
            config.background(true).flush_interval(LONG)
        });
        let worker = state.worker();
        let waits = || !worker.needs_wake(Urgency::Low) && worker.needs_wake(Urgency::Half);
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
