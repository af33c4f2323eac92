//! A summary of each trace, for lists and searches.

use std::cmp::Reverse;
use std::sync::Arc;

use picojaeger_core::{SpanId, tags};

use super::{CollectedSpan, is_open};
use crate::model::{Process, Span, TagValue};

/// Services counted apart in one trace. A search by a service looks at the spans of a trace that has more.
pub(crate) const MAX_SERVICES: usize = 64;

/// A summary of the first spans of a trace; catching up with the others costs time for these only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    /// Spans that were looked at.
    pub(crate) spans: usize,
    pub(crate) errors: usize,
    pub(crate) open: usize,
    pub(crate) start_us: i64,
    pub(crate) end_us: i64,
    pub(crate) services: Vec<ServiceCount>,
    /// Whether there are services that are not in the list.
    pub(crate) has_more_services: bool,
    /// Warnings of the analysis, once it ran.
    pub(crate) warnings: Option<usize>,
    root: Option<CollectedSpan>,
    debug: Option<Arc<Span>>,
}

/// The spans of one service in a trace.
#[derive(Clone, Debug)]
pub(crate) struct ServiceCount {
    pub(crate) process: Arc<Process>,
    pub(crate) spans: usize,
    pub(crate) errors: usize,
}

impl Summary {
    /// Adds the next spans that it has not seen yet, at most `limit`, and returns how many.
    pub(crate) fn catch_up(&mut self, spans: &[CollectedSpan], limit: usize) -> usize {
        let unseen = spans.get(self.spans..).unwrap_or(&[]);
        let next = unseen.get(..limit).unwrap_or(unseen);
        next.iter().for_each(|span| self.add(span));
        if !next.is_empty() {
            self.warnings = None;
        }
        next.len()
    }

    /// The root, or without one the span that starts first.
    pub(crate) fn root(&self) -> Option<&CollectedSpan> {
        self.root.as_ref()
    }

    /// Whether a span without a parent is there.
    pub(crate) fn is_rooted(&self) -> bool {
        self.root
            .as_ref()
            .is_some_and(|it| it.span.parent().is_none())
    }

    /// The duration in microseconds.
    pub(crate) fn duration_us(&self) -> i64 {
        self.end_us.saturating_sub(self.start_us)
    }

    /// The value of the tag `jaeger-debug-id`.
    pub(crate) fn debug_id(&self) -> Option<&str> {
        match self.debug.as_ref()?.tag(tags::JAEGER_DEBUG_ID) {
            Some(TagValue::String(id)) => Some(id),
            _ => None,
        }
    }

    /// The services, those with most spans first, then by name.
    pub(crate) fn sorted_services(&self) -> Vec<&ServiceCount> {
        let mut services: Vec<&ServiceCount> = self.services.iter().collect();
        services.sort_by_key(|it| (Reverse(it.spans), &it.process.service_name));
        services
    }

    /// Whether a span of this service may be there.
    pub(crate) fn may_have_service(&self, name: &str) -> bool {
        let is = |it: &ServiceCount| it.process.service_name == name;
        self.has_more_services || self.services.iter().any(is)
    }

    fn add(&mut self, it: &CollectedSpan) {
        let end_us = end_us(&it.span);
        if self.spans == 0 {
            (self.start_us, self.end_us) = (it.span.start_time_us, end_us);
        }
        self.start_us = self.start_us.min(it.span.start_time_us);
        self.end_us = self.end_us.max(end_us);
        let error = is_error(&it.span);
        self.spans += 1;
        self.errors += usize::from(error);
        self.open += usize::from(is_open(&it.span));
        self.count_service(&it.process, error);
        if rank(&it.span) < self.root.as_ref().map_or(LAST, |root| rank(&root.span)) {
            self.root = Some(it.clone());
        }
        if self.debug.is_none() && it.span.tag(tags::JAEGER_DEBUG_ID).is_some() {
            self.debug = Some(Arc::clone(&it.span));
        }
    }

    fn count_service(&mut self, process: &Arc<Process>, error: bool) {
        let is = |it: &&mut ServiceCount| {
            Arc::ptr_eq(&it.process, process) || it.process.service_name == process.service_name
        };
        if let Some(known) = self.services.iter_mut().find(is) {
            known.spans += 1;
            known.errors += usize::from(error);
        } else if self.services.len() < MAX_SERVICES {
            self.services.push(ServiceCount {
                process: Arc::clone(process),
                spans: 1,
                errors: usize::from(error),
            });
        } else {
            self.has_more_services = true;
        }
    }
}

type Rank = (bool, i64, SpanId);
const LAST: Rank = (true, i64::MAX, SpanId::new(u64::MAX));

/// Order of the candidates for a root: without a parent, then by start, then by id.
fn rank(span: &Span) -> Rank {
    (span.parent().is_some(), span.start_time_us, span.span_id)
}

/// Returns the end of a span; one of negative duration ends as it starts.
pub(crate) fn end_us(span: &Span) -> i64 {
    span.start_time_us.saturating_add(span.duration_us.max(0))
}

/// Returns whether a span is marked as failed, as Jaeger's page decides.
pub(crate) fn is_error(span: &Span) -> bool {
    match span.tag("error") {
        Some(TagValue::Bool(error)) => *error,
        Some(TagValue::String(text)) => text == "true",
        _ => false,
    }
}
