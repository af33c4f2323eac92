//! Traces that leave the store: gone at once for all who ask, and freed in parts, so that arrivals and pages do not wait
//! until a large one is freed.

use super::Received;
use super::held_trace::HeldTrace;

/// Spans that are freed at once where memory is needed: a few more than a packet brings.
const FREED_AT_ONCE: usize = 64;

/// Spans that are freed at once where there is time.
const PART: usize = 2_000;

impl Received {
    /// Lets traces leave until the memory is within the limit. Of the last one only as much is freed as that needs, which is
    /// about as much as has arrived; the rest stays in the account until it is freed, so the limit holds all the time.
    pub(super) fn evict(&mut self) {
        while self.held_bytes > self.limit && (self.leaving.is_some() || self.begin_eviction()) {
            self.free(FREED_AT_ONCE);
        }
    }

    /// Frees a part of the trace that has left, and returns whether there is more.
    pub(in crate::collector) fn free_some(&mut self) -> bool {
        if self.leaving.is_some() {
            self.free(PART);
            // The names of its services went too.
            self.note_change();
        }
        self.leaving.is_some()
    }

    /// Lets the oldest trace leave.
    fn begin_eviction(&mut self) -> bool {
        while let Some(oldest) = self.arrival.pop_front() {
            if let Some(trace) = self.traces.remove(&oldest) {
                self.stats.evicted_traces += 1;
                self.stats.evicted_spans += trace.spans.len() as u64;
                self.note_eviction(oldest, &trace);
                self.leaving = Some(trace);
                return true;
            }
        }
        false
    }

    fn free(&mut self, spans: usize) {
        let Some(mut trace) = self.leaving.take() else {
            return;
        };
        for _ in 0..spans {
            let Some((span, bytes)) = trace.pop() else {
                break;
            };
            self.held_bytes -= bytes;
            self.note_freed(&span);
        }
        match trace {
            HeldTrace { spans, bytes, .. } if spans.is_empty() => self.held_bytes -= bytes,
            trace => self.leaving = Some(trace),
        }
    }
}

#[cfg(all(test, feature = "collector"))]
mod tests {
    use super::*;
    use crate::collector::store::cost::{process_bytes, span_bytes};
    use crate::collector::{Encoding, Inbox, encode};
    use crate::model::{Batch, Process, Span};

    const SPANS: usize = FREED_AT_ONCE + 3 * PART + 7;

    fn batch(service: &str, trace: u128, spans: usize) -> Batch {
        let mut batch = Batch::new(Process::new(service));
        let ids = 1..=spans as u64;
        let named = ids.map(|id| Span::new(trace, id, format!("{service}-{}", id % 8)));
        batch.spans.extend(named);
        batch
    }

    /// A store that is full with one large trace, and its memory.
    fn full() -> (Inbox, usize) {
        let inbox = Inbox::of_program(usize::MAX);
        inbox.store(batch("large", 1, SPANS));
        let bytes = inbox.lock().held_bytes();
        inbox.lock().limit = bytes;
        (inbox, bytes)
    }

    fn left(received: &Received) -> usize {
        received.leaving.as_ref().map_or(0, |it| it.spans.len())
    }

    #[test]
    fn a_large_trace_is_gone_at_once_and_freed_in_parts() {
        let (inbox, limit) = full();
        let mut received = inbox.lock();
        let mut arrival = received.begin_batch(batch("small", 2, 5));
        assert!(!received.store_some(&mut arrival, 5));
        assert!(received.trace(1).is_none() && received.trace(2).is_some());
        let status = received.status();
        let stats = status.stats;
        assert_eq!((status.traces, status.spans), (1, 5));
        assert_eq!(
            (stats.evicted_traces, stats.evicted_spans),
            (1, SPANS as u64)
        );
        // Little was freed under the lock, and the rest is in the account.
        assert_eq!(left(&received), SPANS - FREED_AT_ONCE);
        assert!(
            (limit / 2..=limit).contains(&status.bytes),
            "{}",
            status.bytes
        );
        let mut parts = 1;
        while received.free_some() {
            parts += 1;
        }
        assert_eq!((parts, left(&received)), (4, 0));
        // Exactly as if the large one had never been there.
        let alone = Inbox::of_program(limit);
        alone.store(batch("small", 2, 5));
        assert_eq!(received.held_bytes(), alone.lock().held_bytes());
        assert_eq!(received.service_totals(), alone.lock().service_totals());
    }

    #[test]
    fn each_part_gives_back_the_memory_of_its_spans() {
        let (inbox, _) = full();
        let mut received = inbox.lock();
        assert!(received.begin_eviction());
        let trace = received.leaving.as_ref().unwrap();
        let of = |spans: &[crate::collector::CollectedSpan]| -> usize {
            let slot = size_of::<crate::collector::CollectedSpan>();
            spans.iter().map(|it| span_bytes(&it.span) - slot).sum()
        };
        let first_process = process_bytes(None, &trace.spans[0]);
        let part = of(&trace.spans[SPANS - PART..]);
        let before = received.held_bytes();
        assert!(received.free_some());
        assert_eq!(before - received.held_bytes(), part);
        assert!(first_process > 0);
        while received.free_some() {}
        assert_eq!(received.held_bytes(), 0);
    }

    #[test]
    fn the_limit_holds_while_packets_come_and_a_large_trace_is_freed() {
        let (inbox, limit) = full();
        let mut left_before = SPANS;
        for trace in 2..100 {
            let datagram = encode(&batch("small", trace, 20), Encoding::default()).unwrap();
            inbox.accept(&datagram);
            let received = inbox.lock();
            assert!(received.held_bytes() <= limit);
            let left = left(&received);
            assert!(left == 0 || left < left_before);
            left_before = left;
        }
        assert_eq!(left_before, 0);
        let stats = inbox.lock().stats();
        assert_eq!(
            (stats.evicted_traces, stats.evicted_spans),
            (1, SPANS as u64)
        );
    }

    #[test]
    fn no_second_trace_leaves_before_the_first_is_freed() {
        let (inbox, limit) = full();
        let other = inbox.lock().held_bytes();
        inbox.lock().limit = limit + other;
        inbox.store(batch("other", 2, SPANS));
        inbox.store(batch("small", 3, 300));
        let received = inbox.lock();
        let status = received.status();
        assert_eq!(status.stats.evicted_traces, 1);
        assert_eq!(status.spans, SPANS + 300);
    }
}
