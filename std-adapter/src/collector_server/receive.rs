//! The ports that take spans over HTTP.

mod partial_success;
mod status;

use std::sync::Arc;

use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, StatusCode};

use super::http::reply::{self, JSON};
use super::http::{Connections, Handler, Refusal, Reply, body};
use crate::collector::otlp::{self, Decoded, Rejected};
use crate::collector::{DecodeError, Inbox, decode_body};
use status::PROTOBUF;

/// The spans of a body.
pub(super) struct Taken {
    pub(super) stored: usize,
    pub(super) rejected: Rejected,
}

/// Stores the batches of a body.
pub(super) fn store<T: Into<Decoded>>(
    inbox: &Inbox,
    body: &[u8],
    decode: impl FnOnce(&[u8]) -> Result<T, DecodeError>,
) -> Result<Taken, Refusal> {
    inbox.lock().count_bytes(body.len());
    let decoded = decode(body).map_err(|error| {
        let refusal = Refusal::new(StatusCode::BAD_REQUEST, error.to_string());
        inbox.reject(1, error);
        refusal
    })?;
    let Decoded { batches, rejected } = decoded.into();
    let stored = batches.iter().map(|batch| batch.spans.len()).sum();
    batches.into_iter().for_each(|batch| inbox.store(batch));
    if let Some(reason) = rejected.reason.clone() {
        inbox.reject(rejected.spans, reason);
    }
    Ok(Taken { stored, rejected })
}

/// The form of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Thrift,
    OtlpProtobuf,
    OtlpJson,
}

/// A port for bodies of one protocol.
pub(super) struct Receiver {
    pub(super) inbox: Arc<Inbox>,
    pub(super) shared: Arc<Connections>,
    pub(super) protocol: Protocol,
}

/// A protocol over HTTP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Protocol {
    Thrift,
    Otlp,
}

impl Protocol {
    fn path(self) -> &'static str {
        match self {
            Protocol::Thrift => "/api/traces",
            Protocol::Otlp => "/v1/traces",
        }
    }

    /// Returns the form that a content type names.
    fn form(self, content_type: &str) -> Result<Form, Refusal> {
        let known = match self {
            Protocol::Thrift => "application/x-thrift",
            Protocol::Otlp => "application/x-protobuf or application/json",
        };
        match (self, content_type) {
            (Protocol::Thrift, "application/x-thrift" | "application/vnd.apache.thrift.binary") => {
                Ok(Form::Thrift)
            }
            (Protocol::Otlp, PROTOBUF) => Ok(Form::OtlpProtobuf),
            (Protocol::Otlp, JSON) => Ok(Form::OtlpJson),
            _ => Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!("the content type is not known: send {known}"),
            )),
        }
    }
}

impl Form {
    fn decode(self, body: &[u8]) -> Result<Decoded, DecodeError> {
        match self {
            Form::Thrift => decode_body(body).map(|batch| vec![batch].into()),
            Form::OtlpProtobuf => otlp::decode_protobuf(body),
            Form::OtlpJson => otlp::decode_json(body),
        }
    }

    /// Returns the answer to a body that was stored, in its own form.
    fn reply(self, taken: &Taken) -> Reply {
        match self {
            Form::Thrift => reply::reply(StatusCode::ACCEPTED, "text/plain", Bytes::new()),
            Form::OtlpProtobuf => {
                reply::reply(StatusCode::OK, PROTOBUF, partial_success::protobuf(taken))
            }
            Form::OtlpJson => reply::reply(StatusCode::OK, JSON, partial_success::json(taken)),
        }
    }
}

impl Handler for Receiver {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Reply, Refusal> {
        if request.uri().path() != self.protocol.path() {
            return Err(Refusal::not_found(request.uri().path()));
        }
        if request.method() != Method::POST {
            return Err(Refusal::method("POST"));
        }
        self.shared.guard.authorize(request.headers(), None)?;
        let form = self.protocol.form(&body::content_type(request.headers()))?;
        let inbox = Arc::clone(&self.inbox);
        let take = move |body: Bytes| store(&inbox, &body, |body| form.decode(body));
        let taken = self.shared.with_body(request, take).await?;
        Ok(form.reply(&taken))
    }
    fn refuse(&self, refusal: &Refusal, content_type: &str) -> Reply {
        match self.protocol {
            Protocol::Thrift => refusal.json(),
            Protocol::Otlp => status::reply(refusal, content_type),
        }
    }
}
