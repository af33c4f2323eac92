//! Requests of OTLP as batches of Jaeger's model, so that both formats are compared alike.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1 as otlp;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use picojaeger_std::model::{Batch, Log, Process, Span, Tag, TagValue};
use picojaeger_std::{SpanId, TraceId};
use prost::Message;

/// The nanoseconds of the board's tick, which divide those of every time.
const TICK: u64 = 40;

/// Panics unless it is a request as the firmware makes them: one resource, without links.
pub fn decode(packet: &[u8]) -> Batch {
    let mut request = ExportTraceServiceRequest::decode(packet).expect("a request");
    let [resource_spans] = &mut request.resource_spans[..] else {
        panic!("{request:?}");
    };
    let resource = resource_spans.resource.take().expect("a resource");
    let [scope_spans] = &resource_spans.scope_spans[..] else {
        panic!("{resource_spans:?}");
    };
    let mut batch = Batch::new(process(&resource.attributes));
    batch.spans = scope_spans.spans.iter().map(span).collect();
    batch
}

fn process(attributes: &[KeyValue]) -> Process {
    let mut tags = tags(attributes);
    let service = tags.remove(0);
    assert_eq!(service.key, "service.name");
    let TagValue::String(name) = service.value else {
        panic!("{service:?}");
    };
    let mut process = Process::new(name);
    process.tags = tags;
    process
}

fn span(found: &otlp::Span) -> Span {
    assert!(found.links.is_empty() && found.trace_state.is_empty() && found.kind == 0);
    let trace = TraceId::new(u128::from_be_bytes(bytes(&found.trace_id)));
    let mut span = Span::new(trace, span_id(&found.span_id), found.name.as_str());
    if !found.parent_span_id.is_empty() {
        span.parent_span_id = span_id(&found.parent_span_id);
    }
    span.flags = found.flags;
    span.start_time_us = micros(found.start_time_unix_nano);
    let nanos = found.end_time_unix_nano - found.start_time_unix_nano;
    span.duration_us = micros(nanos);
    span.tags = tags(&found.attributes);
    // The status stands for the tag, which comes last in the firmware.
    if let Some(status) = &found.status {
        assert_eq!(status.code(), StatusCode::Error);
        span.tags.push(Tag::new("error", true));
    }
    span.logs = found.events.iter().map(log).collect();
    span
}

fn log(event: &otlp::span::Event) -> Log {
    let mut fields = vec![Tag::new("event", event.name.as_str())];
    fields.extend(tags(&event.attributes));
    Log::new(micros(event.time_unix_nano), fields)
}

fn tags(attributes: &[KeyValue]) -> Vec<Tag> {
    attributes.iter().map(tag).collect()
}

fn tag(attribute: &KeyValue) -> Tag {
    let value = attribute.value.clone().and_then(|any| any.value);
    let value: TagValue = match value {
        Some(Value::StringValue(text)) => text.into(),
        Some(Value::BoolValue(on)) => on.into(),
        Some(Value::IntValue(number)) => number.into(),
        Some(Value::DoubleValue(number)) => number.into(),
        other => panic!("{other:?}"),
    };
    Tag::new(attribute.key.as_str(), value)
}

/// Microseconds, rounded down, of a time that is exact.
fn micros(nanos: u64) -> i64 {
    assert_eq!(nanos % TICK, 0, "{nanos} ns lie between two ticks");
    i64::try_from(nanos / 1_000).expect("a time of this age")
}

fn span_id(id: &[u8]) -> SpanId {
    SpanId::new(u64::from_be_bytes(bytes(id)))
}

fn bytes<const N: usize>(id: &[u8]) -> [u8; N] {
    id.try_into().expect("an id of its length")
}
