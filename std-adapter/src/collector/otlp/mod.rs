//! Requests of OTLP as batches of Jaeger's model, by the rules of Jaeger's own receiver.
//!
//! Protobuf and JSON are read into the same structures ([`message`]), which [`convert`] turns into the model. A body of any
//! content takes heap of at most a small multiple of its length: in protobuf each allocation is charged before it is made, in
//! JSON the elements of each list are longer than a few bytes, or left out.
//!
//! A span with a wrong id is rejected alone, as the specification wants it ([`Rejected`]): its request is accepted in part. What
//! does not parse is refused as a whole.
//!
//! Source: `trace_service.proto`, `trace.proto`, `resource.proto` and `common.proto` of opentelemetry-proto 1.

mod convert;
mod from_protobuf;
mod id;
#[cfg(feature = "collector")]
pub(in crate::collector) mod lenient;
#[cfg(feature = "collector")]
pub(in crate::collector) mod lists;
pub(in crate::collector) mod message;
mod protobuf;
mod rejected;
#[cfg(test)]
mod tests;
pub(in crate::collector) mod value;

use super::DecodeError;
use super::memory_budget::Budget;

pub(crate) use rejected::Decoded;

#[cfg(feature = "collector")]
pub(in crate::collector) use convert::{KINDS, TagParts, keys, tags_of};
#[cfg(feature = "collector")]
pub(crate) use rejected::Rejected;

/// Decodes an `ExportTraceServiceRequest` in protobuf.
///
/// # Errors
/// [`DecodeError`] names what is wrong with the whole request; nothing of it is returned then.
pub(crate) fn decode_protobuf(body: &[u8]) -> Result<Decoded, DecodeError> {
    from_protobuf::request(body, &Budget::of_body(body))
}

/// Decodes an `ExportTraceServiceRequest` in JSON: names in camel case, ids in hex, integers of 64 bits as text or numbers.
/// Fields that are not known are skipped.
///
/// # Errors
/// [`DecodeError`] names what is wrong with the whole request; nothing of it is returned then.
#[cfg(feature = "collector")]
pub(crate) fn decode_json(body: &[u8]) -> Result<Decoded, DecodeError> {
    let request: message::Request<'_> = lenient::parse(body)?;
    batches(request, &Budget::of_body(body))
}

/// Converts a request that was read from JSON.
#[cfg(feature = "collector")]
pub(in crate::collector) fn batches(
    request: message::Request<'_>,
    budget: &Budget,
) -> Result<Decoded, DecodeError> {
    let mut rejected = Rejected::default();
    let mut batches = budget.room(request.resource_spans.0.len(), 0)?;
    for resource_spans in request.resource_spans.0 {
        batches.push(convert::batch(resource_spans, &mut rejected, budget)?);
    }
    Ok(Decoded { batches, rejected })
}
