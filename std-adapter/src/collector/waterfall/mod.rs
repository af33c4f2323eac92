//! A trace and its picture: the tree of spans with their times, tags and logs, as plain text.

#[cfg(feature = "collector")]
mod coloured;
#[cfg(feature = "collector")]
mod colours;
mod layout;
mod row;
#[cfg(test)]
mod tests;
pub(crate) mod text;

use std::fmt::{self, Display};

use picojaeger_core::TraceId;

use super::store::CollectedSpan;
use layout::{TimeLine, tree};
use row::{Row, write_rows};
use text::Micros;

/// Width of a bar unless the format string gives one.
const DEFAULT_BAR: usize = 40;

/// The spans of one trace. Printing it gives a waterfall.
///
/// Each span takes a line: service and operation, indented under its parent; start, counted from
/// the start of the trace; duration; a bar on the time line. The width of the bar is the width in
/// the format string, 40 by default. Below stand tags and logs, these with their offset from the
/// start of the span. Siblings are sorted by start, then by span id. A span whose parent is not
/// there stands at the top with a note, and so does one of a cycle. Control characters are escaped
/// and long values cut.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use picojaeger_std::collector::{CollectedSpan, Trace};
/// use picojaeger_std::model::{Log, Process, Span, Tag, TagValue};
///
/// let event = Tag::new("event", TagValue::String("cache miss".into()));
/// let mut root = Span::new(0x2a, 1, "GET /");
/// root.duration_us = 2_000;
/// root.tags.push(Tag::new("http.status_code", TagValue::Long(200)));
/// let mut child = Span::new(0x2a, 2, "query");
/// (child.start_time_us, child.duration_us) = (500, 750);
/// child.parent_span_id = root.span_id;
/// child.logs.push(Log::new(520, vec![event]));
///
/// let process = Arc::new(Process::new("shop"));
/// let spans = [root, child].map(|span| CollectedSpan::new(Arc::clone(&process), span));
/// let trace = Trace::new(0x2a, spans.to_vec());
/// assert_eq!(format!("{trace:16}"), "\
/// trace 000000000000002a: 2 spans, 2ms
/// shop: GET /      0us    2ms |================|
///     http.status_code=200
///   shop: query  500us  750us |    ======      |
///       +20us event=\"cache miss\"
/// ");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    trace_id: TraceId,
    spans: Vec<CollectedSpan>,
}

impl Trace {
    /// A trace of these spans; their own trace ids are not checked.
    pub fn new(trace_id: impl Into<TraceId>, spans: Vec<CollectedSpan>) -> Self {
        Self {
            trace_id: trace_id.into(),
            spans,
        }
    }

    /// The trace id.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The spans, in the order of arrival.
    pub fn spans(&self) -> &[CollectedSpan] {
        &self.spans
    }

    /// The first span with this operation name.
    pub fn span(&self, operation_name: &str) -> Option<&CollectedSpan> {
        self.spans
            .iter()
            .find(|collected| collected.span.operation_name == operation_name)
    }
}

impl Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = TimeLine::of(&self.spans, f.width().unwrap_or(DEFAULT_BAR).max(1));
        let plural = if self.spans.len() == 1 { "" } else { "s" };
        writeln!(
            f,
            "trace {}: {} span{plural}, {}",
            self.trace_id,
            self.spans.len(),
            Micros(time.total)
        )?;
        let places = tree(&self.spans).into_iter();
        let rows: Vec<Row> = places.map(|place| Row::new(place, &time)).collect();
        write_rows(f, &rows)
    }
}
