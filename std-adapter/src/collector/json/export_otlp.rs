//! OTLP's JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;

use picojaeger_core::tags::{ERROR, EVENT, SPAN_KIND};
use serde::{Serialize, Serializer};

use super::processes::Processes;
use crate::collector::Trace;
use crate::collector::memory_budget::Budget;
use crate::collector::otlp::value::non_finite;
use crate::collector::otlp::{KINDS, TagParts, keys, tags_of};
use crate::model::{Log, Process, RefKind, Span, SpanRef, Tag, TagValue};
use crate::sys::base64::base64;

/// Returns traces as a request of OTLP in JSON.
pub(crate) fn otlp(traces: &[Trace]) -> String {
    let mut processes = Processes::default();
    let mut by_process: Vec<Scopes<'_>> = Vec::new();
    for collected in traces.iter().flat_map(Trace::spans) {
        let at = processes.number(collected);
        by_process.resize_with(by_process.len().max(at + 1), Scopes::default);
        let (scope, span) = span_out(&collected.span);
        if let Some(scopes) = by_process.get_mut(at) {
            scopes.entry(scope).or_default().push(span);
        }
    }
    let pairs = processes.list().iter().zip(by_process);
    let request = Request {
        resource_spans: pairs.map(|(it, spans)| resource_spans(it, spans)).collect(),
    };
    // Such a structure is always JSON.
    serde_json::to_string(&request).unwrap_or_default()
}

/// The spans of a process by name and version of their scope.
type Scopes<'t> = BTreeMap<(Cow<'t, str>, Cow<'t, str>), Vec<SpanOut<'t>>>;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'t> {
    resource_spans: Vec<ResourceSpans<'t>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'t> {
    resource: Resource<'t>,
    scope_spans: Vec<ScopeSpans<'t>>,
}

#[derive(Serialize)]
struct Resource<'t> {
    attributes: Vec<Attribute<'t>>,
}

#[derive(Serialize)]
struct ScopeSpans<'t> {
    scope: Scope<'t>,
    spans: Vec<SpanOut<'t>>,
}

#[derive(Serialize)]
struct Scope<'t> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: Cow<'t, str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: Cow<'t, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanOut<'t> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    parent_span_id: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    trace_state: Cow<'t, str>,
    flags: u32,
    name: &'t str,
    kind: u64,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<Attribute<'t>>,
    dropped_attributes_count: u64,
    events: Vec<Event<'t>>,
    dropped_events_count: u64,
    links: Vec<Link>,
    dropped_links_count: u64,
    status: Status<'t>,
}

#[derive(Serialize)]
struct Status<'t> {
    #[serde(skip_serializing_if = "str::is_empty")]
    message: Cow<'t, str>,
    code: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'t> {
    time_unix_nano: String,
    name: &'t str,
    attributes: Vec<Attribute<'t>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    trace_id: String,
    span_id: String,
    attributes: [Attribute<'static>; 1],
}

#[derive(Serialize)]
struct Attribute<'t> {
    key: &'t str,
    value: Value<'t>,
}

enum Value<'t> {
    Tag(&'t TagValue),
    Text(&'t str),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum AnyValue<'t> {
    StringValue(&'t str),
    BoolValue(bool),
    /// Integers of 64 bits are text in protobuf's JSON.
    IntValue(String),
    DoubleValue(f64),
    #[serde(rename = "doubleValue")]
    NonFinite(&'static str),
    BytesValue(String),
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = match self {
            Value::Text(text) => AnyValue::StringValue(text),
            Value::Tag(TagValue::String(text)) => AnyValue::StringValue(text),
            Value::Tag(TagValue::Bool(on)) => AnyValue::BoolValue(*on),
            Value::Tag(TagValue::Long(number)) => AnyValue::IntValue(number.to_string()),
            Value::Tag(TagValue::Double(it)) if it.is_finite() => AnyValue::DoubleValue(*it),
            Value::Tag(TagValue::Double(it)) => AnyValue::NonFinite(non_finite(*it)),
            Value::Tag(TagValue::Binary(bytes)) => AnyValue::BytesValue(base64(bytes)),
        };
        value.serialize(serializer)
    }
}

fn resource_spans<'t>(process: &'t Process, scopes: Scopes<'t>) -> ResourceSpans<'t> {
    let mut attributes = attributes(&process.tags);
    // Behind the tags, since the last of a key counts.
    attributes.push(Attribute {
        key: keys::SERVICE_NAME,
        value: Value::Text(&process.service_name),
    });
    let scope_spans = scopes
        .into_iter()
        .map(|((name, version), spans)| ScopeSpans {
            scope: Scope { name, version },
            spans,
        });
    ResourceSpans {
        resource: Resource { attributes },
        scope_spans: scope_spans.collect(),
    }
}

/// Returns a span with its scope.
fn span_out(span: &Span) -> ((Cow<'_, str>, Cow<'_, str>), SpanOut<'_>) {
    let (parts, attributes) = split(&span.tags);
    let parent = span.parent().unwrap_or_default();
    let is_parent = |it: &SpanRef| {
        it.kind == RefKind::ChildOf && it.trace_id == span.trace_id && it.span_id == parent
    };
    let links = span.references.iter().filter(|it| !is_parent(it));
    let end = span.start_time_us.saturating_add(span.duration_us);
    let [attributes_dropped, events_dropped, links_dropped] = parts.dropped;
    let out = SpanOut {
        trace_id: format!("{:032x}", span.trace_id),
        span_id: span.span_id.to_string(),
        parent_span_id: match parent.is_zero() {
            true => String::new(),
            false => parent.to_string(),
        },
        trace_state: parts.trace_state,
        // The others of Jaeger's flags mean something else in OTLP.
        flags: span.flags & 1,
        name: &span.operation_name,
        kind: parts.kind,
        start_time_unix_nano: nanos(span.start_time_us),
        end_time_unix_nano: nanos(end),
        attributes,
        dropped_attributes_count: attributes_dropped,
        events: span.logs.iter().map(event).collect(),
        dropped_events_count: events_dropped,
        links: links.map(link).collect(),
        dropped_links_count: links_dropped,
        status: Status {
            message: parts.status_message,
            code: parts.status_code,
        },
    };
    ((parts.scope_name, parts.scope_version), out)
}

/// Returns a time, which OTLP cannot have before 1970.
fn nanos(micros: i64) -> String {
    let micros = u64::try_from(micros).unwrap_or(0);
    micros.saturating_mul(1_000).to_string()
}

/// Returns the tags that have fields of their own, and the others. Where these would not give the same tags again, as in spans
/// that never were OTLP, all tags are attributes too, and readers of OTLP find kind and status all the same.
fn split(tags: &[Tag]) -> (TagParts<'_>, Vec<Attribute<'_>>) {
    let parts = parts(tags);
    let is_part = |tag: &&Tag| {
        let key = tag.key.as_str();
        let others = [SPAN_KIND, ERROR, keys::SCOPE_NAME, keys::SCOPE_VERSION];
        let status = [keys::STATUS_CODE, keys::STATUS_MESSAGE, keys::TRACE_STATE];
        others.contains(&key) || status.contains(&key) || keys::DROPPED.contains(&key)
    };
    let others = || tags.iter().filter(|tag| !is_part(tag));
    let again = tags_of(
        &parts,
        tags.len(),
        others().cloned().map(Ok),
        &Budget::unlimited(),
    );
    if again.is_ok_and(|again| again == tags) {
        return (parts, others().map(attribute).collect());
    }
    let seen = TagParts {
        kind: parts.kind,
        status_code: parts.status_code,
        status_message: parts.status_message,
        ..TagParts::default()
    };
    (seen, attributes(tags))
}

/// Returns what the tags say that OTLP has fields for; the last tag of a key counts.
fn parts(tags: &[Tag]) -> TagParts<'_> {
    let last = |key: &str| tags.iter().rev().find(|tag| tag.key == key);
    let value = |key| last(key).map(|tag| &tag.value);
    let text = |key| match value(key) {
        Some(TagValue::String(text)) => Cow::from(text),
        _ => Cow::default(),
    };
    let kind = text(SPAN_KIND);
    let kind = KINDS.iter().find(|(_, name)| *name == kind);
    let code = match (value(ERROR), &*text(keys::STATUS_CODE)) {
        (Some(TagValue::Bool(true)), _) | (_, "ERROR") => 2,
        (_, "OK") => 1,
        _ => 0,
    };
    TagParts {
        scope_name: text(keys::SCOPE_NAME),
        scope_version: text(keys::SCOPE_VERSION),
        kind: kind.map_or(0, |(number, _)| *number),
        status_code: code,
        status_message: text(keys::STATUS_MESSAGE),
        trace_state: text(keys::TRACE_STATE),
        dropped: keys::DROPPED.map(|key| match value(key) {
            Some(TagValue::Long(count)) => u32::try_from(*count).map_or(0, u64::from),
            _ => 0,
        }),
    }
}

/// Returns a log; its name is the field `event`, if that stands first and once.
fn event(log: &Log) -> Event<'_> {
    let named = match log.fields.split_first() {
        Some((first, rest)) if first.key == EVENT => match &first.value {
            TagValue::String(name) if !rest.iter().any(|it| it.key == EVENT) => Some((name, rest)),
            _ => None,
        },
        _ => None,
    };
    let (name, fields) = named
        .filter(|(name, _)| !name.is_empty())
        .map_or(("", log.fields.as_slice()), |(name, rest)| {
            (name.as_str(), rest)
        });
    Event {
        time_unix_nano: nanos(log.timestamp_us),
        name,
        attributes: attributes(fields),
    }
}

fn link(reference: &SpanRef) -> Link {
    let kind = match reference.kind {
        RefKind::ChildOf => "child_of",
        RefKind::FollowsFrom => "follows_from",
    };
    Link {
        trace_id: format!("{:032x}", reference.trace_id),
        span_id: reference.span_id.to_string(),
        attributes: [Attribute {
            key: keys::REF_TYPE,
            value: Value::Text(kind),
        }],
    }
}

fn attributes(tags: &[Tag]) -> Vec<Attribute<'_>> {
    tags.iter().map(attribute).collect()
}

fn attribute(tag: &Tag) -> Attribute<'_> {
    Attribute {
        key: &tag.key,
        value: Value::Tag(&tag.value),
    }
}
