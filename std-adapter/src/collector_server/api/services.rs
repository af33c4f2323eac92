//! `/api/services`: the names to search by.

use serde::Serialize;

use super::Answer;
use crate::collector::Inbox;

#[derive(Serialize)]
struct Services {
    services: Vec<Service>,
}

#[derive(Serialize)]
struct Service {
    name: String,
    operations: Vec<String>,
}

pub(super) fn answer(inbox: &Inbox) -> Answer {
    let catalogue = inbox.lock().catalogue();
    let services = catalogue.into_iter().map(|(name, operations)| Service {
        name,
        operations: operations.into_iter().collect(),
    });
    Answer::json(&Services {
        services: services.collect(),
    })
}
