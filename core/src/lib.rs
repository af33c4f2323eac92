//! The allocation-free core of picojaeger.
#![no_std]

mod context;
mod id;
pub mod tags;
mod time;
mod value;

pub use context::{AsContext, Flags, SpanContext};
pub use id::{SpanId, TraceId};
pub use time::{Anchor, Clock, Rate};
pub use value::{Copied, Key, Value};
