//! `/api/trace/{id}`: one trace with its analysis.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use picojaeger_core::{SpanId, TraceId};
use serde::Serialize;

use super::value::TagBody;
use super::{Answer, ServiceBody, micros, services_of};
use crate::collector::analysis::{Analysis, Node, Sections};
use crate::collector::store::{Summary, is_error, is_open};
use crate::collector::{CollectedSpan, Inbox, Trace};
use crate::model::{Process, RefKind, SpanRef};

#[derive(Serialize)]
struct TraceBody<'a> {
    id: String,
    start: i64,
    duration: i64,
    services: Vec<ServiceBody<'a>>,
    errors: usize,
    open: usize,
    warnings: &'a [String],
    processes: Vec<ProcessBody<'a>>,
    spans: Vec<SpanBody<'a>>,
}

#[derive(Serialize)]
struct ProcessBody<'a> {
    service: &'a str,
    tags: Vec<TagBody<'a>>,
}

#[derive(Serialize)]
struct SpanBody<'a> {
    id: String,
    parent: Option<String>,
    depth: usize,
    descendants: usize,
    process: Option<usize>,
    operation: &'a str,
    start: i64,
    duration: i64,
    error: bool,
    open: bool,
    flags: u32,
    tags: Vec<TagBody<'a>>,
    logs: Vec<LogBody<'a>>,
    refs: Vec<RefBody>,
    critical: Vec<(i64, i64)>,
    warnings: &'a [String],
    placeholder: bool,
}

#[derive(Serialize)]
struct LogBody<'a> {
    time: i64,
    fields: Vec<TagBody<'a>>,
}

#[derive(Serialize)]
struct RefBody {
    kind: &'static str,
    trace: String,
    span: String,
    here: bool,
}

/// Answers with a trace. The store is locked only while spans are shared, some at a time.
pub(super) fn answer(inbox: &Inbox, id: &str) -> Result<Answer, String> {
    Ok(match find(inbox, id)? {
        Some(trace) => Answer::json(&body(
            &trace,
            &Analysis::of(trace.spans()),
            &summary(&trace),
        )),
        None => missing(id),
    })
}

/// Returns the trace of an id in hexadecimal.
pub(super) fn find(inbox: &Inbox, id: &str) -> Result<Option<Trace>, String> {
    let trace: TraceId = id
        .parse()
        .map_err(|error| format!("the trace id is no id: {error}"))?;
    Ok(inbox.trace(trace))
}

/// The answer where a trace is not held.
pub(super) fn missing(id: &str) -> Answer {
    let line = format!("no trace {id}: it did not arrive, or left to make room for newer ones");
    Answer::error(404, &line)
}

fn summary(trace: &Trace) -> Summary {
    let mut summary = Summary::default();
    summary.catch_up(trace.spans(), usize::MAX);
    summary
}

fn body<'a>(trace: &'a Trace, analysis: &'a Analysis, summary: &'a Summary) -> TraceBody<'a> {
    let writer = SpanWriter {
        start_us: summary.start_us,
        trace,
        ids: trace.spans().iter().map(|it| it.span.span_id).collect(),
        processes: Processes::of(trace.spans()),
    };
    let details = analysis.critical.iter().zip(&analysis.warnings.nodes);
    let nodes = analysis.nodes.iter().zip(details);
    TraceBody {
        id: trace.trace_id().to_string(),
        start: micros(summary.start_us),
        duration: micros(summary.duration_us()),
        services: services_of(summary),
        errors: summary.errors,
        open: summary.open,
        warnings: &analysis.warnings.trace,
        spans: nodes
            .map(|(node, (critical, warnings))| writer.span(node, critical, warnings))
            .collect(),
        processes: writer
            .processes
            .list
            .iter()
            .map(|it| ProcessBody::of(it))
            .collect(),
    }
}

/// The processes of a trace, each once for each time that it was received.
struct Processes<'a> {
    list: Vec<&'a Arc<Process>>,
    places: HashMap<*const Process, usize>,
}

impl<'a> Processes<'a> {
    fn of(spans: &'a [CollectedSpan]) -> Self {
        let mut all = Self {
            list: Vec::new(),
            places: HashMap::new(),
        };
        for it in spans {
            let next = all.list.len();
            if *all.places.entry(Arc::as_ptr(&it.process)).or_insert(next) == next {
                all.list.push(&it.process);
            }
        }
        all
    }

    fn place(&self, process: &Arc<Process>) -> Option<usize> {
        self.places.get(&Arc::as_ptr(process)).copied()
    }
}

impl<'a> ProcessBody<'a> {
    fn of(process: &'a Process) -> Self {
        Self {
            service: &process.service_name,
            tags: TagBody::list(&process.tags),
        }
    }
}

/// The common part of all spans of an answer.
struct SpanWriter<'a> {
    start_us: i64,
    trace: &'a Trace,
    ids: HashSet<SpanId>,
    processes: Processes<'a>,
}

impl<'a> SpanWriter<'a> {
    fn span(&self, node: &Node, critical: &Sections, warnings: &'a [String]) -> SpanBody<'a> {
        let offset = |us: i64| micros(us.saturating_sub(self.start_us));
        let sections = critical.iter().rev();
        let body = SpanBody {
            id: node.id.to_string(),
            parent: None,
            depth: node.depth,
            descendants: node.descendants,
            process: None,
            operation: "",
            start: micros(node.start_us),
            duration: micros(node.end_us.saturating_sub(node.start_us)),
            error: false,
            open: false,
            flags: 0,
            tags: Vec::new(),
            logs: Vec::new(),
            refs: Vec::new(),
            critical: sections
                .map(|(from, to)| (offset(*from), offset(*to)))
                .collect(),
            warnings,
            placeholder: node.span.is_none(),
        };
        match node.span.and_then(|at| self.trace.spans().get(at)) {
            Some(it) => self.with_span(body, it),
            None => body,
        }
    }

    fn with_span(&self, body: SpanBody<'a>, it: &'a CollectedSpan) -> SpanBody<'a> {
        let span = &*it.span;
        let logs = span.logs.iter().map(|log| LogBody {
            time: micros(log.timestamp_us),
            fields: TagBody::list(&log.fields),
        });
        SpanBody {
            parent: span.parent().map(|id| id.to_string()),
            process: self.processes.place(&it.process),
            operation: &span.operation_name,
            duration: micros(span.duration_us),
            error: is_error(span),
            open: is_open(span),
            flags: span.flags,
            tags: TagBody::list(&span.tags),
            logs: logs.collect(),
            refs: span
                .references
                .iter()
                .map(|it| self.reference(it))
                .collect(),
            ..body
        }
    }

    fn reference(&self, it: &SpanRef) -> RefBody {
        RefBody {
            kind: match it.kind {
                RefKind::ChildOf => "child_of",
                RefKind::FollowsFrom => "follows_from",
            },
            trace: it.trace_id.to_string(),
            span: it.span_id.to_string(),
            here: it.trace_id == self.trace.trace_id() && self.ids.contains(&it.span_id),
        }
    }
}
