//! Jaeger's span model as plain data: what a datagram decodes to, and what a test can build.
//!
//! Names and meaning are those of `jaeger.thrift` and `agent.thrift` in jaeger-idl. Ids are
//! joined to plain integers: the wire carries a trace id as two signed 64-bit halves.

/// A batch of spans from one process: the argument of the agent's `emitBatch` call.
///
/// # Examples
/// ```
/// use picojaeger_std::collector::{decode, encode, Encoding};
/// use picojaeger_std::model::{Batch, Process, Span, Tag, TagValue};
///
/// let mut batch = Batch::new(Process::new("shop"));
/// let mut span = Span::new(0x2a, 7, "GET /orders");
/// span.tags.push(Tag::new("http.status_code", TagValue::Long(200)));
/// batch.spans.push(span);
///
/// let datagram = encode(&batch, Encoding::default())?;
/// assert_eq!(decode(&datagram)?, batch);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The process that made the spans.
    pub process: Process,
    /// The spans, in the order of the wire.
    pub spans: Vec<Span>,
    /// Number of this batch, counted from 1 by each sender.
    pub seq_no: Option<i64>,
    /// The sender's own account of what it lost so far.
    pub stats: Option<ClientStats>,
}

impl Batch {
    /// An empty batch of `process`, without sequence number and statistics.
    pub fn new(process: Process) -> Self {
        Self {
            process,
            ..Self::default()
        }
    }
}

/// The process that made a span: a service name and tags such as `hostname`.
///
/// # Examples
/// ```
/// use picojaeger_std::model::{Process, Tag, TagValue};
///
/// let mut process = Process::new("shop");
/// process.tags.push(Tag::new("client-uuid", TagValue::String("4f3a".into())));
/// assert_eq!(process.client_uuid(), Some("4f3a"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    /// Name of the service.
    pub service_name: String,
    /// Tags of the process, as `hostname`, `ip`, `jaeger.version`.
    pub tags: Vec<Tag>,
}

impl Process {
    /// A process without tags.
    pub fn new(service_name: impl Into<String>) -> Self {
        Self {
            service_name: service_name.into(),
            tags: Vec::new(),
        }
    }

    /// The tag `client-uuid`, which tells the tracers of one service apart.
    pub fn client_uuid(&self) -> Option<&str> {
        match find(&self.tags, "client-uuid") {
            Some(TagValue::String(uuid)) => Some(uuid),
            _ => None,
        }
    }
}

/// One finished span.
///
/// # Examples
/// ```
/// use picojaeger_std::model::{Span, Tag, TagValue};
///
/// let mut span = Span::new(0x2a, 7, "query");
/// span.tags.push(Tag::new("db.rows", TagValue::Long(3)));
/// assert_eq!(span.tag("db.rows"), Some(&TagValue::Long(3)));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// Trace id: the wire's high half in the upper 64 bits.
    pub trace_id: u128,
    /// Span id.
    pub span_id: u64,
    /// Span id of the parent; 0 if there is none, or if only `references` names it.
    pub parent_span_id: u64,
    /// Operation name.
    pub operation_name: String,
    /// References to other spans.
    pub references: Vec<SpanRef>,
    /// Bits: 1 sampled, 2 debug, 8 firehose.
    pub flags: u32,
    /// Start in microseconds since the Unix epoch.
    pub start_time_us: i64,
    /// Duration in microseconds.
    pub duration_us: i64,
    /// Tags, in the order of the wire; a key may occur several times.
    pub tags: Vec<Tag>,
    /// Logs, in the order of the wire.
    pub logs: Vec<Log>,
}

impl Span {
    /// A sampled span without parent that starts at 0 and lasts 0 µs.
    pub fn new(trace_id: u128, span_id: u64, operation_name: impl Into<String>) -> Self {
        Self {
            trace_id,
            span_id,
            operation_name: operation_name.into(),
            flags: 1,
            ..Self::default()
        }
    }

    /// The value of the last tag with this key: the one that a Jaeger server keeps.
    pub fn tag(&self, key: &str) -> Option<&TagValue> {
        find(&self.tags, key)
    }

    /// The parent as a Jaeger server finds it: `parent_span_id`, else the first child-of, else the
    /// first follows-from reference within the same trace.
    pub fn parent(&self) -> Option<u64> {
        let same_trace = |kind| {
            self.references
                .iter()
                .find(|r| r.kind == kind && r.trace_id == self.trace_id)
                .map(|r| r.span_id)
        };
        Some(self.parent_span_id)
            .filter(|&id| id != 0)
            .or_else(|| same_trace(RefKind::ChildOf))
            .or_else(|| same_trace(RefKind::FollowsFrom))
    }
}

/// A reference from a span to another one, perhaps in another trace.
///
/// # Examples
/// ```
/// use picojaeger_std::model::{RefKind, Span, SpanRef};
///
/// let mut span = Span::new(0x2a, 7, "consume");
/// span.references.push(SpanRef { kind: RefKind::FollowsFrom, trace_id: 0x2a, span_id: 3 });
/// assert_eq!(span.parent(), Some(3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanRef {
    /// Kind of the reference.
    pub kind: RefKind,
    /// Trace id of the span referred to.
    pub trace_id: u128,
    /// Span id of the span referred to.
    pub span_id: u64,
}

/// Kind of a [`SpanRef`].
///
/// # Examples
/// ```
/// use picojaeger_std::model::RefKind;
///
/// assert_eq!(RefKind::FollowsFrom as i32, 1); // the value on the wire
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefKind {
    /// The other span is the parent, and depends on this one.
    ChildOf = 0,
    /// The other span caused this one, and does not depend on it.
    FollowsFrom = 1,
}

/// A log entry of a span: a time and fields.
///
/// # Examples
/// ```
/// use picojaeger_std::model::{Log, Tag, TagValue};
///
/// let event = Tag::new("event", TagValue::String("cache miss".into()));
/// let log = Log { timestamp_us: 1_700_000_000_000_000, fields: vec![event] };
/// assert_eq!(log.field("event"), Some(&TagValue::String("cache miss".into())));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    /// Time in microseconds since the Unix epoch.
    pub timestamp_us: i64,
    /// The fields, in the order of the wire.
    pub fields: Vec<Tag>,
}

impl Log {
    /// The value of the last field with this key.
    pub fn field(&self, key: &str) -> Option<&TagValue> {
        find(&self.fields, key)
    }
}

/// A key with a typed value: a tag of a span or process, or a field of a log.
///
/// # Examples
/// ```
/// use picojaeger_std::model::{Tag, TagValue};
///
/// let tag = Tag::new("error", TagValue::Bool(true));
/// assert_eq!(tag.key, "error");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value.
    pub value: TagValue,
}

impl Tag {
    /// A tag of `key` and `value`.
    pub fn new(key: impl Into<String>, value: TagValue) -> Self {
        Self {
            key: key.into(),
            value,
        }
    }
}

/// Value of a [`Tag`].
///
/// # Examples
/// ```
/// use picojaeger_std::model::TagValue;
///
/// assert_ne!(TagValue::Long(1), TagValue::Double(1.0));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum TagValue {
    /// Text.
    String(String),
    /// A 64-bit floating point number.
    Double(f64),
    /// A truth value.
    Bool(bool),
    /// A signed 64-bit integer.
    Long(i64),
    /// Bytes.
    Binary(Box<[u8]>),
}

/// What a client says it lost since it began, in spans.
///
/// # Examples
/// ```
/// use picojaeger_std::model::ClientStats;
///
/// assert_eq!(ClientStats::default().too_large_dropped_spans, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientStats {
    /// Spans dropped since a queue was full.
    pub full_queue_dropped_spans: i64,
    /// Spans dropped since one alone exceeded the packet limit.
    pub too_large_dropped_spans: i64,
    /// Spans of batches that could not be sent.
    pub failed_to_emit_spans: i64,
}

fn find<'a>(tags: &'a [Tag], key: &str) -> Option<&'a TagValue> {
    tags.iter().rev().find(|t| t.key == key).map(|t| &t.value)
}
