//! Questions that the program has to its store.

use std::sync::Arc;

use picojaeger_core::TraceId;

use super::cost::{CALL_COST, OPEN_COST};
use super::held_trace::{HeldTrace, SpanKind};
use super::names::{Catalogued, ServiceTotal};
use super::open_spans::Place;
use super::tracking::Tracking;
use super::{Client, CollectedSpan, Loss, ParsedBatch, Received, totals};
use crate::collector::decode::DecodeError;
use crate::model::Span;

/// Spans of a trace among which a finished span is looked for when an open copy arrives late.
const LOOK_BACK: usize = 1024;

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

    /// Counts a body that came some other way and is no batch, or spans of one that is.
    pub(crate) fn reject(&mut self, count: u64, error: DecodeError) {
        self.count_rejections(count, error);
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

    /// Lists the next services with their operations, and returns whether there are more.
    pub(crate) fn list_some(&self, list: &mut Vec<Catalogued>) -> bool {
        self.tracking
            .as_ref()
            .is_some_and(|it| it.names.list_some(list))
    }

    /// Returns the counts of each service, by name.
    pub(crate) fn service_totals(&self) -> Vec<ServiceTotal> {
        self.tracking
            .as_ref()
            .map(|it| it.names.totals())
            .unwrap_or_default()
    }

    /// The open spans, the newest one first, at most `limit`, and how many there are.
    pub(crate) fn open_spans(&self, limit: usize) -> (Vec<OpenSpan>, usize) {
        let Some(tracking) = &self.tracking else {
            return (Vec::new(), 0);
        };
        let open = tracking.open.newest_first().filter_map(|(trace, place)| {
            let span = self.traces.get(&trace)?.spans.get(place.index)?.clone();
            Some(OpenSpan {
                span,
                since_us: place.since_us,
            })
        });
        (open.take(limit).collect(), tracking.open.len())
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
        let Some(tracking) = &mut self.tracking else {
            return;
        };
        tracking.now_us = tracking.clock.now_us();
        if let Some(client) = client {
            client.last_us = tracking.now_us;
            tracking.losses.note(client.last_us, before, client);
        }
    }

    pub(super) fn note_eviction(&mut self, trace: TraceId, held: &HeldTrace) {
        self.held_spans -= held.spans.len();
        if let Some(tracking) = &mut self.tracking {
            tracking.open.forget(trace);
        }
    }

    pub(super) fn note_freed(&mut self, span: &CollectedSpan) {
        if let Some(tracking) = &mut self.tracking {
            let before = tracking.names.bytes();
            tracking.names.remove(span);
            self.held_bytes -= before - tracking.names.bytes();
        }
    }

    /// Stores a span: in the place of its open copy, if there is one, else behind the others of its trace.
    pub(super) fn insert(&mut self, span: CollectedSpan) {
        let Some(mut tracking) = self.tracking.take() else {
            self.append(span, 0);
            self.held_spans += 1;
            return;
        };
        self.insert_tracked(span, &mut tracking);
        self.tracking = Some(tracking);
    }

    fn insert_tracked(&mut self, span: CollectedSpan, tracking: &mut Tracking) {
        let (trace, id, kind) = (span.span.trace_id, span.span.span_id, SpanKind::of(&span));
        let known = tracking.open.get(trace, id);
        let replaced = known.filter(|place| self.is_at(*place, &span));
        if kind.is_open && replaced.is_none() && self.is_finished(&span) {
            return;
        }
        let (number, since_us) = (self.stats.spans, tracking.now_us);
        let place = replaced.unwrap_or(Place {
            index: 0,
            since_us,
            number,
        });
        let names = tracking.names.bytes();
        tracking.names.add(&span);
        let index = match replaced {
            Some(place) => self.replace(place.index, span, kind, tracking),
            None => self.append_tracked(span, kind, since_us),
        };
        self.held_bytes = self.held_bytes + tracking.names.bytes() - names;
        if kind.is_open {
            if tracking.open.insert(trace, id, Place { index, ..place }) {
                self.charge(trace, OPEN_COST as isize);
            }
        } else if replaced.is_some() && tracking.open.remove(trace, id) {
            self.charge(trace, -(OPEN_COST as isize));
        }
    }

    /// Appends a span, and returns its place.
    fn append_tracked(&mut self, span: CollectedSpan, kind: SpanKind, time_us: i64) -> usize {
        self.held_spans += 1;
        let version = self.stats.spans;
        let held = self.append(span, CALL_COST);
        held.note(version, time_us, kind);
        held.spans.len() - 1
    }

    /// Adds to the memory of a trace.
    fn charge(&mut self, trace: TraceId, bytes: isize) {
        if let Some(held) = self.traces.get_mut(&trace) {
            held.bytes = held.bytes.saturating_add_signed(bytes);
            self.held_bytes = self.held_bytes.saturating_add_signed(bytes);
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
    fn replace(
        &mut self,
        index: usize,
        span: CollectedSpan,
        kind: SpanKind,
        tracking: &mut Tracking,
    ) -> usize {
        let version = self.stats.spans;
        let Some(held) = self.traces.get_mut(&span.span.trace_id) else {
            return index;
        };
        if let Some((replaced, before)) = held.replace(index, span) {
            held.note(version, tracking.now_us, kind);
            self.held_bytes = self.held_bytes + held.bytes - before;
            tracking.names.remove(&replaced);
        }
        index
    }
}
