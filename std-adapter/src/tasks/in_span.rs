//! Futures that have a span.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::tasks::home::TaskHome;
use crate::tasks::into_span::IntoSpan;

/// Extends futures by a span.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
/// use picojaeger_std::{InSpan, current};
///
/// # fn block_on<F: Future>(future: F) -> F::Output {
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     match std::pin::pin!(future).poll(&mut context) {
/// #         std::task::Poll::Ready(output) => output,
/// #         std::task::Poll::Pending => unreachable!(),
/// #     }
/// # }
/// async fn stock(id: u64) -> u32 {
///     current().tag("order.id", id); // of `stock`, the innermost active span
///     7
/// }
///
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let order = async {
///     stock(3).in_span("stock").await // a child of `order`, on whatever thread
/// };
/// assert_eq!(block_on(order.in_span(tracer.start("order"))), 7);
/// assert_eq!(tracer.stats().sampled, 2);
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
pub trait InSpan: Future + Sized {
    /// Makes a span active whenever this future is polled, on whatever thread, and ends it as soon as
    /// the future is ready.
    ///
    /// The span starts at this call. A future that is dropped before it is ready ends its span with the tag
    /// `cancelled`, after its destructors have run within the span; one whose poll unwinds with `error`, even if the
    /// panic is caught. A poll allocates nothing, but for a thread's first one.
    ///
    /// Scopes that the future holds across an await are set aside while it waits, so that they are no parents of
    /// other tasks' spans; the first one is logged.
    ///
    /// A span of a disabled tracer changes nothing: what is active around the future stays so. A decision that
    /// [waits for a name](crate::config::SamplingSettings::late_binding) is made at this call.
    fn in_span(self, span: impl IntoSpan) -> FutureInSpan<Self> {
        FutureInSpan {
            future: Some(self),
            home: TaskHome::of_span(span),
        }
    }

    /// Keeps what is active at this call active whenever this future is polled: for a task that is spawned. Its
    /// spans are children of the present span, which they may outlive. Nothing changes if none is active.
    ///
    /// ```
    /// use picojaeger_std::InSpan;
    ///
    /// async fn audit() {}
    /// let task = audit().in_current_span(); // for `spawn`
    /// # drop(task);
    /// ```
    fn in_current_span(self) -> FutureInSpan<Self> {
        FutureInSpan {
            future: Some(self),
            home: TaskHome::of_active(),
        }
    }
}

impl<F: Future> InSpan for F {}

pin_project! {
    /// A future with a span; see [`InSpan`].
    ///
    /// ```
    /// use std::future::{Ready, ready};
    /// use picojaeger_std::{FutureInSpan, InSpan, Tracer};
    ///
    /// let tracer = Tracer::disabled();
    /// let future: FutureInSpan<Ready<u8>> = ready(7).in_span(tracer.start("order"));
    /// # drop(future);
    /// ```
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct FutureInSpan<F> {
        // Dropped before the span, which so ends after all that the future started.
        #[pin]
        future: Option<F>,
        home: TaskHome,
    }

    impl<F> PinnedDrop for FutureInSpan<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.home.drop_future(|| this.future.set(None));
        }
    }
}

impl<F: Future> Future for FutureInSpan<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(future) = this.future.as_pin_mut() else {
            return Poll::Pending; // only within the drop
        };
        this.home.poll(|| future.poll(context), |_, _| true)
    }
}

impl<F> fmt::Debug for FutureInSpan<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FutureInSpan")
            .field("is_ended", &self.home.is_ended())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::Waker;
    use std::time::Duration;

    use super::*;
    use crate::state::TracerState;
    use crate::sys::clock::TickSource;
    use crate::tasks::{current, current_root};
    use crate::tracer::lifecycle;
    use crate::tracer::span::start_root;

    /// A future that is pending once, and writes to its span before and after.
    async fn writes_and_waits(name: &'static str) {
        current().tag("name", name);
        let mut is_first = true;
        std::future::poll_fn(|_| match std::mem::take(&mut is_first) {
            true => Poll::Pending,
            false => Poll::Ready(()),
        })
        .await;
        current().log().field("event", "resumed");
        current_root().tag("last", name);
    }

    fn poll(future: Pin<&mut impl Future>) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        future.poll(&mut context).is_ready()
    }

    fn order(state: &Arc<TracerState>) -> impl Future<Output = ()> + Send + use<> {
        let future = async { writes_and_waits("query").in_span("query").await };
        future.in_span(start_root(state, "order"))
    }

    /// The span moves between the future and the active ones, on two threads, and ends in each way.
    #[test]
    fn miri_spans_of_futures_move_between_threads_and_end() {
        let state = TracerState::of_test(TickSource::Tsc, |config| config.memory_limit(1 << 20));
        let mut moved = Box::pin(order(&state));
        assert!(!poll(moved.as_mut()));
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(poll(moved.as_mut())));
        });
        {
            let mut cancelled = pin!(order(&state));
            assert!(!poll(cancelled.as_mut()));
        }
        start_root(&state, "scope").in_scope(|| {
            current().tag_fmt("nested", format_args!("{:?}", current().tag("within", 1)));
        });
        assert!(lifecycle::close(&state, Duration::ZERO));
        let stats = state.stats();
        assert_eq!((stats.delivered, stats.open), (5, 0), "{stats}");
    }
}
