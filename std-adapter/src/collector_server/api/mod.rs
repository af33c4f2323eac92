//! The answers of the page's port, as bytes: no HTTP here.

mod services;
mod status;

use serde::Serialize;

use crate::collector::Inbox;

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

/// Answers a GET of `path` (below `/api/`, as it stands in the request), or returns `None`: no such path.
pub(crate) fn answer(inbox: &Inbox, path: &str, query: &str) -> Option<Answer> {
    let _ = query;
    match path {
        "/api/services" => Some(services::answer(inbox)),
        "/api/status" => Some(status::answer(inbox)),
        _ => None,
    }
}

/// Times and durations in a range that a script's numbers hold exactly.
pub(crate) fn micros(us: i64) -> i64 {
    const MOST: i64 = 1 << 53;
    us.clamp(-MOST, MOST)
}
