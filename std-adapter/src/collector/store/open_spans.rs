//! The spans that arrived unfinished.

use std::collections::BTreeMap;

use picojaeger_core::{SpanId, TraceId, tags};

use crate::model::{Span, TagValue};

/// Returns whether a span was sent before it finished.
pub(crate) fn is_open(span: &Span) -> bool {
    span.tag(tags::UNFINISHED) == Some(&TagValue::Bool(true))
}

/// The place of an open span in its trace, and its arrival.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) index: usize,
    pub(super) since_us: i64,
}

/// The open spans of all traces that are held.
#[derive(Debug, Default)]
pub(super) struct OpenSpans(BTreeMap<(TraceId, SpanId), Place>);

impl OpenSpans {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (TraceId, Place)> {
        self.0.iter().map(|(&(trace, _), &place)| (trace, place))
    }

    pub(super) fn get(&self, trace: TraceId, span: SpanId) -> Option<Place> {
        self.0.get(&(trace, span)).copied()
    }

    /// Sets the place of an open span, and returns whether it is a new one.
    pub(super) fn insert(&mut self, trace: TraceId, span: SpanId, place: Place) -> bool {
        self.0.insert((trace, span), place).is_none()
    }

    pub(super) fn remove(&mut self, trace: TraceId, span: SpanId) {
        self.0.remove(&(trace, span));
    }

    /// Forgets the open spans of a trace that leaves.
    pub(super) fn forget(&mut self, trace: TraceId) {
        let range = (trace, SpanId::new(0))..=(trace, SpanId::new(u64::MAX));
        let leaving: Vec<SpanId> = self.0.range(range).map(|(&(_, span), _)| span).collect();
        for span in leaving {
            self.0.remove(&(trace, span));
        }
    }
}
