//! The future of a response, with its span.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use reqwest::Response;

use super::span::{record, tag_response};
use crate::integrations::semantics::url::QueryRule;
use crate::tasks::home::TaskHome;
use crate::tracer::span::Span;

pin_project! {
    /// Future of a response, whose span ends with it.
    pub(super) struct Sending<F> {
        // Dropped before the span, as in `FutureInSpan`.
        #[pin]
        future: Option<F>,
        home: TaskHome,
        query: QueryRule,
    }

    impl<F> PinnedDrop for Sending<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.home.drop_future(|| this.future.set(None));
        }
    }
}

/// An error of a request.
pub(super) trait Failure {
    /// Records the error in the request's span.
    fn record(&self, span: &mut Span, rule: &QueryRule);
}

impl Failure for reqwest::Error {
    fn record(&self, span: &mut Span, rule: &QueryRule) {
        record(span, self, rule);
    }
}

impl<F> Sending<F> {
    /// Makes the call within the span.
    pub(super) fn of_call(span: Span, query: QueryRule, call: impl FnOnce() -> F) -> Self {
        let mut home = TaskHome::of_span(span);
        let future = Some(home.run(call));
        Sending {
            future,
            home,
            query,
        }
    }
}

impl<F, E> Future for Sending<F>
where
    F: Future<Output = Result<Response, E>>,
    E: Failure,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(future) = this.future.as_pin_mut() else {
            return Poll::Pending; // only within the drop
        };
        let result = ready!(this.home.poll(|| future.poll(context), |_, _| false));
        this.home.write(|span| match &result {
            Ok(response) => tag_response(span, response),
            Err(error) => error.record(span, this.query),
        });
        this.home.end();
        Poll::Ready(result)
    }
}
