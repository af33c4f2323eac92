//! Layers of tower that trace servers and clients: HTTP, and gRPC.
//!
//! [`server`] continues the trace of each request, and [`client`] passes it on. A span ends when its response is
//! complete, and is active in the meantime: in the call, and whenever the future of the response or its body is
//! polled, so handlers find it by [`current`](crate::current) and their spans are its children.
//!
//! ```
//! # use std::convert::Infallible;
//! # use std::task::{Context, Poll};
//! # use http::{Request, Response};
//! # struct NoBody;
//! # impl http_body::Body for NoBody {
//! #     type Data = &'static [u8];
//! #     type Error = Infallible;
//! #     fn poll_frame(
//! #         self: std::pin::Pin<&mut Self>,
//! #         _: &mut Context<'_>,
//! #     ) -> Poll<Option<Result<http_body::Frame<Self::Data>, Infallible>>> {
//! #         Poll::Ready(None)
//! #     }
//! #     fn is_end_stream(&self) -> bool {
//! #         true
//! #     }
//! # }
//! # struct Shop;
//! # impl tower_service::Service<Request<NoBody>> for Shop {
//! #     type Response = Response<NoBody>;
//! #     type Error = Infallible;
//! #     type Future = std::future::Ready<Result<Response<NoBody>, Infallible>>;
//! #     fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
//! #         Poll::Ready(Ok(()))
//! #     }
//! #     fn call(&mut self, _: Request<NoBody>) -> Self::Future {
//! #         std::future::ready(Ok(Response::new(NoBody)))
//! #     }
//! # }
//! use picojaeger_std::config::{Config, Sampler};
//! use picojaeger_std::tower;
//! use tower_layer::Layer as _;
//! use tower_service::Service as _;
//!
//! let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
//! // With axum: `Router::new().route(…).layer(tower::server())`.
//! let mut shop = tower::server().tracer(tracer.clone()).layer(Shop);
//! let answer = shop.call(Request::get("/orders/7").body(NoBody)?);
//! # let mut context = Context::from_waker(std::task::Waker::noop());
//! # assert!(std::pin::pin!(answer).poll(&mut context).is_ready());
//! assert_eq!(tracer.stats().sampled, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # When a response is complete
//! With its head, where no body follows: the answer to `HEAD`, the statuses 1xx, 204 and 304, an upgrade (101, or an
//! answer to `CONNECT`), a body that is at its end. Else with the body: at its end, its trailers, its last frame, an
//! error, or the last byte of its length. A future or a body that is dropped before ends the span with the tag
//! `cancelled`, as when a client goes away. What a WebSocket does after the upgrade is not part of the span.
//!
//! # Tags
//! Names and values are those of OpenTelemetry's semantic conventions, version 1.45, beside Jaeger's `span.kind` and
//! `component`:
//!
//! | Tag | Server | Client |
//! |---|---|---|
//! | `http.request.method`, `_OTHER` for one that is not known; then `http.request.method_original` has it | x | x |
//! | `http.route` | x | |
//! | `url.template` | | x |
//! | `url.path`, `url.query`, `url.scheme` | x | |
//! | `url.full` | | x |
//! | `server.address`, `server.port` | from the URL or `Host` | from the URL |
//! | `network.protocol.version` | of the request | of the response |
//! | `http.response.status_code` | x | x |
//! | `error.type`, with `error` | from status 500 | from status 400 |
//!
//! A call of gRPC (`POST` with `content-type: application/grpc`) has `rpc.system.name`, `rpc.method`,
//! `rpc.status_code` and the server's address instead, and is named by its method. Its status is that of the
//! trailers, or of the head; `CANCELLED`, which is no error, if it is dropped. An error is any status but `OK` that a
//! client receives, and of a server's `UNKNOWN`, `DEADLINE_EXCEEDED`, `UNIMPLEMENTED`, `INTERNAL`, `UNAVAILABLE` and
//! `DATA_LOSS`.
//!
//! # Errors and panics
//! An error of the inner service or of a body is logged and passed on; `error.type` is its type, or `_OTHER` for a
//! boxed one. Of its causes only those are logged that its text names, since services may have errors of any type. A panic of the service marks its span (`error.type` is `panic`) and goes on.
//!
//! # Cost
//! A request to a server allocates nothing here, and one of a client its headers. The options lie behind one `Arc`.

mod body;
mod client;
mod client_span;
mod exchange;
mod future;
mod server;
mod server_span;
#[cfg(test)]
mod tests;

pub use body::ResponseBody;
pub use client::{ClientLayer, ClientService, client};
pub use future::ResponseFuture;
pub use server::{ServerLayer, ServerService, server};
