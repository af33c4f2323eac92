//! Writing a batch with the `thrift` crate: the oracle that other encoders are compared with.
//!
//! Lists without elements, `seqNo` and `stats` are optional fields and left out when empty.

use std::fmt;

use thrift::protocol::{
    TBinaryOutputProtocol, TCompactOutputProtocol, TFieldIdentifier, TListIdentifier,
    TMessageIdentifier, TMessageType, TOutputProtocol, TStructIdentifier, TType,
};

use crate::model::{Batch, ClientStats, Log, Process, Span, SpanRef, Tag, TagValue};
use crate::sys::error_chain::debug_as_chain;

type Written = thrift::Result<()>;

/// The framing of a batch by [`encode`]; Jaeger's agent reads the default on port 6831.
///
/// # Examples
/// ```
/// use picojaeger_std::collector::{Encoding, encode};
/// use picojaeger_std::model::Batch;
///
/// let as_go_sends_it = Encoding::default().with_call(1);
/// assert_eq!(encode(&Batch::default(), as_go_sends_it)?[..3], [0x82, 0x21, 0x01]);
/// # Ok::<(), picojaeger_std::collector::EncodeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encoding {
    /// Strict binary protocol (port 6832) instead of compact (port 6831).
    pub binary: bool,
    /// Message type CALL, as Go's client sends it, instead of ONEWAY.
    pub call: bool,
    /// Sequence number of the message (not of the batch).
    pub sequence: i32,
}

impl Encoding {
    /// Strict binary protocol, ONEWAY.
    pub const fn binary() -> Self {
        Self {
            binary: true,
            call: false,
            sequence: 0,
        }
    }

    /// The same protocol, as a CALL with this sequence number.
    pub const fn with_call(self, sequence: i32) -> Self {
        Self {
            call: true,
            sequence,
            ..self
        }
    }
}

/// A batch that Thrift cannot carry.
///
/// # Examples
/// ```
/// use picojaeger_std::collector::EncodeError;
///
/// let advice = EncodeError::TooManyElements.to_string();
/// assert!(advice.contains("split the batch"));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A list has more than 2³¹ − 1 elements.
    TooManyElements,
    /// The `thrift` crate refused to write, with its reason.
    Refused(String),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyElements => {
                f.write_str("a list has more elements than Thrift can count: split the batch")
            }
            Self::Refused(reason) => write!(f, "thrift refused to write the batch: {reason}"),
        }
    }
}

debug_as_chain!(EncodeError);

impl std::error::Error for EncodeError {}

impl From<thrift::Error> for EncodeError {
    fn from(error: thrift::Error) -> Self {
        match error {
            thrift::Error::Protocol(e) if e.kind == thrift::ProtocolErrorKind::SizeLimit => {
                Self::TooManyElements
            }
            other => Self::Refused(other.to_string()),
        }
    }
}

/// Encodes `batch` as one `emitBatch` message, of any length.
///
/// # Errors
/// [`EncodeError`] if a list is longer than Thrift can count.
pub fn encode(batch: &Batch, encoding: Encoding) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    if encoding.binary {
        let mut protocol = TBinaryOutputProtocol::new(&mut bytes, true);
        write_message(&mut protocol, batch, encoding)?;
    } else {
        let mut protocol = TCompactOutputProtocol::new(&mut bytes);
        write_message(&mut protocol, batch, encoding)?;
    }
    Ok(bytes)
}

fn write_message(o: &mut dyn TOutputProtocol, batch: &Batch, encoding: Encoding) -> Written {
    let kind = if encoding.call {
        TMessageType::Call
    } else {
        TMessageType::OneWay
    };
    o.write_message_begin(&TMessageIdentifier::new(
        "emitBatch",
        kind,
        encoding.sequence,
    ))?;
    write_struct(o, |o| {
        begin(o, TType::Struct, 1)?;
        write_batch(o, batch)
    })?;
    o.write_message_end()?;
    o.flush()
}

fn write_batch(o: &mut dyn TOutputProtocol, batch: &Batch) -> Written {
    write_struct(o, |o| {
        begin(o, TType::Struct, 1)?;
        write_process(o, &batch.process)?;
        begin(o, TType::List, 2)?;
        write_list(o, &batch.spans, write_span)?;
        if let Some(seq_no) = batch.seq_no {
            long(o, 3, seq_no)?;
        }
        if let Some(stats) = &batch.stats {
            begin(o, TType::Struct, 4)?;
            write_stats(o, stats)?;
        }
        Ok(())
    })
}

fn write_process(o: &mut dyn TOutputProtocol, process: &Process) -> Written {
    write_struct(o, |o| {
        text(o, 1, &process.service_name)?;
        optional_list(o, 2, &process.tags, write_tag)
    })
}

fn write_span(o: &mut dyn TOutputProtocol, span: &Span) -> Written {
    write_struct(o, |o| {
        long(o, 1, span.trace_id.low().cast_signed())?;
        long(o, 2, span.trace_id.high().cast_signed())?;
        long(o, 3, span.span_id.get().cast_signed())?;
        long(o, 4, span.parent_span_id.get().cast_signed())?;
        text(o, 5, &span.operation_name)?;
        optional_list(o, 6, &span.references, write_reference)?;
        int(o, 7, span.flags.cast_signed())?;
        long(o, 8, span.start_time_us)?;
        long(o, 9, span.duration_us)?;
        optional_list(o, 10, &span.tags, write_tag)?;
        optional_list(o, 11, &span.logs, write_log)
    })
}

fn write_reference(o: &mut dyn TOutputProtocol, reference: &SpanRef) -> Written {
    write_struct(o, |o| {
        int(o, 1, reference.kind as i32)?;
        long(o, 2, reference.trace_id.low().cast_signed())?;
        long(o, 3, reference.trace_id.high().cast_signed())?;
        long(o, 4, reference.span_id.get().cast_signed())
    })
}

fn write_log(o: &mut dyn TOutputProtocol, log: &Log) -> Written {
    write_struct(o, |o| {
        long(o, 1, log.timestamp_us)?;
        begin(o, TType::List, 2)?;
        write_list(o, &log.fields, write_tag)
    })
}

fn write_tag(o: &mut dyn TOutputProtocol, tag: &Tag) -> Written {
    write_struct(o, |o| {
        text(o, 1, &tag.key)?;
        match &tag.value {
            TagValue::String(value) => {
                int(o, 2, 0)?;
                text(o, 3, value)
            }
            TagValue::Double(value) => {
                int(o, 2, 1)?;
                begin(o, TType::Double, 4)?;
                o.write_double(*value)
            }
            TagValue::Bool(value) => {
                int(o, 2, 2)?;
                begin(o, TType::Bool, 5)?;
                o.write_bool(*value)
            }
            TagValue::Long(value) => {
                int(o, 2, 3)?;
                long(o, 6, *value)
            }
            TagValue::Binary(value) => {
                int(o, 2, 4)?;
                begin(o, TType::String, 7)?;
                o.write_bytes(value)
            }
        }
    })
}

fn write_stats(o: &mut dyn TOutputProtocol, stats: &ClientStats) -> Written {
    write_struct(o, |o| {
        long(o, 1, stats.full_queue_dropped_spans)?;
        long(o, 2, stats.too_large_dropped_spans)?;
        long(o, 3, stats.failed_to_emit_spans)
    })
}

fn write_struct(
    o: &mut dyn TOutputProtocol,
    fields: impl FnOnce(&mut dyn TOutputProtocol) -> Written,
) -> Written {
    o.write_struct_begin(&TStructIdentifier {
        name: String::new(),
    })?;
    fields(o)?;
    o.write_field_stop()?;
    o.write_struct_end()
}

fn optional_list<T>(
    o: &mut dyn TOutputProtocol,
    id: i16,
    items: &[T],
    write: fn(&mut dyn TOutputProtocol, &T) -> Written,
) -> Written {
    if items.is_empty() {
        return Ok(());
    }
    begin(o, TType::List, id)?;
    write_list(o, items, write)
}

fn write_list<T>(
    o: &mut dyn TOutputProtocol,
    items: &[T],
    write: fn(&mut dyn TOutputProtocol, &T) -> Written,
) -> Written {
    let size = i32::try_from(items.len()).map_err(|_| {
        thrift::new_protocol_error(thrift::ProtocolErrorKind::SizeLimit, "list too long")
    })?;
    o.write_list_begin(&TListIdentifier::new(TType::Struct, size))?;
    for item in items {
        write(o, item)?;
    }
    o.write_list_end()
}

fn begin(o: &mut dyn TOutputProtocol, kind: TType, id: i16) -> Written {
    o.write_field_begin(&TFieldIdentifier {
        name: None,
        field_type: kind,
        id: Some(id),
    })
}

fn text(o: &mut dyn TOutputProtocol, id: i16, value: &str) -> Written {
    begin(o, TType::String, id)?;
    o.write_string(value)
}

fn int(o: &mut dyn TOutputProtocol, id: i16, value: i32) -> Written {
    begin(o, TType::I32, id)?;
    o.write_i32(value)
}

fn long(o: &mut dyn TOutputProtocol, id: i16, value: i64) -> Written {
    begin(o, TType::I64, id)?;
    o.write_i64(value)
}
