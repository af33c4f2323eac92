//! Questions that look at much of the store: a part at a time, so that arrivals wait for a part only.

use std::ops::Bound;
use std::sync::Arc;

use picojaeger_core::TraceId;

use super::search::{Matches, PART};
use super::{Catalogued, CollectedSpan, FoundTrace, Received, Search};
use crate::collector::analysis::{Call, calls};
use crate::collector::{Inbox, Trace};

/// The traces that a search found.
#[derive(Debug)]
pub(crate) struct Found {
    /// The revision at the begin of the search: a later arrival differs from it.
    pub(crate) revision: u64,
    pub(crate) matched: usize,
    /// The newest ones by start, up to the limit.
    pub(crate) traces: Vec<FoundTrace>,
}

/// A trace that is held, for a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceState {
    pub(crate) id: TraceId,
    /// The number of its last arrival.
    pub(crate) version: u64,
    /// Whether a root that has ended is there.
    pub(crate) is_rooted: bool,
}

/// The spans of a trace that were shared so far.
#[derive(Default)]
struct Shared {
    spans: Vec<CollectedSpan>,
    version: u64,
}

/// The calls of the traces that were looked at.
struct KnownCalls {
    next: Bound<TraceId>,
    calls: Vec<Arc<[Call]>>,
    /// Traces whose calls are to be found out.
    unknown: Vec<TraceId>,
}

impl Inbox {
    /// Runs `part` under the lock until it returns false.
    fn in_parts(&self, mut part: impl FnMut(&mut Received) -> bool) {
        // The lock ends with the condition.
        while part(&mut self.lock()) {
            std::thread::yield_now();
        }
    }

    /// Returns the spans of one trace that arrived so far.
    pub(crate) fn trace(&self, id: TraceId) -> Option<Trace> {
        Some(Trace::new(id, self.share(id)?.spans))
    }

    /// Returns the traces that are held, in the order of arrival.
    pub(crate) fn ids(&self) -> Vec<TraceId> {
        self.lock().arrival.iter().copied().collect()
    }

    /// Returns each service with its operations.
    pub(crate) fn catalogue(&self) -> Vec<Catalogued> {
        let mut list = Vec::new();
        self.in_parts(|received| received.list_some(&mut list));
        list
    }

    /// Returns the state of each trace that is held.
    pub(crate) fn states(&self) -> Vec<TraceState> {
        let mut states = Vec::new();
        self.in_parts(|received| received.states_some(&mut states));
        states
    }

    /// Runs a search.
    pub(crate) fn search(&self, search: &Search) -> Found {
        let revision = self.lock().revision();
        let mut matches = Matches::default();
        self.in_parts(|received| received.search_some(search, &mut matches));
        let (matched, ids) = matches.newest(search.limit);
        let found = ids.into_iter().filter_map(|id| self.lock().found(id));
        Found {
            revision,
            matched,
            traces: found.collect(),
        }
    }

    /// Returns the calls between services, trace by trace.
    pub(crate) fn calls(&self) -> Vec<Arc<[Call]>> {
        let mut known = KnownCalls {
            next: Bound::Unbounded,
            calls: Vec::new(),
            unknown: Vec::new(),
        };
        self.in_parts(|received| received.calls_some(&mut known));
        let unknown = known.unknown.into_iter();
        known
            .calls
            .extend(unknown.filter_map(|id| self.find_calls(id)));
        known.calls
    }

    /// Finds out the calls of a trace, and keeps them for the next question.
    fn find_calls(&self, id: TraceId) -> Option<Arc<[Call]>> {
        let shared = self.share(id)?;
        let calls = calls(&shared.spans);
        self.lock().keep_calls(id, shared.version, &calls);
        Some(calls)
    }

    fn share(&self, id: TraceId) -> Option<Shared> {
        let mut shared = Some(Shared::default());
        self.in_parts(|received| {
            let more = shared.as_mut().and_then(|it| received.share_some(id, it));
            if more.is_none() {
                shared = None;
            }
            more == Some(true)
        });
        shared
    }
}

impl Received {
    /// Shares the next spans of a trace, and returns whether there are more; none if the trace has left.
    fn share_some(&self, id: TraceId, shared: &mut Shared) -> Option<bool> {
        let held = self.traces.get(&id)?;
        if shared.spans.is_empty() {
            shared.version = held.known.version;
            shared.spans.reserve_exact(held.spans.len());
        }
        let rest = held.spans.get(shared.spans.len()..)?;
        let some = rest.get(..PART).unwrap_or(rest);
        shared.spans.extend_from_slice(some);
        Some(some.len() < rest.len())
    }

    fn states_some(&self, states: &mut Vec<TraceState>) -> bool {
        let next = states
            .last()
            .map_or(Bound::Unbounded, |it| Bound::Excluded(it.id));
        let before = states.len();
        let held = self.traces.range((next, Bound::Unbounded)).take(PART);
        states.extend(held.map(|(&id, held)| TraceState {
            id,
            version: held.known.version,
            is_rooted: held.known.is_rooted,
        }));
        states.len() - before == PART
    }

    fn calls_some(&self, known: &mut KnownCalls) -> bool {
        let held = self.traces.range((known.next, Bound::Unbounded));
        let mut left = PART;
        for (&id, held) in held.take(PART) {
            match &held.known.calls {
                Some(calls) => known.calls.push(Arc::clone(calls)),
                None => known.unknown.push(id),
            }
            known.next = Bound::Excluded(id);
            left -= 1;
        }
        left == 0
    }

    fn keep_calls(&mut self, id: TraceId, version: u64, calls: &Arc<[Call]>) {
        let held = self.traces.get_mut(&id);
        if let Some(held) = held.filter(|held| held.known.version == version) {
            held.known.calls = Some(Arc::clone(calls));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector::store::WantedTag;
    use crate::model::{Batch, Process, Span, Tag};

    const SPANS: usize = 3 * PART + 7;

    /// A store with one trace, the last span of which has a tag.
    fn one_large_trace() -> Inbox {
        let inbox = Inbox::of_program(1 << 30);
        let mut batch = Batch::new(Process::new("shop"));
        let spans = (1..=SPANS as u64).map(|id| Span::new(1, id, "work"));
        batch.spans.extend(spans);
        let last = batch.spans.last_mut().unwrap();
        last.tags.push(Tag::new("last", true));
        inbox.store(batch);
        inbox
    }

    fn parts(inbox: &Inbox, search: &Search) -> (usize, usize) {
        let (mut parts, mut matches) = (1, Matches::default());
        while inbox.lock().search_some(search, &mut matches) {
            parts += 1;
        }
        (parts, matches.newest(10).0)
    }

    #[test]
    fn a_search_through_a_large_trace_lets_go_of_the_store_in_between() {
        let inbox = one_large_trace();
        let of_tag = |value| Search {
            tags: vec![WantedTag::new("last", value)],
            ..Search::default()
        };
        // Once for the summary, and once for the tags.
        assert_eq!(parts(&inbox, &of_tag("true")), (7, 1));
        assert_eq!(parts(&inbox, &of_tag("true")), (4, 1));
        assert_eq!(parts(&inbox, &of_tag("false")), (4, 0));
        assert_eq!(parts(&inbox, &Search::default()), (1, 1));
    }

    #[test]
    fn a_large_batch_is_one_batch_whose_parts_are_changes() {
        let inbox = one_large_trace();
        let status = inbox.lock().status();
        let stats = status.stats;
        assert_eq!((stats.batches, stats.spans), (1, SPANS as u64));
        assert_eq!(status.revision, 4);
    }

    #[test]
    fn a_large_trace_is_shared_in_parts_and_whole() {
        let inbox = one_large_trace();
        let mut shared = Shared::default();
        let id = TraceId::from(1);
        assert_eq!(inbox.lock().share_some(id, &mut shared), Some(true));
        assert_eq!(shared.spans.len(), PART);
        let trace = inbox.trace(id).unwrap();
        let ids = trace.spans().iter().map(|it| it.span.span_id.get());
        assert!(ids.eq(1..=SPANS as u64));
        // It has left before the next part.
        *inbox.lock() = Received::of_program(1 << 20);
        assert_eq!(inbox.lock().share_some(id, &mut shared), None);
        assert!(inbox.trace(id).is_none());
    }

    #[test]
    fn lists_of_more_names_and_traces_than_a_part_are_whole() {
        let inbox = Inbox::of_program(1 << 30);
        for service in 0..50 {
            let mut batch = Batch::new(Process::new(format!("service-{service:02}")));
            let spans = (1..=100).map(|n| Span::new(service * 1000 + n, 1, format!("op-{n:03}")));
            batch.spans.extend(spans);
            inbox.store(batch);
        }
        let catalogue = inbox.catalogue();
        assert_eq!(catalogue.len(), 50);
        assert!(catalogue.is_sorted_by_key(|it| it.name.clone()));
        assert!(catalogue.iter().all(|it| it.operations.len() == 100));
        assert_eq!(inbox.states().len(), 5000);
        assert_eq!(inbox.ids().len(), 5000);
        assert_eq!(inbox.calls().len(), 5000);
        assert_eq!(inbox.search(&Search::default()).matched, 5000);
    }
}
