//! The layer of servers.

use std::fmt::{self, Display};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{HeaderName, Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::exchange::{Exchange, Facts};
use super::future::ResponseFuture;
use super::server_span;
use crate::integrations::semantics::method::KnownMethods;
use crate::integrations::semantics::url::QueryRule;
use crate::integrations::semantics::{Names, Side};
use crate::tracer::Tracer;

/// Returns a layer that traces each request as a server does: a span that continues the caller's trace.
///
/// The span is named by the method and the route (`GET /orders/{id}`). Without a route it is named by the method
/// alone, never by the path, of which there may be any number. The feature `axum-08` reads the route of axum 0.8 if
/// the layer is one of the `Router`; other frameworks give theirs by [`ServerLayer::route`].
///
/// ```
/// use picojaeger_std::tower;
///
/// let layer = tower::server().filter(|request| request.uri.path() != "/health");
/// # let _for_a_router = layer;
/// ```
pub fn server() -> ServerLayer {
    ServerLayer::default()
}

/// Layer that traces a server's requests, from [`server`].
#[derive(Clone, Default)]
#[must_use = "it traces the service that it is a layer of"]
pub struct ServerLayer {
    options: Arc<Options>,
}

/// Service whose requests are traced, from [`ServerLayer`].
#[derive(Clone)]
pub struct ServerService<S> {
    inner: S,
    options: Arc<Options>,
}

type IsTraced = dyn Fn(&Parts) -> bool + Send + Sync;
pub(super) type RouteOf = dyn for<'p> Fn(&'p Parts) -> Option<&'p str> + Send + Sync;

/// Options of a layer.
#[derive(Clone, Default)]
pub(super) struct Options {
    /// `None` for the global tracer, which may be set later.
    pub(super) tracer: Option<Tracer>,
    pub(super) names: Names,
    pub(super) is_untrusted: bool,
    pub(super) is_traced: Option<Arc<IsTraced>>,
    pub(super) route: Option<Arc<RouteOf>>,
    pub(super) methods: KnownMethods,
    pub(super) query: QueryRule,
    pub(super) scheme: Option<&'static str>,
    pub(super) trace_id_header: Option<HeaderName>,
    pub(super) baggage_tags: Vec<String>,
}

impl ServerLayer {
    fn with(mut self, set: impl FnOnce(&mut Options)) -> Self {
        set(Arc::make_mut(&mut self.options));
        self
    }

    /// Sets the tracer, in place of the [global one](crate::global_tracer).
    pub fn tracer(self, tracer: Tracer) -> Self {
        self.with(|options| options.tracer = Some(tracer))
    }

    /// Trusts no caller, as at a public edge: each request begins a trace of its own, whose root has the caller's span
    /// as a reference (follows from). Decision, debug flag, debug id and baggage of the caller are ignored.
    ///
    /// ```
    /// let edge = picojaeger_std::tower::server().untrusted();
    /// # let _for_a_router = edge;
    /// ```
    pub fn untrusted(self) -> Self {
        self.with(|options| options.is_untrusted = true)
    }

    /// Traces only requests for which this returns `true`. The others, and the calls that they make, are
    /// not sampled, as of health checks.
    ///
    /// ```
    /// let layer = picojaeger_std::tower::server().filter(|request| request.uri.path() != "/health");
    /// # let _for_a_router = layer;
    /// ```
    pub fn filter(self, is_traced: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.with(|options| options.is_traced = Some(Arc::new(is_traced)))
    }

    /// Reads the route of a request: its template, of which there are few. `None` for a request without one.
    ///
    /// ```
    /// struct Route(&'static str); // of your framework
    ///
    /// let layer = picojaeger_std::tower::server()
    ///     .route(|request| request.extensions.get::<Route>().map(|route| route.0));
    /// # let _for_a_router = layer;
    /// ```
    pub fn route(
        self,
        route: impl for<'p> Fn(&'p Parts) -> Option<&'p str> + Send + Sync + 'static,
    ) -> Self {
        self.with(|options| options.route = Some(Arc::new(route)))
    }

    /// Sets the methods that are known, in place of those of RFC 9110, `PATCH` and `QUERY`: any other is `_OTHER`.
    ///
    /// ```
    /// let layer = picojaeger_std::tower::server().known_methods(["GET", "PUT", "PROPFIND"]);
    /// # let _for_a_router = layer;
    /// ```
    pub fn known_methods(self, methods: impl IntoIterator<Item = &'static str>) -> Self {
        self.with(|options| options.methods = KnownMethods::only(methods))
    }

    /// Redacts the values of these keys in `url.query`, in place of the conventions' list: `X-Amz-Signature`,
    /// `X-Amz-Credential`, `X-Amz-Security-Token`, `AWSAccessKeyId`, `Signature`, `sig`, `X-Goog-Signature`. Keys
    /// are compared as they stand in the URL.
    ///
    /// ```
    /// let layer = picojaeger_std::tower::server().redact_query(["token", "email"]);
    /// # let _for_a_router = layer;
    /// ```
    pub fn redact_query<K: Into<String>>(self, keys: impl IntoIterator<Item = K>) -> Self {
        self.with(|options| options.query = QueryRule::without(keys))
    }

    /// Leaves the query out.
    pub fn without_query(self) -> Self {
        self.with(|options| options.query = QueryRule::Nothing)
    }

    /// Sets the scheme of requests that do not have one, as in HTTP/1: `https` for a server behind TLS. `http`
    /// unless it is set.
    pub fn scheme(self, scheme: &'static str) -> Self {
        self.with(|options| options.scheme = Some(scheme))
    }

    /// Returns the trace's id to the caller, in a header of this name. Costs an allocation a response.
    ///
    /// ```
    /// use http::HeaderName;
    ///
    /// let name = HeaderName::from_static("x-trace-id");
    /// let layer = picojaeger_std::tower::server().trace_id_header(name);
    /// # let _for_a_router = layer;
    /// ```
    pub fn trace_id_header(self, name: HeaderName) -> Self {
        self.with(|options| options.trace_id_header = Some(name))
    }

    /// Copies these items of the caller's baggage to tags of the same names.
    ///
    /// ```
    /// let layer = picojaeger_std::tower::server().baggage_tags(["customer"]);
    /// # let _for_a_router = layer;
    /// ```
    pub fn baggage_tags<K: Into<String>>(self, keys: impl IntoIterator<Item = K>) -> Self {
        let keys = keys.into_iter().map(Into::into).collect();
        self.with(|options| options.baggage_tags = keys)
    }

    /// Writes OpenTracing's tags in place of OpenTelemetry's: `http.method`, `http.url` and `http.status_code`; those of
    /// gRPC stay.
    pub fn opentracing_names(self) -> Self {
        self.with(|options| options.names = Names::OpenTracing)
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = ServerService<S>;

    fn layer(&self, inner: S) -> ServerService<S> {
        ServerService {
            inner,
            options: self.options.clone(),
        }
    }
}

impl<S, B, C> Service<Request<B>> for ServerService<S>
where
    S: Service<Request<B>, Response = Response<C>, Error: Display>,
    C: Body,
{
    type Response = Response<super::ResponseBody<C>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let names = self.options.names;
        let facts = Facts::new(Side::Server, names, &parts.method, &parts.headers);
        let span = server_span::start(&self.options, &facts, &parts);
        let request = Request::from_parts(parts, body);
        let exchange = Exchange::new(span, facts);
        ResponseFuture::of_call(exchange, || self.inner.call(request)).with_echo(&self.options)
    }
}

impl fmt::Debug for ServerLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerLayer").finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for ServerService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerService").finish_non_exhaustive()
    }
}
