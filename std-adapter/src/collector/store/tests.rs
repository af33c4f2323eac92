//! Bounds and counts of what is kept.

use super::client::MAX_CLIENTS;
use super::*;
use crate::collector::reference_encoder::{Encoding, encode};
use crate::model::Batch;

fn datagram(service: &str, seq_no: Option<i64>, ids: &[(u128, u64)]) -> Vec<u8> {
    let mut batch = Batch::new(Process::new(service));
    batch.seq_no = seq_no;
    batch.spans = ids.iter().map(|&(t, s)| Span::new(t, s, "op")).collect();
    encode(&batch, Encoding::default()).unwrap()
}

#[test]
fn the_oldest_trace_leaves_first_and_is_counted() {
    let mut received = Received::default();
    received.accept(&datagram("a", None, &[(1, 1), (1, 2)]));
    let one_trace = received.held_bytes();
    received = Received::with_limit(2 * one_trace);
    for trace in 1..=4 {
        received.accept(&datagram("a", None, &[(trace, 1), (trace, 2)]));
    }
    let held: Vec<TraceId> = received.traces().iter().map(Trace::trace_id).collect();
    assert_eq!(held, [3, 4].map(TraceId::from));
    let stats = received.stats();
    assert_eq!((stats.spans, stats.datagrams), (8, 4));
    assert_eq!((stats.evicted_traces, stats.evicted_spans), (2, 4));
    assert_eq!(received.held_bytes(), 2 * one_trace);
    assert_eq!(received.spans().len(), 4);
    assert!(received.trace(2).is_none());
}

#[test]
fn a_trace_above_the_limit_leaves_too() {
    let mut received = Received::with_limit(10);
    received.accept(&datagram("a", None, &[(1, 1)]));
    assert_eq!(
        (received.held_bytes(), received.stats().evicted_spans),
        (0, 1)
    );
}

#[test]
fn gaps_in_the_batch_number_are_lost_batches() {
    let mut received = Received::default();
    for (service, seq_no) in [("a", 3), ("a", 4), ("b", 1), ("a", 7), ("a", 6), ("b", 2)] {
        received.accept(&datagram(service, Some(seq_no), &[]));
    }
    let clients = received.clients();
    let seen: Vec<_> = clients
        .iter()
        .map(|c| (c.service_name.as_str(), c.seq_no, c.batches, c.lost_batches))
        .collect();
    assert_eq!(seen, [("a", Some(7), 4, 2), ("b", Some(2), 2, 0)]);
}

#[test]
fn extreme_batch_numbers_do_not_overflow() {
    let mut received = Received::default();
    for seq_no in [i64::MIN, i64::MAX] {
        received.accept(&datagram("a", Some(seq_no), &[]));
    }
    assert_eq!(received.clients()[0].lost_batches, u64::MAX - 1);
}

#[test]
fn remembered_clients_are_bounded() {
    let mut received = Received::default();
    for n in 0..300 {
        received.accept(&datagram(&format!("service-{n}"), None, &[]));
    }
    received.accept(&datagram(&"x".repeat(2000), None, &[]));
    let clients = received.clients();
    assert_eq!(clients.len(), MAX_CLIENTS);
    assert_eq!(clients[0].service_name, "service-44");
    assert_eq!(received.stats().datagrams, 301);
}

#[test]
fn batches_of_one_process_share_it() {
    let mut received = Received::default();
    received.accept(&datagram("a", None, &[(1, 1)]));
    received.accept(&datagram("a", None, &[(1, 2)]));
    received.accept(&datagram("b", None, &[(1, 3)]));
    let spans = received.spans();
    assert!(Arc::ptr_eq(&spans[0].process, &spans[1].process));
    assert_eq!(spans[2].service_name(), "b");
}
