//! The calls between services, from spans whose parent is another service's.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use picojaeger_core::SpanId;

use crate::collector::CollectedSpan;
use crate::collector::store::is_error;
use crate::model::Process;

/// Pairs of services in a map: those with most calls.
const MAX_PAIRS: usize = 1000;

/// A span that another service than its own caused.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    caller: Arc<Process>,
    callee: Arc<Process>,
    duration_us: i64,
    failed: bool,
}

/// Returns the calls within a trace. Of several spans with one id, the first is the parent.
pub(crate) fn calls(spans: &[CollectedSpan]) -> Arc<[Call]> {
    let mut by_id: HashMap<SpanId, &CollectedSpan> = HashMap::with_capacity(spans.len());
    for it in spans {
        by_id.entry(it.span.span_id).or_insert(it);
    }
    let call = |it: &CollectedSpan| {
        let caller = by_id.get(&it.span.parent()?)?;
        (caller.service_name() != it.service_name()).then(|| Call {
            caller: Arc::clone(&caller.process),
            callee: Arc::clone(&it.process),
            duration_us: it.span.duration_us.max(0),
            failed: is_error(&it.span),
        })
    };
    spans.iter().filter_map(call).collect()
}

/// The calls of all traces, by caller and callee.
#[derive(Debug, Default)]
pub(crate) struct CallMap<'a>(HashMap<(&'a str, &'a str), Pair>);

/// The calls of one service by another one.
#[derive(Debug, Default)]
pub(crate) struct Pair {
    pub(crate) errors: usize,
    durations_us: Vec<i64>,
}

impl Pair {
    /// The number of calls.
    pub(crate) fn count(&self) -> usize {
        self.durations_us.len()
    }

    /// The median of the durations, in microseconds.
    pub(crate) fn median_us(&mut self) -> i64 {
        let middle = self.durations_us.len() / 2;
        match self.durations_us.is_empty() {
            true => 0,
            false => *self.durations_us.select_nth_unstable(middle).1,
        }
    }
}

impl<'a> CallMap<'a> {
    /// Adds the calls of one trace.
    pub(crate) fn add(&mut self, calls: &'a [Call]) {
        for call in calls {
            let key = (&*call.caller.service_name, &*call.callee.service_name);
            let pair = self.0.entry(key).or_default();
            pair.errors += usize::from(call.failed);
            pair.durations_us.push(call.duration_us);
        }
    }

    /// Returns the pairs with most calls, sorted by their names.
    pub(crate) fn into_pairs(self) -> BTreeMap<(&'a str, &'a str), Pair> {
        let mut pairs: Vec<_> = self.0.into_iter().collect();
        if pairs.len() > MAX_PAIRS {
            pairs
                .select_nth_unstable_by_key(MAX_PAIRS, |(key, pair)| (Reverse(pair.count()), *key));
            pairs.truncate(MAX_PAIRS);
        }
        pairs.into_iter().collect()
    }
}
