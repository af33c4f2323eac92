//! The allocation-free core of picojaeger.
#![no_std]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used))]
#![deny(clippy::indexing_slicing, clippy::unwrap_used)]

#[cfg(test)]
extern crate std;

mod context;
mod exclusion;
mod id;
#[cfg(not(loom))]
pub mod record;
pub mod ring;
pub mod tags;
mod time;
mod value;

pub use context::{AsContext, Flags, SpanContext};
pub use exclusion::{Exclusion, Guarded, Interrupts};
pub use id::{SpanId, TraceId};
pub use time::{Anchor, Clock, Rate};
pub use value::{Copied, Key, Value};
