//! The answers of the page's port, as bytes: no HTTP here.

mod export;
mod losses;
mod map;
mod open;
mod query;
mod search;
mod services;
mod status;
#[cfg(test)]
mod tests;
mod trace;
mod value;

use serde::Serialize;

use crate::collector::Inbox;
use crate::collector::store::{ServiceCount, Summary};
use query::Parameters;

/// Greatest integer that a script's numbers hold exactly.
const MAX_EXACT: i64 = 1 << 53;

/// An answer of the API.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// An answer of a value as JSON.
    pub(crate) fn json(value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self {
                status: 200,
                content_type: "application/json",
                body,
            },
            Err(error) => Self::error(500, &format!("the answer cannot be written: {error}")),
        }
    }

    /// An error, with what is wrong and what to do.
    pub(crate) fn error(status: u16, message: &str) -> Self {
        let body = serde_json::json!({ "error": message });
        Self {
            status,
            content_type: "application/json",
            body: body.to_string().into_bytes(),
        }
    }
}

/// Answers a GET of `path` with `query`, both as they stand in the request, or returns `None`: no such path.
pub(crate) fn answer(inbox: &Inbox, path: &str, query: &str) -> Option<Answer> {
    let none = || Parameters::parse(query, &[]);
    let result = match path {
        "/api/services" => none().map(|_| services::answer(inbox)),
        "/api/search" => search::answer(inbox, query),
        "/api/open" => none().map(|_| open::answer(inbox)),
        "/api/map" => none().map(|_| map::answer(inbox)),
        "/api/losses" => none().map(|_| losses::answer(inbox)),
        "/api/status" => none().map(|_| status::answer(inbox)),
        _ => {
            if let Some(id) = path.strip_prefix("/api/trace/") {
                none().and_then(|_| trace::answer(inbox, id))
            } else {
                let id = path.strip_prefix("/api/traces/")?;
                export::answer(inbox, id, query)
            }
        }
    };
    Some(result.unwrap_or_else(|message| Answer::error(400, &message)))
}

/// A service with counts of its spans.
#[derive(Serialize)]
struct ServiceBody<'a> {
    name: &'a str,
    spans: usize,
    errors: usize,
}

fn services_of(summary: &Summary) -> Vec<ServiceBody<'_>> {
    let services = summary.sorted_services().into_iter();
    services.map(ServiceBody::of).collect()
}

impl<'a> ServiceBody<'a> {
    fn of(count: &'a ServiceCount) -> Self {
        Self {
            name: &count.process.service_name,
            spans: count.spans,
            errors: count.errors,
        }
    }
}

/// A time or duration in a range that a script's numbers hold exactly.
fn micros(us: i64) -> i64 {
    us.clamp(-MAX_EXACT, MAX_EXACT)
}
