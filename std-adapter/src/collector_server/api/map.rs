//! `/api/map`: services and their calls, over all traces held.

use serde::Serialize;

use super::{Answer, ServiceBody, micros};
use crate::collector::Inbox;
use crate::collector::analysis::CallMap;

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

/// Answers with the map. The store is locked while its calls are shared, and only they are kept for the next time.
pub(super) fn answer(inbox: &Inbox) -> Answer {
    let totals = inbox.lock().service_totals();
    let calls = inbox.calls();
    let mut map = CallMap::default();
    calls.iter().for_each(|calls| map.add(calls));
    let services = totals.iter().map(|total| ServiceBody {
        name: &total.name,
        spans: total.spans,
        errors: total.errors,
    });
    let pairs = map.into_pairs().into_iter();
    let calls = pairs.map(|((from, to), mut pair)| CallBody {
        from,
        to,
        calls: pair.count(),
        errors: pair.errors,
        median: micros(pair.median_us()),
    });
    Answer::json(&MapBody {
        services: services.collect(),
        calls: calls.collect(),
    })
}
