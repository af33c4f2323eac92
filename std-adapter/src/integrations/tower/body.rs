//! The body of a response.

use std::fmt::{self, Display};
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::exchange::Exchange;

pin_project! {
    /// Body of a response, with the span of its request, which ends with it; from
    /// [`ResponseFuture`](super::ResponseFuture).
    ///
    /// Frames, size and end are those of the inner body.
    pub struct ResponseBody<B> {
        // Dropped before the span, as in a future.
        #[pin]
        body: Option<B>,
        exchange: Option<Exchange>,
    }

    impl<B> PinnedDrop for ResponseBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(exchange) = this.exchange {
                exchange.drop_inner(|| this.body.set(None));
            }
        }
    }
}

impl<B> ResponseBody<B> {
    pub(super) fn new(body: B, exchange: Exchange) -> Self {
        ResponseBody {
            body: Some(body),
            exchange: Some(exchange).filter(|exchange| !exchange.is_ended()),
        }
    }
}

impl<B: Body<Error: Display>> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let Some(mut body) = this.body.as_pin_mut() else {
            return Poll::Ready(None); // only within the drop
        };
        let Some(exchange) = this.exchange else {
            return body.poll_frame(context);
        };
        let polled = exchange.poll(|| body.as_mut().poll_frame(context));
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(frame))) => {
                exchange.read_frame::<B>(frame, body.is_end_stream());
            }
            Poll::Ready(Some(Err(error))) => exchange.fail(error),
            Poll::Ready(None) => exchange.read_trailers(None),
        }
        if exchange.is_ended() {
            *this.exchange = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

/// Makes a body that has no span.
impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        ResponseBody {
            body: Some(B::default()),
            exchange: None,
        }
    }
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody")
            .field("is_ended", &self.exchange.is_none())
            .finish_non_exhaustive()
    }
}
