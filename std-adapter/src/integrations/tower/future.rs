//! The future of a response.

use std::fmt::{self, Display};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, Response};
use http_body::Body;
use pin_project_lite::pin_project;

use super::body::ResponseBody;
use super::exchange::Exchange;
use super::server::Options;

pin_project! {
    /// Future of a response, with the span of its request; of [`ServerService`](super::ServerService) and
    /// [`ClientService`](super::ClientService). `Send` if the inner one is.
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct ResponseFuture<F> {
        // Dropped before the span, which so ends after all that the future started.
        #[pin]
        future: Option<F>,
        exchange: Exchange,
        // The options of a server whose response gets the trace's id.
        echo: Option<Arc<Options>>,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.exchange.drop_inner(|| this.future.set(None));
        }
    }
}

impl<F> ResponseFuture<F> {
    /// Calls the inner service within the span.
    pub(super) fn of_call(mut exchange: Exchange, call: impl FnOnce() -> F) -> Self {
        let future = Some(exchange.run(call));
        ResponseFuture {
            future,
            exchange,
            echo: None,
        }
    }

    pub(super) fn with_echo(mut self, options: &Arc<Options>) -> Self {
        self.echo = options.trace_id_header.is_some().then(|| options.clone());
        self
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    E: Display,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(future) = this.future.as_pin_mut() else {
            return Poll::Pending; // only within the drop
        };
        match ready!(this.exchange.poll(|| future.poll(context))) {
            Ok(mut response) => {
                if let Some(options) = this.echo.take() {
                    add_trace_id(this.exchange, &options, response.headers_mut());
                }
                this.exchange.read_head(&response);
                let exchange = this.exchange.take();
                Poll::Ready(Ok(response.map(|body| ResponseBody::new(body, exchange))))
            }
            Err(error) => {
                this.exchange.fail(&error);
                Poll::Ready(Err(error))
            }
        }
    }
}

/// Writes the trace's id to the head of the response.
fn add_trace_id(exchange: &mut Exchange, options: &Options, headers: &mut HeaderMap) {
    exchange.write(|span| {
        let id = span.context().trace_id().to_string();
        if let (Some(name), Ok(value)) = (&options.trace_id_header, id.try_into()) {
            headers.insert(name, value);
        }
    });
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("is_ended", &self.exchange.is_ended())
            .finish_non_exhaustive()
    }
}
