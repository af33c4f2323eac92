//! Development collector.
mod budget;
mod decode;
mod encode;
mod model;
pub use decode::{DecodeError, decode};
pub use encode::{EncodeError, Encoding, encode};
pub use model::{Batch, ClientStats, Log, Process, RefKind, Span, SpanRef, Tag, TagValue};
