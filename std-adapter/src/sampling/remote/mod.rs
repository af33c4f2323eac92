//! The remote sampler: strategies that a server hands out, asked for on a thread of its own.

mod active;
mod http_source;
mod per_operation;
mod poll;
mod strategy;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use picojaeger_core::{Decision, Query};

use crate::config::Settings;
use crate::sampling::{Choice, PollCounts, Timing};
use crate::sys::clock::monotonic;
use crate::sys::log::log_guarded;
#[cfg(test)]
use crate::sys::sync::hold;
use crate::sys::sync::{lock, try_lock};

use active::Active;
use http_source::HttpSource;
pub use poll::StrategySource;
use poll::{NoAnswer, Poll};
use strategy::Strategy;

/// A sampler whose strategy is replaced while it is in use.
pub(crate) struct RemoteSampler {
    /// Traces whose lower 63 bits of the id are not below this are not sampled; the strategy
    /// decides the others. So most roots need no lock.
    limit: AtomicU64,
    /// Whether the server is asked regularly.
    is_polled: AtomicBool,
    active: Mutex<Active>,
    poll: Mutex<Poll>,
    /// Apart from the polls, whose lock is held while an answer is awaited.
    counts: Mutex<PollCounts>,
    make_source: MakeSource,
    late_binding: bool,
}

/// Makes the source of strategies in one process.
pub(crate) type MakeSource = Arc<dyn Fn() -> Box<dyn StrategySource> + Send + Sync>;

/// A limit above each id: the strategy decides all.
const NO_LIMIT: u64 = u64::MAX;
/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

impl RemoteSampler {
    /// Makes a sampler that samples this share until the first answer of the settings' server.
    pub(super) fn new(initial: f64, settings: &Settings) -> Arc<Self> {
        let url = settings.sampling.server_url.clone();
        let service = settings.process.service_name.clone();
        let source =
            move || -> Box<dyn StrategySource> { Box::new(HttpSource::new(&url, &service)) };
        Self::with_source(initial, settings, Arc::new(source))
    }

    /// Makes a sampler that samples this share until the first answer of this source.
    pub(super) fn with_source(
        initial: f64,
        settings: &Settings,
        make_source: MakeSource,
    ) -> Arc<Self> {
        let strategy = Strategy::Probabilistic(initial);
        Self::with_strategy(strategy, settings, make_source)
    }

    fn with_strategy(
        strategy: Strategy,
        settings: &Settings,
        make_source: MakeSource,
    ) -> Arc<Self> {
        let settings = &settings.sampling;
        let active = Active::new(strategy, settings.max_operations, monotonic());
        Arc::new(RemoteSampler {
            limit: AtomicU64::new(NO_LIMIT),
            is_polled: AtomicBool::new(false),
            active: Mutex::new(active),
            poll: Mutex::new(Poll::new(make_source(), settings.refresh_interval)),
            counts: Mutex::default(),
            make_source,
            late_binding: settings.late_binding,
        })
    }

    /// Makes a forked child's sampler, which goes on with the last strategy of its parent, unless
    /// the parent was about to use or to replace it.
    pub(super) fn for_child(&self, initial: f64, settings: &Settings) -> Arc<Self> {
        let last = try_lock(&self.active).map(|active| active.strategy().clone());
        let strategy = last.unwrap_or(Strategy::Probabilistic(initial));
        Self::with_strategy(strategy, settings, self.make_source.clone())
    }

    /// Returns the decision, if it needs no lock.
    #[inline(always)]
    pub(super) fn try_sample(&self, query: &Query<'_>) -> Option<Decision> {
        // Relaxed: while the strategy is replaced, either one may decide.
        let limit = self.limit.load(Ordering::Relaxed);
        (query.trace_id.low() & (u64::MAX >> 1) >= limit).then_some(Decision::Drop)
    }

    /// Decides by the strategy. With late binding, one that depends on the operation waits until the
    /// last moment.
    pub(super) fn sample(&self, query: &Query<'_>, timing: Timing) -> Choice {
        let mut active = lock(&self.active);
        if self.late_binding && timing == Timing::Start && active.depends_on_operation() {
            return Choice::Undecided;
        }
        active.sample(query, monotonic())
    }

    /// Returns whether the server is asked regularly.
    pub(crate) fn is_polled(&self) -> bool {
        self.is_polled.load(Ordering::Relaxed)
    }

    /// Records that the server is asked regularly from now on; until then each root comes to the
    /// slow path, which sees to that.
    pub(crate) fn set_polled(&self) {
        self.is_polled.store(true, Ordering::Relaxed);
        self.publish_limit(&lock(&self.active));
    }

    /// Returns the time to the first poll.
    pub(crate) fn first_wait(&self) -> Duration {
        lock(&self.poll).first_wait(random())
    }

    /// Asks the server and applies its answer; returns the time to the next poll.
    pub(crate) fn poll(&self) -> Duration {
        self.poll_within(PATIENCE);
        lock(&self.poll).next_wait(random())
    }

    /// Asks the server, for at most this long, and applies its answer.
    pub(crate) fn poll_within(&self, patience: Duration) {
        let mut poll = lock(&self.poll);
        let outcome = poll.ask(patience);
        self.count(&outcome);
        let failure = match outcome {
            Ok(strategy) => {
                self.apply(strategy);
                None
            }
            Err(NoAnswer::Unanswered(why) | NoAnswer::Unreadable(why)) => Some(why),
        };
        let current = lock(&self.active).strategy().clone();
        let now = Duration::from_nanos(monotonic());
        let line = poll.line(failure.as_deref(), &current, now);
        // Unlocked before the line is written: a logger may do anything.
        drop(poll);
        if let Some((level, line)) = line {
            log_guarded(level, format_args!("{line}"));
        }
    }

    /// Returns the counts of questions.
    pub(super) fn counts(&self) -> PollCounts {
        *lock(&self.counts)
    }

    fn count(&self, outcome: &Result<Strategy, NoAnswer>) {
        let mut counts = lock(&self.counts);
        match outcome {
            Ok(_) => {
                counts.answered += 1;
                counts.applied += 1;
            }
            Err(NoAnswer::Unreadable(_)) => {
                counts.answered += 1;
                counts.unreadable += 1;
            }
            Err(NoAnswer::Unanswered(_)) => counts.unanswered += 1,
        }
    }

    fn apply(&self, strategy: Strategy) {
        let mut active = lock(&self.active);
        active.update(strategy, monotonic());
        self.publish_limit(&active);
    }

    fn publish_limit(&self, active: &Active) {
        let limit = match self.is_polled() {
            true => active.limit().unwrap_or(NO_LIMIT),
            false => NO_LIMIT,
        };
        self.limit.store(limit, Ordering::Relaxed);
    }

    #[cfg(test)]
    /// Runs `f` while the calling thread holds the strategy.
    pub(super) fn while_locked(&self, f: impl FnOnce()) {
        hold(&self.active, f);
    }
}

fn random() -> u32 {
    getrandom::u32().unwrap_or_default()
}
