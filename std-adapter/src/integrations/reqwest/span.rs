//! The span of a request.

use std::fmt;

use picojaeger_core::{Key, tags};
use reqwest::{Request, Response};

use crate::integrations::semantics::name::SpanName;
use crate::integrations::semantics::url::{FullUrl, QueryRule, host_and_port};
use crate::integrations::semantics::{Names, Side, keys, method, response};
use crate::tasks::into_span::started;
use crate::tracer::Tracer;
use crate::tracer::span::Span;

/// Value of the tag `component`.
const COMPONENT: &str = "reqwest";

/// Options of a request's span.
#[derive(Clone, Default)]
pub(super) struct Options {
    /// `None` for the tracer of the active span, or the global one.
    pub(super) tracer: Option<Tracer>,
    pub(super) query: QueryRule,
}

impl Options {
    /// Starts the span, and writes its tags, and its context to the request.
    pub(super) fn start(&self, request: &mut Request, template: Option<&str>) -> Span {
        let known = method::known_method(request.method());
        let mut span = match (known.unwrap_or("HTTP"), template) {
            (method, None) => self.begun(Key::Static(method)),
            (method, Some(template)) => self.begun(SpanName::joined(method, template).key()),
        };
        if span.takes_tags() {
            method::tag_method(&mut span, known, request.method());
            self.tag(&mut span, request, template);
        }
        span.inject_into(request.headers_mut());
        span
    }

    fn tag(&self, span: &mut Span, request: &Request, template: Option<&str>) {
        let url = request.url();
        let full = FullUrl::of_url(url, &self.query);
        span.tag(tags::SPAN_KIND, tags::SPAN_KIND_CLIENT)
            .tag(tags::COMPONENT, COMPONENT)
            .tag(keys::URL_TEMPLATE, template)
            .tag_fmt(keys::URL_FULL, format_args!("{full}"))
            .tag(keys::SERVER_ADDRESS, host_and_port(url.authority()).0)
            .tag(keys::SERVER_PORT, url.port_or_known_default());
    }

    fn begun(&self, name: Key<'_>) -> Span {
        match &self.tracer {
            Some(tracer) => tracer.span_builder(name).start(),
            None => started(name),
        }
    }
}

/// Writes what the head of a response says.
pub(super) fn tag_response(span: &mut Span, head: &Response) {
    response::tag_status(span, Side::Client, Names::OpenTelemetry, head.status());
    response::tag_version(span, Names::OpenTelemetry, head.version());
}

/// Records an error; of the URL in its text no more than the rule for queries allows.
pub(super) fn record(span: &mut Span, error: &reqwest::Error, rule: &QueryRule) {
    let text = error.to_string();
    let text = match error.url() {
        Some(url) => text.replace(url.as_str(), &FullUrl::of_url(url, rule).to_string()),
        None => text,
    };
    span.tag(keys::ERROR_TYPE, kind(error));
    let source = std::error::Error::source(error);
    span.record_failure(Some("reqwest::Error"), text, source);
}

/// Returns the kind of an error, of which there are few.
fn kind(error: &reqwest::Error) -> &'static str {
    let kinds = [
        (error.is_timeout(), "timeout"),
        (error.is_dns(), "dns"),
        (error.is_connect(), "connect"),
        (error.is_redirect(), "redirect"),
        (error.is_body(), "body"),
        (error.is_decode(), "decode"),
        (error.is_upgrade(), "upgrade"),
        (error.is_builder(), "builder"),
        (error.is_request(), "request"),
    ];
    let known = kinds.iter().find(|(is, _)| *is);
    known.map_or(keys::OTHER, |(_, kind)| kind)
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").finish_non_exhaustive()
    }
}
