//! Inject and extract: the propagation of a context and its baggage between processes.
//!
//! A file or folder for each format, and the composite of several. A format depends on the
//! vocabulary and on carriers, and on nothing else but the shared parts: hex digits,
//! percent-encoding, and the rule for headers that come several times.

mod b3;
mod binary;
mod candidate;
mod carrier;
mod choice;
mod composite;
mod error;
mod format;
mod hex;
mod jaeger;
mod name;
mod percent;
mod scan;
#[cfg(test)]
mod tests;
mod w3c;
mod zipkin;

pub use binary::BinaryCodec;
pub use carrier::{CarrierFull, TextMap, TextMapReader, TextMapWriter};
pub use composite::{Outgoing, Propagator};
pub use error::{BaggageDrops, ExtractError, InjectError};
pub use format::Format;
pub use jaeger::{Extracted, HeaderNames, ParseContextError, TextMapCodec};
pub use percent::{encoded_len, percent_decode, percent_encode};
pub use scan::Scan;
pub use zipkin::ZipkinSpan;
