//! Futures whose output is written to their span.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::tasks::home::TaskHome;
use crate::tracer::span::Span;

pin_project! {
    /// A future with a span, and what it writes there as it is ready.
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct WrittenFuture<F, W> {
        // Dropped before the span, which so ends after all that the future started.
        #[pin]
        future: Option<F>,
        home: TaskHome,
        write: Option<W>,
    }

    impl<F, W> PinnedDrop for WrittenFuture<F, W> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.home.drop_future(|| this.future.set(None));
        }
    }
}

impl<F, W> WrittenFuture<F, W> {
    pub(super) fn new(span: Span, future: F, write: W) -> Self {
        WrittenFuture {
            future: Some(future),
            home: TaskHome::of_span(span),
            write: Some(write),
        }
    }
}

impl<F: Future, W: FnOnce(&mut Span, &F::Output)> Future for WrittenFuture<F, W> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(future) = this.future.as_pin_mut() else {
            return Poll::Pending; // only within the drop
        };
        this.home.poll(
            || future.poll(context),
            |output, home| {
                if let (Some(slot), Some(write)) = (home.span(), this.write.take()) {
                    Span::in_home(slot, |span| write(span, output));
                }
                true
            },
        )
    }
}
