//! Questions that the program has to its store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use picojaeger_core::TraceId;

use super::cost::{OPEN_COST, TRACE_COST, process_bytes, span_bytes};
use super::open_spans::{Place, is_open};
use super::tracking::Tracking;
use super::{Client, CollectedSpan, Loss, ParsedBatch, Received, totals};
use crate::collector::decode::DecodeError;
use crate::model::Span;

/// Spans of a trace among which a finished span is looked for when an open copy arrives late.
const LOOK_BACK: usize = 1024;

/// Names in a catalogue: services, and operations of each.
const MAX_NAMES: usize = 1000;

/// Counts of a store.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    pub(crate) revision: u64,
    pub(crate) stats: super::CollectorStats,
    pub(crate) spans: usize,
    pub(crate) traces: usize,
    pub(crate) bytes: usize,
    pub(crate) limit: usize,
    pub(crate) rejection: Option<String>,
}

/// Services with their operations, sorted: at most 1,000 each.
pub(crate) type Catalogue = BTreeMap<String, BTreeSet<String>>;

/// An open span with its arrival in microseconds since 1970.
#[derive(Clone, Debug)]
pub(crate) struct OpenSpan {
    pub(crate) span: CollectedSpan,
    pub(crate) since_us: i64,
}

impl Received {
    /// The store of the program: a finished span takes the place of its open copies, and losses have a time.
    pub(crate) fn of_program(limit: usize) -> Self {
        Self {
            tracking: Some(Box::default()),
            ..Self::with_limit(limit)
        }
    }

    /// A count that changes with each change of the store.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Counts a body that came some other way and is no batch.
    pub(crate) fn reject(&mut self, error: DecodeError) {
        self.count_rejection(error);
    }

    /// Counts the bytes of a batch that came some other way.
    pub(crate) fn count_bytes(&mut self, bytes: usize) {
        self.stats.bytes += bytes as u64;
    }

    /// The counts.
    pub(crate) fn status(&self) -> Status {
        Status {
            revision: self.revision,
            stats: self.stats,
            spans: self.held_spans,
            traces: self.traces.len(),
            bytes: self.held_bytes,
            limit: self.limit,
            rejection: self.last_rejection.as_ref().map(DecodeError::to_string),
        }
    }

    /// The services and operations of all spans held.
    pub(crate) fn catalogue(&self) -> Catalogue {
        let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let held = self.traces.values().flat_map(|held| &held.spans);
        for it in held {
            let (service, operation) = (it.service_name(), it.span.operation_name.as_str());
            if !names.contains_key(service) && names.len() == MAX_NAMES {
                continue;
            }
            let known = names.entry(service).or_default();
            if known.len() < MAX_NAMES {
                known.insert(operation);
            }
        }
        let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect();
        let services = names.into_iter();
        services
            .map(|(service, operations)| (service.to_owned(), owned(operations)))
            .collect()
    }

    /// The open spans, the newest one first, at most `limit`, and how many there are.
    pub(crate) fn open_spans(&self, limit: usize) -> (Vec<OpenSpan>, usize) {
        let Some(tracking) = &self.tracking else {
            return (Vec::new(), 0);
        };
        let mut places: Vec<(TraceId, Place)> = tracking.open.iter().collect();
        places
            .sort_by_key(|(trace, place)| (std::cmp::Reverse(place.since_us), *trace, place.index));
        let open = places.into_iter().filter_map(|(trace, place)| {
            let span = self.traces.get(&trace)?.spans.get(place.index)?.clone();
            Some(OpenSpan {
                span,
                since_us: place.since_us,
            })
        });
        (open.take(limit).collect(), tracking.open.len())
    }

    /// The spans of each trace held, by its id, where they lie.
    pub(crate) fn held(&self) -> impl Iterator<Item = (TraceId, &[CollectedSpan])> {
        let traces = self.traces.iter();
        traces.map(|(&id, held)| (id, held.spans.as_slice()))
    }

    /// The losses that clients reported, the newest one first.
    pub(crate) fn losses(&self) -> Vec<Loss> {
        self.tracking
            .as_ref()
            .map(|it| it.losses.newest_first())
            .unwrap_or_default()
    }

    pub(super) fn note_change(&mut self) {
        self.revision = self.revision.wrapping_add(1);
    }

    pub(super) fn note_client(&mut self, batch: &ParsedBatch<Arc<Span>>) {
        let counts = |client: &Client| totals(client).map(|(_, count)| count);
        let before = self.clients.find(&batch.process).map_or([0; 4], counts);
        let client = self.clients.note(&batch.process, batch.seq_no, batch.stats);
        if let (Some(client), Some(tracking)) = (client, &mut self.tracking) {
            client.last_us = tracking.clock.now_us();
            tracking.losses.note(client.last_us, before, client);
        }
    }

    pub(super) fn note_eviction(&mut self, trace: TraceId, spans: usize) {
        self.held_spans -= spans;
        if let Some(tracking) = &mut self.tracking {
            tracking.open.forget(trace);
        }
    }

    /// Stores a span: in the place of its open copy, if there is one, else behind the others of its trace.
    pub(super) fn insert(&mut self, span: CollectedSpan) {
        let Some(mut tracking) = self.tracking.take() else {
            self.append(span);
            self.held_spans += 1;
            return;
        };
        self.insert_tracked(span, &mut tracking);
        self.tracking = Some(tracking);
    }

    fn insert_tracked(&mut self, span: CollectedSpan, tracking: &mut Tracking) {
        let (trace, id, open) = (span.span.trace_id, span.span.span_id, is_open(&span.span));
        let known = tracking.open.get(trace, id);
        let replaced = known.filter(|place| self.is_at(*place, &span));
        if open && replaced.is_none() && self.is_finished(&span) {
            return;
        }
        let since_us = tracking.clock.now_us();
        let index = match replaced {
            Some(place) => self.replace(place.index, span),
            None => {
                self.held_spans += 1;
                self.append(span).spans.len() - 1
            }
        };
        if let Some(held) = self.traces.get_mut(&trace) {
            held.updated_us = since_us;
        }
        if open {
            let since_us = replaced.map_or(since_us, |place| place.since_us);
            if tracking.open.insert(trace, id, Place { index, since_us }) {
                self.charge(trace, OPEN_COST);
            }
        } else if replaced.is_some() {
            tracking.open.remove(trace, id);
        }
    }

    /// Adds to the memory of a trace.
    fn charge(&mut self, trace: TraceId, bytes: usize) {
        if let Some(held) = self.traces.get_mut(&trace) {
            held.bytes += bytes;
            self.held_bytes += bytes;
        }
    }

    /// Whether a place holds a copy of this span: two services may use one span id.
    fn is_at(&self, place: Place, span: &CollectedSpan) -> bool {
        let held = self.traces.get(&span.span.trace_id);
        let known = held.and_then(|held| held.spans.get(place.index));
        known.is_some_and(|known| known.service_name() == span.service_name())
    }

    /// Whether the finished span of an open copy is among the last ones that arrived: a span that ends as it is copied
    /// may arrive before its copy.
    fn is_finished(&self, open: &CollectedSpan) -> bool {
        let held = self.traces.get(&open.span.trace_id);
        let mut last = held
            .into_iter()
            .flat_map(|held| held.spans.iter().rev().take(LOOK_BACK));
        last.any(|it| {
            it.span.span_id == open.span.span_id && it.service_name() == open.service_name()
        })
    }

    /// Puts a span in the place of another one of its trace, and returns the place.
    fn replace(&mut self, index: usize, span: CollectedSpan) -> usize {
        let Some(held) = self.traces.get_mut(&span.span.trace_id) else {
            return index;
        };
        if let Some(place) = held.spans.get_mut(index) {
            let mut added = span_bytes(&span.span);
            if !Arc::ptr_eq(&place.process, &span.process) {
                added += TRACE_COST + process_bytes(&span.process);
            }
            let removed = span_bytes(&place.span);
            held.bytes = held.bytes + added - removed;
            self.held_bytes = self.held_bytes + added - removed;
            *place = span;
            held.summary = None;
        }
        index
    }
}
