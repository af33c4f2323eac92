//! The structures of `jaeger.thrift` and `agent.thrift`, field by field.

use picojaeger_core::{SpanId, TraceId};
use thrift::protocol::{TMessageType, TType};

use super::reader::{Reader, require};
use super::{DecodeError, Decoded, ParsedBatch};
use crate::model::{ClientStats, Log, Process, RefKind, Span, SpanRef, Tag, TagValue};

/// Memory for a span without its text and lists, at worst: 168 bytes for itself, shared, and the
/// rest for the store's books if it is the only span of its trace.
const SPAN_COST: usize = 352;

// Least bytes of an element in the compact protocol: its required fields and the stop byte.
const SPAN_WIRE: usize = 17;
const REF_WIRE: usize = 9;
const LOG_WIRE: usize = 5;
const TAG_WIRE: usize = 5;

impl Reader<'_> {
    /// Reads the whole message, which must be a request `emitBatch`.
    pub(super) fn message<S: From<Span>>(&mut self) -> Decoded<ParsedBatch<S>> {
        self.message_begin()?;
        let mut batch = None;
        self.structure(|r, field| {
            match field {
                (1, TType::Struct) => batch = Some(r.batch()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        self.protocol.read_message_end()?;
        require(batch, "emitBatch", "batch")
    }

    fn message_begin(&mut self) -> Decoded<()> {
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
        Ok(())
    }

    pub(super) fn batch<S: From<Span>>(&mut self) -> Decoded<ParsedBatch<S>> {
        let extra = SPAN_COST.saturating_sub(size_of::<S>());
        let (mut process, mut spans, mut seq_no, mut stats) = (None, None, None, None);
        self.structure(|r, field| {
            match field {
                (1, TType::Struct) => process = Some(r.process()?),
                (2, TType::List) => {
                    spans = Some(r.list(SPAN_WIRE, extra, |r| Ok(r.span()?.into()))?)
                }
                (3, TType::I64) => seq_no = Some(r.i64()?),
                (4, TType::Struct) => stats = Some(r.stats()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(ParsedBatch {
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
        let mut fields = SpanFields::default();
        self.structure(|r, field| fields.read(r, field))?;
        fields.finish()
    }

    fn reference(&mut self) -> Decoded<SpanRef> {
        let (mut kind, mut low, mut high, mut id) = (None, None, None, None);
        self.structure(|r, field| {
            match field {
                (1, TType::I32) => kind = Some(r.i32()?),
                (2, TType::I64) => low = Some(r.i64()?),
                (3, TType::I64) => high = Some(r.i64()?),
                (4, TType::I64) => id = Some(r.i64()?),
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
            trace_id: trace_id(
                require(high, "SpanRef", "traceIdHigh")?,
                require(low, "SpanRef", "traceIdLow")?,
            ),
            span_id: span_id(require(id, "SpanRef", "spanId")?),
        })
    }

    fn log(&mut self) -> Decoded<Log> {
        let (mut timestamp, mut fields) = (None, None);
        self.structure(|r, field| {
            match field {
                (1, TType::I64) => timestamp = Some(r.i64()?),
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

    fn tag(&mut self) -> Decoded<Tag> {
        let mut fields = TagFields::default();
        self.structure(|r, field| fields.read(r, field))?;
        fields.finish()
    }

    fn stats(&mut self) -> Decoded<ClientStats> {
        let (mut full, mut large, mut failed) = (None, None, None);
        self.structure(|r, field| {
            match field {
                (1, TType::I64) => full = Some(r.i64()?),
                (2, TType::I64) => large = Some(r.i64()?),
                (3, TType::I64) => failed = Some(r.i64()?),
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
}

/// The fields of a span as they arrive, in any order.
#[derive(Default)]
struct SpanFields {
    /// The optional ones.
    span: Span,
    trace_id_low: Option<i64>,
    trace_id_high: Option<i64>,
    span_id: Option<i64>,
    parent_span_id: Option<i64>,
    operation_name: Option<String>,
    flags: Option<i32>,
    start_time: Option<i64>,
    duration: Option<i64>,
}

impl SpanFields {
    fn read(&mut self, r: &mut Reader<'_>, field: (i16, TType)) -> Decoded<bool> {
        match field {
            (1, TType::I64) => self.trace_id_low = Some(r.i64()?),
            (2, TType::I64) => self.trace_id_high = Some(r.i64()?),
            (3, TType::I64) => self.span_id = Some(r.i64()?),
            (4, TType::I64) => self.parent_span_id = Some(r.i64()?),
            (5, TType::String) => self.operation_name = Some(r.text()?),
            (6, TType::List) => self.span.references = r.list(REF_WIRE, 0, Reader::reference)?,
            (7, TType::I32) => self.flags = Some(r.i32()?),
            (8, TType::I64) => self.start_time = Some(r.i64()?),
            (9, TType::I64) => self.duration = Some(r.i64()?),
            (10, TType::List) => self.span.tags = r.list(TAG_WIRE, 0, Reader::tag)?,
            (11, TType::List) => self.span.logs = r.list(LOG_WIRE, 0, Reader::log)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn finish(self) -> Decoded<Span> {
        Ok(Span {
            trace_id: trace_id(
                require(self.trace_id_high, "Span", "traceIdHigh")?,
                require(self.trace_id_low, "Span", "traceIdLow")?,
            ),
            span_id: span_id(require(self.span_id, "Span", "spanId")?),
            parent_span_id: span_id(require(self.parent_span_id, "Span", "parentSpanId")?),
            operation_name: require(self.operation_name, "Span", "operationName")?,
            flags: require(self.flags, "Span", "flags")?.cast_unsigned(),
            start_time_us: require(self.start_time, "Span", "startTime")?,
            duration_us: require(self.duration, "Span", "duration")?,
            ..self.span
        })
    }
}

/// The fields of a tag as they arrive. Node's client writes every value field, and `vType` decides
/// which one counts.
#[derive(Default)]
struct TagFields {
    key: Option<String>,
    kind: Option<i32>,
    text: String,
    double: f64,
    truth: bool,
    long: i64,
    binary: Box<[u8]>,
}

impl TagFields {
    fn read(&mut self, r: &mut Reader<'_>, field: (i16, TType)) -> Decoded<bool> {
        match field {
            (1, TType::String) => self.key = Some(r.text()?),
            (2, TType::I32) => self.kind = Some(r.i32()?),
            (3, TType::String) => self.text = r.text()?,
            (4, TType::Double) => self.double = r.protocol.read_double()?,
            (5, TType::Bool) => self.truth = r.protocol.read_bool()?,
            (6, TType::I64) => self.long = r.i64()?,
            (7, TType::String) => self.binary = r.bytes()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn finish(self) -> Decoded<Tag> {
        let value = match require(self.kind, "Tag", "vType")? {
            0 => TagValue::String(self.text),
            1 => TagValue::Double(self.double),
            2 => TagValue::Bool(self.truth),
            3 => TagValue::Long(self.long),
            4 => TagValue::Binary(self.binary),
            other => return Err(DecodeError::UnknownValue("TagType", other)),
        };
        Ok(Tag {
            key: require(self.key, "Tag", "key")?,
            value,
        })
    }
}

/// The id of a signed integer, as the wire has it.
fn span_id(id: i64) -> SpanId {
    SpanId::new(id.cast_unsigned())
}

fn trace_id(high: i64, low: i64) -> TraceId {
    TraceId::from_parts(high.cast_unsigned(), low.cast_unsigned())
}
