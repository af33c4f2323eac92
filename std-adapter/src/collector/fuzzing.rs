//! Entrances for fuzz targets, which are packages of their own.

use super::{CollectedSpan, DecodeError, Trace, json, otlp};
use crate::model::Batch;

pub fn decode_otlp_protobuf(body: &[u8]) -> Result<Vec<Batch>, DecodeError> {
    kept(otlp::decode_protobuf(body)?)
}

pub fn decode_otlp_json(body: &[u8]) -> Result<Vec<Batch>, DecodeError> {
    kept(otlp::decode_json(body)?)
}

/// Returns the batches beside spans that were rejected; a reason if there are such and no others.
fn kept(decoded: otlp::Decoded) -> Result<Vec<Batch>, DecodeError> {
    match decoded.batches.iter().all(|batch| batch.spans.is_empty()) {
        true => decoded.whole(),
        false => Ok(decoded.batches),
    }
}

pub fn decode_thrift_body(body: &[u8]) -> Result<Batch, DecodeError> {
    super::decode_body(body)
}

pub fn import(file: &[u8]) -> Result<Vec<Batch>, DecodeError> {
    json::import(file)
}

pub fn export_jaeger(batches: &[Batch]) -> String {
    json::jaeger(&[trace(batches)])
}

pub fn export_otlp(batches: &[Batch]) -> String {
    json::otlp(&[trace(batches)])
}

/// Makes one trace of all spans, whatever their ids.
fn trace(batches: &[Batch]) -> Trace {
    let mut spans = Vec::new();
    for batch in batches {
        let process = std::sync::Arc::new(batch.process.clone());
        let own = batch.spans.iter();
        spans.extend(own.map(|span| CollectedSpan::new(process.clone(), span.clone())));
    }
    Trace::new(1, spans)
}
