//! Requests of OTLP as batches of Jaeger's model, by the rules of Jaeger's own receiver.
//!
//! Source: `trace_service.proto`, `trace.proto`, `resource.proto` and `common.proto` of opentelemetry-proto 1.

mod protobuf;
mod span;
mod value;

use super::DecodeError;
use crate::model::{Batch, Process};
use protobuf::{Damaged, Fields};
use span::span;
use value::attribute;

/// Decodes an `ExportTraceServiceRequest` in protobuf.
pub(crate) fn decode_protobuf(body: &[u8]) -> Result<Vec<Batch>, DecodeError> {
    let batches = Fields::of(body).filter_map(|field| match field {
        Ok((1, value)) => Some(value.bytes().and_then(resource_spans)),
        Ok(_) => None,
        Err(Damaged) => Some(Err(Damaged)),
    });
    batches
        .collect::<Result<_, Damaged>>()
        .map_err(|Damaged| DecodeError::MalformedProtobuf("the request"))
}

/// Decodes an `ExportTraceServiceRequest` in JSON.
#[cfg(feature = "collector")]
pub(crate) fn decode_json(_body: &[u8]) -> Result<Vec<Batch>, DecodeError> {
    Err(DecodeError::NoTraces)
}

/// Decodes a `ResourceSpans`.
fn resource_spans(message: &[u8]) -> Result<Batch, Damaged> {
    let mut batch = Batch::new(Process::new(""));
    for field in Fields::of(message) {
        match field? {
            (1, resource) => batch.process = process(resource.bytes()?)?,
            (2, scope) => scope_spans(scope.bytes()?, &mut batch)?,
            _ => {}
        }
    }
    Ok(batch)
}

/// Decodes a `Resource`, whose name is that of the service.
fn process(message: &[u8]) -> Result<Process, Damaged> {
    let mut process = Process::new("");
    for field in Fields::of(message) {
        if let (1, tag) = field? {
            let tag = attribute(tag.bytes()?)?;
            match (&*tag.key, &tag.value) {
                ("service.name", crate::model::TagValue::String(name)) => {
                    process.service_name.clone_from(name);
                }
                _ => process.tags.push(tag),
            }
        }
    }
    Ok(process)
}

/// Decodes the spans of a `ScopeSpans`.
fn scope_spans(message: &[u8], batch: &mut Batch) -> Result<(), Damaged> {
    for field in Fields::of(message) {
        if let (2, value) = field? {
            batch.spans.push(span(value.bytes()?)?);
        }
    }
    Ok(())
}
