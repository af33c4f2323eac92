//! `/api/search`: traces that match, newest first.

use serde::Serialize;

use super::query::Parameters;
use super::{Answer, ServiceBody, micros, services_of};
use crate::collector::Inbox;
use crate::collector::analysis::Analysis;
use crate::collector::store::{Found, FoundTrace, Matches, Search, WantedTag};

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
    let search = parse(query)?;
    let (revision, found) = run(inbox, &search);
    let counts: Vec<usize> = found.traces.iter().map(count_warnings).collect();
    keep(inbox, &found.traces, &counts);
    let traces = found.traces.iter().zip(counts);
    Ok(Answer::json(&FoundBody {
        revision,
        matched: found.matched,
        traces: traces
            .map(|(found, warnings)| TraceBody::of(found, warnings))
            .collect(),
    }))
}

/// Runs a search. The revision is that of its begin, so that a later arrival differs from it.
fn run(inbox: &Inbox, search: &Search) -> (u64, Found) {
    let revision = inbox.lock().revision();
    let mut matches = Matches::default();
    // A statement each: the lock ends with it.
    while search_some(inbox, search, &mut matches) {
        std::thread::yield_now();
    }
    (revision, inbox.lock().collect(search, matches))
}

fn search_some(inbox: &Inbox, search: &Search, matches: &mut Matches) -> bool {
    inbox.lock().search_some(search, matches)
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
        min_us: parameters.integer("min")?,
        max_us: parameters.integer("max")?,
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

fn count_warnings(found: &FoundTrace) -> usize {
    match &found.uncounted {
        Some(spans) => Analysis::count_warnings(spans),
        None => found.summary.warnings.unwrap_or(0),
    }
}

/// Keeps what was counted anew, so that the next search does not count again.
fn keep(inbox: &Inbox, traces: &[FoundTrace], counts: &[usize]) {
    if traces.iter().all(|found| found.uncounted.is_none()) {
        return;
    }
    let mut received = inbox.lock();
    for (found, &count) in traces.iter().zip(counts) {
        if found.uncounted.is_some() {
            received.keep_warnings(found, count);
        }
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
