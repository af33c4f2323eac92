//! `/api/status`: the counts.

use serde::Serialize;

use super::Answer;
use crate::collector::Inbox;
use crate::collector::store::Status;

/// The counts as the API has them; the server adds its listeners.
#[derive(Serialize)]
struct StatusBody {
    revision: u64,
    received: Arrived,
    held: Held,
    evicted: Evicted,
    rejected: u64,
    rejection: Option<String>,
}

#[derive(Serialize)]
struct Arrived {
    spans: u64,
    batches: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Held {
    spans: usize,
    traces: usize,
    bytes: usize,
    limit: usize,
}

#[derive(Serialize)]
struct Evicted {
    traces: u64,
    spans: u64,
}

impl From<Status> for StatusBody {
    fn from(status: Status) -> Self {
        let stats = status.stats;
        Self {
            revision: status.revision,
            received: Arrived {
                spans: stats.spans,
                batches: stats.batches,
                bytes: stats.bytes,
            },
            held: Held {
                spans: status.spans,
                traces: status.traces,
                bytes: status.bytes,
                limit: status.limit,
            },
            evicted: Evicted {
                traces: stats.evicted_traces,
                spans: stats.evicted_spans,
            },
            rejected: stats.rejected,
            rejection: status.rejection,
        }
    }
}

pub(super) fn answer(inbox: &Inbox) -> Answer {
    let status = inbox.lock().status();
    Answer::json(&StatusBody::from(status))
}
