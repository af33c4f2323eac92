//! Search over the traces of the store.

use std::cmp::Reverse;
use std::ops::Bound;
use std::sync::Arc;

use picojaeger_core::TraceId;

use super::held_trace::HeldTrace;
use super::{CollectedSpan, Received, Summary};
use crate::model::{Tag, TagValue};

/// Spans, or traces, after which a search lets others have the store.
pub(super) const PART: usize = 2000;

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

/// The traces that match so far.
#[derive(Debug)]
pub(super) struct Matches {
    traces: Vec<(Reverse<i64>, TraceId)>,
    next: Bound<TraceId>,
    /// Spans of the next trace that do not match.
    unmatched: usize,
}

impl Default for Matches {
    fn default() -> Self {
        Self {
            traces: Vec::new(),
            next: Bound::Unbounded,
            unmatched: 0,
        }
    }
}

/// The result of a look at a trace.
enum Look {
    /// It matches, and has this start.
    Match(i64),
    NoMatch,
    /// There was no time for all spans; so many do not match.
    Later(usize),
}

/// A trace that was found.
#[derive(Debug)]
pub(crate) struct FoundTrace {
    pub(crate) id: TraceId,
    pub(crate) updated_us: i64,
    pub(crate) summary: Arc<Summary>,
    /// What the summary is of, for [`Received::keep_warnings`].
    pub(crate) version: u64,
}

impl Matches {
    /// Returns how many traces match, and the newest ones by start, up to a limit.
    pub(super) fn newest(self, limit: usize) -> (usize, Vec<TraceId>) {
        let mut traces = self.traces;
        let matched = traces.len();
        if matched > limit {
            traces.select_nth_unstable(limit);
            traces.truncate(limit);
        }
        traces.sort_unstable();
        (matched, traces.into_iter().map(|(_, id)| id).collect())
    }
}

impl Received {
    /// Searches the next traces, up to a number of spans, so that arrivals need not wait for the whole search; returns
    /// whether there are more. Spans are looked at only where a search names an operation or a tag, in the traces that
    /// match else. What arrived since the last search is summarised.
    pub(super) fn search_some(&mut self, search: &Search, matches: &mut Matches) -> bool {
        let mut left = PART;
        for (&id, held) in self.traces.range_mut((matches.next, Bound::Unbounded)) {
            let is_begun = matches.next == Bound::Included(id);
            let unmatched = if is_begun { matches.unmatched } else { 0 };
            matches.next = Bound::Included(id);
            match held.look(search, unmatched, &mut left) {
                Look::Match(start_us) => matches.traces.push((Reverse(start_us), id)),
                Look::NoMatch => {}
                Look::Later(unmatched) => {
                    matches.unmatched = unmatched;
                    return true;
                }
            }
            matches.unmatched = 0;
        }
        false
    }

    /// Keeps the number of a trace's warnings for later searches, if the trace has not changed since.
    pub(crate) fn keep_warnings(&mut self, found: &FoundTrace, count: usize) {
        if let Some(held) = self.traces.get_mut(&found.id)
            && held.known.version == found.version
            && let Some(summary) = &mut held.known.summary
        {
            Arc::make_mut(summary).warnings = Some(count);
        }
    }

    /// Returns a trace with its summary, if it is still held.
    pub(crate) fn found(&self, id: TraceId) -> Option<FoundTrace> {
        let held = self.traces.get(&id)?;
        Some(FoundTrace {
            id,
            updated_us: held.known.updated_us,
            summary: Arc::clone(held.known.summary.as_ref()?),
            version: held.known.version,
        })
    }
}

impl HeldTrace {
    /// Summarises new spans, and compares with a search; takes the cost from what is `left`.
    fn look(&mut self, search: &Search, unmatched: usize, left: &mut usize) -> Look {
        *left = left.saturating_sub(1);
        let summary = self.known.summary.get_or_insert_default();
        if summary.spans < self.spans.len() {
            *left -= Arc::make_mut(summary).catch_up(&self.spans, *left);
        }
        if *left == 0 {
            return Look::Later(unmatched);
        }
        if !search.matches_summary(summary) {
            return Look::NoMatch;
        }
        let is_match = Look::Match(summary.start_us);
        if !search.needs_spans(summary) {
            return is_match;
        }
        let rest = self.spans.get(unmatched..).unwrap_or(&[]);
        let some = rest.get(..*left).unwrap_or(rest);
        *left -= some.len();
        if some.iter().any(|it| search.matches_span(it)) {
            is_match
        } else if some.len() < rest.len() {
            Look::Later(unmatched + some.len())
        } else {
            Look::NoMatch
        }
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

    /// Whether the summary does not tell if a trace matches.
    fn needs_spans(&self, summary: &Summary) -> bool {
        let is_of_span = self.operation.is_some() || !self.tags.is_empty();
        is_of_span || self.service.is_some() && summary.has_more_services
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
