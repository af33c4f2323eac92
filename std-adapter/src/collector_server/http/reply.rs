//! Answers, with the headers that each of them has.

use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use crate::collector_server::live::LiveBody;

/// An answer: a whole body, or events as they happen.
pub(in crate::collector_server) type Reply = Response<Either<Full<Bytes>, LiveBody>>;

pub(in crate::collector_server) const JSON: &str = "application/json";

/// A request that gets an error as its answer.
#[derive(PartialEq, Eq, Debug)]
pub(in crate::collector_server) struct Refusal {
    pub(in crate::collector_server) status: StatusCode,
    /// What is wrong and what to do.
    pub(in crate::collector_server) message: String,
    /// The methods that the path takes, where another one was used.
    allowed: Option<&'static str>,
}

/// Headers against use by other sites, and against copies in caches.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Seconds after which a client may try again.
const RETRY_AFTER: &str = "1";

/// The policy of answers that are no page: nothing in them may load or run.
const NO_CONTENT_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Makes an answer.
pub(in crate::collector_server) fn reply(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Reply {
    let mut reply = Response::new(Either::Left(Full::new(body.into())));
    *reply.status_mut() = status;
    set(&mut reply, header::CONTENT_TYPE, content_type);
    reply
}

/// Makes an answer that lasts as long as its client reads.
pub(in crate::collector_server) fn live(body: LiveBody) -> Reply {
    let mut reply = Response::new(Either::Right(body));
    set(&mut reply, header::CONTENT_TYPE, "text/event-stream");
    reply
}

/// Sets a header of an answer. A value that is no header's is left out.
pub(in crate::collector_server) fn set(reply: &mut Reply, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}

/// Adds the headers that each answer has.
pub(super) fn seal(reply: &mut Reply) {
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        reply.headers_mut().entry(name).or_insert(value);
    }
    let policy = HeaderValue::from_static(NO_CONTENT_POLICY);
    let entry = reply.headers_mut().entry(header::CONTENT_SECURITY_POLICY);
    entry.or_insert(policy);
}

impl Refusal {
    pub(in crate::collector_server) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Refusal {
            status,
            message,
            allowed: None,
        }
    }

    /// A path that does not exist on this port.
    pub(in crate::collector_server) fn not_found(path: &str) -> Self {
        // A path may be as long as a request's head.
        let path: String = path.chars().take(200).collect();
        let message = format!("there is no `{path}` on this port");
        Refusal::new(StatusCode::NOT_FOUND, message)
    }

    /// A method other than that of the path.
    pub(in crate::collector_server) fn method(allowed: &'static str) -> Self {
        let message = format!("this path takes {allowed} only");
        Refusal {
            allowed: Some(allowed),
            ..Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message)
        }
    }

    /// Returns the answer as this program's own clients read it.
    pub(in crate::collector_server) fn json(&self) -> Reply {
        let body = serde_json::json!({ "error": self.message });
        reply(self.status, JSON, body.to_string())
    }

    /// Adds the headers that the status asks for.
    pub(super) fn mark(&self, mut reply: Reply) -> Reply {
        if let Some(allowed) = self.allowed {
            set(&mut reply, header::ALLOW, allowed);
        }
        match self.status {
            StatusCode::UNAUTHORIZED => set(&mut reply, header::WWW_AUTHENTICATE, "Bearer"),
            StatusCode::SERVICE_UNAVAILABLE => set(&mut reply, header::RETRY_AFTER, RETRY_AFTER),
            _ => {}
        }
        reply
    }
}
