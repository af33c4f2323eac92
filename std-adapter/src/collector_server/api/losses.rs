//! `/api/losses`: the losses that clients report.

use serde::Serialize;

use super::{Answer, MAX_EXACT, micros};
use crate::collector::store::{Loss, totals};
use crate::collector::{Client, Inbox};

#[derive(Serialize)]
struct LossesBody<'a> {
    clients: Vec<ClientBody<'a>>,
    events: Vec<EventBody<'a>>,
}

#[derive(Serialize)]
struct ClientBody<'a> {
    service: &'a str,
    client: Option<&'a str>,
    batches: u64,
    last: i64,
    lost: Vec<LostBody>,
}

#[derive(Serialize)]
struct LostBody {
    cause: &'static str,
    spans: u64,
}

#[derive(Serialize)]
struct EventBody<'a> {
    time: i64,
    service: &'a str,
    client: Option<&'a str>,
    cause: &'static str,
    spans: u64,
}

pub(super) fn answer(inbox: &Inbox) -> Answer {
    let (clients, losses) = {
        let received = inbox.lock();
        (received.clients(), received.losses())
    };
    Answer::json(&LossesBody {
        clients: clients.iter().rev().map(ClientBody::of).collect(),
        events: losses.iter().map(EventBody::of).collect(),
    })
}

impl<'a> ClientBody<'a> {
    fn of(client: &'a Client) -> Self {
        let lost = totals(client).into_iter().filter(|(_, count)| *count > 0);
        Self {
            service: &client.service_name,
            client: client.client_uuid.as_deref(),
            batches: client.batches,
            last: micros(client.last_us),
            lost: lost
                .map(|(cause, spans)| LostBody {
                    cause: cause.name(),
                    spans: exact(spans),
                })
                .collect(),
        }
    }
}

impl<'a> EventBody<'a> {
    fn of(loss: &'a Loss) -> Self {
        Self {
            time: micros(loss.time_us),
            service: &loss.service,
            client: loss.client.as_deref(),
            cause: loss.cause.name(),
            spans: exact(loss.count),
        }
    }
}

/// A count in a range that a script's numbers hold exactly.
fn exact(count: u64) -> u64 {
    count.min(MAX_EXACT as u64)
}
