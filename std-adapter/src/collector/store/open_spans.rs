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
    /// The number of its arrival among all spans.
    pub(super) number: u64,
}

/// The open spans of all traces that are held.
#[derive(Debug, Default)]
pub(super) struct OpenSpans {
    places: BTreeMap<(TraceId, SpanId), Place>,
    /// By arrival: clocks may be set back, and a list of the newest ones must not look at all.
    arrivals: BTreeMap<u64, (TraceId, SpanId)>,
}

impl OpenSpans {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns the traces and places, the newest one first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = (TraceId, Place)> {
        let keys = self.arrivals.values().rev();
        keys.filter_map(|key| Some((key.0, *self.places.get(key)?)))
    }

    pub(super) fn get(&self, trace: TraceId, span: SpanId) -> Option<Place> {
        self.places.get(&(trace, span)).copied()
    }

    /// Sets the place of an open span, and returns whether it is a new one.
    pub(super) fn insert(&mut self, trace: TraceId, span: SpanId, place: Place) -> bool {
        self.arrivals.insert(place.number, (trace, span));
        let known = self.places.insert((trace, span), place);
        if let Some(known) = known.filter(|known| known.number != place.number) {
            self.arrivals.remove(&known.number);
        }
        known.is_none()
    }

    /// Removes an open span, and returns whether it was there.
    pub(super) fn remove(&mut self, trace: TraceId, span: SpanId) -> bool {
        let known = self.places.remove(&(trace, span));
        if let Some(known) = known {
            self.arrivals.remove(&known.number);
        }
        known.is_some()
    }

    /// Forgets the open spans of a trace that leaves.
    pub(super) fn forget(&mut self, trace: TraceId) {
        let range = (trace, SpanId::new(0))..=(trace, SpanId::new(u64::MAX));
        let leaving: Vec<SpanId> = self
            .places
            .range(range)
            .map(|(&(_, span), _)| span)
            .collect();
        for span in leaving {
            self.remove(trace, span);
        }
    }
}
