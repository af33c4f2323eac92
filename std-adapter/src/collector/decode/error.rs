//! Errors of decoding.

use std::fmt;

use crate::sys::error_chain::debug_as_chain;

/// Reason for which a datagram, the body of a request or a file holds no spans.
///
/// # Examples
/// ```
/// use picojaeger_std::collector::{DecodeError, decode};
///
/// assert_eq!(decode(b"GET / HTTP/1.1"), Err(DecodeError::UnknownProtocol(Some(b'G'))));
/// assert_eq!(decode(&[0x82, 0x81]), Err(DecodeError::Truncated));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// More than 65,535 bytes; the length is given.
    TooLong(usize),
    /// Neither Thrift compact (0x82) nor strict binary (0x80); the first byte is given.
    UnknownProtocol(Option<u8>),
    /// Another method than `emitBatch`; its name, cut to 32 characters.
    UnknownMethod(String),
    /// A reply or an exception instead of a request.
    NotARequest,
    /// The bytes received end within the message, or a count or length points past its end.
    Truncated,
    /// Bytes follow the message; their number is given.
    TrailingBytes(usize),
    /// A required field is missing: structure and field.
    MissingField(&'static str, &'static str),
    /// A value that its enumeration does not have: name and value.
    UnknownValue(&'static str, i32),
    /// Well-formed as far as read, but would take about 1 MiB of memory or more.
    TooExpensive,
    /// Well-formed as far as read, but would take over 24 times the memory of the body.
    BodyTooExpensive,
    /// No protobuf; the message within which the error is.
    MalformedProtobuf(&'static str),
    /// No JSON, or none of the expected form, in the words of the `serde_json` crate.
    MalformedJson(String),
    /// An id of a wrong length: field, and length in bytes.
    InvalidId(&'static str, usize),
    /// An id in JSON that is no hex digits, or not as many as it has to be; the field.
    InvalidHexId(&'static str),
    /// JSON that is neither Jaeger's nor OTLP's form of traces.
    NoTraces,
    /// Any other violation of the Thrift protocol, in the words of the `thrift` crate.
    Malformed(String),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(n) => write!(f, "{n} bytes are more than a UDP datagram can hold"),
            Self::UnknownProtocol(None) => f.write_str("empty datagram"),
            Self::UnknownProtocol(Some(byte)) => write!(
                f,
                "not a Thrift message: begins with 0x{byte:02x} instead of 0x82 (compact) \
                 or 0x80 (binary); check what sends to this port"
            ),
            Self::UnknownMethod(name) => {
                write!(f, "method `{}` instead of emitBatch", name.escape_debug())
            }
            Self::NotARequest => f.write_str("a Thrift reply instead of a request"),
            Self::Truncated => f.write_str("message longer than what was received"),
            Self::TrailingBytes(n) => write!(f, "{n} bytes follow the message"),
            Self::MissingField(of, field) => write!(f, "{of} without its field `{field}`"),
            Self::UnknownValue(of, value) => write!(f, "{of} has no value {value}"),
            Self::TooExpensive => f.write_str(
                "would take more than 1 MiB of memory: send fewer elements in one packet",
            ),
            Self::BodyTooExpensive => f.write_str(
                "would take more than 24 times its size of memory: send fewer elements that are almost empty",
            ),
            Self::MalformedProtobuf(of) => write!(
                f,
                "malformed protobuf in {of}: send an ExportTraceServiceRequest of OTLP"
            ),
            Self::MalformedJson(reason) => write!(f, "malformed JSON: {reason}"),
            Self::InvalidId(of, length) => write!(f, "{of} of {length} bytes: trace ids have 16, span ids 8"),
            Self::InvalidHexId(of) => write!(
                f,
                "{of} that is not hex digits: trace ids have 32 of them, span ids 16"
            ),
            Self::NoTraces => f.write_str(
                "neither traces in Jaeger's JSON (`data`) nor in OTLP's (`resourceSpans`)",
            ),
            Self::Malformed(reason) => write!(f, "malformed Thrift: {reason}"),
        }
    }
}

debug_as_chain!(DecodeError);

impl std::error::Error for DecodeError {}

impl From<thrift::Error> for DecodeError {
    fn from(error: thrift::Error) -> Self {
        use thrift::{Error, ProtocolErrorKind, TransportErrorKind};
        match error {
            // Every limit that is set is the length of the datagram.
            Error::Protocol(e) if e.kind == ProtocolErrorKind::SizeLimit => Self::Truncated,
            Error::Transport(e) if e.kind == TransportErrorKind::EndOfFile => Self::Truncated,
            Error::Transport(e) => Self::Malformed(e.message),
            Error::Protocol(e) => Self::Malformed(e.message),
            other => Self::Malformed(other.to_string()),
        }
    }
}
