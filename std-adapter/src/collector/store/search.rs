//! Search over the traces of the store.

use std::cmp::Reverse;
use std::ops::Bound;
use std::sync::Arc;

use picojaeger_core::TraceId;

use super::held_trace::HeldTrace;
use super::{CollectedSpan, Received, Summary};
use crate::model::{Tag, TagValue};

/// Conditions for a trace to be found. Service, operation and tags must be those of one span.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    pub(crate) service: Option<String>,
    pub(crate) operation: Option<String>,
    pub(crate) tags: Vec<WantedTag>,
    /// Least and greatest duration of the trace, in microseconds.
    pub(crate) min_us: Option<i64>,
    pub(crate) max_us: Option<i64>,
    /// Range of the start, in microseconds since 1970.
    pub(crate) start_us: Option<i64>,
    pub(crate) end_us: Option<i64>,
    pub(crate) debug_id: Option<String>,
    pub(crate) limit: usize,
}

/// A tag that a span, its process or one of its logs must have, with the value as text.
#[derive(Clone, Debug)]
pub(crate) struct WantedTag {
    key: String,
    text: String,
    integer: Option<i64>,
    float: Option<f64>,
}

/// Spans after which a search lets others have the store.
const SPANS_AT_ONCE: usize = 2000;

/// The traces that match so far.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    traces: Vec<(Reverse<i64>, TraceId)>,
    last: Option<TraceId>,
}

/// The traces that a search found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) matched: usize,
    /// The newest ones by start, up to the limit.
    pub(crate) traces: Vec<FoundTrace>,
}

/// A trace that was found.
#[derive(Debug)]
pub(crate) struct FoundTrace {
    pub(crate) id: TraceId,
    pub(crate) updated_us: i64,
    pub(crate) summary: Arc<Summary>,
    /// The spans, where their warnings are not known yet.
    pub(crate) uncounted: Option<Vec<CollectedSpan>>,
}

impl Received {
    /// Searches the next traces, up to a number of spans, so that arrivals need not wait for the whole search; returns
    /// whether there are more. Spans are looked at only where a search names an operation or a tag, in the traces that
    /// match else. What arrived since the last search is summarised.
    pub(crate) fn search_some(&mut self, search: &Search, matches: &mut Matches) -> bool {
        let from = matches.last.map_or(Bound::Unbounded, Bound::Excluded);
        let mut spans = 0;
        for (&id, held) in self.traces.range_mut((from, Bound::Unbounded)) {
            let summary = held.summarise();
            if search.matches_summary(&summary) && search.matches_spans(held) {
                matches.traces.push((Reverse(summary.start_us), id));
            }
            matches.last = Some(id);
            spans += held.spans.len();
            if spans >= SPANS_AT_ONCE {
                return true;
            }
        }
        false
    }

    /// Returns the newest ones of the matches that are still held, up to the limit.
    pub(crate) fn collect(&self, search: &Search, matches: Matches) -> Found {
        let mut matching = matches.traces;
        let matched = matching.len();
        if matched > search.limit {
            matching.select_nth_unstable(search.limit);
            matching.truncate(search.limit);
        }
        matching.sort_unstable();
        let traces = matching.into_iter().filter_map(|(_, id)| self.found(id));
        Found {
            matched,
            traces: traces.collect(),
        }
    }

    /// Keeps the number of a trace's warnings for later searches, if the trace has not changed since.
    pub(crate) fn keep_warnings(&mut self, found: &FoundTrace, count: usize) {
        if let Some(held) = self.traces.get_mut(&found.id)
            && let Some(summary) = &mut held.summary
            && summary.spans == found.summary.spans
            && held.updated_us == found.updated_us
        {
            Arc::make_mut(summary).warnings = Some(count);
        }
    }

    fn found(&self, id: TraceId) -> Option<FoundTrace> {
        let held = self.traces.get(&id)?;
        let summary = Arc::clone(held.summary.as_ref()?);
        let uncounted = summary.warnings.is_none().then(|| held.spans.clone());
        Some(FoundTrace {
            id,
            updated_us: held.updated_us,
            summary,
            uncounted,
        })
    }
}

impl HeldTrace {
    /// Returns the summary of all spans.
    fn summarise(&mut self) -> Arc<Summary> {
        let summary = self.summary.get_or_insert_default();
        if summary.spans < self.spans.len() {
            Arc::make_mut(summary).catch_up(&self.spans);
        }
        Arc::clone(summary)
    }
}

impl Search {
    fn matches_summary(&self, summary: &Summary) -> bool {
        let duration = summary.duration_us();
        self.min_us.is_none_or(|min| duration >= min)
            && self.max_us.is_none_or(|max| duration <= max)
            && self.start_us.is_none_or(|start| summary.start_us >= start)
            && self.end_us.is_none_or(|end| summary.start_us <= end)
            && self
                .service
                .as_ref()
                .is_none_or(|name| summary.may_have_service(name))
            && self
                .debug_id
                .as_ref()
                .is_none_or(|id| summary.debug_id() == Some(id))
            && summary.spans > 0
    }

    fn matches_spans(&self, held: &HeldTrace) -> bool {
        let by_summary = self.operation.is_none() && self.tags.is_empty();
        let is_complete = || {
            held.summary
                .as_ref()
                .is_some_and(|it| !it.has_more_services)
        };
        if by_summary && (self.service.is_none() || is_complete()) {
            return true;
        }
        held.spans.iter().any(|it| self.matches_span(it))
    }

    fn matches_span(&self, it: &CollectedSpan) -> bool {
        let same = |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|w| w == name);
        same(&self.service, it.service_name())
            && same(&self.operation, &it.span.operation_name)
            && self.tags.iter().all(|tag| tag.is_of(it))
    }
}

impl WantedTag {
    pub(crate) fn new(key: &str, value: &str) -> Self {
        Self {
            key: key.to_owned(),
            text: value.to_owned(),
            integer: value.parse().ok(),
            float: value.parse().ok(),
        }
    }

    fn is_of(&self, it: &CollectedSpan) -> bool {
        let among = |tags: &[Tag]| tags.iter().any(|tag| self.is(tag));
        among(&it.span.tags)
            || among(&it.process.tags)
            || it.span.logs.iter().any(|log| among(&log.fields))
    }

    fn is(&self, tag: &Tag) -> bool {
        tag.key == self.key
            && match &tag.value {
                TagValue::String(text) => *text == self.text,
                TagValue::Bool(value) => self.text == if *value { "true" } else { "false" },
                TagValue::Long(value) => self.integer == Some(*value),
                TagValue::Double(value) => self.float == Some(*value),
                TagValue::Binary(bytes) => is_hex(&self.text, bytes),
            }
    }
}

/// Whether a text is bytes in hexadecimal.
fn is_hex(text: &str, bytes: &[u8]) -> bool {
    let mut digits = text.chars().map(|c| c.to_digit(16));
    let mut pairs = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    text.len() == 2 * bytes.len() && pairs.all(|digit| digits.next() == Some(Some(digit.into())))
}
