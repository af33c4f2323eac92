//! The frame with spans.

use picojaeger_core::{SpanId, TraceId};
use serde::Deserialize;

use super::WireValue;

/// One span as it is on the wire.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct WireSpan<'s> {
    pub(crate) head: Head<Name<'s>>,
    pub(crate) entries: Vec<Entry<'s, Name<'s>>>,
}

/// The fields that each span has.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct Head<K> {
    /// On the wire the difference to the span before, modulo 2³²; here the number itself.
    pub(crate) sequence: u32,
    pub(crate) flags: u8,
    /// The sampler's code in bits 0 to 3; see the methods.
    pub(crate) state: u8,
    pub(crate) trace_high: u64,
    pub(crate) trace_low: [u8; 8],
    pub(crate) span: Id,
    pub(crate) parent: Id,
    pub(crate) operation: K,
    /// Ticks or Unix microseconds.
    pub(crate) start: u64,
    /// The end less the start, modulo 2⁶⁴.
    pub(crate) finish: i64,
}

/// The id of a span, which often is that of its trace.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) enum Id {
    None,
    Trace,
    Other([u8; 8]),
}

/// A name: text, or the address and the length of static text in the device's image.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) enum Name<'n> {
    Text(&'n str),
    Static(u64, u16),
}

/// A tag, a reference, a log, or a field of the log before it.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) enum Entry<'e, K> {
    End,
    TagStr(K, &'e str),
    TagF64(K, f64),
    TagBool(K, bool),
    TagI64(K, i64),
    TagBytes(K, &'e [u8]),
    TagU64(K, u64),
    /// Whether it follows from the other span; the high and the low half of the trace's id; the span's.
    Reference(bool, u64, [u8; 8], [u8; 8]),
    /// The time, and whether it is Unix time.
    Log(u64, bool),
    FieldStr(K, &'e str),
    FieldF64(K, f64),
    FieldBool(K, bool),
    FieldI64(K, i64),
    FieldBytes(K, &'e [u8]),
    FieldU64(K, u64),
    /// Entries that the span had no room for.
    Dropped(u16),
}

impl<K> Head<K> {
    pub(crate) fn sampler(&self) -> u8 {
        self.state & 0xf
    }

    /// Returns whether the start is Unix time.
    pub(crate) fn has_unix_start(&self) -> bool {
        self.state & 1 << 4 != 0
    }

    /// Returns whether the end is Unix time.
    pub(crate) fn has_unix_finish(&self) -> bool {
        self.state & 1 << 5 != 0
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.state & 1 << 6 != 0
    }

    pub(crate) fn trace(&self) -> TraceId {
        TraceId::from_parts(self.trace_high, u64::from_le_bytes(self.trace_low))
    }

    pub(crate) fn span(&self) -> SpanId {
        self.id(self.span)
    }

    pub(crate) fn parent(&self) -> SpanId {
        self.id(self.parent)
    }

    fn id(&self, id: Id) -> SpanId {
        SpanId::new(match id {
            Id::None => 0,
            Id::Trace => u64::from_le_bytes(self.trace_low),
            Id::Other(bytes) => u64::from_le_bytes(bytes),
        })
    }

    fn with_operation<N>(self, sequence: u32, operation: N) -> Head<N> {
        Head {
            sequence,
            flags: self.flags,
            state: self.state,
            trace_high: self.trace_high,
            trace_low: self.trace_low,
            span: self.span,
            parent: self.parent,
            operation,
            start: self.start,
            finish: self.finish,
        }
    }
}

impl<'e, K> Entry<'e, K> {
    fn with_key<N: From<K>>(self) -> Entry<'e, N> {
        match self {
            Self::End => Entry::End,
            Self::TagStr(key, value) => Entry::TagStr(key.into(), value),
            Self::TagF64(key, value) => Entry::TagF64(key.into(), value),
            Self::TagBool(key, value) => Entry::TagBool(key.into(), value),
            Self::TagI64(key, value) => Entry::TagI64(key.into(), value),
            Self::TagBytes(key, value) => Entry::TagBytes(key.into(), value),
            Self::TagU64(key, value) => Entry::TagU64(key.into(), value),
            Self::Reference(follows, high, low, span) => Entry::Reference(follows, high, low, span),
            Self::Log(time, unix) => Entry::Log(time, unix),
            Self::FieldStr(key, value) => Entry::FieldStr(key.into(), value),
            Self::FieldF64(key, value) => Entry::FieldF64(key.into(), value),
            Self::FieldBool(key, value) => Entry::FieldBool(key.into(), value),
            Self::FieldI64(key, value) => Entry::FieldI64(key.into(), value),
            Self::FieldBytes(key, value) => Entry::FieldBytes(key.into(), value),
            Self::FieldU64(key, value) => Entry::FieldU64(key.into(), value),
            Self::Dropped(count) => Entry::Dropped(count),
        }
    }

    /// Makes a tag, or with `field` a log's field.
    #[cfg(feature = "relay")]
    pub(crate) fn of_value(key: K, value: WireValue<'e>, field: bool) -> Self {
        match (value, field) {
            (WireValue::Str(value), false) => Self::TagStr(key, value),
            (WireValue::F64(value), false) => Self::TagF64(key, value),
            (WireValue::Bool(value), false) => Self::TagBool(key, value),
            (WireValue::I64(value), false) => Self::TagI64(key, value),
            (WireValue::Bytes(value), false) => Self::TagBytes(key, value),
            (WireValue::U64(value), false) => Self::TagU64(key, value),
            (WireValue::Str(value), true) => Self::FieldStr(key, value),
            (WireValue::F64(value), true) => Self::FieldF64(key, value),
            (WireValue::Bool(value), true) => Self::FieldBool(key, value),
            (WireValue::I64(value), true) => Self::FieldI64(key, value),
            (WireValue::Bytes(value), true) => Self::FieldBytes(key, value),
            (WireValue::U64(value), true) => Self::FieldU64(key, value),
        }
    }

    /// Returns the key and the value of a tag, or with `field` of a log's field.
    pub(crate) fn value(self, field: bool) -> Option<(K, WireValue<'e>)> {
        let (is_field, key, value) = match self {
            Self::TagStr(key, value) => (false, key, WireValue::Str(value)),
            Self::TagF64(key, value) => (false, key, WireValue::F64(value)),
            Self::TagBool(key, value) => (false, key, WireValue::Bool(value)),
            Self::TagI64(key, value) => (false, key, WireValue::I64(value)),
            Self::TagBytes(key, value) => (false, key, WireValue::Bytes(value)),
            Self::TagU64(key, value) => (false, key, WireValue::U64(value)),
            Self::FieldStr(key, value) => (true, key, WireValue::Str(value)),
            Self::FieldF64(key, value) => (true, key, WireValue::F64(value)),
            Self::FieldBool(key, value) => (true, key, WireValue::Bool(value)),
            Self::FieldI64(key, value) => (true, key, WireValue::I64(value)),
            Self::FieldBytes(key, value) => (true, key, WireValue::Bytes(value)),
            Self::FieldU64(key, value) => (true, key, WireValue::U64(value)),
            _ => return None,
        };
        (is_field == field).then_some((key, value))
    }
}

impl<'n> From<&'n str> for Name<'n> {
    fn from(text: &'n str) -> Self {
        Name::Text(text)
    }
}

/// Reads all spans of a payload; `None` if one of them cannot be read. `by_address` are names that
/// are static text.
pub(crate) fn spans(payload: &[u8], by_address: bool) -> Option<Vec<WireSpan<'_>>> {
    match by_address {
        true => read_all::<Name<'_>>(payload),
        false => read_all::<&str>(payload),
    }
}

fn read_all<'s, K>(mut payload: &'s [u8]) -> Option<Vec<WireSpan<'s>>>
where
    K: Deserialize<'s> + Copy,
    Name<'s>: From<K>,
{
    let (mut spans, mut sequence) = (Vec::new(), 0u32);
    while !payload.is_empty() {
        let (head, mut rest) = postcard::take_from_bytes::<Head<K>>(payload).ok()?;
        sequence = sequence.wrapping_add(head.sequence);
        let mut entries = Vec::new();
        loop {
            let entry: Entry<'s, K>;
            (entry, rest) = postcard::take_from_bytes(rest).ok()?;
            if matches!(entry, Entry::End) {
                break;
            }
            entries.push(entry.with_key());
        }
        payload = rest;
        let head = head.with_operation(sequence, head.operation.into());
        spans.push(WireSpan { head, entries });
    }
    Some(spans)
}
