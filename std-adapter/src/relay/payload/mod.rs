//! The fields of frames, in postcard's format.
//!
//! What follows the fields of a hello or a status is skipped, so that later versions may append to
//! them. Spans fill their payload exactly.

mod hello;
mod span;
mod status;

pub(crate) use hello::{Hello, Refusal, WireValue};
#[cfg(any(test, feature = "relay"))]
pub(crate) use span::Id;
pub(crate) use span::{Entry, Head, Name, WireSpan, spans};
pub(crate) use status::Status;
#[cfg(feature = "relay")]
pub(crate) use status::time;
