//! The allocation-free core of picojaeger.
#![no_std]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unwrap_used))]

#[cfg(any(test, loom))]
extern crate std;

mod baggage;
mod context;
mod description;
mod exclusion;
mod generator;
mod id;
#[cfg(loom)]
#[doc(hidden)]
pub mod model;
mod propagation;
#[cfg(not(loom))]
pub mod record;
#[cfg(not(loom))]
mod reporter;
pub mod ring;
mod sampler;
#[cfg(not(loom))]
mod span;
mod stats;
pub mod tags;
mod time;
#[cfg(not(loom))]
mod tracer;
mod value;
#[cfg(not(loom))]
pub mod wire;

pub use baggage::{BaggageError, BaggageSink, BaggageTable, check_baggage_key};
pub use context::{AsContext, Flags, SpanContext};
pub use exclusion::{Exclusion, Guarded, Interrupts};
pub use generator::{Generator, Seed};
pub use id::{SpanId, TraceId};
pub use propagation::{
    BaggageDrops, CarrierFull, ExtractError, Extracted, HeaderNames, InjectError,
    ParseContextError, TextMap, TextMapCodec, TextMapReader, TextMapWriter,
};
#[cfg(not(loom))]
pub use reporter::{Delivery, Outcome, Reporter, Situation};
pub use sampler::{
    Const, Decision, Description, Param, Probabilistic, Query, RateLimiter, RateLimiting, Sampler,
    SamplerError,
};
#[cfg(not(loom))]
pub use span::{LogBuilder, Span, SpanBuilder, SpanReference};
pub use stats::{Lost, Stats};
pub use time::{Anchor, Clock, Epoch, Extension, Instant, Rate, Timeline, Times};
#[cfg(not(loom))]
pub use tracer::{
    Incoming, Origin, PacketReporter, Platform, ReporterTaken, Ring, SpanRing, Tracer,
};
pub use value::{Copied, Key, Value};
