//! Single requests.

use reqwest::{RequestBuilder, Response};

use super::sending::Sending;
use super::span::Options;
use crate::integrations::semantics::url::QueryRule;
use crate::tracer::Tracer;

/// Extends requests that are being built by a span.
///
/// ```
/// use picojaeger_std::reqwest::{Traced, TracedRequest};
///
/// let client = reqwest::Client::new();
/// let request: TracedRequest = client.get("http://stock.example/stock/7").traced();
/// # drop(request);
/// ```
pub trait Traced {
    /// Gives the request a span, which begins as it is sent.
    fn traced(self) -> TracedRequest;
}

impl Traced for RequestBuilder {
    fn traced(self) -> TracedRequest {
        TracedRequest {
            request: self,
            options: Options::default(),
            template: None,
        }
    }
}

/// A request that is about to be sent in a span, from [`Traced::traced`].
#[derive(Debug)]
#[must_use = "the request is sent by `send`"]
pub struct TracedRequest {
    request: RequestBuilder,
    options: Options,
    template: Option<&'static str>,
}

impl TracedRequest {
    /// Sets the tracer, in place of that of the active span, or of the [global one](crate::global_tracer) if none is
    /// active.
    pub fn tracer(mut self, tracer: Tracer) -> Self {
        self.options.tracer = Some(tracer);
        self
    }

    /// Sets the template of the URL, with which the span is named: `GET /stock/{id}`. Without one its name is the
    /// method.
    ///
    /// ```
    /// use picojaeger_std::reqwest::Traced as _;
    ///
    /// let client = reqwest::Client::new();
    /// let request = client.get("http://stock.example/stock/7").traced().template("/stock/{id}");
    /// # drop(request);
    /// ```
    pub fn template(mut self, template: &'static str) -> Self {
        self.template = Some(template);
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

    /// Starts the span and sends the request, within it. A future that is dropped before the response ends the span
    /// with the tag `cancelled`.
    ///
    /// # Errors
    /// As for [`RequestBuilder::send`].
    pub fn send(self) -> impl Future<Output = reqwest::Result<Response>> + Send {
        let (client, request) = self.request.build_split();
        let (options, template) = (self.options, self.template);
        let sending = request.map(|mut request| {
            let span = options.start(&mut request, template);
            Sending::of_call(span, options.query, || client.execute(request))
        });
        async move { sending?.await }
    }
}
