//! A request and its response, from the call to the end of the body.

use std::any::type_name;
use std::fmt::Display;
use std::task::Poll;

use bytes::Buf as _;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::{Body, Frame};
use picojaeger_core::tags;

use super::server_span;
use crate::integrations::semantics::{Names, Side, grpc, keys, response};
use crate::tasks::home::TaskHome;
use crate::tracer::span::Span;

/// The facts of a request that its response is read by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) side: Side,
    pub(super) names: Names,
    pub(super) is_grpc: bool,
    is_head: bool,
    is_connect: bool,
}

/// A span that is open until its response is complete.
pub(super) struct Exchange {
    home: TaskHome,
    facts: Facts,
    /// Bytes of the body that are still to come, if its length is known.
    left: Option<u64>,
}

impl Facts {
    pub(super) fn new(side: Side, names: Names, method: &Method, headers: &HeaderMap) -> Self {
        Facts {
            side,
            names,
            is_grpc: method == Method::POST && grpc::is_grpc(headers),
            is_head: method == Method::HEAD,
            is_connect: method == Method::CONNECT,
        }
    }

    /// Returns whether no body follows a head with this status.
    fn is_bodyless(&self, status: StatusCode) -> bool {
        self.is_head
            || status.is_informational()
            || status == StatusCode::NO_CONTENT
            || status == StatusCode::NOT_MODIFIED
            || (self.is_connect && status.is_success())
    }

    fn tag_status<B>(&self, span: &mut Span, response: &Response<B>) {
        response::tag_status(span, self.side, self.names, response.status());
        if self.side == Side::Client {
            response::tag_version(span, self.names, response.version());
        }
    }

    /// Writes the status of a call of gRPC.
    fn tag_grpc_status(&self, span: &mut Span, status: grpc::Status) {
        span.tag(keys::RPC_STATUS_CODE, status.name());
        let is_error = match self.side {
            Side::Server => status.is_server_error(),
            Side::Client => status.is_client_error(),
        };
        if is_error {
            span.tag(tags::ERROR, true)
                .tag(keys::ERROR_TYPE, status.name());
        }
    }
}

impl Exchange {
    pub(super) fn new(span: Span, facts: Facts) -> Self {
        Exchange {
            home: TaskHome::of_span(span).typing_panics(facts.names == Names::OpenTelemetry),
            facts,
            left: None,
        }
    }

    /// Takes the exchange from the future to the body.
    pub(super) fn take(&mut self) -> Self {
        Exchange {
            home: self.home.take(),
            facts: self.facts,
            left: self.left,
        }
    }

    pub(super) fn is_ended(&self) -> bool {
        self.home.is_ended()
    }

    /// Runs the call of the inner service, within the span.
    pub(super) fn run<R>(&mut self, call: impl FnOnce() -> R) -> R {
        self.home.run(call)
    }

    /// Polls the future or the body, within the span.
    pub(super) fn poll<T>(&mut self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        self.home.poll(poll, |_, _| false)
    }

    /// Drops the future or the body, within the span.
    pub(super) fn drop_inner(&mut self, drop: impl FnOnce()) {
        if self.facts.is_grpc && !self.is_ended() {
            self.home.write(|span| {
                span.tag(keys::RPC_STATUS_CODE, grpc::Status::CANCELLED.name());
            });
        }
        self.home.drop_future(drop);
    }

    pub(super) fn write(&mut self, write: impl FnOnce(&mut Span)) {
        self.home.write(write);
    }

    /// Reads the head of the response, and ends the span if no more follows.
    pub(super) fn read_head<B: Body>(&mut self, response: &Response<B>) {
        if self.is_http_after_all(response.headers()) {
            self.facts.is_grpc = false;
            self.home.write(server_span::rename_to_http);
        }
        let (facts, status, body) = (self.facts, response.status(), response.body());
        let is_last = facts.is_bodyless(status) || body.is_end_stream();
        if facts.is_grpc {
            return self.read_grpc_head(response.headers(), is_last);
        }
        self.home.write(|span| facts.tag_status(span, response));
        // A server stops at the last byte that it has announced, without a poll that returns the end.
        self.left = body
            .size_hint()
            .exact()
            .or_else(|| length(response.headers()));
        if is_last || self.left == Some(0) {
            self.home.end();
        }
    }

    /// Returns whether a server that does not speak gRPC answers what looked like a call of it: anybody can send
    /// such a request, with any path.
    fn is_http_after_all(&self, headers: &HeaderMap) -> bool {
        let is_call = self.facts.is_grpc && self.facts.side == Side::Server;
        is_call && !grpc::is_grpc(headers) && grpc::Status::of(headers).is_none()
    }

    fn read_grpc_head(&mut self, headers: &HeaderMap, is_last: bool) {
        let status = grpc::Status::of(headers);
        // Nobody serves such a method, so its name is the caller's alone.
        if self.facts.side == Side::Server && status == Some(grpc::Status::UNIMPLEMENTED) {
            self.home.write(|span| {
                span.set_operation_name(grpc::SYSTEM);
            });
        }
        if status.is_some() || is_last {
            self.end_grpc(status);
        }
    }

    fn end_grpc(&mut self, status: Option<grpc::Status>) {
        let (facts, status) = (self.facts, status.unwrap_or(grpc::Status::UNKNOWN));
        self.home.write(|span| facts.tag_grpc_status(span, status));
        self.home.end();
    }

    /// Reads a frame of the body, and ends the span if it is the last one.
    pub(super) fn read_frame<B: Body>(&mut self, frame: &Frame<B::Data>, is_last: bool) {
        if let Some(trailers) = frame.trailers_ref() {
            return self.read_trailers(Some(trailers));
        }
        if let (Some(left), Some(data)) = (&mut self.left, frame.data_ref()) {
            *left = left.saturating_sub(data.remaining() as u64);
        }
        if is_last || (self.left == Some(0) && !self.facts.is_grpc) {
            self.read_trailers(None);
        }
    }

    /// Ends the span at the end of the body, with its trailers if there are any.
    pub(super) fn read_trailers(&mut self, trailers: Option<&HeaderMap>) {
        match self.facts.is_grpc {
            true => self.end_grpc(trailers.and_then(grpc::Status::of)),
            false => self.home.end(),
        }
    }

    /// Ends the span with an error of the inner service or of a body.
    pub(super) fn fail<E: Display>(&mut self, error: &E) {
        let names = self.facts.names;
        self.home.write(|span| {
            let kind = error_kind::<E>();
            if names == Names::OpenTelemetry {
                span.tag(keys::ERROR_TYPE, kind.unwrap_or(keys::OTHER));
            }
            span.record_failure(kind, error, None);
        });
        self.home.end();
    }
}

/// Returns the name of an error's type; none for one that is boxed, whose own type is not known.
fn error_kind<E>() -> Option<&'static str> {
    Some(type_name::<E>()).filter(|name| !name.starts_with("alloc::boxed::Box<"))
}

/// Returns the length that a head announces.
fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
