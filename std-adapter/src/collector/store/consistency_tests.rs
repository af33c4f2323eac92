//! The counts of the program's store against a count of all that it holds.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::cost::{CALL_COST, OPEN_COST, process_bytes, span_bytes};
use super::names::Names;
use super::*;
use crate::collector::Inbox;
use crate::model::{Batch, Tag};

/// Counts anew what is held, and compares.
fn check(received: &Received) {
    let (mut names, mut spans, mut bytes) = (Names::default(), 0, 0);
    let mut open = 0;
    for held in received.traces.values() {
        let mut trace = 0;
        for (at, it) in held.spans.iter().enumerate() {
            let before = at.checked_sub(1).map(|at| &held.spans[at]);
            names.add(it);
            trace += span_bytes(&it.span) + process_bytes(before, it) + CALL_COST;
            open += usize::from(is_open(&it.span));
            trace += if is_open(&it.span) { OPEN_COST } else { 0 };
        }
        assert_eq!(held.bytes, trace);
        spans += held.spans.len();
        bytes += trace;
    }
    let status = received.status();
    assert_eq!(
        (status.spans, status.traces),
        (spans, received.traces.len())
    );
    assert_eq!(status.bytes, bytes + names.bytes());
    assert!(status.bytes <= status.limit);
    assert_eq!(received.open_spans(usize::MAX).1, open);
    assert_eq!(received.open_spans(usize::MAX).0.len(), open);
    let (mut expected, mut list) = (Vec::new(), Vec::new());
    while names.list_some(&mut expected) {}
    while received.list_some(&mut list) {}
    assert_eq!(list, expected);
    assert_eq!(received.service_totals(), names.totals());
    let stats = received.stats();
    assert!(stats.evicted_spans + spans as u64 <= stats.spans);
}

/// A span of one of few ids, so that open copies meet their finished spans.
fn span(trace: u128, id: u64, is_open: bool) -> Span {
    let mut span = Span::new(trace, id, format!("operation-{}", id % 4));
    span.parent_span_id = (id / 2).into();
    span.tags.push(Tag::new("picojaeger.unfinished", is_open));
    span.tags.push(Tag::new("error", id.is_multiple_of(5)));
    span
}

#[test]
fn counts_and_memory_are_exact_after_arrivals_replacements_and_evictions() {
    let mut seed = 11_u64;
    let mut next = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    let inbox = Inbox::of_program(20_000);
    let (mut replaced, mut evicted) = (0, 0);
    for round in 0..1_500 {
        // Each id belongs to one service.
        let service = next(3);
        let mut batch = Batch::new(Process::new(format!("service-{service}")));
        for _ in 0..=next(4) {
            let trace = u128::from(1 + next(6) + round / 100);
            let name = batch.spans.len();
            let mut span = span(trace, 1 + service + 3 * next(8), next(2) == 0);
            span.operation_name.push_str(&"x".repeat(name));
            batch.spans.push(span);
        }
        let before = inbox.lock().status();
        let added = batch.spans.len();
        inbox.store(batch);
        let received = inbox.lock();
        check(&received);
        let status = received.status();
        evicted = status.stats.evicted_spans;
        replaced += usize::from(before.spans + added > status.spans);
        drop(received);
        if round.is_multiple_of(7) {
            inbox.search(&Search::default());
            inbox.calls();
        }
    }
    assert!(replaced > 250 && evicted > 250, "{replaced} {evicted}");
}

#[test]
fn a_store_that_is_emptied_has_no_name_and_no_byte() {
    let mut received = Received::of_program(usize::MAX);
    for trace in 1..=5 {
        let mut batch = Batch::new(Process::new(format!("service-{trace}")));
        batch.spans.push(span(trace, 1, trace % 2 == 0));
        received.accept_batch(batch);
    }
    assert_eq!(received.service_totals().len(), 5);
    received.limit = 0;
    received.evict();
    assert_eq!((received.held_bytes(), received.status().spans), (0, 0));
    assert!(received.service_totals().is_empty());
    assert_eq!(received.open_spans(10).1, 0);
}

#[test]
fn evictions_are_counted_exactly_while_other_threads_ask() {
    const WRITERS: usize = 3;
    const READERS: usize = 3;
    const BATCHES: usize = 300;
    let inbox = Inbox::of_program(100_000);
    let (barrier, writing) = (Barrier::new(WRITERS + READERS), AtomicUsize::new(WRITERS));
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (inbox, barrier, writing) = (&inbox, &barrier, &writing);
            scope.spawn(move || {
                barrier.wait();
                for n in 1..=BATCHES {
                    let mut batch = Batch::new(Process::new(format!("service-{writer}")));
                    let trace = (writer * 10_000 + n) as u128;
                    let spans = (1..=5).map(|id| span(trace, id, id == 3));
                    batch.spans.extend(spans);
                    inbox.store(batch);
                }
                writing.fetch_sub(1, Ordering::Release);
            });
        }
        for reader in 0..READERS {
            let (inbox, barrier, writing) = (&inbox, &barrier, &writing);
            scope.spawn(move || {
                barrier.wait();
                while ask(inbox, reader) && writing.load(Ordering::Acquire) > 0 {}
            });
        }
    });
    let received = inbox.lock();
    check(&received);
    let (stats, status) = (received.stats(), received.status());
    let sent = (WRITERS * BATCHES) as u64;
    assert_eq!((stats.batches, stats.spans), (sent, 5 * sent));
    assert_eq!(stats.evicted_traces + status.traces as u64, sent);
    assert_eq!(stats.evicted_spans + status.spans as u64, 5 * sent);
    assert!(stats.evicted_traces > sent / 2, "{stats:?}");
}

/// Asks as pages do.
fn ask(inbox: &Inbox, reader: usize) -> bool {
    let search = Search {
        service: Some(format!("service-{reader}")),
        operation: Some("operation-1".to_owned()),
        limit: 20,
        ..Search::default()
    };
    for found in inbox.search(&search).traces {
        let spans = inbox.trace(found.id).map_or(0, |trace| trace.spans().len());
        assert!(spans == 0 || spans == 5, "{spans}");
        inbox.lock().keep_warnings(&found, 0);
    }
    assert!(inbox.catalogue().len() <= 3);
    inbox.calls();
    let received = inbox.lock();
    let (open, total) = received.open_spans(10);
    assert_eq!(open.len(), total.min(10));
    let (stats, status) = (received.stats(), received.status());
    stats.evicted_spans + status.spans as u64 == stats.spans
}
