//! Counts and times of the requests that a tracer's spans of the kind `server` stand for.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use picojaeger_core::Durations;

use crate::sys::sync::lock;

/// Number of operations with counts of their own; the others share those of [`OTHER`].
const MOST_ENDPOINTS: usize = 200;
/// The operation of requests beyond the bound.
const OTHER: &str = "other";

/// The requests of one tracer, and the traces that it began or joined.
///
/// A joined trace is counted when its context is extracted: the fast path does not pass on whether a
/// parent is remote.
#[derive(Debug, Default)]
pub(crate) struct RpcMetrics {
    endpoints: Mutex<BTreeMap<String, Requests>>,
    /// Begun and joined ones; of each, unsampled and sampled ones.
    traces: [[AtomicU64; 2]; 2],
    /// Spans that started and finished unsampled.
    unsampled: AtomicU64,
}

/// A request that is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'r> {
    pub(crate) operation: &'r str,
    pub(crate) is_error: bool,
    /// The first digit of the HTTP status, 2 to 5; 0 if there is none.
    pub(crate) status_class: u8,
    pub(crate) duration: Duration,
}

/// The requests of one operation.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Requests {
    pub(super) succeeded: Durations,
    pub(super) failed: Durations,
    /// By class of HTTP status: 2xx to 5xx.
    pub(super) by_status: [u64; 4],
}

impl RpcMetrics {
    /// Counts a request; one without a name of its operation is not counted.
    pub(crate) fn count(&self, request: Request<'_>) {
        if request.operation.is_empty() {
            return;
        }
        let mut endpoints = lock(&self.endpoints);
        let name = normalized(request.operation);
        let is_full = endpoints.len() >= MOST_ENDPOINTS;
        let name = match is_full && !endpoints.contains_key(&name) {
            true => OTHER.to_owned(),
            false => name,
        };
        endpoints.entry(name).or_default().count(&request);
    }

    /// Counts a trace that this process began, or joined by its context.
    pub(crate) fn count_trace(&self, joined: bool, sampled: bool) {
        let [begun, continued] = &self.traces;
        let [unsampled, recorded] = if joined { continued } else { begun };
        let count = if sampled { recorded } else { unsampled };
        count.fetch_add(1, Relaxed);
    }

    /// Counts a span that finishes and was never sampled.
    pub(crate) fn count_unsampled(&self) {
        self.unsampled.fetch_add(1, Relaxed);
    }

    /// Returns the number of spans that finished and were never sampled.
    pub(super) fn unsampled(&self) -> u64 {
        self.unsampled.load(Relaxed)
    }

    /// Returns the requests of each operation.
    pub(crate) fn endpoints(&self) -> Vec<(String, Requests)> {
        let endpoints = lock(&self.endpoints);
        let each = endpoints.iter();
        each.map(|(name, requests)| (name.clone(), *requests))
            .collect()
    }

    /// Returns the labels `state` and `sampled` of traces, and the number of these.
    pub(super) fn traces(&self) -> impl Iterator<Item = ([&'static str; 2], u64)> {
        let states = ["started", "joined"].into_iter().zip(&self.traces);
        states.flat_map(|(state, counts)| {
            let counts = ["n", "y"].into_iter().zip(counts);
            counts.map(move |(sampled, count)| ([state, sampled], count.load(Relaxed)))
        })
    }
}

impl Requests {
    fn count(&mut self, request: &Request<'_>) {
        let durations = match request.is_error {
            true => &mut self.failed,
            false => &mut self.succeeded,
        };
        durations.record(request.duration);
        let class = usize::from(request.status_class).checked_sub(2);
        if let Some(count) = class.and_then(|class| self.by_status.get_mut(class)) {
            *count += 1;
        }
    }
}

/// Returns the operation with a hyphen in place of each other character than letters and digits of
/// ASCII, `-`, `_`, `/` and `.`, as in Go.
fn normalized(operation: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.');
    operation
        .chars()
        .map(|c| if kept(c) { c } else { '-' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(operation: &str) -> Request<'_> {
        Request {
            operation,
            is_error: false,
            status_class: 0,
            duration: Duration::from_millis(2),
        }
    }

    #[test]
    fn operations_beyond_the_bound_share_one() {
        let metrics = RpcMetrics::default();
        for _ in 0..2 {
            for number in 0..MOST_ENDPOINTS + 7 {
                metrics.count(request(&format!("operation {number}")));
            }
        }
        let endpoints = metrics.endpoints();
        assert_eq!(endpoints.len(), MOST_ENDPOINTS + 1);
        for (name, requests) in endpoints {
            let expected = if name == OTHER { 14 } else { 2 };
            assert_eq!(requests.succeeded.count(), expected, "{name}");
        }
    }

    #[test]
    fn names_are_normalized_and_needed() {
        let metrics = RpcMetrics::default();
        for name in ["GET /a_b.c-1", "GET:/a_b.c-1", "", "é{}"] {
            metrics.count(request(name));
        }
        let endpoints = metrics.endpoints().into_iter();
        let counts: Vec<_> = endpoints
            .map(|(name, of)| (name, of.succeeded.count()))
            .collect();
        let expected = [("---", 1), ("GET-/a_b.c-1", 2)];
        assert_eq!(
            counts,
            expected.map(|(name, count)| (name.to_owned(), count))
        );
    }

    #[test]
    fn errors_and_classes_of_status_are_counted_apart() {
        let metrics = RpcMetrics::default();
        for status_class in 0..=9 {
            let is_error = status_class == 5;
            metrics.count(Request {
                is_error,
                status_class,
                ..request("get")
            });
        }
        let (_, requests) = metrics.endpoints()[0];
        assert_eq!(
            (requests.succeeded.count(), requests.failed.count()),
            (9, 1)
        );
        assert_eq!(requests.by_status, [1; 4]);
    }

    #[test]
    fn traces_are_counted_by_origin_and_decision() {
        let metrics = RpcMetrics::default();
        let kinds = [(false, false), (false, true), (true, false), (true, true)];
        for (count, (joined, sampled)) in (1..).zip(kinds) {
            (0..count).for_each(|_| metrics.count_trace(joined, sampled));
        }
        let expected = [
            (["started", "n"], 1),
            (["started", "y"], 2),
            (["joined", "n"], 3),
            (["joined", "y"], 4),
        ];
        assert_eq!(metrics.traces().collect::<Vec<_>>(), expected);
    }
}
