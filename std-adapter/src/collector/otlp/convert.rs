//! The messages of OTLP as Jaeger's model.

use std::borrow::Cow;

use picojaeger_core::tags;

#[cfg(feature = "collector")]
use super::message::ResourceSpans;
use super::message::{Attribute, Event, Link, Resource, Scope, Span};
#[cfg(feature = "collector")]
use super::rejected::Rejected;
use super::value::Any;
use crate::collector::DecodeError;
use crate::collector::memory_budget::Budget;
use crate::model::{self, Batch, Log, Process, RefKind, SpanRef, Tag, TagValue};

type Decoded<T> = Result<T, DecodeError>;

/// Memory that a span takes in the store beside itself, at worst.
pub(super) const SPAN_EXTRA: usize = 184;

/// The tag `span.kind` of each kind; 0 is none.
pub(in crate::collector) const KINDS: [(u64, &str); 5] = [
    (1, "internal"),
    (2, tags::SPAN_KIND_SERVER),
    (3, tags::SPAN_KIND_CLIENT),
    (4, tags::SPAN_KIND_PRODUCER),
    (5, tags::SPAN_KIND_CONSUMER),
];

/// The tags of a span that OTLP has in fields of their own.
#[derive(Default)]
pub(in crate::collector) struct TagParts<'m> {
    pub(in crate::collector) scope_name: Cow<'m, str>,
    pub(in crate::collector) scope_version: Cow<'m, str>,
    pub(in crate::collector) kind: u64,
    pub(in crate::collector) status_code: u64,
    pub(in crate::collector) status_message: Cow<'m, str>,
    pub(in crate::collector) trace_state: Cow<'m, str>,
    /// Counts of attributes, events and links that the client left out.
    pub(in crate::collector) dropped: [u64; 3],
}

/// Keys of the tags of [`TagParts`].
pub(in crate::collector) mod keys {
    pub(in crate::collector) const SCOPE_NAME: &str = "otel.scope.name";
    pub(in crate::collector) const SCOPE_VERSION: &str = "otel.scope.version";
    pub(in crate::collector) const STATUS_CODE: &str = "otel.status_code";
    pub(in crate::collector) const STATUS_MESSAGE: &str = "otel.status_description";
    pub(in crate::collector) const TRACE_STATE: &str = "w3c.tracestate";
    pub(in crate::collector) const DROPPED: [&str; 3] = [
        "otel.dropped_attributes_count",
        "otel.dropped_events_count",
        "otel.dropped_links_count",
    ];
    pub(in crate::collector) const REF_TYPE: &str = "opentracing.ref_type";
    pub(in crate::collector) const SERVICE_NAME: &str = "service.name";
}

/// Returns all tags of a span: those of the scope, the attributes, and the others of the parts, each unless the attributes
/// have it already, as those have that came from Jaeger's model.
pub(in crate::collector) fn tags_of(
    parts: &TagParts<'_>,
    count: usize,
    attributes: impl Iterator<Item = Decoded<Tag>>,
    budget: &Budget,
) -> Decoded<Vec<Tag>> {
    let (scope, others) = (parts.scope_tags(), parts.other_tags());
    let mut tags = budget.room(scope.len() + count + others.len(), 0)?;
    for tag in scope {
        tags.push(charged(tag, budget)?);
    }
    for tag in attributes {
        tags.push(tag?);
    }
    for tag in others {
        if !tags.contains(&tag) {
            tags.push(charged(tag, budget)?);
        }
    }
    Ok(tags)
}

impl TagParts<'_> {
    fn scope_tags(&self) -> Vec<Tag> {
        let (name, version) = (&self.scope_name, &self.scope_version);
        let name = text_tag(keys::SCOPE_NAME, name);
        let version = text_tag(keys::SCOPE_VERSION, version);
        name.into_iter().chain(version).collect()
    }

    /// The tags behind the attributes, in the order of Jaeger's own receiver, then the counts, which it does not keep.
    fn other_tags(&self) -> Vec<Tag> {
        let kind = KINDS.iter().find(|(number, _)| *number == self.kind);
        let status = match self.status_code {
            1 => Some("OK"),
            2 => Some("ERROR"),
            _ => None,
        };
        let error = self.status_code == 2;
        let mut found = Vec::new();
        found.extend(kind.map(|(_, name)| Tag::new(tags::SPAN_KIND, *name)));
        found.extend(status.map(|name| Tag::new(keys::STATUS_CODE, name)));
        found.extend(error.then(|| Tag::new(tags::ERROR, true)));
        found.extend(text_tag(keys::STATUS_MESSAGE, &self.status_message));
        found.extend(text_tag(keys::TRACE_STATE, &self.trace_state));
        for (key, count) in keys::DROPPED.into_iter().zip(self.dropped) {
            found.extend(count_tag(key, count));
        }
        found
    }
}

fn text_tag(key: &str, text: &str) -> Option<Tag> {
    (!text.is_empty()).then(|| Tag::new(key, text))
}

fn count_tag(key: &str, count: u64) -> Option<Tag> {
    (count != 0).then(|| Tag::new(key, count))
}

/// Charges the texts of a tag.
fn charged(tag: Tag, budget: &Budget) -> Decoded<Tag> {
    budget.charge(tag.key.len())?;
    if let TagValue::String(text) = &tag.value {
        budget.charge(text.len())?;
    }
    Ok(tag)
}

/// Makes the batch of a process, without its spans.
pub(super) fn empty_batch(resource: Resource<'_>, budget: &Budget) -> Decoded<Batch> {
    Ok(Batch::new(process(resource.attributes.0, budget)?))
}

/// Converts the spans of one process that are whole, and counts the others.
#[cfg(feature = "collector")]
pub(super) fn batch(
    read: ResourceSpans<'_>,
    rejected: &mut Rejected,
    budget: &Budget,
) -> Decoded<Batch> {
    let mut batch = empty_batch(read.resource, budget)?;
    let scopes = read.scope_spans.0;
    let count = scopes.iter().map(|scope| scope.spans.whole.len()).sum();
    batch.spans = budget.room(count, SPAN_EXTRA)?;
    for scope in scopes {
        rejected.add(scope.spans.rejected);
        for one in scope.spans.whole {
            batch.spans.push(span(one, &scope.scope, budget)?);
        }
    }
    Ok(batch)
}

/// Converts a resource. Its first attribute for the service's name counts; where that is no name, the service gets one of
/// those that Jaeger gives.
fn process(attributes: Vec<Attribute<'_>>, budget: &Budget) -> Decoded<Process> {
    let mut tags = budget.room(attributes.len(), 0)?;
    let mut service = None;
    for attribute in attributes {
        if attribute.key.0 == keys::SERVICE_NAME {
            service = service.or(Some(attribute.value));
        } else {
            tags.push(tag(attribute, budget)?);
        }
    }
    let mut process = Process::new(match service {
        None => "missing-service-name".to_owned(),
        Some(Any::Text(name)) if name.0.is_empty() => "empty-service-name".to_owned(),
        Some(Any::Text(name)) => budget.text(name.0.as_bytes())?,
        Some(_) => "service-name-wrong-type".to_owned(),
    });
    process.tags = tags;
    Ok(process)
}

/// Converts a span of this scope, whose ids are right.
pub(super) fn span(read: Span<'_>, scope: &Scope<'_>, budget: &Budget) -> Decoded<model::Span> {
    let (trace_id, span_id) = (read.trace_id.get(), read.span_id.get());
    let mut span = model::Span::new(trace_id, span_id, budget.text(read.name.0.as_bytes())?);
    span.parent_span_id = read.parent_span_id.get();
    let (start, end) = (read.start_time_unix_nano, read.end_time_unix_nano);
    (span.start_time_us, span.duration_us) = (micros(start), duration(start, end));
    let parts = TagParts {
        scope_name: (&*scope.name.0).into(),
        scope_version: (&*scope.version.0).into(),
        kind: read.kind,
        status_code: read.status.code,
        status_message: read.status.message.0,
        trace_state: read.trace_state.0,
        dropped: [
            read.dropped_attributes_count,
            read.dropped_events_count,
            read.dropped_links_count,
        ],
    };
    let count = read.attributes.0.len();
    let attributes = read.attributes.0.into_iter();
    span.tags = tags_of(&parts, count, attributes.map(|it| tag(it, budget)), budget)?;
    span.logs = budget.room(read.events.0.len(), 0)?;
    for event in read.events.0 {
        span.logs.push(log(event, budget)?);
    }
    span.references = budget.room(read.links.0.len(), 0)?;
    span.references.extend(read.links.0.iter().map(reference));
    Ok(span)
}

const fn micros(nanos: u64) -> i64 {
    (nanos / 1_000).cast_signed()
}

/// Returns how long a span lasts: a negative time if it ends before it starts, of which the trace then warns, and none if
/// it has no end.
const fn duration(start: u64, end: u64) -> i64 {
    match end {
        0 => 0,
        end if end < start => -micros(start - end),
        end => micros(end - start),
    }
}

fn tag(attribute: Attribute<'_>, budget: &Budget) -> Decoded<Tag> {
    Ok(Tag {
        key: budget.text(attribute.key.0.as_bytes())?,
        value: attribute.value.tag_value(budget)?,
    })
}

/// Converts an event; its name is the field `event`, unless an attribute is.
fn log(event: Event<'_>, budget: &Budget) -> Decoded<Log> {
    let attributes = event.attributes.0;
    let is_event = |it: &Attribute<'_>| it.key.0 == tags::EVENT;
    let name = match attributes.iter().any(is_event) {
        true => None,
        false => text_tag(tags::EVENT, &event.name.0),
    };
    let [dropped, _, _] = keys::DROPPED;
    let dropped = count_tag(dropped, event.dropped_attributes_count);
    let count = attributes.len() + usize::from(name.is_some()) + usize::from(dropped.is_some());
    let mut fields = budget.room(count, 0)?;
    if let Some(tag) = name {
        fields.push(charged(tag, budget)?);
    }
    for attribute in attributes {
        fields.push(tag(attribute, budget)?);
    }
    fields.extend(dropped);
    Ok(Log::new(micros(event.time_unix_nano), fields))
}

/// Converts a link, which follows from the other span unless it says that it is a child.
fn reference(link: &Link<'_>) -> SpanRef {
    let is_child = |it: &Attribute<'_>| {
        it.key.0 == keys::REF_TYPE && matches!(&it.value, Any::Text(text) if text.0 == "child_of")
    };
    let kind = match link.attributes.0.iter().any(is_child) {
        true => RefKind::ChildOf,
        false => RefKind::FollowsFrom,
    };
    SpanRef::new(kind, link.trace_id.get(), link.span_id.get())
}
