use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::body::Incoming;

use super::*;
use crate::collector_server::http::test_port::*;
use crate::collector_server::http::{Handler, Limits, Reply, reply};

/// A port whose only answer are events.
struct Events(Arc<Live>);

impl Handler for Events {
    async fn answer(self: Arc<Self>, _: Request<Incoming>) -> Result<Reply, Refusal> {
        Ok(reply::live(self.0.client("first")?))
    }
}

/// Serves events of so many bytes, each with its number, of a store that changes all the time.
fn events(limits: Limits, length: usize) -> (TestPort, Arc<Live>) {
    let live = Arc::new(Live::new());
    let port = TestPort::serve(limits, |_| {
        let (states, events) = (AtomicU64::new(0), AtomicU64::new(0));
        live.publish(
            move || states.fetch_add(1, Ordering::Relaxed),
            move || {
                let number = events.fetch_add(1, Ordering::Relaxed);
                format!("{} number {number}.", "x".repeat(length))
            },
        );
        Events(Arc::clone(&live))
    });
    (port, live)
}

#[test]
fn a_page_beyond_the_limit_is_told_to_close_some() {
    let (port, live) = events(no_limits(), 1);
    let mut pages: Vec<_> = (0..MOST_CLIENTS)
        .map(|_| {
            let mut page = port.send("GET /", "");
            read_until(&mut page, "data: first");
            page
        })
        .collect();
    let answer = port.get("/");
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(
        answer.contains("24 pages are open already: close some"),
        "{answer}"
    );
    pages.pop();
    wait_until("a place is free", || live.clients.available_permits() == 1);
    let mut page = port.send("GET /", "");
    read_until(&mut page, "data: first");
}

#[test]
fn a_client_that_does_not_read_is_dropped_and_others_go_on() {
    let limits = Limits {
        patience: SHORT * 5,
        ..no_limits()
    };
    let (port, live) = events(limits, 2 << 20);
    let slow = port.send("GET /", "");
    let mut other = port.send("GET /", "");
    read_until(&mut other, "data: first");
    let mut next = || {
        let event = read_until(&mut other, ".");
        let number = event.rsplit_once(' ').unwrap().1.trim_end();
        number.trim_end_matches('.').parse::<u64>().unwrap()
    };
    let (end, mut number) = (Instant::now() + LONG, next());
    while port.shared.slow.load(Ordering::Relaxed) == 0 {
        assert!(Instant::now() < end, "it is not dropped");
        number = next();
    }
    while next() < number + 3 {}
    assert_eq!(port.shared.slow.load(Ordering::Relaxed), 1);
    wait_until("its place is free", || {
        live.clients.available_permits() == MOST_CLIENTS - 1
    });
    drop(slow);
}

#[test]
fn events_come_four_times_a_second_at_most() {
    let (port, _) = events(no_limits(), 1);
    let mut page = port.send("GET /", "");
    read_until(&mut page, "data: first");
    let begin = Instant::now();
    // Number 0 may come at once.
    read_until(&mut page, " number 3.");
    assert!(begin.elapsed() > INTERVAL * 2, "{:?}", begin.elapsed());
}

#[test]
fn a_client_without_news_gets_comments() {
    let mut live = Live::new();
    live.keep_alive = SHORT;
    let live = Arc::new(live);
    let port = TestPort::serve(no_limits(), |_| Events(Arc::clone(&live)));
    let mut page = port.send("GET /", "");
    let text = read_until(&mut page, "\r\n: alive\n\n");
    assert!(text.contains("event: change\ndata: first\n\n"), "{text}");
}

#[test]
fn a_late_client_holds_two_events_and_gets_the_last() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let live = Live::new();
        let mut body = live.client("first").unwrap();
        for number in 1..=100 {
            live.events.send_replace(change(&number.to_string()));
            // The feed runs, and waits for the client.
            tokio::task::yield_now().await;
        }
        let mut got = Vec::new();
        while got.last() != Some(&change("100")) {
            let frame = body.frame().await.unwrap().unwrap();
            got.push(frame.into_data().unwrap());
        }
        assert!(got.len() <= 3, "{got:?}");
    });
}
