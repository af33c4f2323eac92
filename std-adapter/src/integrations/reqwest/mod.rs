//! Requests of reqwest 0.13 as spans of a client.
//!
//! [`Traced::traced`] is for single requests; by the feature `reqwest-middleware-05` there is a middleware for all of a
//! client. The span is a child of the active one, and its context goes along in the request's headers.
//! It ends with the head of the response: what reads the body later is not part of it. Redirects that
//! reqwest follows are part of it, and get the same headers.
//!
//! ```
//! use picojaeger_std::reqwest::Traced as _;
//!
//! async fn stock(client: &reqwest::Client, id: u64) -> reqwest::Result<reqwest::Response> {
//!     client.get(format!("http://stock.example/stock/{id}")).traced().send().await
//! }
//! ```
//!
//! # Tags
//! Those of OpenTelemetry's semantic conventions, version 1.45, for clients of HTTP: `http.request.method`,
//! `url.full` (without credentials and signatures), `url.template`, `server.address`, `server.port`,
//! `http.response.status_code`, `network.protocol.version`, and `error.type` from status 400. If there is no response,
//! it is `timeout`, `dns`, `connect`, `redirect`, `request`, `body`, `decode`, `upgrade` or `builder`, and the error is logged,
//! with the URL as it stands in the tag. A request that cannot be built has no span.

#[cfg(feature = "reqwest-middleware-05")]
mod middleware;
mod request;
mod sending;
mod span;

#[cfg(feature = "reqwest-middleware-05")]
#[cfg_attr(docsrs, doc(cfg(feature = "reqwest-middleware-05")))]
pub use middleware::{Template, TracingMiddleware, middleware};
pub use request::{Traced, TracedRequest};
