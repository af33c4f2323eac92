//! The end of a server's life: waits for open spans, closes, and reports.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use picojaeger_core::{Lost, Stats};

use crate::state::TracerState;
use crate::tracer::end_future::EndFuture;
use crate::tracer::open_spans::OpenSpans;
use crate::tracer::{Tracer, cause_of, lifecycle};

impl Tracer {
    /// Waits until no span is open and everything is sent, at most for `timeout`, and closes the tracer:
    /// for the end of a server, once it accepts no more requests.
    ///
    /// New spans are accepted meanwhile, so that requests under way are traced to their end. What is still open
    /// when the time runs out is lost when it ends, and the report names it; with the setting
    /// [`unfinished_at_close`](crate::Config::unfinished_at_close) it is sent as it is known then. A tenth of the time, at
    /// most half a second, is kept for the sending of what finished last.
    ///
    /// A thread of its own waits, from the call on, and looks every 10 ms at most; spans pay nothing
    /// for that. Dropping the future cancels nothing. It needs no runtime and no timer of one. With the setting
    /// [`background(false)`](crate::Config::background), or where no thread can be started, nothing is done, and
    /// [`DrainReport::last_error`] says so: call [`Tracer::drain_blocking`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use picojaeger_std::Tracer;
    ///
    /// async fn end(tracer: Tracer) {
    ///     println!("{}", tracer.drain(Duration::from_secs(5)).await);
    /// }
    /// # let mut end = std::pin::pin!(end(Tracer::disabled()));
    /// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// # assert!(std::future::Future::poll(end.as_mut(), &mut context).is_ready());
    /// ```
    pub fn drain(&self, timeout: Duration) -> EndFuture<DrainReport> {
        let drain = move |tracer: &Tracer| tracer.drain_blocking(timeout);
        EndFuture::start(self, DrainReport::of_none(), drain, |cause| DrainReport {
            last_error: Some(format!("there is no thread to wait: {cause}")),
            ..DrainReport::default()
        })
    }

    /// Drains and closes like [`Tracer::drain`], and waits on the calling thread. Inside a reporter, whose
    /// thread cannot wait for itself, the tracer is closed at once.
    ///
    /// ```
    /// use std::time::Duration;
    /// use picojaeger_std::config::{Config, Sampler};
    ///
    /// let tracer = Config::new("shop").sampler(Sampler::Const(true)).agent(false).new_tracer()?;
    /// let order = tracer.start("order");
    /// let request = std::thread::spawn(move || drop(order));
    /// let report = tracer.drain_blocking(Duration::from_secs(5));
    /// assert!(report.is_complete(), "{report}");
    /// assert_eq!((report.sent(), report.open().total()), (1, 0));
    /// # request.join().unwrap();
    /// # Ok::<(), picojaeger_std::config::ConfigError>(())
    /// ```
    pub fn drain_blocking(&self, timeout: Duration) -> DrainReport {
        match self.state() {
            Some(state) => DrainReport::of(state, timeout),
            None => DrainReport::of_none(),
        }
    }
}

/// Result of [`Tracer::drain`]: counts of the time from the call on, and what was left.
///
/// Its text is one line, for a server's last log line.
///
/// ```
/// use std::time::Duration;
/// use picojaeger_std::config::{Config, Sampler};
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).agent(false).new_tracer()?;
/// tracer.start("order").finish();
/// let report = tracer.drain_blocking(Duration::from_secs(5));
/// let text = report.to_string();
/// assert!(text.starts_with("drained in ") && text.ends_with(" s: 1 sent, 0 lost, no span open"), "{text}");
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Default, Debug)]
#[must_use = "it has what was lost"]
pub struct DrainReport {
    /// Whether the tracer was closed, so that the report is one.
    is_closed: bool,
    sent: u64,
    lost: Lost,
    queued: u64,
    unfinished: u64,
    open: OpenSpans,
    time_taken: Duration,
    last_error: Option<String>,
    stats: Stats,
}

impl DrainReport {
    /// The report of a disabled tracer.
    fn of_none() -> Self {
        DrainReport {
            is_closed: true,
            ..DrainReport::default()
        }
    }

    fn of(state: &Arc<TracerState>, timeout: Duration) -> Self {
        let (start, before) = (Instant::now(), state.stats());
        let complete = lifecycle::drain(state, timeout);
        let stats = state.stats();
        let lost = stats.lost.since(&before.lost);
        // A statement of its own: the lock ends with it.
        let further = state.common.stats_registry().queued_further();
        DrainReport {
            is_closed: true,
            sent: stats.delivered.saturating_sub(before.delivered),
            last_error: cause_of(state, complete, &lost),
            lost,
            queued: stats.queued + further,
            unfinished: stats.unfinished.saturating_sub(before.unfinished),
            open: OpenSpans::of(state),
            time_taken: start.elapsed(),
            stats,
        }
    }

    /// Returns whether nothing is left: the tracer is closed, no span is open or waits, and none was lost since
    /// the call. A tracer without spans has nothing left.
    pub fn is_complete(&self) -> bool {
        self.is_closed && self.queued == 0 && self.lost.total() == 0 && self.open.total() == 0
    }

    /// Returns the number of spans that were delivered since the call.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Returns the spans that were lost since the call, by cause. Those that are open are not among these
    /// yet.
    pub fn lost(&self) -> Lost {
        self.lost
    }

    /// Returns the number of finished spans that have no outcome yet, since the time ran out; those of further transports
    /// included.
    pub fn queued(&self) -> u64 {
        self.queued
    }

    /// Returns the spans that are still open: they are lost when they end.
    pub fn open(&self) -> &OpenSpans {
        &self.open
    }

    /// Returns the number of records of open spans that were sent instead of them, by the setting
    /// [`unfinished_at_close`](crate::Config::unfinished_at_close). Each counts among those sent or lost.
    pub fn unfinished(&self) -> u64 {
        self.unfinished
    }

    /// Returns the time from the call to the report.
    pub fn time_taken(&self) -> Duration {
        self.time_taken
    }

    /// Returns the last error of sending, if spans were lost by it or wait because of it, or what was being sent to when the
    /// time ran out; or the reason that nothing was done.
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// Returns the tracer's counts when the report was made, since its start.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }
}

impl fmt::Display for DrainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_closed {
            let cause = self.last_error.as_deref().unwrap_or("no cause is known");
            return write!(f, "not drained: {cause}");
        }
        let begin = match self.queued == 0 && self.open.total() == 0 {
            true => "drained in",
            false => "not all drained in",
        };
        let DrainReport { sent, lost, .. } = self;
        let seconds = self.time_taken.as_secs_f64();
        write!(f, "{begin} {seconds:.3} s: {sent} sent")?;
        if self.unfinished > 0 {
            write!(f, " ({} unfinished)", self.unfinished)?;
        }
        write!(f, ", {} lost{lost}", lost.total())?;
        if self.queued > 0 {
            write!(f, ", {} not sent", self.queued)?;
        }
        write!(f, ", {}", self.open)?;
        match &self.last_error {
            Some(cause) => write!(f, "; {}", cause.replace(char::is_control, " ")),
            None => Ok(()),
        }
    }
}
