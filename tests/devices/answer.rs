//! Answers of Jaeger's query API as spans.

use picojaeger_std::model::{Log, RefKind, Span, SpanRef, Tag, TagValue};
use picojaeger_std::{SpanId, TraceId};
use serde_json::Value as Json;

use crate::http;
use crate::server::Jaeger;

/// A time behind all spans, in Unix microseconds.
const LATEST: i64 = 4_000_000_000_000_000;

/// A span, and the service and the tags of the process that it comes from.
pub struct Found {
    pub span: Span,
    pub service: String,
    pub process: Vec<Tag>,
}

/// Waits until Jaeger has so many spans in traces of a service, and returns them, trace by trace.
pub fn spans_of(jaeger: &Jaeger, service: &str, count: usize) -> Result<Vec<Found>, String> {
    jaeger.poll(&format!("{count} spans of {service}"), || {
        let found = all(jaeger, service)?;
        Ok((found.len() >= count).then_some(found))
    })
}

fn all(jaeger: &Jaeger, service: &str) -> Result<Vec<Found>, String> {
    let path = format!("/api/traces?service={service}&start=0&end={LATEST}&limit=10000&raw=true");
    let (status, body) =
        http::get(jaeger.query(), &path).map_err(|error| format!("GET {path}: {error}"))?;
    let answer: Json =
        serde_json::from_slice(&body).map_err(|error| format!("GET {path}: {error}"))?;
    let Some(traces) = answer["data"].as_array().filter(|_| status == 200) else {
        return Err(format!("GET {path} answered {status}: {answer}"));
    };
    let mut found = Vec::new();
    for trace in traces {
        for json in trace["spans"].as_array().into_iter().flatten() {
            let span = span(json).ok_or_else(|| format!("no span: {json}"))?;
            let process = &trace["processes"][json["processID"].as_str().unwrap_or_default()];
            let service = process["serviceName"].as_str().unwrap_or_default().into();
            let process = tags(&process["tags"]).ok_or_else(|| format!("no process: {process}"))?;
            found.push(Found {
                span,
                service,
                process,
            });
        }
    }
    Ok(found)
}

fn span(json: &Json) -> Option<Span> {
    let (trace, id) = (
        id::<TraceId>(&json["traceID"])?,
        id::<SpanId>(&json["spanID"])?,
    );
    let mut span = Span::new(trace, id, json["operationName"].as_str()?);
    span.start_time_us = json["startTime"].as_i64()?;
    span.duration_us = json["duration"].as_i64()?;
    span.tags = tags(&json["tags"])?;
    span.references = list(&json["references"])
        .iter()
        .map(reference)
        .collect::<Option<_>>()?;
    span.logs = list(&json["logs"]).iter().map(log).collect::<Option<_>>()?;
    let parent = span.references.first().filter(|it| it.trace_id == trace);
    span.parent_span_id = parent.map(|it| it.span_id).unwrap_or_default();
    Some(span)
}

fn id<I: std::str::FromStr>(json: &Json) -> Option<I> {
    json.as_str()?.parse().ok()
}

fn reference(json: &Json) -> Option<SpanRef> {
    let kind = match json["refType"].as_str()? {
        "CHILD_OF" => RefKind::ChildOf,
        _ => RefKind::FollowsFrom,
    };
    Some(SpanRef::new(
        kind,
        id::<TraceId>(&json["traceID"])?,
        id::<SpanId>(&json["spanID"])?,
    ))
}

fn log(json: &Json) -> Option<Log> {
    let mut log = Log::default();
    log.timestamp_us = json["timestamp"].as_i64()?;
    log.fields = tags(&json["fields"])?;
    Some(log)
}

fn tags(json: &Json) -> Option<Vec<Tag>> {
    list(json)
        .iter()
        .map(|tag| Some(Tag::new(tag["key"].as_str()?, value(tag)?)))
        .collect()
}

fn value(tag: &Json) -> Option<TagValue> {
    let json = &tag["value"];
    Some(match tag["type"].as_str()? {
        "bool" => TagValue::Bool(json.as_bool()?),
        "int64" => TagValue::Long(json.as_i64()?),
        "float64" => TagValue::Double(json.as_f64()?),
        _ => TagValue::String(json.as_str()?.into()),
    })
}

/// An absent or `null` list is empty.
fn list(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}
