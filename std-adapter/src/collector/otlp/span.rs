//! Spans.

use picojaeger_core::tags;
use picojaeger_core::{SpanId, TraceId};

use super::protobuf::{Damaged, Fields, Value};
use super::value::attribute;
use crate::model::{Log, RefKind, Span, SpanRef, Tag};

/// The tag `span.kind` of each kind but 0, which is none, and 1, which is internal.
const KINDS: [(u64, &str); 4] = [
    (2, tags::SPAN_KIND_SERVER),
    (3, tags::SPAN_KIND_CLIENT),
    (4, tags::SPAN_KIND_PRODUCER),
    (5, tags::SPAN_KIND_CONSUMER),
];

/// Decodes a `Span`.
pub(super) fn span(message: &[u8]) -> Result<Span, Damaged> {
    let mut span = Span::new(0, 0, "");
    let (mut start, mut end) = (0, 0);
    for field in Fields::of(message) {
        match field? {
            (1, id) => span.trace_id = trace_id(id)?,
            (2, id) => span.span_id = span_id(id)?,
            (4, id) => span.parent_span_id = span_id(id)?,
            (5, name) => span.operation_name = name.text()?,
            (6, kind) => span.tags.extend(kind_tag(kind.number()?)),
            (7, time) => start = time.number()?,
            (8, time) => end = time.number()?,
            (9, tag) => span.tags.push(attribute(tag.bytes()?)?),
            (11, event) => span.logs.push(event_log(event.bytes()?)?),
            (13, link) => span.references.push(link_reference(link.bytes()?)?),
            (15, status) => status_tags(status.bytes()?, &mut span.tags)?,
            _ => {}
        }
    }
    (span.start_time_us, span.duration_us) = (micros(start), micros(end.saturating_sub(start)));
    Ok(span)
}

fn micros(nanos: u64) -> i64 {
    (nanos / 1_000).cast_signed()
}

fn trace_id(id: Value<'_>) -> Result<TraceId, Damaged> {
    match <[u8; 16]>::try_from(id.bytes()?) {
        Ok(bytes) => Ok(u128::from_be_bytes(bytes).into()),
        Err(_) => Err(Damaged),
    }
}

/// Returns the id; 0 where it is empty.
fn span_id(id: Value<'_>) -> Result<SpanId, Damaged> {
    match (<[u8; 8]>::try_from(id.bytes()?), id) {
        (Ok(bytes), _) => Ok(u64::from_be_bytes(bytes).into()),
        (_, Value::Bytes([])) => Ok(SpanId::default()),
        _ => Err(Damaged),
    }
}

fn kind_tag(kind: u64) -> Option<Tag> {
    let (_, name) = KINDS.iter().find(|(number, _)| *number == kind)?;
    Some(Tag::new(tags::SPAN_KIND, *name))
}

/// Decodes an `Event`; its name is the field `event`.
fn event_log(message: &[u8]) -> Result<Log, Damaged> {
    let mut log = Log::new(0, Vec::new());
    for field in Fields::of(message) {
        match field? {
            (1, time) => log.timestamp_us = micros(time.number()?),
            (2, name) => log.fields.push(Tag::new(tags::EVENT, name.text()?)),
            (3, tag) => log.fields.push(attribute(tag.bytes()?)?),
            _ => {}
        }
    }
    Ok(log)
}

/// Decodes a `Link`.
fn link_reference(message: &[u8]) -> Result<SpanRef, Damaged> {
    let mut reference = SpanRef::new(RefKind::FollowsFrom, 0, 0);
    for field in Fields::of(message) {
        match field? {
            (1, id) => reference.trace_id = trace_id(id)?,
            (2, id) => reference.span_id = span_id(id)?,
            _ => {}
        }
    }
    Ok(reference)
}

/// Decodes a `Status`, of which only an error becomes tags.
fn status_tags(message: &[u8], into: &mut Vec<Tag>) -> Result<(), Damaged> {
    let (mut code, mut description) = (0, String::new());
    for field in Fields::of(message) {
        match field? {
            (2, text) => description = text.text()?,
            (3, number) => code = number.number()?,
            _ => {}
        }
    }
    if code == 2 {
        into.push(Tag::new(tags::ERROR, true));
        if !description.is_empty() {
            into.push(Tag::new("otel.status_description", description));
        }
    }
    Ok(())
}
