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
            stream: Some(self),
            home: TaskHome::of_span(span),
        }
    }

    /// Keeps what is active at this call active whenever the next item is polled, like
    /// [`InSpan::in_current_span`](crate::InSpan::in_current_span).
    fn in_current_span(self) -> StreamSpan<Self> {
        StreamSpan {
            stream: Some(self),
            home: TaskHome::of_active(),
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
        stream: Option<S>,
        home: TaskHome,
    }

    impl<S> PinnedDrop for StreamSpan<S> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.home.drop_future(|| this.stream.set(None));
        }
    }
}

impl<S: Stream> Stream for StreamSpan<S> {
    type Item = S::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let Some(stream) = this.stream.as_pin_mut() else {
            return Poll::Pending; // only within the drop
        };
        this.home
            .poll(|| stream.poll_next(context), |item, _| item.is_none())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.as_ref().map_or((0, None), Stream::size_hint)
    }
}

impl<S> fmt::Debug for StreamSpan<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamSpan")
            .field("is_ended", &self.home.is_ended())
            .finish_non_exhaustive()
    }
}
