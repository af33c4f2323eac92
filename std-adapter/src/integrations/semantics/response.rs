//! Tags of responses.

use http::{StatusCode, Version};
use picojaeger_core::tags;

use super::{Names, Side, keys, method};
use crate::tracer::span::Span;

/// Writes the status, and the error that it is for this side.
pub(crate) fn tag_status(span: &mut Span, side: Side, names: Names, status: StatusCode) {
    let key = match names {
        Names::OpenTelemetry => keys::HTTP_RESPONSE_STATUS_CODE,
        Names::OpenTracing => tags::HTTP_STATUS_CODE,
    };
    span.tag(key, status.as_u16());
    if status.as_u16() >= side.least_error() {
        span.tag(tags::ERROR, true);
        if names == Names::OpenTelemetry {
            span.tag(keys::ERROR_TYPE, status.as_str());
        }
    }
}

/// Writes the version of the protocol, which clients know from the response.
pub(crate) fn tag_version(span: &mut Span, names: Names, version: Version) {
    if names == Names::OpenTelemetry {
        span.tag(keys::NETWORK_PROTOCOL_VERSION, method::version(version));
    }
}
