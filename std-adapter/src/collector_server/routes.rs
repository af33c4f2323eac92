//! The paths of the page's port.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, StatusCode, header};
use picojaeger_core::TraceId;
use serde_json::{Value, json};

use super::api;
use super::http::reply::{self, JSON};
use super::http::{Connections, Handler, Refusal, Reply, body, work};
use super::live::Live;
use super::page::page;
use super::ports::Place;
use super::receive::store;
use crate::collector::{Inbox, Trace, json as formats};

/// The page and its queries.
pub(super) struct Routes {
    pub(super) inbox: Arc<Inbox>,
    pub(super) shared: Arc<Connections>,
    pub(super) live: Arc<Live>,
    pub(super) places: Vec<Place>,
    /// The name of the cookie with the token: cookies of other ports of this host come with requests too.
    pub(super) cookie: String,
}

impl Handler for Routes {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Reply, Refusal> {
        let method = if request.uri().path() == "/api/import" {
            Method::POST
        } else {
            Method::GET
        };
        if request.method() != method {
            return Err(Refusal::method(method.as_str()));
        }
        if let Some(reply) = self.log_in(&request) {
            return reply;
        }
        let guard = &self.shared.guard;
        guard.authorize(request.headers(), Some(&self.cookie))?;
        match request.uri().path() {
            "/" => Ok(document()),
            "/api/live" => {
                let routes = Arc::clone(&self);
                let event = work(move || Ok(routes.event())).await?;
                Ok(reply::live(self.live.client(&event)?))
            }
            "/api/import" => self.import(request).await,
            _ => {
                let (path, query) = (request.uri().path(), request.uri().query());
                let (path, query) = (path.to_owned(), query.unwrap_or_default().to_owned());
                work(move || self.query(&path, &query)).await
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
    fn query(&self, path: &str, query: &str) -> Result<Reply, Refusal> {
        if path == "/api/status" {
            return Ok(reply::reply(
                StatusCode::OK,
                JSON,
                self.status().to_string(),
            ));
        }
        if let Some(id) = path.strip_prefix("/api/traces/") {
            return self.export(id, query);
        }
        let Some(answer) = api::answer(&self.inbox, path, query) else {
            return Err(Refusal::not_found(path));
        };
        let status = StatusCode::from_u16(answer.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Ok(reply::reply(status, answer.content_type, answer.body))
    }

    /// Returns the store's status with what the server knows.
    fn status(&self) -> Value {
        let answer = api::answer(&self.inbox, "/api/status", "");
        let value = answer.and_then(|answer| serde_json::from_slice(&answer.body).ok());
        let mut status = value.unwrap_or_else(|| json!({}));
        let places = self.places.iter();
        let places = places.map(|place| json!({ "name": place.name, "address": place.address }));
        status["listeners"] = places.collect();
        status["http"] = json!({
            "refused": self.shared.refused.load(Ordering::Relaxed),
            "overflow": self.shared.overflow.load(Ordering::Relaxed),
            "slow": self.shared.slow.load(Ordering::Relaxed),
        });
        status
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
        json!({ "revision": status["revision"], "status": status }).to_string()
    }

    /// Returns a trace in a form that other programs read.
    fn export(&self, id: &str, query: &str) -> Result<Reply, Refusal> {
        let trace = self.trace(id)?;
        let (mut is_otlp, mut is_download) = (false, false);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair {
                "format=otlp" => is_otlp = true,
                "format=jaeger" => is_otlp = false,
                "download=1" => is_download = true,
                "download=0" => is_download = false,
                _ => {
                    let message = "the query is format=jaeger or format=otlp, and download=1";
                    return Err(Refusal::new(StatusCode::BAD_REQUEST, message));
                }
            }
        }
        let id = trace.trace_id();
        let (text, end) = if is_otlp {
            (formats::otlp(&[trace]), "otlp.json")
        } else {
            (formats::jaeger(&[trace]), "json")
        };
        let mut reply = reply::reply(StatusCode::OK, JSON, text);
        if is_download {
            let value = format!("attachment; filename=\"trace-{id}.{end}\"");
            reply::set(&mut reply, header::CONTENT_DISPOSITION, &value);
        }
        Ok(reply)
    }

    fn trace(&self, id: &str) -> Result<Trace, Refusal> {
        let Ok(id) = id.parse::<TraceId>() else {
            let message = "a trace id is 1 to 32 hexadecimal digits";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, message));
        };
        let trace = self.inbox.lock().trace(id);
        trace.ok_or_else(|| {
            let message =
                format!("the trace {id} is not held: it did not arrive, or left for younger ones");
            Refusal::new(StatusCode::NOT_FOUND, message)
        })
    }

    /// Stores the spans of a file.
    async fn import(&self, request: Request<Incoming>) -> Result<Reply, Refusal> {
        if body::content_type(request.headers()) != JSON {
            let message = "the content type is not application/json";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
        let inbox = Arc::clone(&self.inbox);
        let take = move |body: Bytes| store(&inbox, &body, formats::import);
        let spans = self.shared.with_body(request, take).await?;
        let body = json!({ "spans": spans }).to_string();
        Ok(reply::reply(StatusCode::OK, JSON, body))
    }
}
