//! Jaeger tracing for servers.
#![deny(unsafe_code)]
// Models take single files of it.
#![cfg(not(loom))]

mod baggage;
pub mod carriers;
mod chunk;
mod clock;
pub mod collector;
pub mod config;
mod context;
mod engine;
mod local;
mod loss_log;
#[allow(unsafe_code, reason = "publishes a pointer")]
mod once;
mod parking;
mod process;
pub mod reporters;
mod sampling;
mod scope;
mod sender;
mod shared;
mod slot;
mod span;
mod sync;
mod tracer;
#[allow(unsafe_code, reason = "reads the counter by an instruction")]
mod tsc;
#[allow(unsafe_code, reason = "calls the C library")]
mod unix;
mod worker;

pub use config::Config;
pub use context::{AsContext, SpanContext};
pub use picojaeger_core::{Copied, Flags, Key, Lost, SpanId, Stats, TraceId, Value, tags};
pub use scope::Scope;
pub use shared::Lock;
pub use span::{LogBuilder, SetBaggageError, Span};
pub use tracer::{FlushError, InitializeError, SpanBuilder, Tracer, global_tracer};
