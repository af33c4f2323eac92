//! gRPC: how a call is known, and which status is an error.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName};

/// Name of the header and trailer that has the status.
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// Value of `rpc.system.name`, and the name of spans whose method is not known.
pub(crate) const SYSTEM: &str = "grpc";

/// The statuses by their numbers.
const STATUSES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
/// Statuses that are a server's fault: `UNKNOWN`, `DEADLINE_EXCEEDED`, `UNIMPLEMENTED`, `INTERNAL`, `UNAVAILABLE` and
/// `DATA_LOSS`, a bit each.
const SERVER_ERRORS: u32 = 1 << 2 | 1 << 4 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 15;

/// The status of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Status(u8);

impl Status {
    pub(crate) const CANCELLED: Status = Status(1);
    pub(crate) const UNKNOWN: Status = Status(2);
    pub(crate) const UNIMPLEMENTED: Status = Status(12);

    /// Reads the status from headers or trailers. A number that gRPC does not define is `UNKNOWN`, as clients
    /// take it.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(GRPC_STATUS)?.to_str();
        let number = text.ok().and_then(|text| text.parse::<u8>().ok());
        let defined = number.filter(|number| usize::from(*number) < STATUSES.len());
        Some(defined.map_or(Status::UNKNOWN, Status))
    }

    pub(crate) fn name(self) -> &'static str {
        STATUSES.get(usize::from(self.0)).unwrap_or(&"UNKNOWN")
    }

    pub(crate) const fn is_server_error(self) -> bool {
        SERVER_ERRORS >> self.0 & 1 == 1
    }

    pub(crate) const fn is_client_error(self) -> bool {
        self.0 != 0
    }
}

/// Returns whether a request is a call of gRPC. One of gRPC-Web is not: its status is in the body.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    let rest = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn statuses_are_read_and_judged() {
        let status = |text| Status::of(&headers(GRPC_STATUS, text)).unwrap();
        let judged = |text| {
            let status = status(text);
            (
                status.name(),
                status.is_server_error(),
                status.is_client_error(),
            )
        };
        assert_eq!(judged("0"), ("OK", false, false));
        assert_eq!(judged("5"), ("NOT_FOUND", false, true));
        assert_eq!(judged("13"), ("INTERNAL", true, true));
        assert_eq!(judged("16"), ("UNAUTHENTICATED", false, true));
        assert_eq!(judged("17"), ("UNKNOWN", true, true));
        assert_eq!(judged("x"), ("UNKNOWN", true, true));
        assert_eq!(Status::of(&HeaderMap::new()), None);
    }

    #[test]
    fn calls_are_known_by_their_content_type() {
        let is = |kind| is_grpc(&headers(CONTENT_TYPE, kind));
        assert!(is("application/grpc") && is("application/grpc+proto") && is("application/grpc;x"));
        assert!(!is("application/grpc-web") && !is("application/json"));
    }
}
