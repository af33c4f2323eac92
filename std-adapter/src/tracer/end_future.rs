//! Flush, close and drain as futures, which need no runtime.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::sys::sync::lock;
use crate::sys::threads;
use crate::tracer::Tracer;
use crate::tracer::errors::FlushError;

/// Future of [`Tracer::flush_async`], [`Tracer::close_async`] and [`Tracer::drain`].
///
/// The work is done by a thread of its own, from the call on: dropping the future cancels nothing,
/// and whoever polls it is not blocked. It works with any executor, or none.
///
/// ```
/// use std::future::Future;
/// use std::time::Duration;
/// use picojaeger_std::{EndFuture, Tracer};
///
/// async fn answer(tracer: Tracer) {
///     tracer.start("order").finish();
///     let _begun: EndFuture = tracer.flush_async(Duration::from_secs(2)); // not waited for
///     tracer.close_async(Duration::from_secs(2)).await.expect("all is sent");
/// }
/// # let mut answer = std::pin::pin!(answer(Tracer::disabled()));
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # assert!(answer.as_mut().poll(&mut context).is_ready());
/// ```
#[must_use = "the outcome is lost, but the work is done"]
pub struct EndFuture<T = Result<(), FlushError>> {
    progress: Arc<Mutex<Progress<T>>>,
}

/// Progress of a flush, close or drain.
enum Progress<T> {
    /// Under way; the waker is that of the last poll.
    UnderWay(Option<Waker>),
    Over(T),
}

impl Tracer {
    /// Flushes like [`Tracer::flush`], on a thread of its own that ends with it.
    ///
    /// # Errors
    /// As for [`Tracer::flush`]; and [`FlushError::NoThread`], where nothing is done: the setting
    /// [`background(false)`](crate::Config::background) allows no threads, or none could be started.
    pub fn flush_async(&self, timeout: Duration) -> EndFuture {
        EndFuture::start(self, Ok(()), move |tracer| tracer.flush(timeout), no_thread)
    }

    /// Closes like [`Tracer::close`], on a thread of its own that ends with it.
    ///
    /// # Errors
    /// As for [`Tracer::flush_async`].
    pub fn close_async(&self, timeout: Duration) -> EndFuture {
        EndFuture::start(self, Ok(()), move |tracer| tracer.close(timeout), no_thread)
    }
}

fn no_thread(cause: String) -> Result<(), FlushError> {
    Err(FlushError::NoThread { cause })
}

impl<T: Send + 'static> EndFuture<T> {
    /// Runs `end` on a thread of its own. A disabled tracer has the outcome `disabled`; `no_thread` makes
    /// the one of a thread that is not allowed or cannot be started.
    pub(super) fn start(
        tracer: &Tracer,
        disabled: T,
        end: impl FnOnce(&Tracer) -> T + Send + 'static,
        no_thread: fn(String) -> T,
    ) -> Self {
        let Some(state) = tracer.state() else {
            return Self::over(disabled);
        };
        if !state.common.settings.reporter.background {
            let cause = "background(false) allows none; call flush, close or drain_blocking";
            return Self::over(no_thread(cause.into()));
        }
        let progress = Arc::new(Mutex::new(Progress::UnderWay(None)));
        let (tracer, ours) = (tracer.clone(), progress.clone());
        let run = move || {
            let outcome = end(&tracer);
            // Before the outcome is known, so that no handle of ours outlives the future.
            drop(tracer);
            Self::complete(&ours, outcome);
        };
        match threads::spawn("picojaeger-end", run) {
            Ok(_detached) => EndFuture { progress },
            Err(error) => Self::over(no_thread(format!("none can be started: {error}"))),
        }
    }

    fn over(outcome: T) -> Self {
        let progress = Arc::new(Mutex::new(Progress::Over(outcome)));
        EndFuture { progress }
    }

    fn complete(progress: &Mutex<Progress<T>>, outcome: T) {
        let before = std::mem::replace(&mut *lock(progress), Progress::Over(outcome));
        if let Progress::UnderWay(Some(waker)) = before {
            waker.wake();
        }
    }
}

impl<T: Clone> Future for EndFuture<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *lock(&self.progress) {
            Progress::Over(outcome) => Poll::Ready(outcome.clone()),
            Progress::UnderWay(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<T> std::fmt::Debug for EndFuture<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_over = matches!(*lock(&self.progress), Progress::Over(_));
        f.debug_struct("EndFuture")
            .field("is_over", &is_over)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::task::Wake;

    use super::*;
    use crate::config::{Config, Sampler};
    use crate::reporters::{FinishedSpan, Reporter};

    const SOON: Duration = Duration::from_secs(20);

    /// A reporter that waits for a message before each span.
    struct Gate(Mutex<Receiver<()>>);

    impl Reporter for Gate {
        fn report(&self, _: &FinishedSpan<'_>) {
            let _gone = lock(&self.0).recv();
        }
    }

    /// A waker that sends a message.
    struct Message(Mutex<Sender<()>>);

    impl Wake for Message {
        fn wake(self: Arc<Self>) {
            lock(&self.0).send(()).unwrap();
        }
    }

    fn config() -> Config {
        let config = Config::new("async").sampler(Sampler::Const(true));
        let config = config.agent(false).flush_at_exit(false);
        config.flush_interval(Duration::from_secs(3_600))
    }

    /// A tracer with one span, which waits for a message.
    fn gated() -> (Tracer, Sender<()>) {
        let (open, wait) = channel();
        let gate = Gate(Mutex::new(wait));
        let tracer = config().reporter(gate).build().unwrap();
        tracer.start("gated").finish();
        (tracer, open)
    }

    fn poll(future: &mut EndFuture, waker: &Waker) -> Poll<Result<(), FlushError>> {
        Pin::new(future).poll(&mut Context::from_waker(waker))
    }

    #[test]
    fn the_last_poll_is_woken_when_all_is_sent_and_none_blocks() {
        for close in [false, true] {
            let (tracer, open) = gated();
            let mut future = match close {
                false => tracer.flush_async(SOON),
                true => tracer.close_async(SOON),
            };
            let (woken, wait) = channel();
            let waker = Waker::from(Arc::new(Message(Mutex::new(woken))));
            assert!(poll(&mut future, Waker::noop()).is_pending());
            assert!(poll(&mut future, &waker).is_pending());
            open.send(()).unwrap();
            wait.recv_timeout(SOON).unwrap();
            assert_eq!(poll(&mut future, &waker), Poll::Ready(Ok(())));
            assert_eq!(tracer.stats().delivered, 1);
            tracer.start("after").finish();
            assert_eq!(tracer.stats().lost.closed, u64::from(close));
        }
    }

    #[test]
    fn a_future_that_is_dropped_cancels_nothing() {
        let (tracer, open) = gated();
        drop(tracer.close_async(SOON));
        open.send(()).unwrap();
        while tracer.stats().delivered == 0 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn without_background_it_is_an_error_that_says_so() {
        let tracer = config().background(false).new_tracer().unwrap();
        tracer.start("waits").finish();
        let mut future = tracer.flush_async(SOON);
        let Poll::Ready(Err(error)) = poll(&mut future, Waker::noop()) else {
            panic!("it is over")
        };
        let text = error.to_string();
        assert!(
            text.contains("background(false)") && text.contains("call flush"),
            "{text}"
        );
        assert_eq!(tracer.stats().queued, 1);
        tracer.flush(SOON).unwrap();
    }

    #[test]
    fn a_time_out_is_an_error() {
        let (tracer, open) = gated();
        let (woken, wait) = channel();
        let waker = Waker::from(Arc::new(Message(Mutex::new(woken))));
        let mut future = tracer.flush_async(Duration::from_millis(1));
        if poll(&mut future, &waker).is_pending() {
            wait.recv_timeout(SOON).unwrap();
        }
        let end = poll(&mut future, &waker);
        assert!(
            matches!(end, Poll::Ready(Err(FlushError::TimedOut { .. }))),
            "{end:?}"
        );
        open.send(()).unwrap();
    }
}
