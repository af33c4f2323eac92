//! The span of a request that a client sends.

use http::request::Parts;
use picojaeger_core::{Key, tags};

use super::client::Options;
use super::exchange::Facts;
use super::server_span::{COMPONENT, grpc_method};
use crate::integrations::semantics::name::SpanName;
use crate::integrations::semantics::url::{FullUrl, default_port, host_and_port};
use crate::integrations::semantics::{Names, grpc, keys, method};
use crate::tasks::into_span::started;
use crate::tracer::span::Span;

/// Starts the span, and writes the tags of the request.
pub(super) fn start(options: &Options, facts: &Facts, parts: &Parts) -> Span {
    let known = options.methods.find(&parts.method);
    let template = options.template.as_ref();
    let template = template.and_then(|template| template(parts));
    let mut span = match (facts.is_grpc, known.unwrap_or("HTTP"), template) {
        (true, ..) => begun(options, Key::copied(grpc_method(parts))),
        (false, method, None) => begun(options, Key::Static(method)),
        (false, method, Some(template)) => begun(options, SpanName::joined(method, template).key()),
    };
    if span.takes_tags() {
        tag(&mut span, options, facts, parts, known, template);
    }
    span
}

/// Writes the tags of the request.
fn tag(
    span: &mut Span,
    options: &Options,
    facts: &Facts,
    parts: &Parts,
    known: Option<&'static str>,
    template: Option<&str>,
) {
    span.tag(tags::SPAN_KIND, tags::SPAN_KIND_CLIENT)
        .tag(tags::COMPONENT, COMPONENT);
    let url = FullUrl::of_uri(&parts.uri, &options.query);
    match (facts.is_grpc, facts.names) {
        (true, _) => {
            span.tag(keys::RPC_SYSTEM_NAME, grpc::SYSTEM)
                .tag(keys::RPC_METHOD, grpc_method(parts));
            tag_address(span, options, parts);
        }
        (false, Names::OpenTelemetry) => {
            method::tag_method(span, known, &parts.method);
            span.tag(keys::URL_TEMPLATE, template);
            tag_url(span, keys::URL_FULL, url, parts);
            tag_address(span, options, parts);
        }
        (false, Names::OpenTracing) => {
            span.tag(tags::HTTP_METHOD, parts.method.as_str());
            tag_url(span, tags::HTTP_URL, url, parts);
        }
    }
}

fn begun(options: &Options, name: Key<'_>) -> Span {
    match &options.tracer {
        Some(tracer) => tracer.span_builder(name).start(),
        None => started(name),
    }
}

/// Writes the URL, or the path if the request has no more.
fn tag_url(span: &mut Span, key: &'static str, url: Option<FullUrl<'_>>, parts: &Parts) {
    match url {
        Some(url) => span.tag_fmt(key, format_args!("{url}")),
        None => span.tag(key, parts.uri.path()),
    };
}

fn tag_address(span: &mut Span, options: &Options, parts: &Parts) {
    if let Some(authority) = parts.uri.authority() {
        let (host, port) = host_and_port(authority.as_str());
        let default = || default_port(parts.uri.scheme_str().unwrap_or_default());
        span.tag(keys::SERVER_ADDRESS, host)
            .tag(keys::SERVER_PORT, port.or_else(default));
    } else if let Some((host, port)) = &options.server {
        span.tag(keys::SERVER_ADDRESS, host.as_str())
            .tag(keys::SERVER_PORT, *port);
    }
}
