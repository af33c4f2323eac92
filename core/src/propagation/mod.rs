//! Inject and extract: the propagation of a context and its baggage between processes.
//!
//! A file or folder for each format; so far Jaeger's own, in its text-map and HTTP forms. A format depends
//! on the vocabulary and on carriers, and on nothing else.

mod carrier;
mod error;
mod jaeger;
mod percent;

pub use carrier::{CarrierFull, TextMap, TextMapReader, TextMapWriter};
pub use error::{BaggageDrops, ExtractError, InjectError};
pub use jaeger::{Extracted, HeaderNames, ParseContextError, TextMapCodec};
pub use percent::encoded_len;
