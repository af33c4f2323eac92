//! `/api/open`: spans that arrived unfinished.

use serde::Serialize;

use super::{Answer, micros};
use crate::collector::Inbox;
use crate::collector::store::OpenSpan;

/// Most spans in an answer.
const LIMIT: usize = 1000;

#[derive(Serialize)]
struct OpenBody<'a> {
    total: usize,
    spans: Vec<SpanBody<'a>>,
}

#[derive(Serialize)]
struct SpanBody<'a> {
    trace: String,
    span: String,
    service: &'a str,
    operation: &'a str,
    start: i64,
    since: i64,
}

pub(super) fn answer(inbox: &Inbox) -> Answer {
    let (open, total) = inbox.lock().open_spans(LIMIT);
    Answer::json(&OpenBody {
        total,
        spans: open.iter().map(SpanBody::of).collect(),
    })
}

impl<'a> SpanBody<'a> {
    fn of(open: &'a OpenSpan) -> Self {
        let span = &*open.span.span;
        Self {
            trace: span.trace_id.to_string(),
            span: span.span_id.to_string(),
            service: open.span.service_name(),
            operation: &span.operation_name,
            start: micros(span.start_time_us),
            since: micros(open.since_us),
        }
    }
}
