//! Jaeger tracing for servers: the tracer, its configuration, and a collector for tests.
//!
//! A [`Config`] comes from a YAML file, the environment, code, or all three, and makes a
//! [`Tracer`]. The tracer starts [`Span`]s. A span finishes when it is dropped, and passes through
//! its thread's ring to one worker, which sends it to a Jaeger agent over UDP.
//!
#![cfg_attr(feature = "receiver", doc = "```")]
#![cfg_attr(not(feature = "receiver"), doc = "```ignore")]
//! use std::time::Duration;
//! use picojaeger_std::Config;
//! use picojaeger_std::collector::Collector;
//! use picojaeger_std::config::Sampler;
//!
//! let agent = Collector::bind("127.0.0.1:0")?; // stands in for Jaeger's
//! let tracer = Config::new("shop")
//!     .sampler(Sampler::Const(true))
//!     .agent_host("127.0.0.1")
//!     .agent_port(agent.local_addr().port())
//!     .new_tracer()?;
//!
//! let mut order = tracer.start("order");
//! order.tag("items", 3);
//! {
//!     let _active = order.activate();
//!     let mut query = tracer.start("query"); // a child of the active span
//!     query.log().field("event", "retry").field("attempt", 2);
//! }
//! order.finish();
//!
//! tracer.close(Duration::from_secs(2))?;
//! assert!(agent.wait_for_spans(2, Duration::from_secs(2)));
//! assert_eq!(tracer.stats().delivered, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to look
//! - [`init`]: one line of set-up.
//! - [`config`]: every key and variable, with units and defaults in
//!   [`Settings`](config::Settings).
//! - [`TracerBuilder`]: reporters, a [`Transport`], a [`TimeSource`] and a sampler of your own.
//! - [`sampling`]: the trait of samplers, and the core's.
//! - [`Tracer`]: spans, [`inject`](Tracer::inject) and [`extract`](Tracer::extract),
//!   [`flush`](Tracer::flush) and [`close`](Tracer::close), [`stats`](Tracer::stats).
//! - [`Span`], [`SpanBuilder`], [`SpanContext`], [`Scope`]: OpenTracing's concepts of these names.
//! - [`carriers`]: sources and targets of contexts.
//! - [`reporters`]: other receivers of finished spans.
//! - [`transport`]: the trait that packets are sent by, and transports for tests.
//! - [`metrics`]: counts, queue length and times of sending, for Prometheus and others.
//! - [`Error`]: any error of this crate, for `?`.
//! - [`collector`]: receives and prints traces.
//! - [`model`]: finished spans as plain data, as collector and reporters return them.
//!
//! # Features
//! The first four are on by default. Without them the crate needs the core and eleven third-party crates.
//! - `yaml`: [`Config::from_yaml_file`] and [`Config::from_yaml_str`].
//! - `receiver`: the module [`collector`].
//! - `collector`: the program `picojaeger-collector`, a Jaeger for development, and its page.
//! - `http`: [`Config::collector`], and the remote sampler ([`config::Sampler::Remote`]), which is the
//!   default one. `tls` adds `https`, `tls-native-roots` the roots of the system in
//!   place of Mozilla's, `gzip` compressed batches.
//! - `enable`: what `macros` needs to make spans. Libraries that use `macros` leave it to programs.
//! - `http-headers`: the `HeaderMap` of the `http` crate as a target of [`Tracer::inject`]; it can be
//!   read without.
//! - `observers`: `SpanObserver`, called as spans start, change and end.
//! - `log-kv`: [`CurrentIds`] as key-values of the crate `log`.
//! - `macros`: the attribute `traced`.
//! - `metrics`: `MetricsFacade`, which passes [`metrics`] to the crate of that name.
//! - `futures`: spans of streams, those of the crate `futures-core`.
//! - `tokio`: `shutdown_signal`.
//! - `tower`: the module `tower`, layers for servers and clients that speak HTTP or gRPC. `axum-08` reads the route that
//!   axum 0.8 matched.
//! - `reqwest-013`: the module `reqwest`, for requests of reqwest 0.13; `reqwest-middleware-05` has it as middleware.
//! - `testing`: the module `testing`, for tests of programs that trace.
//! - `tracing`: the module `tracing`, a layer that makes spans of the crate `tracing` this crate's; `tracing-fmt` puts
//!   ids into the lines of its formatter.
//! - `frames`: the module `relay`, which reads the frames of devices; `relay` adds the program `picojaeger-relay`.
//!
//! # What a call costs
//! Starting, writing and finishing copy bytes and read the clock. They allocate only until a
//! thread has cached its slots, and to copy changed baggage; they take a lock only to exchange
//! slots with the pool, to share a ring, and to wake a sleeping worker.
//!
//! # What is lost
//! No call but a flush or a close waits for the network, and none for free memory. Spans that meet a full ring or exhausted memory,
//! and packets that are refused, are lost and counted by cause in [`Lost`]; [`Stats`] adds up to
//! the sampled spans. Each cause is written through the `log` crate (target `picojaeger`) when the
//! worker next runs, or at a flush: at the first loss, and then at most once a minute.
//!
//! # Threads and processes
//! A tracer starts its worker when the first sampled span finishes. Threads may start and end,
//! outlive the tracer, and pass spans to each other. A forked child gets state of its own at its
//! first call. Finished spans are sent when the last handle is dropped, and on Unix when the
//! process ends, for half a second at most; [`Tracer::close`] waits up to its timeout.
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    all(test, not(feature = "receiver")),
    allow(dead_code, reason = "helpers of tests that need the collector")
)]
// A loom model includes single files by path and has no use for the rest.
#![cfg(not(loom))]

#[cfg(feature = "receiver")]
#[cfg_attr(docsrs, doc(cfg(feature = "receiver")))]
pub mod collector;
#[cfg(feature = "collector")]
#[cfg_attr(docsrs, doc(cfg(feature = "collector")))]
pub mod collector_server;
pub mod config;
mod context;
mod export;
mod integrations;
mod memory;
pub mod metrics;
pub mod model;
#[cfg(feature = "observers")]
mod observers;
pub mod prelude;
mod propagation;
#[cfg(feature = "frames")]
#[cfg_attr(docsrs, doc(cfg(feature = "frames")))]
pub mod relay;
pub mod reporters;
pub mod sampling;
mod scope;
mod spans;
mod state;
mod stats;
mod sys;
mod tasks;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
mod tracer;
pub mod transport;
mod worker;

pub use config::Config;
pub use context::{SpanContext, ToContext};
#[cfg(feature = "reqwest-013")]
#[cfg_attr(docsrs, doc(cfg(feature = "reqwest-013")))]
pub use integrations::reqwest;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub use integrations::tokio::shutdown_signal;
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub use integrations::tower;
#[cfg(feature = "tracing")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
pub use integrations::tracing;
#[cfg(feature = "observers")]
#[cfg_attr(docsrs, doc(cfg(feature = "observers")))]
pub use observers::{SpanEvent, SpanObserver};
pub use picojaeger_core::{
    BaggageError, Durations, ExportCounts, Flags, Format, InjectError, Key, LossCause, Lost,
    ParseContextError, ParseIdError, SpanId, Stats, TraceId, Value, ZipkinSpan, tags,
};
pub use propagation::carriers;
pub use scope::Scope;
pub use stats::TransportStats;
pub use sys::clock::TimeSource;
#[cfg(feature = "macros")]
#[doc(hidden)]
pub use tasks::__traced;
#[cfg(feature = "macros")]
#[cfg_attr(docsrs, doc(cfg(feature = "macros")))]
pub use tasks::traced;
pub use tasks::{
    CurrentLog, CurrentSpan, FutureInSpan, InSpan, IntoSpan, current, current_root,
    in_current_span, install_panic_hook,
};
#[cfg(feature = "futures")]
#[cfg_attr(docsrs, doc(cfg(feature = "futures")))]
pub use tasks::{StreamInSpan, StreamSpan};
pub use tracer::Tracer;
pub use tracer::builder::{TracerBuilder, global_tracer};
pub use tracer::current_ids::{CurrentIds, current_ids};
pub use tracer::drain::DrainReport;
pub use tracer::end_future::EndFuture;
pub use tracer::errors::{Error, FlushError, InitializeError, SetBaggageError};
pub use tracer::init::init;
pub use tracer::log_builder::LogBuilder;
pub use tracer::open_spans::OpenSpans;
pub use tracer::span::Span;
pub use tracer::span_builder::SpanBuilder;
pub use transport::{SendOutcome, Transport};

#[cfg(all(doctest, feature = "yaml", feature = "receiver"))]
#[doc = include_str!("../../README.md")]
mod readme {}
