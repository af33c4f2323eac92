//! Reading a batch with the `thrift` crate, with a bound on what a hostile datagram can cost.
//!
//! Formats: Thrift compact and strict binary, message `emitBatch` of `agent.thrift`, as CALL or
//! ONEWAY with any sequence number. A field that is unknown, or has another type than the IDL
//! says, is skipped, as generated code does; a missing required field is an error.

use std::fmt;

use thrift::TConfiguration;
use thrift::protocol::{
    TBinaryInputProtocol, TCompactInputProtocol, TInputProtocol, TMessageType, TType,
};

use super::budget::{Budget, MAX_DATAGRAM, Wire};
use crate::model::{Batch, ClientStats, Log, Process, RefKind, Span, SpanRef, Tag, TagValue};

/// Levels of nesting that are read or skipped; a batch itself has six.
const MAX_DEPTH: i8 = 16;

/// Memory for a span without its text and lists, at worst: 176 bytes for itself, shared, and the
/// rest for the store's books if it is the only span of its trace.
const SPAN_COST: usize = 352;

// Least bytes of an element in the compact protocol: its required fields and the stop byte.
const SPAN_WIRE: usize = 17;
const REF_WIRE: usize = 9;
const LOG_WIRE: usize = 5;
const TAG_WIRE: usize = 5;

/// Why a datagram is no batch.
///
/// # Examples
/// ```
/// use picojaeger_std::collector::{DecodeError, decode};
///
/// assert_eq!(decode(b"GET / HTTP/1.1"), Err(DecodeError::UnknownProtocol(Some(b'G'))));
/// assert_eq!(decode(&[0x82, 0x81]), Err(DecodeError::Truncated));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The datagram ends within the message, or a count or length points past its end.
    Truncated,
    /// Bytes follow the message; their number is given.
    TrailingBytes(usize),
    /// A required field is missing: structure and field.
    MissingField(&'static str, &'static str),
    /// A value that its enumeration does not have: name and value.
    UnknownValue(&'static str, i32),
    /// Well-formed as far as read, but would take about 1 MiB of memory or more.
    TooExpensive,
    /// Any other violation of the protocol, in the words of the `thrift` crate.
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
            Self::Truncated => f.write_str("message longer than the datagram"),
            Self::TrailingBytes(n) => write!(f, "{n} bytes follow the message"),
            Self::MissingField(of, field) => write!(f, "{of} without its field `{field}`"),
            Self::UnknownValue(of, value) => write!(f, "{of} has no value {value}"),
            Self::TooExpensive => f.write_str(
                "would take more than 1 MiB of memory: send fewer elements in one packet",
            ),
            Self::Malformed(reason) => write!(f, "malformed Thrift: {reason}"),
        }
    }
}

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

type Decoded<T> = Result<T, DecodeError>;

/// Decodes one datagram: a whole `emitBatch` message in Thrift compact or strict binary.
///
/// Whatever the input, it neither panics nor takes 1 MiB of heap, nor time that is not linear in
/// the datagram's length. Text that is not UTF-8 is kept with replacement characters. Datagrams of
/// real spans always fit into the memory; one of over 2,400 spans almost without content may not.
///
/// # Errors
/// [`DecodeError`] names what is wrong; nothing of the batch is returned then.
pub fn decode(datagram: &[u8]) -> Result<Batch, DecodeError> {
    let parsed = parse::<Span>(datagram)?;
    Ok(Batch {
        process: parsed.process,
        spans: parsed.spans,
        seq_no: parsed.seq_no,
        stats: parsed.stats,
    })
}

/// A [`Batch`] whose spans are already held as their keeper wants them: none is copied again.
pub(super) struct Parsed<S> {
    pub(super) process: Process,
    pub(super) spans: Vec<S>,
    pub(super) seq_no: Option<i64>,
    pub(super) stats: Option<ClientStats>,
}

/// Like [`decode`], with the spans in a box of the caller's choice.
pub(super) fn parse<S: From<Span>>(datagram: &[u8]) -> Decoded<Parsed<S>> {
    if datagram.len() > MAX_DATAGRAM {
        return Err(DecodeError::TooLong(datagram.len()));
    }
    let budget = Budget::new(datagram);
    let wire = Wire::new(datagram, &budget);
    let limits = limits(datagram.len())?;
    let parsed = match datagram.first() {
        Some(0x82) => {
            let mut protocol = TCompactInputProtocol::with_config(wire, limits);
            Reader::new(&mut protocol, &budget).message()?
        }
        Some(0x80) => {
            let mut protocol = TBinaryInputProtocol::with_config(wire, true, limits);
            Reader::new(&mut protocol, &budget).message()?
        }
        other => return Err(DecodeError::UnknownProtocol(other.copied())),
    };
    match budget.unread() {
        0 => Ok(parsed),
        n => Err(DecodeError::TrailingBytes(n)),
    }
}

/// No string, container or message is longer than the datagram.
fn limits(length: usize) -> Decoded<TConfiguration> {
    TConfiguration::builder()
        .max_message_size(Some(length))
        .max_frame_size(Some(length))
        .max_string_size(Some(length))
        .max_container_size(Some(length))
        .max_recursion_depth(Some(MAX_DEPTH as usize))
        .build()
        .map_err(DecodeError::from)
}

struct Reader<'a> {
    protocol: &'a mut dyn TInputProtocol,
    budget: &'a Budget,
}

impl<'a> Reader<'a> {
    fn new(protocol: &'a mut dyn TInputProtocol, budget: &'a Budget) -> Self {
        Self { protocol, budget }
    }

    fn message<S: From<Span>>(&mut self) -> Decoded<Parsed<S>> {
        let message = self.protocol.read_message_begin()?;
        if !matches!(
            message.message_type,
            TMessageType::Call | TMessageType::OneWay
        ) {
            return Err(DecodeError::NotARequest);
        }
        if message.name != "emitBatch" {
            let name = message.name.chars().take(32).collect();
            return Err(DecodeError::UnknownMethod(name));
        }
        let mut batch = None;
        self.structure(|r, field| {
            match field {
                (1, TType::Struct) => batch = Some(r.batch()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        self.protocol.read_message_end()?;
        batch.ok_or(DecodeError::MissingField("emitBatch", "batch"))
    }

    fn batch<S: From<Span>>(&mut self) -> Decoded<Parsed<S>> {
        let extra = SPAN_COST.saturating_sub(size_of::<S>());
        let (mut process, mut spans, mut seq_no, mut stats) = (None, None, None, None);
        self.structure(|r, field| {
            match field {
                (1, TType::Struct) => process = Some(r.process()?),
                (2, TType::List) => {
                    spans = Some(r.list(SPAN_WIRE, extra, |r| Ok(r.span()?.into()))?)
                }
                (3, TType::I64) => seq_no = Some(r.protocol.read_i64()?),
                (4, TType::Struct) => stats = Some(r.stats()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Parsed {
            process: require(process, "Batch", "process")?,
            spans: require(spans, "Batch", "spans")?,
            seq_no,
            stats,
        })
    }

    fn process(&mut self) -> Decoded<Process> {
        let (mut service_name, mut tags) = (None, Vec::new());
        self.structure(|r, field| {
            match field {
                (1, TType::String) => service_name = Some(r.text()?),
                (2, TType::List) => tags = r.list(TAG_WIRE, 0, Self::tag)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Process {
            service_name: require(service_name, "Process", "serviceName")?,
            tags,
        })
    }

    fn span(&mut self) -> Decoded<Span> {
        let mut span = Span::default();
        let (mut low, mut high, mut id, mut parent) = (None, None, None, None);
        let (mut name, mut flags, mut start, mut duration) = (None, None, None, None);
        self.structure(|r, field| {
            match field {
                (1, TType::I64) => low = Some(r.protocol.read_i64()?),
                (2, TType::I64) => high = Some(r.protocol.read_i64()?),
                (3, TType::I64) => id = Some(r.protocol.read_i64()?),
                (4, TType::I64) => parent = Some(r.protocol.read_i64()?),
                (5, TType::String) => name = Some(r.text()?),
                (6, TType::List) => span.references = r.list(REF_WIRE, 0, Self::reference)?,
                (7, TType::I32) => flags = Some(r.protocol.read_i32()?),
                (8, TType::I64) => start = Some(r.protocol.read_i64()?),
                (9, TType::I64) => duration = Some(r.protocol.read_i64()?),
                (10, TType::List) => span.tags = r.list(TAG_WIRE, 0, Self::tag)?,
                (11, TType::List) => span.logs = r.list(LOG_WIRE, 0, Self::log)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        span.trace_id = join(
            require(high, "Span", "traceIdHigh")?,
            require(low, "Span", "traceIdLow")?,
        );
        span.span_id = require(id, "Span", "spanId")?.cast_unsigned();
        span.parent_span_id = require(parent, "Span", "parentSpanId")?.cast_unsigned();
        span.operation_name = require(name, "Span", "operationName")?;
        span.flags = require(flags, "Span", "flags")?.cast_unsigned();
        span.start_time_us = require(start, "Span", "startTime")?;
        span.duration_us = require(duration, "Span", "duration")?;
        Ok(span)
    }

    fn reference(&mut self) -> Decoded<SpanRef> {
        let (mut kind, mut low, mut high, mut id) = (None, None, None, None);
        self.structure(|r, field| {
            match field {
                (1, TType::I32) => kind = Some(r.protocol.read_i32()?),
                (2, TType::I64) => low = Some(r.protocol.read_i64()?),
                (3, TType::I64) => high = Some(r.protocol.read_i64()?),
                (4, TType::I64) => id = Some(r.protocol.read_i64()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(SpanRef {
            kind: match require(kind, "SpanRef", "refType")? {
                0 => RefKind::ChildOf,
                1 => RefKind::FollowsFrom,
                other => return Err(DecodeError::UnknownValue("SpanRefType", other)),
            },
            trace_id: join(
                require(high, "SpanRef", "traceIdHigh")?,
                require(low, "SpanRef", "traceIdLow")?,
            ),
            span_id: require(id, "SpanRef", "spanId")?.cast_unsigned(),
        })
    }

    fn log(&mut self) -> Decoded<Log> {
        let (mut timestamp, mut fields) = (None, None);
        self.structure(|r, field| {
            match field {
                (1, TType::I64) => timestamp = Some(r.protocol.read_i64()?),
                (2, TType::List) => fields = Some(r.list(TAG_WIRE, 0, Self::tag)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Log {
            timestamp_us: require(timestamp, "Log", "timestamp")?,
            fields: require(fields, "Log", "fields")?,
        })
    }

    /// Node writes every value field of a tag: `vType` says which one counts.
    fn tag(&mut self) -> Decoded<Tag> {
        let (mut key, mut kind) = (None, None);
        let (mut text, mut double, mut truth) = (String::new(), 0.0, false);
        let (mut long, mut binary) = (0, Box::default());
        self.structure(|r, field| {
            match field {
                (1, TType::String) => key = Some(r.text()?),
                (2, TType::I32) => kind = Some(r.protocol.read_i32()?),
                (3, TType::String) => text = r.text()?,
                (4, TType::Double) => double = r.protocol.read_double()?,
                (5, TType::Bool) => truth = r.protocol.read_bool()?,
                (6, TType::I64) => long = r.protocol.read_i64()?,
                (7, TType::String) => binary = r.bytes()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let value = match require(kind, "Tag", "vType")? {
            0 => TagValue::String(text),
            1 => TagValue::Double(double),
            2 => TagValue::Bool(truth),
            3 => TagValue::Long(long),
            4 => TagValue::Binary(binary),
            other => return Err(DecodeError::UnknownValue("TagType", other)),
        };
        Ok(Tag {
            key: require(key, "Tag", "key")?,
            value,
        })
    }

    fn stats(&mut self) -> Decoded<ClientStats> {
        let (mut full, mut large, mut failed) = (None, None, None);
        self.structure(|r, field| {
            match field {
                (1, TType::I64) => full = Some(r.protocol.read_i64()?),
                (2, TType::I64) => large = Some(r.protocol.read_i64()?),
                (3, TType::I64) => failed = Some(r.protocol.read_i64()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(ClientStats {
            full_queue_dropped_spans: require(full, "ClientStats", "fullQueueDroppedSpans")?,
            too_large_dropped_spans: require(large, "ClientStats", "tooLargeDroppedSpans")?,
            failed_to_emit_spans: require(failed, "ClientStats", "failedToEmitSpans")?,
        })
    }

    /// Reads a structure; `read` answers whether it consumed the field, which else is skipped.
    fn structure(
        &mut self,
        mut read: impl FnMut(&mut Self, (i16, TType)) -> Decoded<bool>,
    ) -> Decoded<()> {
        self.protocol.read_struct_begin()?;
        loop {
            let field = self.protocol.read_field_begin()?;
            if field.field_type == TType::Stop {
                break;
            }
            if !read(self, (field.id.unwrap_or(0), field.field_type))? {
                self.protocol.skip_till_depth(field.field_type, MAX_DEPTH)?;
            }
            self.protocol.read_field_end()?;
        }
        Ok(self.protocol.read_struct_end()?)
    }

    /// Reads a list of structures, each of at least `min_wire` bytes.
    fn list<T>(
        &mut self,
        min_wire: usize,
        extra: usize,
        read: fn(&mut Self) -> Decoded<T>,
    ) -> Decoded<Vec<T>> {
        let header = self.protocol.read_list_begin()?;
        let count = usize::try_from(header.size).map_err(|_| DecodeError::Truncated)?;
        if count > 0 && header.element_type != TType::Struct {
            let reason = format!("list of {} instead of structures", header.element_type);
            return Err(DecodeError::Malformed(reason));
        }
        let mut items = self.budget.list(count, min_wire, extra)?;
        for _ in 0..count {
            items.push(read(self)?);
        }
        self.protocol.read_list_end()?;
        Ok(items)
    }

    /// Text; Go's client may cut in the middle of a character, so other bytes are replaced.
    fn text(&mut self) -> Decoded<String> {
        const REPLACEMENT: &str = "\u{fffd}";
        let bytes = self.protocol.read_bytes()?;
        let bytes = match String::from_utf8(bytes) {
            Ok(text) => {
                self.budget.charge(text.len())?;
                return Ok(text);
            }
            Err(error) => error.into_bytes(),
        };
        let pieces = || {
            bytes.utf8_chunks().flat_map(|chunk| {
                let bad = !chunk.invalid().is_empty();
                [chunk.valid(), if bad { REPLACEMENT } else { "" }]
            })
        };
        let length = pieces().map(str::len).sum();
        self.budget.charge(length)?;
        let mut text = String::with_capacity(length);
        text.extend(pieces());
        Ok(text)
    }

    fn bytes(&mut self) -> Decoded<Box<[u8]>> {
        let bytes = self.protocol.read_bytes()?;
        self.budget.charge(bytes.len())?;
        Ok(bytes.into_boxed_slice())
    }
}

fn require<T>(value: Option<T>, of: &'static str, field: &'static str) -> Decoded<T> {
    value.ok_or(DecodeError::MissingField(of, field))
}

fn join(high: i64, low: i64) -> u128 {
    (u128::from(high.cast_unsigned()) << 64) | u128::from(low.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use thrift::protocol::{
        TCompactOutputProtocol, TFieldIdentifier, TListIdentifier, TMessageIdentifier,
        TOutputProtocol, TStructIdentifier,
    };

    use super::super::encode::{Encoding, encode};
    use super::*;

    /// A packet written by Apache Thrift's Python library from jaeger-idl.
    const GOLDEN: &str = "82810009656d697442617463681c1c1803737663191c18017015001801710000191c16\
        0216041606160018026f70191c15001602160416010015021680897a160a194c180173150018017600180164\
        150227000000000000f83f001801621504310018016c1506460100191c160e191c18056576656e7415001801\
        6500000016021c160016001600000000";

    fn golden() -> Vec<u8> {
        let digits = GOLDEN.as_bytes().chunks(2);
        digits
            .map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap())
            .collect()
    }

    fn text(value: &str) -> TagValue {
        TagValue::String(value.to_owned())
    }

    fn golden_batch() -> Batch {
        let mut batch = Batch::new(Process::new("svc"));
        batch.process.tags.push(Tag::new("p", text("q")));
        batch.seq_no = Some(1);
        batch.stats = Some(ClientStats::default());
        batch.spans.push(Span {
            trace_id: (2 << 64) | 1,
            span_id: 3,
            parent_span_id: 0,
            operation_name: "op".to_owned(),
            references: vec![SpanRef {
                kind: RefKind::ChildOf,
                trace_id: (2 << 64) | 1,
                span_id: u64::MAX,
            }],
            flags: 1,
            start_time_us: 1_000_000,
            duration_us: 5,
            tags: vec![
                Tag::new("s", text("v")),
                Tag::new("d", TagValue::Double(1.5)),
                Tag::new("b", TagValue::Bool(true)),
                Tag::new("l", TagValue::Long(-1)),
            ],
            logs: vec![Log {
                timestamp_us: 7,
                fields: vec![Tag::new("event", text("e"))],
            }],
        });
        batch
    }

    #[test]
    fn golden_packet_both_ways() {
        assert_eq!(decode(&golden()), Ok(golden_batch()));
        assert_eq!(encode(&golden_batch(), Encoding::default()), Ok(golden()));
    }

    #[test]
    fn go_sends_calls_with_a_sequence_number() {
        let mut packet = golden();
        packet.splice(1..3, [0x21, 0xff, 0xff, 0xff, 0xff, 0x0f]);
        assert_eq!(decode(&packet), Ok(golden_batch()));
        let encoding = Encoding {
            call: true,
            sequence: -1,
            ..Encoding::default()
        };
        assert_eq!(encode(&golden_batch(), encoding), Ok(packet));
    }

    #[test]
    fn strict_binary_both_ways() {
        let encoding = Encoding {
            binary: true,
            ..Encoding::default()
        };
        let packet = encode(&golden_batch(), encoding).unwrap();
        assert_eq!(packet[..8], [0x80, 1, 0, 4, 0, 0, 0, 9]);
        assert_eq!(decode(&packet), Ok(golden_batch()));
    }

    #[test]
    fn replies_other_methods_and_trailing_bytes_are_refused() {
        let mut reply = golden();
        reply[1] = 0x41;
        assert_eq!(decode(&reply), Err(DecodeError::NotARequest));
        let mut other = golden();
        other[4] = b'E';
        let name = "EmitBatch".to_owned();
        assert_eq!(decode(&other), Err(DecodeError::UnknownMethod(name)));
        let mut trailing = golden();
        trailing.push(0);
        assert_eq!(decode(&trailing), Err(DecodeError::TrailingBytes(1)));
        assert_eq!(decode(&[]), Err(DecodeError::UnknownProtocol(None)));
        assert_eq!(decode(&[0; 65_536]), Err(DecodeError::TooLong(65_536)));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let packet = golden();
        for length in 2..packet.len() {
            assert_eq!(
                decode(&packet[..length]),
                Err(DecodeError::Truncated),
                "{length}"
            );
        }
    }

    type Out<'a> = TCompactOutputProtocol<&'a mut Vec<u8>>;

    /// A compact message whose batch has the fields that `fields` writes.
    fn packet(fields: impl FnOnce(&mut Out<'_>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut out = TCompactOutputProtocol::new(&mut bytes);
        let name = TMessageIdentifier::new("emitBatch", TMessageType::OneWay, 0);
        out.write_message_begin(&name).unwrap();
        structure(&mut out, |out| {
            begin(out, TType::Struct, 1);
            structure(out, fields);
        });
        bytes
    }

    fn structure(out: &mut Out<'_>, fields: impl FnOnce(&mut Out<'_>)) {
        out.write_struct_begin(&TStructIdentifier::new("")).unwrap();
        fields(out);
        out.write_field_stop().unwrap();
        out.write_struct_end().unwrap();
    }

    fn begin(out: &mut Out<'_>, kind: TType, id: i16) {
        let field = TFieldIdentifier::new("", kind, id);
        out.write_field_begin(&field).unwrap();
    }

    fn list(out: &mut Out<'_>, id: i16, size: i32) {
        begin(out, TType::List, id);
        let header = TListIdentifier::new(TType::Struct, size);
        out.write_list_begin(&header).unwrap();
    }

    fn string(out: &mut Out<'_>, id: i16, value: &[u8]) {
        begin(out, TType::String, id);
        out.write_bytes(value).unwrap();
    }

    fn number(out: &mut Out<'_>, id: i16, value: i32) {
        begin(out, TType::I32, id);
        out.write_i32(value).unwrap();
    }

    #[test]
    fn node_writes_every_value_of_a_tag() {
        let packet = packet(|out| {
            begin(out, TType::Struct, 1);
            structure(out, |out| {
                string(out, 1, b"svc");
                list(out, 2, 1);
                structure(out, |out| {
                    string(out, 1, b"k");
                    number(out, 2, 1);
                    string(out, 3, b"");
                    begin(out, TType::Double, 4);
                    out.write_double(42.0).unwrap();
                    begin(out, TType::Bool, 5);
                    out.write_bool(false).unwrap();
                    begin(out, TType::I64, 6);
                    out.write_i64(0).unwrap();
                    string(out, 7, b"");
                });
            });
            list(out, 2, 0);
        });
        let tags = decode(&packet).unwrap().process.tags;
        assert_eq!(tags, [Tag::new("k", TagValue::Double(42.0))]);
    }

    #[test]
    fn unknown_fields_and_foreign_types_are_skipped() {
        let packet = packet(|out| {
            begin(out, TType::Struct, 99);
            structure(out, |out| {
                list(out, 1, 1);
                structure(out, |out| string(out, 300, b"deep"));
                begin(out, TType::Bool, 2);
                out.write_bool(true).unwrap();
            });
            begin(out, TType::Struct, 1);
            structure(out, |out| {
                string(out, 1, b"svc");
                number(out, 2, 7);
            });
            list(out, 2, 0);
            string(out, 3, b"not a number");
        });
        assert_eq!(decode(&packet), Ok(Batch::new(Process::new("svc"))));
    }

    #[test]
    fn missing_fields_are_named() {
        let empty = packet(|_| {});
        let missing = DecodeError::MissingField("Batch", "process");
        assert_eq!(decode(&empty), Err(missing));
        let nameless = packet(|out| {
            begin(out, TType::Struct, 1);
            structure(out, |_| {});
        });
        let missing = DecodeError::MissingField("Process", "serviceName");
        assert_eq!(decode(&nameless), Err(missing));
    }

    #[test]
    fn unknown_tag_type_is_refused() {
        let packet = packet(|out| {
            begin(out, TType::Struct, 1);
            structure(out, |out| {
                list(out, 2, 1);
                structure(out, |out| {
                    string(out, 1, b"k");
                    number(out, 2, 5);
                });
            });
        });
        assert_eq!(
            decode(&packet),
            Err(DecodeError::UnknownValue("TagType", 5))
        );
    }

    #[test]
    fn text_cut_within_a_character_is_kept() {
        let packet = packet(|out| {
            begin(out, TType::Struct, 1);
            structure(out, |out| string(out, 1, b"caf\xc3"));
            list(out, 2, 0);
        });
        let batch = decode(&packet).unwrap();
        assert_eq!(batch.process.service_name, "caf\u{fffd}");
    }

    #[test]
    fn nesting_has_an_end() {
        let packet = packet(|out| {
            fn nest(out: &mut Out<'_>, levels: u32) {
                if levels > 0 {
                    begin(out, TType::Struct, 9);
                    structure(out, |out| nest(out, levels - 1));
                }
            }
            nest(out, 40);
        });
        assert!(matches!(decode(&packet), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn a_full_packet_of_the_smallest_tags_fits_the_budget() {
        let mut batch = Batch::new(Process::new("s"));
        let tags = (0..9_000).map(|_| Tag::new("k", TagValue::Bool(true)));
        batch.spans.push(Span {
            tags: tags.collect(),
            ..Span::new(1, 1, "op")
        });
        let packet = encode(&batch, Encoding::default()).unwrap();
        assert!((63_000..65_000).contains(&packet.len()), "{}", packet.len());
        assert_eq!(decode(&packet), Ok(batch));
    }

    #[test]
    fn a_full_packet_of_small_spans_fits_the_budget() {
        let mut batch = Batch::new(Process::new("s"));
        let start_time_us = 1_700_000_000_000_000;
        batch.spans.extend((0..2_400).map(|id| Span {
            start_time_us,
            ..Span::new(1, 1_000 + id, "op")
        }));
        let packet = encode(&batch, Encoding::default()).unwrap();
        assert!((63_000..66_000).contains(&packet.len()), "{}", packet.len());
        assert_eq!(decode(&packet), Ok(batch));
    }

    #[test]
    fn a_count_beyond_the_budget_is_refused_before_it_is_believed() {
        let claim = packet(|out| {
            begin(out, TType::Struct, 1);
            structure(out, |out| list(out, 2, 60_000));
        });
        assert_eq!(decode(&claim), Err(DecodeError::Truncated));
    }
}
