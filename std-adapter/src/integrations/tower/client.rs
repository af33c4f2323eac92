//! The layer of clients.

use std::fmt::{self, Display};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::client_span;
use super::exchange::{Exchange, Facts};
use super::future::ResponseFuture;
use super::server::RouteOf;
use crate::integrations::semantics::method::KnownMethods;
use crate::integrations::semantics::url::QueryRule;
use crate::integrations::semantics::{Names, Side};
use crate::tracer::Tracer;

/// Returns a layer that traces each request as a client does: a child of the active span, whose context goes along in
/// the request's headers.
///
/// The span is named by the method, and by the template of the URL if [`ClientLayer::template`] gives one. It ends
/// with the body of the response. A context in the headers is replaced.
///
/// ```
/// use picojaeger_std::tower;
///
/// let layer = tower::client().redact_query(["token"]);
/// # let _for_a_client = layer;
/// ```
pub fn client() -> ClientLayer {
    ClientLayer::default()
}

/// Layer that traces a client's requests, from [`client`].
#[derive(Clone, Default)]
#[must_use = "it traces the service that it is a layer of"]
pub struct ClientLayer {
    options: Arc<Options>,
}

/// Service whose requests are traced, from [`ClientLayer`].
#[derive(Clone)]
pub struct ClientService<S> {
    inner: S,
    options: Arc<Options>,
}

/// Options of a layer.
#[derive(Clone, Default)]
pub(super) struct Options {
    /// `None` for the tracer of the active span, or the global one.
    pub(super) tracer: Option<Tracer>,
    pub(super) names: Names,
    pub(super) template: Option<Arc<RouteOf>>,
    pub(super) methods: KnownMethods,
    pub(super) query: QueryRule,
    pub(super) server: Option<(String, u16)>,
}

impl ClientLayer {
    fn with(mut self, set: impl FnOnce(&mut Options)) -> Self {
        set(Arc::make_mut(&mut self.options));
        self
    }

    /// Sets the tracer, in place of that of the active span, or of the [global one](crate::global_tracer) if none is
    /// active.
    pub fn tracer(self, tracer: Tracer) -> Self {
        self.with(|options| options.tracer = Some(tracer))
    }

    /// Reads the template of a request's URL, of which there are few: `/orders/{id}`. `None` for a request without
    /// one.
    ///
    /// ```
    /// #[derive(Clone)]
    /// struct Template(&'static str); // that your code sets
    ///
    /// let layer = picojaeger_std::tower::client()
    ///     .template(|request| request.extensions.get::<Template>().map(|it| it.0));
    /// # let _for_a_client = layer;
    /// ```
    pub fn template(
        self,
        template: impl for<'p> Fn(&'p Parts) -> Option<&'p str> + Send + Sync + 'static,
    ) -> Self {
        self.with(|options| options.template = Some(Arc::new(template)))
    }

    /// Sets the methods that are known, like [`ServerLayer::known_methods`](super::ServerLayer::known_methods).
    pub fn known_methods(self, methods: impl IntoIterator<Item = &'static str>) -> Self {
        self.with(|options| options.methods = KnownMethods::only(methods))
    }

    /// Redacts the values of these keys in `url.full`, like
    /// [`ServerLayer::redact_query`](super::ServerLayer::redact_query).
    pub fn redact_query<K: Into<String>>(self, keys: impl IntoIterator<Item = K>) -> Self {
        self.with(|options| options.query = QueryRule::without(keys))
    }

    /// Leaves the query out.
    pub fn without_query(self) -> Self {
        self.with(|options| options.query = QueryRule::Nothing)
    }

    /// Sets `server.address` and `server.port` of requests whose URL has no host: those of a tonic client, whose
    /// channel adds it later.
    ///
    /// ```
    /// let layer = picojaeger_std::tower::client().server_address("stock.example", 50051);
    /// # let _for_a_channel = layer;
    /// ```
    pub fn server_address(self, host: impl Into<String>, port: u16) -> Self {
        let server = (host.into(), port);
        self.with(|options| options.server = Some(server))
    }

    /// Writes OpenTracing's tags in place of OpenTelemetry's, like
    /// [`ServerLayer::opentracing_names`](super::ServerLayer::opentracing_names).
    pub fn opentracing_names(self) -> Self {
        self.with(|options| options.names = Names::OpenTracing)
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = ClientService<S>;

    fn layer(&self, inner: S) -> ClientService<S> {
        ClientService {
            inner,
            options: self.options.clone(),
        }
    }
}

impl<S, B, C> Service<Request<B>> for ClientService<S>
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
        let (mut parts, body) = request.into_parts();
        let names = self.options.names;
        let facts = Facts::new(Side::Client, names, &parts.method, &parts.headers);
        let span = client_span::start(&self.options, &facts, &parts);
        span.inject_into(&mut parts.headers);
        let request = Request::from_parts(parts, body);
        let exchange = Exchange::new(span, facts);
        ResponseFuture::of_call(exchange, || self.inner.call(request))
    }
}

impl fmt::Debug for ClientLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientLayer").finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for ClientService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientService").finish_non_exhaustive()
    }
}
