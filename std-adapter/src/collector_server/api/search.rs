//! `/api/search`: traces that match, newest first.

use serde::Serialize;

use super::query::Parameters;
use super::{Answer, ServiceBody, micros, services_of};
use crate::collector::Inbox;
use crate::collector::analysis::Analysis;
use crate::collector::store::{FoundTrace, Search, WantedTag};

const PARAMETERS: [&str; 9] = [
    "service",
    "operation",
    "tag",
    "min",
    "max",
    "start",
    "end",
    "limit",
    "debug_id",
];
const DEFAULT_LIMIT: i64 = 20;
const MAX_LIMIT: i64 = 1000;

#[derive(Serialize)]
struct FoundBody<'a> {
    revision: u64,
    matched: usize,
    traces: Vec<TraceBody<'a>>,
}

#[derive(Serialize)]
struct TraceBody<'a> {
    id: String,
    service: &'a str,
    operation: &'a str,
    start: i64,
    duration: i64,
    spans: usize,
    errors: usize,
    open: usize,
    warnings: usize,
    rooted: bool,
    updated: i64,
    debug_id: Option<&'a str>,
    services: Vec<ServiceBody<'a>>,
}

/// Answers a search. The store is locked for some spans at a time while traces are matched, and not while they are
/// analysed and written.
pub(super) fn answer(inbox: &Inbox, query: &str) -> Result<Answer, String> {
    let found = inbox.search(&parse(query)?);
    let traces = found.traces.iter();
    Ok(Answer::json(&FoundBody {
        revision: found.revision,
        matched: found.matched,
        traces: traces
            .map(|found| TraceBody::of(found, warnings(inbox, found)))
            .collect(),
    }))
}

/// Returns the number of a trace's warnings. One that is counted anew is kept for the next search.
fn warnings(inbox: &Inbox, found: &FoundTrace) -> usize {
    if let Some(known) = found.summary.warnings {
        return known;
    }
    let trace = inbox.trace(found.id);
    let count = trace.map_or(0, |trace| Analysis::count_warnings(trace.spans()));
    inbox.lock().keep_warnings(found, count);
    count
}

fn parse(query: &str) -> Result<Search, String> {
    let parameters = Parameters::parse(query, &PARAMETERS)?;
    let text = |name| Ok::<_, String>(parameters.text(name)?.map(str::to_owned));
    let limit = parameters.integer("limit")?.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(format!("`limit` is {limit}: send 1 to {MAX_LIMIT}"));
    }
    let tags: Result<Vec<WantedTag>, String> = parameters.all("tag").map(parse_tag).collect();
    Ok(Search {
        service: text("service")?,
        operation: text("operation")?,
        tags: tags?,
        min_us: parameters.duration("min")?,
        max_us: parameters.duration("max")?,
        start_us: parameters.integer("start")?,
        end_us: parameters.integer("end")?,
        debug_id: text("debug_id")?,
        limit: usize::try_from(limit).unwrap_or(1),
    })
}

fn parse_tag(tag: &str) -> Result<WantedTag, String> {
    match tag.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(WantedTag::new(key, value)),
        _ => Err("a `tag` without a key and `=`: send `tag=key=value`".to_owned()),
    }
}

impl<'a> TraceBody<'a> {
    fn of(found: &'a FoundTrace, warnings: usize) -> Self {
        let summary = &*found.summary;
        let root = summary.root();
        Self {
            id: found.id.to_string(),
            service: root.map_or("", |root| root.service_name()),
            operation: root.map_or("", |root| &root.span.operation_name),
            start: micros(summary.start_us),
            duration: micros(summary.duration_us()),
            spans: summary.spans,
            errors: summary.errors,
            open: summary.open,
            warnings,
            rooted: summary.is_rooted(),
            updated: micros(found.updated_us),
            debug_id: summary.debug_id(),
            services: services_of(summary),
        }
    }
}
