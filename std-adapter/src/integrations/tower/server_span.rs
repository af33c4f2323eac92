//! The span of a request that a server receives.

use std::str;

use http::header::HOST;
use http::request::Parts;
use picojaeger_core::{Key, tags};

use super::exchange::Facts;
use super::server::Options;
use crate::integrations::semantics::name::SpanName;
use crate::integrations::semantics::url::{FullUrl, host_and_port};
use crate::integrations::semantics::{Names, grpc, keys, method};
use crate::tracer::Tracer;
use crate::tracer::builder::global_tracer;
use crate::tracer::span::Span;

/// Value of the tag `component`.
pub(super) const COMPONENT: &str = "tower";

/// Starts the span, and writes the tags of the request.
pub(super) fn start(options: &Options, facts: &Facts, parts: &Parts) -> Span {
    let known = options.methods.find(&parts.method);
    let route = match facts.is_grpc {
        true => None,
        false => route(options, parts),
    };
    let mut span = match (facts.is_grpc, known.unwrap_or("HTTP"), route) {
        (true, ..) => started(options, parts, Key::copied(grpc_method(parts))),
        (false, method, None) => started(options, parts, Key::Static(method)),
        (false, method, Some(route)) => {
            started(options, parts, SpanName::joined(method, route).key())
        }
    };
    if span.takes_tags() {
        tag(&mut span, options, facts, parts, known, route);
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
    route: Option<&str>,
) {
    span.tag(tags::SPAN_KIND, tags::SPAN_KIND_SERVER)
        .tag(tags::COMPONENT, COMPONENT);
    match (facts.is_grpc, facts.names) {
        (true, _) => tag_grpc(span, parts),
        (false, Names::OpenTelemetry) => {
            method::tag_method(span, known, &parts.method);
            span.tag(keys::HTTP_ROUTE, route);
            tag_request(span, options, parts);
        }
        (false, Names::OpenTracing) => tag_opentracing(span, options, parts),
    }
    tag_baggage(span, options);
}

/// Renames the span of a request that looked like a call of gRPC, which is always sent by POST.
pub(super) fn rename_to_http(span: &mut Span) {
    span.set_operation_name("POST")
        .tag(keys::HTTP_REQUEST_METHOD, "POST");
}

fn started(options: &Options, parts: &Parts, name: Key<'_>) -> Span {
    let tracer: &Tracer = options.tracer.as_ref().unwrap_or(global_tracer());
    let caller = tracer.extract(&parts.headers);
    let builder = tracer.span_builder(name);
    let builder = match options.is_untrusted {
        true => builder.linked_to(caller.as_ref()),
        false => builder.child_of(caller),
    };
    match &options.is_traced {
        Some(is_traced) if !is_traced(parts) => builder.tag(tags::SAMPLING_PRIORITY, 0).start(),
        _ => builder.start(),
    }
}

/// Returns the route of a request, if it is known.
fn route<'p>(options: &Options, parts: &'p Parts) -> Option<&'p str> {
    if let Some(route) = &options.route {
        return route(parts);
    }
    #[cfg(feature = "axum-08")]
    if let Some(path) = parts.extensions.get::<axum::extract::MatchedPath>() {
        return Some(path.as_str());
    }
    None
}

fn tag_request(span: &mut Span, options: &Options, parts: &Parts) {
    span.tag(keys::URL_PATH, parts.uri.path())
        .tag(keys::URL_SCHEME, scheme(options, parts));
    if let Some(query) = options.query.apply(parts.uri.query()) {
        span.tag_fmt(keys::URL_QUERY, format_args!("{query}"));
    }
    span.tag(
        keys::NETWORK_PROTOCOL_VERSION,
        method::version(parts.version),
    );
    tag_address(span, parts);
}

fn tag_address(span: &mut Span, parts: &Parts) {
    if let Some(authority) = authority(parts) {
        let (host, port) = host_and_port(authority);
        span.tag(keys::SERVER_ADDRESS, host)
            .tag(keys::SERVER_PORT, port);
    }
}

fn tag_grpc(span: &mut Span, parts: &Parts) {
    span.tag(keys::RPC_SYSTEM_NAME, grpc::SYSTEM)
        .tag(keys::RPC_METHOD, grpc_method(parts));
    tag_address(span, parts);
}

fn tag_opentracing(span: &mut Span, options: &Options, parts: &Parts) {
    span.tag(tags::HTTP_METHOD, parts.method.as_str());
    let url = FullUrl {
        scheme: scheme(options, parts),
        authority: authority(parts).unwrap_or_default(),
        path: parts.uri.path(),
        query: options.query.apply(parts.uri.query()),
    };
    span.tag_fmt(tags::HTTP_URL, format_args!("{url}"));
}

fn tag_baggage(span: &mut Span, options: &Options) {
    if options.baggage_tags.is_empty() {
        return;
    }
    let context = span.context();
    for key in &options.baggage_tags {
        span.tag(Key::copied(key), context.baggage_item(key));
    }
}

fn scheme<'p>(options: &Options, parts: &'p Parts) -> &'p str {
    let own = options.scheme.unwrap_or("http");
    parts.uri.scheme_str().unwrap_or(own)
}

/// Returns the host, and perhaps the port, that the request is for.
fn authority(parts: &Parts) -> Option<&str> {
    let of_uri = parts.uri.authority().map(|authority| authority.as_str());
    of_uri.or_else(|| str::from_utf8(parts.headers.get(HOST)?.as_bytes()).ok())
}

/// Returns service and method of a call: `shop.Stock/Get`.
pub(super) fn grpc_method(parts: &Parts) -> &str {
    let path = parts.uri.path();
    path.strip_prefix('/').unwrap_or(path)
}
