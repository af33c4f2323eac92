//! Batches, processes, and the account that clients give of themselves.

use super::tag::find;
use super::{Span, Tag, TagValue};

/// A batch of spans from one process: the argument of the agent's `emitBatch` call.
///
/// # Examples
#[cfg_attr(feature = "receiver", doc = "```")]
#[cfg_attr(not(feature = "receiver"), doc = "```ignore")]
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
#[non_exhaustive]
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
    pub const fn new(process: Process) -> Self {
        Self {
            process,
            spans: Vec::new(),
            seq_no: None,
            stats: None,
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
#[non_exhaustive]
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

    /// The tag `client-uuid`, which distinguishes the tracers of one service.
    pub fn client_uuid(&self) -> Option<&str> {
        match find(&self.tags, "client-uuid") {
            Some(TagValue::String(uuid)) => Some(uuid),
            _ => None,
        }
    }
}

/// A client's own count of the spans that it lost since it began.
///
/// # Examples
/// ```
/// use picojaeger_std::model::ClientStats;
///
/// assert_eq!(ClientStats::new(2, 0, 5).failed_to_emit_spans, 5);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientStats {
    /// Spans dropped since a queue was full.
    pub full_queue_dropped_spans: i64,
    /// Spans dropped since one alone exceeded the packet limit.
    pub too_large_dropped_spans: i64,
    /// Spans of batches that could not be sent.
    pub failed_to_emit_spans: i64,
}

impl ClientStats {
    /// The account of spans lost to a full queue, to the packet limit, and in batches not sent.
    pub const fn new(full_queue: i64, too_large: i64, failed_to_emit: i64) -> Self {
        Self {
            full_queue_dropped_spans: full_queue,
            too_large_dropped_spans: too_large,
            failed_to_emit_spans: failed_to_emit,
        }
    }
}
