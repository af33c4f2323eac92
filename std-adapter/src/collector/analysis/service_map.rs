//! The calls between services, from spans whose parent is another service's.

use std::collections::{BTreeMap, HashMap};

use picojaeger_core::SpanId;

use crate::collector::CollectedSpan;
use crate::collector::store::is_error;

/// Services, and pairs of them, in a map.
const MAX_ENTRIES: usize = 1000;

/// The services of all traces, and who calls whom.
#[derive(Debug, Default)]
pub(crate) struct ServiceMap<'a> {
    /// Spans and errors by service.
    pub(crate) services: BTreeMap<&'a str, (usize, usize)>,
    /// Calls by caller and callee.
    pub(crate) calls: BTreeMap<(&'a str, &'a str), Call>,
}

/// The calls of one service by another one.
#[derive(Debug, Default)]
pub(crate) struct Call {
    pub(crate) errors: usize,
    durations_us: Vec<i64>,
}

impl Call {
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

impl<'a> ServiceMap<'a> {
    /// Adds the spans of one trace.
    pub(crate) fn add_trace(&mut self, spans: &'a [CollectedSpan]) {
        let mut by_id: HashMap<SpanId, &str> = HashMap::with_capacity(spans.len());
        for it in spans {
            by_id.entry(it.span.span_id).or_insert(it.service_name());
        }
        for it in spans {
            let error = usize::from(is_error(&it.span));
            let service = it.service_name();
            if let Some((spans, errors)) = entry(&mut self.services, service) {
                *spans += 1;
                *errors += error;
            }
            let caller = it.span.parent().and_then(|parent| by_id.get(&parent));
            if let Some(&caller) = caller.filter(|caller| **caller != service)
                && let Some(call) = entry(&mut self.calls, (caller, service))
            {
                call.errors += error;
                call.durations_us.push(it.span.duration_us.max(0));
            }
        }
    }
}

/// The entry of a key; none if the map is full without it.
fn entry<K: Ord + Copy, V: Default>(map: &mut BTreeMap<K, V>, key: K) -> Option<&mut V> {
    if map.len() >= MAX_ENTRIES && !map.contains_key(&key) {
        return None;
    }
    Some(map.entry(key).or_default())
}
