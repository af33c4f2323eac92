//! Errors in the form that OTLP wants: the message `google.rpc.Status`.

use hyper::StatusCode;

use crate::collector_server::http::reply::{self, JSON};
use crate::collector_server::http::{Refusal, Reply};
use crate::sys::varint::push_varint;

/// The content type of protobuf.
pub(super) const PROTOBUF: &str = "application/x-protobuf";

/// Returns the answer to a refused request, in the form that the request was in; in JSON if it was in neither.
pub(super) fn reply(refusal: &Refusal, content_type: &str) -> Reply {
    let (code, message) = (code(refusal.status), refusal.message.as_str());
    match content_type {
        PROTOBUF => reply::reply(refusal.status, PROTOBUF, encode(code, message)),
        _ => {
            let body = serde_json::json!({ "code": code, "message": message });
            reply::reply(refusal.status, JSON, body.to_string())
        }
    }
}

/// Returns the code of gRPC that stands for a status of HTTP.
fn code(status: StatusCode) -> u8 {
    const INVALID_ARGUMENT: u8 = 3;
    const DEADLINE_EXCEEDED: u8 = 4;
    const PERMISSION_DENIED: u8 = 7;
    const RESOURCE_EXHAUSTED: u8 = 8;
    const UNIMPLEMENTED: u8 = 12;
    const INTERNAL: u8 = 13;
    const UNAVAILABLE: u8 = 14;
    const UNAUTHENTICATED: u8 = 16;
    match status {
        StatusCode::UNAUTHORIZED => UNAUTHENTICATED,
        StatusCode::FORBIDDEN => PERMISSION_DENIED,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => UNIMPLEMENTED,
        StatusCode::REQUEST_TIMEOUT => DEADLINE_EXCEEDED,
        StatusCode::PAYLOAD_TOO_LARGE => RESOURCE_EXHAUSTED,
        StatusCode::SERVICE_UNAVAILABLE => UNAVAILABLE,
        status if status.is_client_error() => INVALID_ARGUMENT,
        _ => INTERNAL,
    }
}

/// Writes the message in protobuf: its fields `code` (1) and `message` (2).
fn encode(code: u8, message: &str) -> Vec<u8> {
    let mut bytes = vec![0x08, code, 0x12];
    push_varint(&mut bytes, message.len() as u64);
    bytes.extend(message.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_any_length_is_a_field_of_protobuf() {
        assert_eq!(encode(3, "no"), b"\x08\x03\x12\x02no");
        assert_eq!(encode(3, &"x".repeat(127))[..4], *b"\x08\x03\x12\x7f");
        assert_eq!(encode(3, &"x".repeat(300))[..5], *b"\x08\x03\x12\xac\x02");
        assert_eq!(encode(3, &"x".repeat(300)).len(), 305);
    }

    #[test]
    fn each_status_has_a_code() {
        for (status, expected) in [
            (400, 3),
            (401, 16),
            (403, 7),
            (404, 12),
            (405, 12),
            (408, 4),
            (413, 8),
            (415, 3),
            (500, 13),
            (503, 14),
        ] {
            assert_eq!(code(StatusCode::from_u16(status).unwrap()), expected);
        }
    }
}
