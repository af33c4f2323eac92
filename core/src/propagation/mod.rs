//! Inject and extract: how a context and its baggage travel between processes.
//!
//! One file for each format; so far Jaeger's own, in its text-map and HTTP
//! forms. A format knows the vocabulary and its carrier, and nothing else.

mod carrier;
mod error;
mod jaeger;
mod percent;

pub use carrier::{CarrierFull, TextMap, TextMapReader, TextMapWriter};
pub use error::{BaggageDrops, ExtractError, InjectError};
pub use jaeger::{Extracted, HeaderNames, ParseContextError, TextMapCodec};
