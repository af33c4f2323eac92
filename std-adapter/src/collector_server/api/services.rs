//! `/api/services`: the names to search by.

use serde::Serialize;

use super::Answer;
use crate::collector::Inbox;
use crate::collector::store::Catalogued;

#[derive(Serialize)]
struct Services {
    services: Vec<Service>,
}

#[derive(Serialize)]
struct Service {
    name: String,
    operations: Vec<String>,
}

/// Answers with the names. The store is locked for some of them at a time.
pub(super) fn answer(inbox: &Inbox) -> Answer {
    let services = inbox.catalogue().into_iter();
    let service = |Catalogued { name, operations }| Service { name, operations };
    Answer::json(&Services {
        services: services.map(service).collect(),
    })
}
