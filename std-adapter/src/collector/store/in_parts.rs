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
