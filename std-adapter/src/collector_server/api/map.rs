//! `/api/map`: services and their calls, over all traces held.

use serde::Serialize;

use super::{Answer, ServiceBody, micros};
use crate::collector::Inbox;
use crate::collector::analysis::ServiceMap;

#[derive(Serialize)]
struct MapBody<'a> {
    services: Vec<ServiceBody<'a>>,
    calls: Vec<CallBody<'a>>,
}

#[derive(Serialize)]
struct CallBody<'a> {
    from: &'a str,
    to: &'a str,
    calls: usize,
    errors: usize,
    median: i64,
}

/// Answers with the map. The store is locked only while its spans are shared.
pub(super) fn answer(inbox: &Inbox) -> Answer {
    let traces = inbox.lock().traces();
    let mut map = ServiceMap::default();
    for trace in &traces {
        map.add_trace(trace.spans());
    }
    let services = map
        .services
        .into_iter()
        .map(|(name, (spans, errors))| ServiceBody {
            name,
            spans,
            errors,
        });
    let calls = map
        .calls
        .into_iter()
        .map(|((from, to), mut call)| CallBody {
            from,
            to,
            calls: call.count(),
            errors: call.errors,
            median: micros(call.median_us()),
        });
    Answer::json(&MapBody {
        services: services.collect(),
        calls: calls.collect(),
    })
}
