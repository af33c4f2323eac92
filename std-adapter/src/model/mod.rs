//! Jaeger's span model as plain data: the content of a datagram, and what a test can build.
//!
//! Names and meaning are those of `jaeger.thrift` and `agent.thrift` in jaeger-idl. Ids are those
//! of the core; the wire carries a trace id as two signed 64-bit halves.

mod batch;
mod span;
mod tag;

pub use batch::{Batch, ClientStats, Process};
pub use span::{Log, RefKind, Span, SpanRef};
pub use tag::{Tag, TagValue};
