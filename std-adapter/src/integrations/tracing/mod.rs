//! Spans and events of the crate [`tracing`](https://docs.rs/tracing): a layer for `tracing-subscriber` (feature
//! `tracing`).
//!
//! What speaks `tracing` reports to Jaeger without a change, in one trace with spans of our own API, in both
//! directions: a span of `tracing` that is entered is the parent of what [`Tracer::start`](crate::Tracer::start)
//! starts, [`current`](crate::current) writes to it, and one of ours that is active is the parent of spans of
//! `tracing`.
//!
//! ```
//! use picojaeger_std::config::{Config, Sampler};
//! use tracing_subscriber::layer::SubscriberExt as _;
//!
//! let tracer = Config::new("shop").sampler(Sampler::Const(true)).new_tracer()?;
//! let subscriber = tracing_subscriber::registry().with(picojaeger_std::tracing::layer(&tracer));
//! tracing::subscriber::with_default(subscriber, || { // `.init()` sets it for the whole process
//!     let order = tracing::info_span!("order", items = 3).entered();
//!     tracing::info!(weight = 1.5, "packed"); // a log of `order`
//!     let query = tracer.start("query"); // a child of `order`
//!     assert!(query.is_sampled());
//! });
//! assert_eq!(tracer.stats().sampled, 2);
//! # Ok::<(), picojaeger_std::config::ConfigError>(())
//! ```
//!
//! # What becomes of it
//! - A field is a tag of its type. What is formatted is formatted into the span's memory, an error with its causes. A
//!   field that is recorded later is a tag too; one that is recorded twice is sent twice.
//! - `otel.name` names the span, `otel.kind` is `span.kind`, `otel.status_code` and
//!   `otel.status_message` are the status: `ERROR` sets `error`.
//! - An event is a log of the innermost active span, or of its explicit parent: `event` is its message, as Jaeger's page shows it, then come
//!   `level` and the fields. One of level ERROR tags the span `error`. Without a span it is nothing to Jaeger.
//! - `follows_from` is a reference.
//! - A span ends as its last handle is dropped, on whatever thread. One may be entered many times and on several threads
//!   at once; a thread that writes to it waits while another one does.
//!
//! # What is not recorded
//! [`DefaultFilter`] passes levels up to INFO, and none of the targets `h2`, `hyper`, `hyper_util`, `rustls` and
//! `ureq`. The layer itself passes over what this crate logs, also by way of `tracing-log`, and all that happens on its
//! own threads.
//!
//! # What a call costs
//! Nothing is allocated beyond what the registry does, once a thread has its slots. A start and an end each take a lock that is
//! held for some nanoseconds, an event takes it twice; no lock is held while a value is
//! formatted. The sampling decision about a root is made when its context is needed: for a child, a log, a late field, an inject, a
//! log line with ids, or at its end; until then it counts as no span, and may get a [parent](SpanExt::set_parent).
//!
//! # Limits
//! A span of a thread that formats a value for it takes no event meanwhile; such are
//! [counted](crate::CurrentSpan::missed_writes). So are those of a thread that waited too long for another.

mod filter;
#[allow(unsafe_code, reason = "implements an unsafe method of a trait")]
mod filtered;
#[cfg(feature = "tracing-fmt")]
mod fmt;
mod layer;
mod logs;
mod otel;
mod span_ext;
mod tags;

pub use filter::DefaultFilter;
pub use filtered::{FilteredLayer, layer};
#[cfg(feature = "tracing-fmt")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing-fmt")))]
pub use fmt::{JsonWithIds, TextWithIds};
pub use layer::JaegerLayer;
pub use span_ext::{SetParentError, SpanExt};
