//! The thread that asks servers, for strategies, credits and restrictions: when each is asked first,
//! and the thread's end.

use std::sync::Arc;
use std::time::Duration;

use log::Level;

use crate::config::{Settings, TagValue};
use crate::export::common::Common;
use crate::propagation::Restrictions;
use crate::sampling::{RemoteSampler, Throttler};
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
    /// Of tries to start each.
    sampler: Pace,
    throttler: Pace,
    restrictions: Pace,
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
        let (first, polled) = (sampler.first_wait(), sampler.clone());
        if self.start_poll("sampler", &self.polls.sampler, first, move || polled.poll()) {
            sampler.set_polled();
        }
    }

    /// Returns whether a trace of this operation may be forced. The first such demand starts to ask
    /// for credits.
    #[cold]
    pub(crate) fn is_debug_allowed(&self, operation: &str) -> bool {
        let Some(throttler) = &self.throttler else {
            return true;
        };
        // As a worker: what a logger traces is discarded.
        let allowed = as_worker(|| throttler.allows(operation));
        let (first, polled) = (throttler.first_wait(), throttler.clone());
        let pace = &self.polls.throttler;
        self.start_poll("throttler", pace, first, move || polled.poll());
        allowed
    }

    /// Starts to ask for the restrictions of baggage, if there are any.
    ///
    /// For starts of spans on the slow path, as the first one of each thread is.
    #[inline]
    pub(crate) fn poll_restrictions(&self) {
        if let Some(restrictions) = &self.restrictions {
            let (pace, polled) = (&self.polls.restrictions, restrictions.clone());
            let poll = move || polled.poll();
            self.start_poll("restrictions", pace, Duration::ZERO, poll);
        }
    }

    /// Starts a poll, unless it was started before; returns whether it may run. A call is without
    /// effect within a second of the last.
    fn start_poll(
        &self,
        subject: &'static str,
        pace: &Pace,
        first: Duration,
        poll: impl FnMut() -> Duration + Send + 'static,
    ) -> bool {
        if self.is_closed() || !pace.is_due(monotonic()) {
            return false;
        }
        let started = self.polls.poller.start(subject, first, poll);
        if let Err(error) = &started {
            let line = format_args!("cannot start the thread that asks servers: {error}");
            log_guarded(Level::Warn, line);
        }
        started.is_ok()
    }

    /// Ends the polls for good, without waiting for one that is under way.
    pub(crate) fn end_polls(&self) {
        self.polls.poller.close();
    }
}

/// Makes the throttler of these settings, if they ask for one.
pub(super) fn throttler(common: &Common) -> Option<Arc<Throttler>> {
    let settings = common.settings.throttler.as_ref()?;
    let tags = common.process.iter();
    let uuid = tags.rev().find(|(key, _)| key == "client-uuid");
    let uuid = uuid.map_or(String::new(), |(_, value)| match value {
        TagValue::String(uuid) => uuid.clone(),
        TagValue::Long(uuid) => uuid.to_string(),
        _ => String::new(),
    });
    let service = &common.settings.process.service_name;
    Some(Arc::new(Throttler::new(settings, service, &uuid)))
}

/// Makes the restrictions of baggage of these settings, if they ask for any.
pub(super) fn restrictions(settings: &Settings) -> Option<Arc<Restrictions>> {
    let restrictions = settings.restrictions.as_ref()?;
    let service = &settings.process.service_name;
    Some(Arc::new(Restrictions::new(restrictions, service)))
}
