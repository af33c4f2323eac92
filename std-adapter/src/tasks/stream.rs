//! Streams that have a span.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::tasks::home::TaskHome;
use crate::tasks::into_span::IntoSpan;

/// Extends streams by a span.
///
/// ```
/// use picojaeger_std::config::{Config, Sampler};
/// use picojaeger_std::{StreamInSpan, StreamSpan};
///
/// # struct Rows;
/// # impl futures_core::Stream for Rows {
/// #     type Item = u32;
/// #     fn poll_next(
/// #         self: std::pin::Pin<&mut Self>,
/// #         _: &mut std::task::Context<'_>,
/// #     ) -> std::task::Poll<Option<u32>> {
/// #         std::task::Poll::Ready(None)
/// #     }
/// # }
/// let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
/// let rows: StreamSpan<Rows> = Rows.in_span(tracer.start("rows"));
/// # drop(rows);
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
pub trait StreamInSpan: Stream + Sized {
    /// Makes a span active whenever the next item is polled, and ends it after the last.
    ///
    /// All else is as for [`InSpan::in_span`](crate::InSpan::in_span): a stream that is dropped before its end is
    /// `cancelled`.
    fn in_span(self, span: impl IntoSpan) -> StreamSpan<Self> {
        StreamSpan {
            stream: self,
            home: TaskHome::of_span(span),
        }
    }
}

impl<S: Stream> StreamInSpan for S {}

pin_project! {
    /// A stream with a span; see [`StreamInSpan`].
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct StreamSpan<S> {
        // Dropped before the span, as in a future.
        #[pin]
        stream: S,
        home: TaskHome,
    }

    impl<S> PinnedDrop for StreamSpan<S> {
        fn drop(this: Pin<&mut Self>) {
            this.project().home.mark_dropped();
        }
    }
}

impl<S: Stream> Stream for StreamSpan<S> {
    type Item = S::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        this.home
            .poll(|| this.stream.poll_next(context), Option::is_none)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

impl<S> fmt::Debug for StreamSpan<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamSpan")
            .field("is_ended", &self.home.is_ended())
            .finish_non_exhaustive()
    }
}
