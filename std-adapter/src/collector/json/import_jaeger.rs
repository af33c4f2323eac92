//! Jaeger's JSON, as its query service and its page write it.

use std::collections::BTreeMap;

use picojaeger_core::{SpanId, TraceId};
use serde::de::{self, Deserialize, Deserializer};

use crate::collector::DecodeError;
use crate::collector::memory_budget::Budget;
use crate::collector::otlp::lenient::{self, Scalar};
use crate::collector::otlp::lists::Element;
use crate::collector::otlp::message::{List, Text};
use crate::model::{Batch, Log, Process, RefKind, Span, SpanRef, Tag, TagValue};

type Decoded<T> = Result<T, DecodeError>;

/// Processes by the names that the spans of a trace have for them.
pub(super) type ProcessMap<'m> = BTreeMap<Text<'m>, ProcessIn<'m>>;

#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct TraceIn<'m> {
    #[serde(borrow)]
    pub(super) spans: List<SpanIn<'m>>,
    #[serde(borrow)]
    pub(super) processes: ProcessMap<'m>,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SpanIn<'m> {
    #[serde(rename = "traceID", deserialize_with = "trace_id")]
    trace_id: Option<TraceId>,
    #[serde(rename = "spanID", deserialize_with = "span_id")]
    span_id: Option<SpanId>,
    #[serde(rename = "parentSpanID", deserialize_with = "span_id")]
    parent_span_id: Option<SpanId>,
    #[serde(deserialize_with = "lenient::integer")]
    flags: i64,
    #[serde(borrow)]
    operation_name: Text<'m>,
    #[serde(borrow)]
    references: List<ReferenceIn<'m>>,
    #[serde(deserialize_with = "lenient::wrapped")]
    start_time: i64,
    #[serde(deserialize_with = "lenient::wrapped")]
    duration: i64,
    #[serde(borrow)]
    tags: List<TagIn<'m>>,
    #[serde(borrow)]
    logs: List<LogIn<'m>>,
    #[serde(borrow, rename = "processID")]
    process_id: Text<'m>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct ReferenceIn<'m> {
    #[serde(borrow, rename = "refType")]
    kind: Text<'m>,
    #[serde(rename = "traceID", deserialize_with = "trace_id")]
    trace_id: Option<TraceId>,
    #[serde(rename = "spanID", deserialize_with = "span_id")]
    span_id: Option<SpanId>,
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ProcessIn<'m> {
    #[serde(borrow)]
    service_name: Text<'m>,
    #[serde(borrow)]
    tags: List<TagIn<'m>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct LogIn<'m> {
    #[serde(deserialize_with = "lenient::wrapped")]
    timestamp: i64,
    #[serde(borrow)]
    fields: List<TagIn<'m>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct TagIn<'m> {
    #[serde(borrow)]
    key: Text<'m>,
    #[serde(borrow, rename = "type")]
    kind: Text<'m>,
    #[serde(borrow)]
    value: Scalar<'m>,
}

impl Element for TraceIn<'_> {
    fn holds(&self) -> Result<bool, &'static str> {
        Ok(!self.spans.0.is_empty())
    }
}

impl Element for SpanIn<'_> {
    fn holds(&self) -> Result<bool, &'static str> {
        match (self.trace_id, self.span_id) {
            (None, _) => Err("a span without its field `traceID`"),
            (_, None) => Err("a span without its field `spanID`"),
            _ => Ok(true),
        }
    }
}

impl Element for ReferenceIn<'_> {
    fn holds(&self) -> Result<bool, &'static str> {
        Ok(self.trace_id.is_some() || self.span_id.is_some())
    }
}

impl Element for LogIn<'_> {
    fn holds(&self) -> Result<bool, &'static str> {
        Ok(self.timestamp != 0 || !self.fields.0.is_empty())
    }
}

impl Element for TagIn<'_> {
    fn holds(&self) -> Result<bool, &'static str> {
        Ok(!self.key.0.is_empty() || !self.kind.0.is_empty())
    }
}

/// Reads an id of any length, as Jaeger does.
fn trace_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TraceId>, D::Error> {
    id(deserializer, "a trace id that is not 1 to 32 hex digits")
}

fn span_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SpanId>, D::Error> {
    id(deserializer, "a span id that is not 1 to 16 hex digits")
}

fn id<'de, D: Deserializer<'de>, I: std::str::FromStr>(
    deserializer: D,
    error: &'static str,
) -> Result<Option<I>, D::Error> {
    let text = Text::deserialize(deserializer)?.0;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| de::Error::custom(error))
}

/// Converts traces: the spans of each process become a batch.
pub(super) fn batches(traces: Vec<TraceIn<'_>>, budget: &Budget) -> Decoded<Vec<Batch>> {
    let mut batches = Vec::new();
    for trace in traces {
        batches.extend(trace_batches(trace, budget)?);
    }
    Ok(batches)
}

fn trace_batches(trace: TraceIn<'_>, budget: &Budget) -> Decoded<Vec<Batch>> {
    let mut processes = trace.processes;
    let mut spans = trace.spans.0;
    // Stable, so the spans of each process keep their order.
    spans.sort_by(|a, b| a.process_id.cmp(&b.process_id));
    let mut batches = Vec::new();
    let mut spans = spans.into_iter().peekable();
    while let Some(first) = spans.peek() {
        let id = first.process_id.clone();
        let mut batch = Batch::new(match processes.remove(&id) {
            Some(process) => process_of(process, budget)?,
            None => Process::new("missing-service-name"),
        });
        while let Some(span) = spans.next_if(|it| it.process_id == id) {
            budget.charge(size_of::<Span>())?;
            batch.spans.push(span_of(span, budget)?);
        }
        budget.charge(size_of::<Batch>())?;
        batches.push(batch);
    }
    Ok(batches)
}

fn process_of(read: ProcessIn<'_>, budget: &Budget) -> Decoded<Process> {
    let mut process = Process::new(budget.text(read.service_name.0.as_bytes())?);
    process.tags = tags_of(read.tags, budget)?;
    Ok(process)
}

/// Converts a span. Its parent, which Jaeger names in the references, gets its field again.
fn span_of(read: SpanIn<'_>, budget: &Budget) -> Decoded<Span> {
    let (trace_id, span_id) = (
        read.trace_id.unwrap_or_default(),
        read.span_id.unwrap_or_default(),
    );
    let mut span = Span::new(
        trace_id,
        span_id,
        budget.text(read.operation_name.0.as_bytes())?,
    );
    span.parent_span_id = read.parent_span_id.unwrap_or_default();
    span.flags = u32::try_from(read.flags)
        .map_err(|_| DecodeError::MalformedJson("flags beyond 32 bits".into()))?;
    (span.start_time_us, span.duration_us) = (read.start_time, read.duration);
    span.tags = tags_of(read.tags, budget)?;
    span.logs = budget.room(read.logs.0.len(), 0)?;
    for log in read.logs.0 {
        span.logs
            .push(Log::new(log.timestamp, tags_of(log.fields, budget)?));
    }
    span.references = budget.room(read.references.0.len(), 0)?;
    span.references
        .extend(read.references.0.iter().map(reference_of));
    let parent = span.parent().unwrap_or_default();
    span.parent_span_id = parent;
    let is_parent = SpanRef::new(RefKind::ChildOf, trace_id, parent);
    span.references.retain(|it| *it != is_parent);
    Ok(span)
}

fn reference_of(read: &ReferenceIn<'_>) -> SpanRef {
    let kind = match &*read.kind.0 {
        "FOLLOWS_FROM" => RefKind::FollowsFrom,
        _ => RefKind::ChildOf,
    };
    let trace_id = read.trace_id.unwrap_or_default();
    SpanRef::new(kind, trace_id, read.span_id.unwrap_or_default())
}

fn tags_of(read: List<TagIn<'_>>, budget: &Budget) -> Decoded<Vec<Tag>> {
    let mut tags = budget.room(read.0.len(), 0)?;
    for tag in read.0 {
        tags.push(tag_of(&tag, budget)?);
    }
    Ok(tags)
}

fn tag_of(read: &TagIn<'_>, budget: &Budget) -> Decoded<Tag> {
    let key = budget.text(read.key.0.as_bytes())?;
    // Text is never longer than four thirds of the bytes that it stands for.
    if let Scalar::Text(text) = &read.value {
        budget.charge(text.len())?;
    }
    match value_of(&read.kind.0, &read.value) {
        Some(value) => Ok(Tag { key, value }),
        None => {
            let key: String = key.chars().take(60).collect();
            let reason = format!("the value of tag {key:?} does not fit its type");
            Err(DecodeError::MalformedJson(reason))
        }
    }
}

/// Returns the value of a tag; one without a type is what JSON has.
fn value_of(kind: &str, value: &Scalar<'_>) -> Option<TagValue> {
    Some(match (kind, value) {
        ("string" | "", Scalar::Text(text)) => TagValue::String(text.to_string()),
        ("string" | "", Scalar::Nothing) => TagValue::String(String::new()),
        ("bool" | "", Scalar::Bool(on)) => TagValue::Bool(*on),
        ("bool", Scalar::Text(text)) => TagValue::Bool(text.parse().ok()?),
        ("int64", value) => TagValue::Long(value.integer()?),
        ("", Scalar::Int(number)) => TagValue::Long(*number),
        ("", Scalar::Unsigned(number)) => TagValue::from(*number),
        ("float64" | "", value) => TagValue::Double(value.double()?),
        ("binary", Scalar::Nothing) => TagValue::Binary([].into()),
        ("binary", Scalar::Text(text)) => TagValue::from(lenient::from_base64(text)?),
        _ => return None,
    })
}
