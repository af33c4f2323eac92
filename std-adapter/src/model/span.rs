//! Spans, their references and logs.

use picojaeger_core::{SpanId, TraceId};

use super::tag::find;
use super::{Tag, TagValue};

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
#[non_exhaustive]
pub struct Span {
    /// Trace id.
    pub trace_id: TraceId,
    /// Span id.
    pub span_id: SpanId,
    /// Span id of the parent; zero if there is none, or if only `references` names it.
    pub parent_span_id: SpanId,
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
    pub fn new(
        trace_id: impl Into<TraceId>,
        span_id: impl Into<SpanId>,
        operation_name: impl Into<String>,
    ) -> Self {
        Self {
            trace_id: trace_id.into(),
            span_id: span_id.into(),
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
    pub fn parent(&self) -> Option<SpanId> {
        let same_trace = |kind| {
            self.references
                .iter()
                .find(|r| r.kind == kind && r.trace_id == self.trace_id)
                .map(|r| r.span_id)
        };
        Some(self.parent_span_id)
            .filter(|id| !id.is_zero())
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
/// span.references.push(SpanRef::new(RefKind::FollowsFrom, span.trace_id, 3));
/// assert_eq!(span.parent(), Some(3.into()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanRef {
    /// Kind of the reference.
    pub kind: RefKind,
    /// Trace id of the span referred to.
    pub trace_id: TraceId,
    /// Span id of the span referred to.
    pub span_id: SpanId,
}

impl SpanRef {
    /// A reference of this kind to a span.
    pub fn new(kind: RefKind, trace_id: impl Into<TraceId>, span_id: impl Into<SpanId>) -> Self {
        Self {
            kind,
            trace_id: trace_id.into(),
            span_id: span_id.into(),
        }
    }
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
#[expect(
    clippy::exhaustive_enums,
    reason = "`SpanRefType` of jaeger.thrift has these two"
)]
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
/// let log = Log::new(1_700_000_000_000_000, vec![event]);
/// assert_eq!(log.field("event"), Some(&TagValue::String("cache miss".into())));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Log {
    /// Time in microseconds since the Unix epoch.
    pub timestamp_us: i64,
    /// The fields, in the order of the wire.
    pub fields: Vec<Tag>,
}

impl Log {
    /// A log entry of a time, in microseconds since the Unix epoch, and fields.
    pub const fn new(timestamp_us: i64, fields: Vec<Tag>) -> Self {
        Self {
            timestamp_us,
            fields,
        }
    }

    /// The value of the last field with this key.
    pub fn field(&self, key: &str) -> Option<&TagValue> {
        find(&self.fields, key)
    }
}
