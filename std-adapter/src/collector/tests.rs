//! The collector over UDP.

use super::*;
use crate::model::{Batch, Process, Span};

const LONG: Duration = Duration::from_secs(30);

fn packet(trace_id: u128) -> Vec<u8> {
    let mut batch = Batch::new(Process::new("svc"));
    batch.spans.push(Span::new(trace_id, 1, "op"));
    encode(&batch, Encoding::default()).unwrap()
}

#[test]
fn receives_counts_and_waits() {
    let collector = Collector::bind("127.0.0.1:0").unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(&packet(7), collector.local_addr()).unwrap();
    sender.send_to(b"junk", collector.local_addr()).unwrap();
    sender.send_to(&[], collector.local_addr()).unwrap();
    assert!(collector.wait_until(LONG, |received| received.stats().datagrams == 3));
    let stats = collector.stats();
    assert_eq!((stats.spans, stats.rejected), (1, 2));
    assert_eq!(collector.trace(7).map(|trace| trace.spans().len()), Some(1));
    assert_eq!(
        collector.last_rejection(),
        Some(DecodeError::UnknownProtocol(None))
    );
    assert_eq!(collector.clients()[0].service_name, "svc");
}

#[test]
fn a_wait_that_is_not_met_says_so() {
    let collector = Collector::bind("127.0.0.1:0").unwrap();
    assert!(!collector.wait_for_spans(1, Duration::ZERO));
    assert!(collector.wait_for_spans(0, Duration::ZERO));
}

#[test]
fn a_condition_that_panics_leaves_the_collector_usable() {
    let collector = Collector::bind("127.0.0.1:0").unwrap();
    let wait = || collector.wait_until(LONG, |_| panic!("as a failed assertion does"));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(wait)).is_err());
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(&packet(1), collector.local_addr()).unwrap();
    assert!(collector.wait_for_spans(1, LONG));
}

#[test]
fn the_memory_limit_holds_over_udp() {
    let collector = Collector::bind_with_limit("127.0.0.1:0", 1).unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(&packet(1), collector.local_addr()).unwrap();
    assert!(collector.wait_for_spans(1, LONG));
    assert!(collector.spans().is_empty());
    assert_eq!(collector.stats().evicted_traces, 1);
}

#[test]
fn dropping_frees_the_port() {
    for address in ["127.0.0.1:0", "0.0.0.0:0"] {
        let collector = Collector::bind(address).unwrap();
        let address = collector.local_addr();
        drop(collector);
        assert!(UdpSocket::bind(address).is_ok());
    }
}
