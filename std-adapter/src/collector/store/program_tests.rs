//! Tests of what the program's store follows beside the spans.

use super::losses::MAX_LOSSES;
use super::tracking::{Clock, Tracking};
use super::*;
use crate::model::{Batch, ClientStats, Tag};

/// A store of the program whose clock stands.
fn store_at(time_us: i64, limit: usize) -> Received {
    let tracking = Tracking {
        clock: Clock::At(time_us),
        ..Tracking::default()
    };
    Received {
        tracking: Some(Box::new(tracking)),
        ..Received::of_program(limit)
    }
}

fn set_time(received: &mut Received, time_us: i64) {
    if let Some(tracking) = &mut received.tracking {
        tracking.clock = Clock::At(time_us);
    }
}

/// The account of a client that lost so many spans to a full queue.
fn account(seq_no: i64, full: i64) -> Batch {
    let mut batch = Batch::new(Process::new("shop"));
    batch.seq_no = Some(seq_no);
    batch.stats = Some(ClientStats::new(full, 0, 0));
    batch
}

fn unfinished(trace: u128, id: u64) -> Batch {
    let mut batch = Batch::new(Process::new("shop"));
    let mut span = Span::new(trace, id, "order");
    span.tags.push(Tag::new("picojaeger.unfinished", true));
    batch.spans.push(span);
    batch
}

#[test]
fn losses_have_the_time_at_which_a_client_reported_more() {
    let mut received = store_at(100, 1 << 20);
    received.accept_batch(account(1, 3));
    set_time(&mut received, 200);
    received.accept_batch(account(2, 3));
    set_time(&mut received, 300);
    received.accept_batch(account(5, 7));
    let losses = received.losses();
    let seen: Vec<_> = losses
        .iter()
        .map(|loss| (loss.time_us, loss.cause.name(), loss.count))
        .collect();
    let mut expected = [(300, "full", 4), (300, "batches", 2), (100, "full", 3)];
    assert_eq!(seen.len(), expected.len());
    let mut sorted = seen.clone();
    sorted.sort_unstable();
    expected.sort_unstable();
    assert_eq!(sorted, expected);
    assert_eq!(seen.last(), Some(&(100, "full", 3)), "the newest one first");
}

#[test]
fn remembered_losses_are_bounded_and_the_oldest_is_forgotten() {
    let mut received = store_at(0, 1 << 20);
    let reports = i64::try_from(MAX_LOSSES).unwrap() + 5;
    for n in 1..=reports {
        set_time(&mut received, n);
        received.accept_batch(account(n, n));
    }
    let losses = received.losses();
    assert_eq!(losses.len(), MAX_LOSSES);
    assert_eq!(losses.first().map(|loss| loss.time_us), Some(reports));
    assert_eq!(losses.last().map(|loss| loss.time_us), Some(6));
}

#[test]
fn an_evicted_trace_takes_its_open_spans_along() {
    let mut received = store_at(0, usize::MAX);
    received.accept_batch(unfinished(1, 1));
    let one_trace = received.held_bytes();
    let mut received = store_at(0, one_trace);
    received.accept_batch(unfinished(1, 1));
    received.accept_batch(unfinished(2, 1));
    let (open, total) = received.open_spans(10);
    let traces: Vec<TraceId> = open.iter().map(|it| it.span.span.trace_id).collect();
    assert_eq!((traces, total), (vec![TraceId::from(2)], 1));
    let status = received.status();
    assert_eq!(
        (status.spans, status.traces, status.bytes),
        (1, 1, one_trace)
    );
}

#[test]
fn a_finished_span_takes_the_place_of_its_open_copy() {
    let mut received = store_at(0, 1 << 20);
    received.accept_batch(unfinished(1, 1));
    let mut batch = Batch::new(Process::new("shop"));
    batch.spans.push(Span::new(1, 1, "order"));
    received.accept_batch(batch);
    assert_eq!(received.open_spans(10).1, 0);
    assert_eq!(received.trace(1).map(|trace| trace.spans().len()), Some(1));
    // The copy may come late.
    received.accept_batch(unfinished(1, 1));
    assert_eq!(received.open_spans(10).1, 0);
    assert_eq!(received.trace(1).map(|trace| trace.spans().len()), Some(1));
}
