//! The thread that asks a sampling server: its start at the first root, and its end.

use std::sync::Arc;

use log::Level;

use crate::sampling::RemoteSampler;
use crate::state::TracerState;
use crate::sys::clock::monotonic;
use crate::sys::log::log_guarded;
use crate::sys::pace::Pace;
use crate::worker::as_worker;
use crate::worker::poller::Poller;

/// The polls of a tracer in one process.
#[derive(Default)]
pub(super) struct Polls {
    poller: Poller,
    /// Of tries to start the thread.
    pace: Pace,
}

impl TracerState {
    /// Starts to ask the sampling server, if the sampler has one that is not asked yet.
    ///
    /// For roots on the slow path, where no lock is held and no shard in use.
    #[inline]
    pub(crate) fn poll_sampler(&self) {
        if let Some(sampler) = self.common.sampler.unpolled() {
            self.start_polls(sampler.clone());
        }
    }

    /// Waits for the first answer, if the settings say so, on the calling thread.
    pub(crate) fn await_strategy(&self) {
        let timeout = self.common.settings.sampling.first_fetch_timeout;
        if let (Some(timeout), Some(sampler)) = (timeout, self.common.sampler.unpolled()) {
            as_worker(|| sampler.poll_within(timeout));
        }
    }

    #[cold]
    fn start_polls(&self, sampler: Arc<RemoteSampler>) {
        if self.is_closed() || !self.polls.pace.is_due(monotonic()) {
            return;
        }
        let (first, polled) = (sampler.first_wait(), sampler.clone());
        match self.polls.poller.start(first, move || polled.poll()) {
            Ok(()) => sampler.set_polled(),
            Err(error) => {
                let line = format_args!("cannot start the thread that polls the sampler: {error}");
                log_guarded(Level::Warn, line);
            }
        }
    }

    /// Ends the polls for good, without waiting for one that is under way.
    pub(crate) fn end_polls(&self) {
        self.polls.poller.close();
    }
}
