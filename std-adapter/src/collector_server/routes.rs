//! The paths of the page's port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, StatusCode, header};
use picojaeger_core::TraceId;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::api;
use super::http::reply::{self, JSON};
use super::http::{Connections, Handler, Refusal, Reply, Turn, body};
use super::live::Live;
use super::page::page;
use super::ports::Place;
use super::receive::store;
use crate::collector::{Inbox, json as formats};

/// The page and its queries.
pub(super) struct Routes {
    pub(super) inbox: Arc<Inbox>,
    pub(super) shared: Arc<Connections>,
    pub(super) live: Arc<Live>,
    pub(super) places: Vec<Place>,
    /// The name of the cookie with the token: cookies of other ports of this host come with requests too.
    pub(super) cookie: String,
}

/// The answer to `/api/status`.
#[derive(Serialize)]
struct Status {
    /// What the store answers, an object.
    #[serde(flatten)]
    store: Map<String, Value>,
    listeners: Vec<Listener>,
    http: HttpCounts,
}

#[derive(Serialize)]
struct Listener {
    name: &'static str,
    address: SocketAddr,
}

/// Requests that were refused, connections beyond the limit, and peers that did not read.
#[derive(Serialize)]
struct HttpCounts {
    refused: u64,
    overflow: u64,
    slow: u64,
}

impl Handler for Routes {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Reply, Refusal> {
        let is_import = request.uri().path() == "/api/import";
        match *request.method() {
            Method::POST if is_import => {}
            Method::GET | Method::HEAD if !is_import => {}
            _ if is_import => return Err(Refusal::method("POST")),
            _ => return Err(Refusal::method("GET, HEAD")),
        }
        if let Some(reply) = self.log_in(&request) {
            return reply;
        }
        let guard = &self.shared.guard;
        guard.authorize(request.headers(), Some(&self.cookie))?;
        match request.uri().path() {
            "/" => Ok(document()),
            "/api/live" => Ok(reply::live(self.live.client(&self.event())?)),
            "/api/import" => self.import(request).await,
            _ => {
                let (path, query) = (request.uri().path(), request.uri().query());
                let (path, query) = (path.to_owned(), query.unwrap_or_default().to_owned());
                let shared = Arc::clone(&self.shared);
                let make = move |turn| self.query(&path, &query, turn);
                shared.with_turn(make).await
            }
        }
    }
}

/// Returns the page with its policy.
fn document() -> Reply {
    let page = page();
    let mut reply = reply::reply(
        StatusCode::OK,
        "text/html; charset=utf-8",
        Bytes::from_static(page.body.as_bytes()),
    );
    reply::set(&mut reply, header::CONTENT_SECURITY_POLICY, &page.csp);
    reply
}

impl Routes {
    /// Sets the cookie of a page that is opened with the token in its address, and leads to the address without it: an
    /// address is kept in histories, and copied.
    fn log_in(&self, request: &Request<Incoming>) -> Option<Result<Reply, Refusal>> {
        let guard = &self.shared.guard;
        let token = request.uri().query()?.strip_prefix("token=")?;
        if request.uri().path() != "/" || !guard.needs_token() {
            return None;
        }
        if !guard.is_token(token) {
            let message = "the token is wrong: open the address that the collector printed";
            return Some(Err(Refusal::new(StatusCode::UNAUTHORIZED, message)));
        }
        let mut reply = reply::reply(StatusCode::SEE_OTHER, "text/plain", Bytes::new());
        let cookie = format!("{}={token}; HttpOnly; SameSite=Strict; Path=/", self.cookie);
        reply::set(&mut reply, header::SET_COOKIE, &cookie);
        reply::set(&mut reply, header::LOCATION, "/");
        Some(Ok(reply))
    }

    /// Answers a query on a thread that may work for long.
    fn query(&self, path: &str, query: &str, turn: Turn) -> Result<Reply, Refusal> {
        if path == "/api/status" {
            return Ok(reply::reply(
                StatusCode::OK,
                JSON,
                json!(self.status()).to_string(),
            ));
        }
        let Some(answer) = api::answer(&self.inbox, path, query) else {
            return Err(Refusal::not_found(path));
        };
        let status = StatusCode::from_u16(answer.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut reply = reply::reply(status, answer.content_type, turn.keep(answer.body));
        if status == StatusCode::OK
            && let Some(name) = file_name(path, query)
        {
            let value = format!("attachment; filename=\"{name}\"");
            reply::set(&mut reply, header::CONTENT_DISPOSITION, &value);
        }
        Ok(reply)
    }

    /// Returns the store's status with what the server knows.
    fn status(&self) -> Status {
        let store = api::answer(&self.inbox, "/api/status", "");
        let store = store.and_then(|answer| serde_json::from_slice(&answer.body).ok());
        let listeners = self.places.iter().map(|place| Listener {
            name: place.name,
            address: place.address,
        });
        Status {
            store: store.unwrap_or_default(),
            listeners: listeners.collect(),
            http: HttpCounts {
                refused: self.shared.refused.load(Ordering::Relaxed),
                overflow: self.shared.overflow.load(Ordering::Relaxed),
                slow: self.shared.slow.load(Ordering::Relaxed),
            },
        }
    }

    /// Returns what may change in an event's data.
    pub(super) fn state(&self) -> [u64; 4] {
        [
            self.inbox.lock().revision(),
            self.shared.refused.load(Ordering::Relaxed),
            self.shared.overflow.load(Ordering::Relaxed),
            self.shared.slow.load(Ordering::Relaxed),
        ]
    }

    /// Returns the data of an event.
    pub(super) fn event(&self) -> String {
        let status = self.status();
        json!({ "revision": status.store.get("revision"), "status": status }).to_string()
    }

    /// Stores the spans of a file.
    async fn import(&self, request: Request<Incoming>) -> Result<Reply, Refusal> {
        if body::content_type(request.headers()) != JSON {
            let message = "the content type is not application/json";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
        let inbox = Arc::clone(&self.inbox);
        let take = move |body: Bytes| store(&inbox, &body, formats::import);
        let taken = self.shared.with_body(request, take).await?;
        let body = json!({ "spans": taken.stored }).to_string();
        Ok(reply::reply(StatusCode::OK, JSON, body))
    }
}

/// Returns the name of the file that a trace is saved as, if the query wants that.
pub(super) fn file_name(path: &str, query: &str) -> Option<String> {
    let id = path.strip_prefix("/api/traces/")?;
    // Of an id that was found: digits only.
    let id = id.parse::<TraceId>().ok()?;
    let has = |pair| query.split('&').any(|other| other == pair);
    let end = if has("format=otlp") {
        "otlp.json"
    } else {
        "json"
    };
    has("download=1").then(|| format!("trace-{id}.{end}"))
}
