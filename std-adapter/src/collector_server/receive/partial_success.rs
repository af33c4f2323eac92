//! The answer to a request of OTLP: the message `ExportTraceServiceResponse`, which is empty where each span was stored.

use crate::collector_server::receive::Taken;
use crate::sys::varint::push_varint;

/// Returns the answer in protobuf: `1 partial_success { 1 rejected_spans, 2 error_message }`.
pub(super) fn protobuf(taken: &Taken) -> Vec<u8> {
    let mut answer = Vec::new();
    if let Some(message) = message(taken) {
        let mut partial = vec![0x08];
        push_varint(&mut partial, taken.rejected.spans);
        push_bytes(&mut partial, 2, message.as_bytes());
        push_bytes(&mut answer, 1, &partial);
    }
    answer
}

/// Returns the answer in JSON, where protobuf's integers of 64 bits are text.
pub(super) fn json(taken: &Taken) -> String {
    let Some(message) = message(taken) else {
        return "{}".to_owned();
    };
    let spans = taken.rejected.spans.to_string();
    let partial = serde_json::json!({ "rejectedSpans": spans, "errorMessage": message });
    serde_json::json!({ "partialSuccess": partial }).to_string()
}

/// Returns the reason for the client's log; none if no span was rejected.
fn message(taken: &Taken) -> Option<String> {
    let Taken { stored, rejected } = taken;
    let reason = rejected.reason.as_ref()?;
    let (spans, all) = (rejected.spans, rejected.spans + *stored as u64);
    Some(match spans {
        1 => format!("1 span of {all} rejected: {reason}"),
        spans => format!("{spans} spans of {all} rejected, the first: {reason}"),
    })
}

/// Appends a field of protobuf that is text or a message.
fn push_bytes(to: &mut Vec<u8>, field: u8, content: &[u8]) {
    to.push(field << 3 | 2);
    push_varint(to, content.len() as u64);
    to.extend(content);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector::DecodeError;
    use crate::collector::otlp::Rejected;

    fn taken(rejected: u64) -> Taken {
        let reason = (rejected > 0).then_some(DecodeError::InvalidId("a trace id", 7));
        let spans = rejected;
        Taken {
            stored: 5,
            rejected: Rejected { spans, reason },
        }
    }

    #[test]
    fn nothing_that_is_rejected_is_an_empty_message() {
        assert_eq!(protobuf(&taken(0)), b"");
        assert_eq!(json(&taken(0)), "{}");
    }

    #[test]
    fn rejected_spans_are_counted_with_the_reason_of_the_first() {
        let one = "1 span of 6 rejected: a trace id of 7 bytes: trace ids have 16, span ids 8";
        let expected = [&[0x0a, 4 + 74, 0x08, 1, 0x12, 74][..], one.as_bytes()].concat();
        assert_eq!(protobuf(&taken(1)), expected);
        let many = protobuf(&taken(300));
        assert_eq!(many[..6], [0x0a, many.len() as u8 - 2, 0x08, 0xac, 2, 0x12]);
        let json: serde_json::Value = serde_json::from_str(&json(&taken(300))).unwrap();
        assert_eq!(json["partialSuccess"]["rejectedSpans"], "300");
        let message = json["partialSuccess"]["errorMessage"].as_str().unwrap();
        assert!(
            message.starts_with("300 spans of 305 rejected, the first: a trace id"),
            "{message}"
        );
    }
}
