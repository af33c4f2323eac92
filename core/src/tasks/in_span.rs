//! Futures that have a span.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use crate::context::ToContext;
use crate::tasks::CurrentTable;
use crate::tasks::current::Restore;

/// Extends futures by a span of their own.
///
/// ```
/// # use picojaeger_core::{Clock, Const};
/// # struct Timer;
/// # impl Clock for Timer {
/// #     const BITS: u32 = 32;
/// #     fn ticks(&self) -> u64 { 7 }
/// #     fn frequency(&self) -> u64 { 25_000_000 }
/// # }
/// # use picojaeger_core::ring::Bytes;
/// # use picojaeger_core::{Interrupts, Ring, Seed, Tracer};
/// # static RING: Ring<Interrupts, Bytes<4096>> = Ring::new();
/// # static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);
/// # TRACER.seed(Seed::from_words([1, 2, 3]));
/// # struct CortexM;
/// # impl picojaeger_core::Execution for CortexM {
/// #     fn id() -> usize { 0 }
/// # }
/// # fn block_on(future: impl Future<Output = ()>) {
/// #     let mut context = core::task::Context::from_waker(core::task::Waker::noop());
/// #     assert!(core::pin::pin!(future).poll(&mut context).is_ready());
/// # }
/// use picojaeger_core::{CurrentSpans, InSpan};
///
/// static CURRENT: CurrentSpans<CortexM, 4> = CurrentSpans::new();
///
/// async fn sample() {
///     let mut span = TRACER.span_builder("sample").child_of(&CURRENT).start::<32>();
///     span.tag("channel", 3);
/// }
///
/// async fn serve() {
///     let span = TRACER.span_builder("serve").child_of(&CURRENT).start::<0>();
///     async {
///         sample().await; // a child of `serve`, whatever other tasks do meanwhile
///         sample().await;
///     }
///     .in_span(span, &CURRENT)
///     .await
/// }
///
/// block_on(serve());
/// assert_eq!(TRACER.stats().queued, 3);
/// ```
pub trait InSpan: Future + Sized {
    /// Makes the span current while this future is polled, and drops it, which finishes it, as soon as
    /// the future is ready or dropped.
    ///
    /// Each poll costs two looks into the table. The span lies in the future, with its area. A context
    /// in its place is current in the same way, and ends elsewhere.
    fn in_span<S: ToContext, C: CurrentTable + ?Sized>(
        self,
        span: S,
        current: &C,
    ) -> FutureInSpan<'_, Self, S, C> {
        FutureInSpan {
            future: self,
            span: Some(span),
            current,
        }
    }
}

impl<F: Future> InSpan for F {}

/// A future within a span; see [`InSpan`].
///
/// ```
/// # use picojaeger_core::{CurrentSpans, Execution, FutureInSpan, InSpan, SpanContext};
/// # struct CortexM;
/// # impl Execution for CortexM {
/// #     fn id() -> usize { 0 }
/// # }
/// # static CURRENT: CurrentSpans<CortexM, 4> = CurrentSpans::new();
/// use core::future::{Ready, ready};
///
/// let context: SpanContext = "1:2:0:1".parse().unwrap();
/// let future: FutureInSpan<'_, Ready<()>, SpanContext, _> = ready(()).in_span(context, &CURRENT);
/// ```
#[must_use = "a future does nothing unless it is awaited"]
pub struct FutureInSpan<'c, F, S, C: ?Sized> {
    // Dropped before the span, which so ends after all that the future started.
    future: F,
    /// `None` once the future was ready.
    span: Option<S>,
    current: &'c C,
}

impl<F, S, C> Future for FutureInSpan<'_, F, S, C>
where
    F: Future,
    S: ToContext,
    C: CurrentTable + ?Sized,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: nothing is moved out of `this`, of whose fields only `future` is pinned: it is always
        // reached through the `Pin` below. There is no `Drop`, and no `Unpin` but the derived one.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: it is pinned, since `self` was.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        let current = Restore::enter(this.current, this.span.to_context());
        let polled = future.poll(context);
        drop(current);
        if polled.is_ready() {
            this.span = None;
        }
        polled
    }
}

impl<F, S: fmt::Debug, C: ?Sized> fmt::Debug for FutureInSpan<'_, F, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FutureInSpan")
            .field("span", &self.span)
            .finish_non_exhaustive()
    }
}
