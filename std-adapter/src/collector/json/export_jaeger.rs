//! Jaeger's JSON, as its query service writes it.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::processes::Processes;
use crate::collector::Trace;
use crate::collector::otlp::value::non_finite;
use crate::model::{Log, Process, RefKind, Span, SpanRef, Tag, TagValue};
use crate::sys::base64::base64;

/// Largest integer that JavaScript reads exactly; beyond it, either way, Jaeger writes text.
const MAX_SAFE: u64 = (1 << 53) - 1;

/// Returns traces as `GET /api/traces` of Jaeger's query service does.
///
/// Unlike there, the tags are those that were received: several of one key, in their order, under their own names. Numbers
/// that JSON lacks, which Jaeger refuses to write, become text.
pub(crate) fn jaeger(traces: &[Trace]) -> String {
    let answer = Answer {
        data: traces.iter().map(trace_out).collect(),
        total: 0,
        limit: 0,
        offset: 0,
        errors: None,
    };
    // Such a structure is always JSON.
    serde_json::to_string(&answer).unwrap_or_default()
}

#[derive(Serialize)]
struct Answer<'t> {
    data: Vec<TraceOut<'t>>,
    total: usize,
    limit: usize,
    offset: usize,
    errors: Option<()>,
}

#[derive(Serialize)]
struct TraceOut<'t> {
    #[serde(rename = "traceID")]
    trace_id: String,
    spans: Vec<SpanOut<'t>>,
    processes: BTreeMap<String, ProcessOut<'t>>,
    warnings: Option<()>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanOut<'t> {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    #[serde(skip_serializing_if = "is_zero")]
    flags: u32,
    operation_name: &'t str,
    references: Vec<ReferenceOut>,
    start_time: i64,
    duration: i64,
    tags: Vec<TagOut<'t>>,
    logs: Vec<LogOut<'t>>,
    #[serde(rename = "processID")]
    process_id: String,
    warnings: Option<()>,
}

#[derive(Serialize)]
struct ReferenceOut {
    #[serde(rename = "refType")]
    kind: &'static str,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProcessOut<'t> {
    service_name: &'t str,
    tags: Vec<TagOut<'t>>,
}

#[derive(Serialize)]
struct LogOut<'t> {
    timestamp: i64,
    fields: Vec<TagOut<'t>>,
}

#[derive(Serialize)]
struct TagOut<'t> {
    key: &'t str,
    #[serde(rename = "type")]
    kind: &'static str,
    value: ValueOut<'t>,
}

struct ValueOut<'t>(&'t TagValue);

impl Serialize for ValueOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            TagValue::String(text) => serializer.serialize_str(text),
            TagValue::Bool(on) => serializer.serialize_bool(*on),
            TagValue::Long(number) if number.unsigned_abs() <= MAX_SAFE => {
                serializer.serialize_i64(*number)
            }
            TagValue::Long(number) => serializer.collect_str(number),
            TagValue::Double(number) if number.is_finite() => serializer.serialize_f64(*number),
            TagValue::Double(number) => serializer.serialize_str(non_finite(*number)),
            TagValue::Binary(bytes) if bytes.is_empty() => serializer.serialize_unit(),
            TagValue::Binary(bytes) => serializer.serialize_str(&base64(bytes)),
        }
    }
}

fn trace_out(trace: &Trace) -> TraceOut<'_> {
    let mut processes = Processes::default();
    let mut spans = Vec::with_capacity(trace.spans().len());
    for collected in trace.spans() {
        let process = process_id(processes.number(collected));
        spans.push(span_out(&collected.span, process));
    }
    let numbered = processes.list().iter().enumerate();
    TraceOut {
        trace_id: trace.trace_id().to_string(),
        spans,
        processes: numbered
            .map(|(at, process)| (process_id(at), process_out(process)))
            .collect(),
        warnings: None,
    }
}

fn process_id(number: usize) -> String {
    format!("p{}", number + 1)
}

fn process_out(process: &Process) -> ProcessOut<'_> {
    ProcessOut {
        service_name: &process.service_name,
        tags: tags_out(&process.tags),
    }
}

fn span_out(span: &Span, process_id: String) -> SpanOut<'_> {
    SpanOut {
        trace_id: span.trace_id.to_string(),
        span_id: span.span_id.to_string(),
        flags: span.flags,
        operation_name: &span.operation_name,
        references: references(span).iter().map(reference_out).collect(),
        start_time: span.start_time_us,
        duration: span.duration_us,
        tags: tags_out(&span.tags),
        logs: span.logs.iter().map(log_out).collect(),
        process_id,
        warnings: None,
    }
}

/// Returns the references, of which the first names the parent, if the span has the parent in a field of its own.
fn references(span: &Span) -> Vec<SpanRef> {
    if span.parent_span_id.is_zero() {
        return span.references.clone();
    }
    let here = |it: &SpanRef| it.trace_id == span.trace_id;
    let is_parent = |it: &SpanRef| here(it) && it.span_id == span.parent_span_id;
    let (to_parent, others): (Vec<_>, Vec<_>) =
        span.references.iter().copied().partition(is_parent);
    // Of several references the first child-of one counts as the parent's, so its kind gives way.
    let is_child = |it: &SpanRef| here(it) && it.kind == RefKind::ChildOf;
    let follows = to_parent.iter().any(|it| it.kind == RefKind::FollowsFrom);
    let kind = match follows && !others.iter().any(is_child) {
        true => RefKind::FollowsFrom,
        false => RefKind::ChildOf,
    };
    let parent = SpanRef::new(kind, span.trace_id, span.parent_span_id);
    std::iter::once(parent).chain(others).collect()
}

fn reference_out(reference: &SpanRef) -> ReferenceOut {
    ReferenceOut {
        kind: match reference.kind {
            RefKind::ChildOf => "CHILD_OF",
            RefKind::FollowsFrom => "FOLLOWS_FROM",
        },
        trace_id: reference.trace_id.to_string(),
        span_id: reference.span_id.to_string(),
    }
}

fn log_out(log: &Log) -> LogOut<'_> {
    LogOut {
        timestamp: log.timestamp_us,
        fields: tags_out(&log.fields),
    }
}

fn tags_out(tags: &[Tag]) -> Vec<TagOut<'_>> {
    tags.iter().map(tag_out).collect()
}

fn tag_out(tag: &Tag) -> TagOut<'_> {
    TagOut {
        key: &tag.key,
        kind: match tag.value {
            TagValue::String(_) => "string",
            TagValue::Bool(_) => "bool",
            TagValue::Long(_) => "int64",
            TagValue::Double(_) => "float64",
            TagValue::Binary(_) => "binary",
        },
        value: ValueOut(&tag.value),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_zero(flags: &u32) -> bool {
    *flags == 0
}
