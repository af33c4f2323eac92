//! Middleware for all requests of a client.

use std::any::type_name;
use std::pin::Pin;

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next};

use super::sending::{Failure, Sending};
use super::span::Options;
use crate::integrations::semantics::keys;
use crate::integrations::semantics::url::QueryRule;
use crate::tracer::Tracer;
use crate::tracer::span::Span;

/// Returns a middleware of reqwest-middleware 0.5 that gives each request a span.
///
/// Before a middleware that sends requests again, there is one span for all of its attempts; behind it, one for
/// each.
///
/// ```
/// use picojaeger_std::reqwest::{Template, middleware};
///
/// let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
///     .with(middleware())
///     .build();
/// let request = client
///     .get("http://stock.example/stock/7")
///     .with_extension(Template("/stock/{id}")); // names the span
/// # drop(request);
/// ```
pub fn middleware() -> TracingMiddleware {
    TracingMiddleware::default()
}

/// Middleware that traces requests, from [`middleware`].
#[derive(Clone, Debug, Default)]
pub struct TracingMiddleware {
    options: Options,
}

/// Extension of a request: the template of its URL, with which the span is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it is a text with a meaning")]
pub struct Template(pub &'static str);

impl TracingMiddleware {
    /// Sets the tracer, in place of that of the active span, or of the [global one](crate::global_tracer) if none is
    /// active.
    pub fn tracer(mut self, tracer: Tracer) -> Self {
        self.options.tracer = Some(tracer);
        self
    }

    /// Redacts the values of these keys of the query, in place of the conventions' list.
    pub fn redact_query<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.options.query = QueryRule::without(keys);
        self
    }

    /// Leaves the query out of `url.full`.
    pub fn without_query(mut self) -> Self {
        self.options.query = QueryRule::Nothing;
        self
    }
}

impl Middleware for TracingMiddleware {
    fn handle<'s, 'e, 'n, 'f>(
        &'s self,
        mut request: Request,
        extensions: &'e mut Extensions,
        next: Next<'n>,
    ) -> Pin<Box<dyn Future<Output = reqwest_middleware::Result<Response>> + Send + 'f>>
    where
        Self: 'f,
        's: 'f,
        'e: 'f,
        'n: 'f,
    {
        let template = extensions.get::<Template>().map(|template| template.0);
        let span = self.options.start(&mut request, template);
        let query = self.options.query.clone();
        Box::pin(Sending::of_call(span, query, move || {
            next.run(request, extensions)
        }))
    }
}

impl Failure for Error {
    fn record(&self, span: &mut Span, rule: &QueryRule) {
        match self {
            Error::Reqwest(error) => error.record(span, rule),
            Error::Middleware(_) => {
                span.tag(keys::ERROR_TYPE, "middleware");
                // Its causes may have the whole URL.
                span.record_failure(Some(type_name::<Error>()), self, None);
            }
        }
    }
}
