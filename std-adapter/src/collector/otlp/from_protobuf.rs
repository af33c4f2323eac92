//! The messages of OTLP, read from protobuf.

use super::convert;
use super::message::{Attribute, Event, Link, List, Resource, Scope, Span, Status, Text};
use super::protobuf::Fields;
use super::rejected::Rejected;
use super::value::Any;
use crate::collector::memory_budget::Budget;
use crate::collector::{DecodeError, otlp};
use crate::model::{self, Batch};

type Decoded<T> = Result<T, DecodeError>;

/// Levels of lists and maps within one another that are read.
const MAX_DEPTH: usize = 32;

/// Reads the whole request, one span after the other.
pub(super) fn request(body: &[u8], budget: &Budget) -> Decoded<otlp::Decoded> {
    let mut rejected = Rejected::default();
    let resource_spans = Fields::of("the request", body).each(1);
    let mut batches = budget.room(resource_spans.clone().count(), 0)?;
    for message in resource_spans {
        batches.push(resource_spans_batch(message?, &mut rejected, budget)?);
    }
    Ok(otlp::Decoded { batches, rejected })
}

fn resource_spans_batch(
    message: &[u8],
    rejected: &mut Rejected,
    budget: &Budget,
) -> Decoded<Batch> {
    const NAME: &str = "ResourceSpans";
    let mut resource = Resource::default();
    for field in Fields::of(NAME, message).each(1) {
        let attributes = Fields::of("Resource", field?).each(1);
        resource.attributes = List(list(attributes, budget, attribute)?);
    }
    let mut batch = convert::empty_batch(resource, budget)?;
    let scopes = Fields::of(NAME, message).each(2);
    let mut count = 0;
    for scope in scopes.clone() {
        count += Fields::of("ScopeSpans", scope?).each(2).count();
    }
    batch.spans = budget.room(count, convert::SPAN_EXTRA)?;
    for scope in scopes {
        scope_spans(scope?, &mut batch.spans, rejected, budget)?;
    }
    Ok(batch)
}

fn scope_spans(
    message: &[u8],
    into: &mut Vec<model::Span>,
    rejected: &mut Rejected,
    budget: &Budget,
) -> Decoded<()> {
    let fields = Fields::of("ScopeSpans", message);
    let mut of = Scope::default();
    for field in fields.clone().each(1) {
        of = scope(field?)?;
    }
    for field in fields.each(2) {
        let read = span(field?, budget)?;
        match read.fault() {
            Some(fault) => rejected.note(fault),
            None => into.push(convert::span(read, &of, budget)?),
        }
    }
    Ok(())
}

fn scope(message: &[u8]) -> Decoded<Scope<'_>> {
    let mut scope = Scope::default();
    for field in Fields::of("InstrumentationScope", message) {
        match field? {
            (1, name) => scope.name = Text(name.text()?),
            (2, version) => scope.version = Text(version.text()?),
            _ => {}
        }
    }
    Ok(scope)
}

fn span<'m>(message: &'m [u8], budget: &Budget) -> Decoded<Span<'m>> {
    let fields = Fields::of("Span", message);
    let mut span = Span {
        attributes: List(list(fields.clone().each(9), budget, attribute)?),
        events: List(list(fields.clone().each(11), budget, event)?),
        links: List(list(fields.clone().each(13), budget, link)?),
        ..Span::default()
    };
    for field in fields {
        match field? {
            (1, id) => span.trace_id = id.trace_id()?,
            (2, id) => span.span_id = id.span_id()?,
            (3, state) => span.trace_state = Text(state.text()?),
            (4, id) => span.parent_span_id = id.span_id()?,
            (5, name) => span.name = Text(name.text()?),
            (6, kind) => span.kind = kind.number()?,
            (7, time) => span.start_time_unix_nano = time.number()?,
            (8, time) => span.end_time_unix_nano = time.number()?,
            (10, count) => span.dropped_attributes_count = count.number()?,
            (12, count) => span.dropped_events_count = count.number()?,
            (14, count) => span.dropped_links_count = count.number()?,
            (15, message) => span.status = status(message.bytes()?)?,
            _ => {}
        }
    }
    Ok(span)
}

fn event<'m>(message: &'m [u8], budget: &Budget) -> Decoded<Event<'m>> {
    let fields = Fields::of("Event", message);
    let mut event = Event {
        attributes: List(list(fields.clone().each(3), budget, attribute)?),
        ..Event::default()
    };
    for field in fields {
        match field? {
            (1, time) => event.time_unix_nano = time.number()?,
            (2, name) => event.name = Text(name.text()?),
            (4, count) => event.dropped_attributes_count = count.number()?,
            _ => {}
        }
    }
    Ok(event)
}

fn link<'m>(message: &'m [u8], budget: &Budget) -> Decoded<Link<'m>> {
    let fields = Fields::of("Link", message);
    let mut link = Link {
        attributes: List(list(fields.clone().each(4), budget, attribute)?),
        ..Link::default()
    };
    for field in fields {
        match field? {
            (1, id) => link.trace_id = id.trace_id()?,
            (2, id) => link.span_id = id.span_id()?,
            _ => {}
        }
    }
    Ok(link)
}

fn status(message: &[u8]) -> Decoded<Status<'_>> {
    let mut status = Status::default();
    for field in Fields::of("Status", message) {
        match field? {
            (2, text) => status.message = Text(text.text()?),
            (3, code) => status.code = code.number()?,
            _ => {}
        }
    }
    Ok(status)
}

fn attribute<'m>(message: &'m [u8], budget: &Budget) -> Decoded<Attribute<'m>> {
    key_value(message, budget, 0)
}

fn key_value<'m>(message: &'m [u8], budget: &Budget, depth: usize) -> Decoded<Attribute<'m>> {
    let mut attribute = Attribute::default();
    for field in Fields::of("KeyValue", message) {
        match field? {
            (1, key) => attribute.key = Text(key.text()?),
            (2, value) => attribute.value = any_value(value.bytes()?, budget, depth)?,
            _ => {}
        }
    }
    Ok(attribute)
}

fn any_value<'m>(message: &'m [u8], budget: &Budget, depth: usize) -> Decoded<Any<'m>> {
    if depth > MAX_DEPTH {
        let of = "an attribute with over 32 levels of lists";
        return Err(DecodeError::MalformedProtobuf(of));
    }
    let mut value = Any::Nothing;
    for field in Fields::of("AnyValue", message) {
        value = match field? {
            (1, text) => Any::Text(Text(text.text()?)),
            (2, on) => Any::Bool(on.number()? != 0),
            (3, number) => Any::Int(number.number()?.cast_signed()),
            (4, bits) => Any::Double(f64::from_bits(bits.number()?)),
            (5, values) => {
                let values = Fields::of("ArrayValue", values.bytes()?).each(1);
                let read = |value, budget: &Budget| any_value(value, budget, depth + 1);
                Any::List(List(list(values, budget, read)?))
            }
            (6, entries) => {
                let entries = Fields::of("KeyValueList", entries.bytes()?).each(1);
                let read = |entry, budget: &Budget| key_value(entry, budget, depth + 1);
                Any::Map(List(list(entries, budget, read)?))
            }
            (7, bytes) => Any::Bytes(bytes.bytes()?.into()),
            _ => value,
        };
    }
    Ok(value)
}

/// Reads a list of messages, which is charged and allocated at its length: the fields are counted before.
fn list<'m, T>(
    fields: impl Iterator<Item = Decoded<&'m [u8]>> + Clone,
    budget: &Budget,
    read: impl Fn(&'m [u8], &Budget) -> Decoded<T>,
) -> Decoded<Vec<T>> {
    let mut items = budget.room(fields.clone().count(), 0)?;
    for field in fields {
        items.push(read(field?, budget)?);
    }
    Ok(items)
}
