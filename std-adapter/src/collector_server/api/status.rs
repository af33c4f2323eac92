//! `/api/status`: the counts.

use serde::Serialize;

use super::Answer;
use crate::collector::Inbox;
use crate::collector::store::Status;

/// The counts as the API has them; the server adds its listeners.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StatusBody {
    pub(crate) revision: u64,
    received: Arrived,
    held: Held,
    evicted: Evicted,
    rejected: u64,
    rejection: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Arrived {
    spans: u64,
    batches: u64,
    bytes: u64,
}

#[derive(Clone, Debug, Serialize)]
struct Held {
    spans: usize,
    traces: usize,
    bytes: usize,
    limit: usize,
}

#[derive(Clone, Debug, Serialize)]
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

/// Returns the counts of a store.
pub(crate) fn status(inbox: &Inbox) -> StatusBody {
    let status = inbox.lock().status();
    status.into()
}

pub(super) fn answer(inbox: &Inbox) -> Answer {
    Answer::json(&status(inbox))
}
