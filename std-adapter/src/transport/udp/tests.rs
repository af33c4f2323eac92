use std::sync::mpsc::{Receiver, Sender as Channel, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::*;
use crate::sys::net::resolver::Answer;

const HALF_MINUTE: Option<Duration> = Some(Duration::from_secs(30));

fn sender_to(address: SocketAddr, version: IpVersion) -> UdpTransport {
    let host = address.ip().to_string();
    UdpTransport::new(
        host,
        address.port(),
        version,
        HALF_MINUTE,
        Waker::noop().clone(),
    )
}

fn listener() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let limit = Some(Duration::from_secs(10));
    socket.set_read_timeout(limit).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn received(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 2_000];
    let length = socket.recv(&mut buffer).unwrap();
    buffer[..length].to_vec()
}

/// A port that refuses packets as long as the socket lives: it is connected to another peer.
fn closed_port() -> (UdpSocket, SocketAddr) {
    let (socket, address) = listener();
    socket.connect("127.0.0.1:1").unwrap();
    (socket, address)
}

#[test]
fn a_packet_arrives() {
    let (socket, address) = listener();
    let mut sender = sender_to(address, IpVersion::Any);
    assert!(sender.is_ready());
    assert_eq!(sender.send(b"one"), SendOutcome::Accepted);
    assert_eq!(sender.send(b"two"), SendOutcome::Accepted);
    assert_eq!(received(&socket), b"one");
    assert_eq!(received(&socket), b"two");
    assert_eq!(
        (sender.take_late_refusals(), sender.last_error().is_none()),
        (0, true)
    );
}

#[test]
fn a_packet_arrives_by_ipv6() {
    let Ok(socket) = UdpSocket::bind("[::1]:0") else {
        return; // a machine without IPv6
    };
    let address = socket.local_addr().unwrap();
    let mut sender = sender_to(address, IpVersion::V6);
    assert_eq!(sender.send(b"six"), SendOutcome::Accepted);
    assert_eq!(received(&socket), b"six");
    drop(socket);
    assert_eq!(sender.send(b"refused"), SendOutcome::Refused);
    let message = sender.last_error().unwrap().to_string();
    let agent = format!("[::1]:{}", address.port());
    assert!(message.contains(&agent), "{message}");
}

#[test]
fn a_closed_port_refuses_until_it_is_open() {
    let (closed, address) = closed_port();
    let mut sender = sender_to(address, IpVersion::Any);
    for _ in 0..3 {
        assert_eq!(sender.send(b"lost"), SendOutcome::Refused);
    }
    assert_eq!(sender.take_late_refusals(), 0);
    let message = sender.last_error().unwrap().to_string();
    let start = format!("no agent listens at {address}: ");
    assert!(message.starts_with(&start), "{message}");

    drop(closed);
    let socket = UdpSocket::bind(address).unwrap();
    assert_eq!(sender.send(b"found"), SendOutcome::Accepted);
    assert_eq!(received(&socket), b"found");
}

#[test]
fn in_a_burst_the_next_send_reports_the_error() {
    let (socket, address) = listener();
    let mut sender = sender_to(address, IpVersion::Any);
    assert_eq!(sender.send_more(b"trusted"), SendOutcome::Accepted);
    assert_eq!(received(&socket), b"trusted");
    socket.connect("127.0.0.1:1").unwrap();
    assert_eq!(sender.send_more(b"unchecked"), SendOutcome::Accepted);
    assert_eq!(sender.take_late_refusals(), 0);
    for follows in [true, true, false] {
        let outcome = match follows {
            true => sender.send_more(b"checked"),
            false => sender.send(b"checked"),
        };
        assert_eq!(outcome, SendOutcome::Refused);
    }
    assert_eq!(sender.take_late_refusals(), 1);

    drop(socket);
    let socket = UdpSocket::bind(address).unwrap();
    assert_eq!(sender.send_more(b"found"), SendOutcome::Accepted);
    socket.connect("127.0.0.1:1").unwrap();
    assert_eq!(sender.send_more(b"unchecked"), SendOutcome::Accepted);
    assert_eq!(sender.send(b"the last"), SendOutcome::Refused);
    assert_eq!(sender.take_late_refusals(), 1);

    drop(socket);
    let socket = UdpSocket::bind(address).unwrap();
    assert_eq!(sender.send_more(b"found"), SendOutcome::Accepted);
    socket.connect("127.0.0.1:1").unwrap();
    assert_eq!(sender.send_more(b"nothing follows"), SendOutcome::Accepted);
    sender.settle();
    sender.settle();
    assert_eq!(sender.take_late_refusals(), 1);
    assert!(sender.last_error().is_some());
}

#[test]
fn a_pending_error_belongs_to_an_earlier_packet() {
    let (closed, address) = closed_port();
    let mut sender = sender_to(address, IpVersion::Any);
    assert_eq!(sender.send(b"connects"), SendOutcome::Refused);
    let (raw, _) = sender.socket.as_ref().unwrap();
    assert_eq!(raw.send(b"earlier").unwrap(), 7);

    drop(closed);
    let socket = UdpSocket::bind(address).unwrap();
    sender.last_fault = None;
    assert_eq!(sender.send(b"in hand"), SendOutcome::Accepted);
    assert!(sender.last_error().is_some());
    assert_eq!(received(&socket), b"in hand");
    assert_eq!(sender.take_late_refusals(), 1);
    assert_eq!(sender.take_late_refusals(), 0);
}

#[test]
fn a_packet_that_no_datagram_holds_is_too_large() {
    let (socket, address) = listener();
    let mut sender = sender_to(address, IpVersion::Any);
    assert_eq!(sender.send(&[0; 70_000]), SendOutcome::TooLarge);
    assert_eq!(sender.send(b"small"), SendOutcome::Accepted);
    assert_eq!(received(&socket), b"small");
}

#[test]
fn an_address_of_the_other_version_fails() {
    let mut sender = sender_to(listener().1, IpVersion::V6);
    assert!(sender.is_ready());
    assert_eq!(sender.send(b"lost"), SendOutcome::Failed);
    let message = sender.last_error().unwrap().to_string();
    assert!(message.ends_with("it has no IPv6 address"), "{message}");
}

/// Sends a packet by a socket with these results, the last one repeated; returns the errors of the
/// packet and of an earlier one, the tries, and the pauses.
fn offered(results: &[Option<i32>]) -> (Option<i32>, Option<i32>, u32, u32) {
    let (mut tries, mut pauses) = (0, 0);
    let (sent, late) = offer(
        || {
            let last = results.len() - 1;
            let result = results[last.min(tries as usize)];
            tries += 1;
            result.map_or(Ok(5), |code| Err(io::Error::from_raw_os_error(code)))
        },
        || pauses += 1,
    );
    let code = |error: io::Error| error.raw_os_error().unwrap();
    (sent.err().map(code), late.map(code), tries, pauses)
}

#[cfg(target_os = "linux")]
#[test]
fn a_packet_is_tried_again_where_that_may_help() {
    let [full, interrupted, refused, unreachable] = [
        libc::EAGAIN,
        libc::EINTR,
        libc::ECONNREFUSED,
        libc::ENETUNREACH,
    ];
    let (large, buffers, memory) = (error::MESSAGE_SIZE, error::NO_BUFFERS, libc::ENOMEM);
    let cases: &[(&[Option<i32>], _)] = &[
        (&[None], (None, None, 1, 0)),
        (&[Some(full), Some(full), None], (None, None, 3, 2)),
        (&[Some(interrupted), None], (None, None, 2, 0)),
        (&[Some(full)], (Some(full), None, TRIES, TRIES - 1)),
        // Nothing was sent yet that could have been refused.
        (&[Some(buffers), Some(memory), None], (None, None, 3, 2)),
        (&[Some(buffers)], (Some(buffers), None, TRIES, TRIES - 1)),
        // An error that was pending at the socket is an earlier packet's.
        (&[Some(refused), None], (None, Some(refused), 2, 0)),
        (&[Some(unreachable), None], (None, Some(unreachable), 2, 0)),
        (&[Some(large), None], (None, Some(large), 2, 0)),
        (
            &[Some(refused), Some(unreachable)],
            (Some(unreachable), Some(refused), 2, 0),
        ),
        (
            &[Some(refused), Some(large)],
            (Some(large), Some(refused), 2, 0),
        ),
        // An error that comes again is this packet's.
        (&[Some(unreachable)], (Some(unreachable), None, 2, 0)),
        (&[Some(large)], (Some(large), None, 2, 0)),
    ];
    for (results, expected) in cases {
        assert_eq!(offered(results), *expected, "{results:?}");
    }
}

/// A sender to a name, whose look-ups wait for the test's results.
struct Named {
    host: &'static str,
    sender: UdpTransport,
    answers: Channel<Answer>,
    look_ups: Receiver<(String, u16)>,
    woken: Receiver<()>,
    passed: Arc<Mutex<Duration>>,
}

impl Named {
    fn new(version: IpVersion, interval: Option<Duration>) -> Named {
        Self::of("agent.test", version, interval)
    }

    fn of(host: &'static str, version: IpVersion, interval: Option<Duration>) -> Named {
        let (answers, queue) = channel();
        let (requests, look_ups) = channel();
        let (wake, woken) = channel();
        let passed = Arc::new(Mutex::new(Duration::ZERO));
        let (queue, requests, wake) = (Mutex::new(queue), Mutex::new(requests), Mutex::new(wake));
        let (start, clock) = (Instant::now(), passed.clone());
        let system = System {
            resolve: Arc::new(move |host, port| {
                requests.lock().unwrap().send((host.into(), port)).unwrap();
                queue.lock().unwrap().recv().unwrap()
            }),
            now: Box::new(move || start + *clock.lock().unwrap()),
            waker: Arc::new(Sent(wake)).into(),
        };
        Named {
            host,
            sender: UdpTransport::with_system(host.into(), 6831, version, interval, system),
            answers,
            look_ups,
            woken,
            passed,
        }
    }

    fn pass(&self, time: Duration) {
        *self.passed.lock().unwrap() += time;
    }

    /// Checks whether the sender is ready, then completes the look-up that is in progress.
    fn answer(&mut self, answer: Answer) -> bool {
        let ready = self.sender.is_ready();
        let limit = Duration::from_secs(10);
        let look_up = self.look_ups.recv_timeout(limit).unwrap();
        assert_eq!(look_up, (self.host.into(), 6831));
        self.answers.send(answer).unwrap();
        self.woken.recv_timeout(limit).unwrap();
        ready
    }

    fn is_looking_up(&self) -> bool {
        self.sender.addresses.is_looking_up()
    }
}

fn not_found() -> io::Error {
    io::Error::new(ErrorKind::NotFound, "Name or service not known")
}

#[test]
fn nothing_is_sent_before_a_name_is_known() {
    let (socket, address) = listener();
    let mut named = Named::new(IpVersion::Any, HALF_MINUTE);
    assert!(!named.sender.is_ready());
    assert!(!named.sender.is_ready());
    assert_eq!(named.sender.send(b"too early"), SendOutcome::Retry);
    assert_eq!(
        named.sender.last_error().unwrap().to_string(),
        "the agent's host agent.test:6831 is still being looked up"
    );
    assert!(!named.answer(Ok(vec![address])));
    assert!(named.sender.is_ready());
    assert!(named.sender.last_error().is_none());
    assert_eq!(named.sender.send(b"known"), SendOutcome::Accepted);
    assert_eq!(received(&socket), b"known");
}

#[test]
fn a_name_that_is_not_found_is_looked_up_again_after_a_second() {
    let (socket, address) = listener();
    let mut named = Named::new(IpVersion::Any, None);
    assert!(!named.answer(Err(not_found())));
    named.pass(Duration::from_secs(5));
    assert!(named.sender.is_ready(), "the pause begins at the answer");
    assert_eq!(named.sender.send(b"lost"), SendOutcome::Failed);
    assert_eq!(
        named.sender.last_error().unwrap().to_string(),
        "cannot find the agent's host agent.test:6831: Name or service not known"
    );
    named.pass(Duration::from_millis(999));
    assert!(named.sender.is_ready());
    assert!(!named.is_looking_up());
    named.pass(Duration::from_millis(1));
    assert!(!named.answer(Ok(vec![address])));
    assert!(named.sender.is_ready());
    assert_eq!(named.sender.send(b"known"), SendOutcome::Accepted);
    assert_eq!(received(&socket), b"known");
}

#[test]
fn a_name_is_looked_up_again_after_the_interval() {
    let ((old, first), (new, second)) = (listener(), listener());
    let mut named = Named::new(IpVersion::Any, HALF_MINUTE);
    named.answer(Ok(vec![first]));
    assert!(named.sender.is_ready());
    named.pass(Duration::from_millis(29_999));
    assert!(named.sender.is_ready());
    assert!(!named.is_looking_up());
    named.pass(Duration::from_millis(1));
    assert!(named.sender.is_ready(), "what is known stays in use");
    assert_eq!(named.sender.send(b"old"), SendOutcome::Accepted);
    assert_eq!(received(&old), b"old");
    named.answer(Ok(vec![second]));
    assert!(named.sender.is_ready());
    assert_eq!(named.sender.send(b"new"), SendOutcome::Accepted);
    assert_eq!(received(&new), b"new");
}

#[test]
fn a_packet_that_one_address_refuses_goes_to_the_next() {
    let (_closed, first) = closed_port();
    let (socket, second) = listener();
    let mut named = Named::new(IpVersion::Any, HALF_MINUTE);
    // As some hosts files have it: an address comes twice.
    named.answer(Ok(vec![first, first, second]));
    for packet in [b"one", b"two"] {
        assert!(named.sender.is_ready());
        assert_eq!(named.sender.send(packet), SendOutcome::Accepted);
        assert_eq!(received(&socket), packet);
        let peer = named.sender.socket.as_ref().map(|(_, peer)| *peer);
        assert_eq!(peer, Some(second), "it stays in use");
    }
    assert_eq!(named.sender.take_late_refusals(), 0);
}

#[test]
fn a_packet_that_every_address_refuses_is_refused_and_each_is_tried_again() {
    let (closed, first) = closed_port();
    let (_other, second) = closed_port();
    let mut named = Named::new(IpVersion::Any, HALF_MINUTE);
    named.answer(Ok(vec![first, second]));
    assert!(named.sender.is_ready());
    for _ in 0..3 {
        assert_eq!(named.sender.send(b"lost"), SendOutcome::Refused);
    }
    drop(closed);
    let socket = UdpSocket::bind(first).unwrap();
    assert_eq!(named.sender.send(b"found"), SendOutcome::Accepted);
    assert_eq!(received(&socket), b"found");
}

/// Across a network a refusal comes when its packet counts as delivered already.
#[test]
fn an_address_that_refused_an_earlier_packet_is_left() {
    let ((old, first), (new, second)) = (listener(), listener());
    let mut named = Named::new(IpVersion::Any, HALF_MINUTE);
    named.answer(Ok(vec![first, second]));
    assert!(named.sender.is_ready());
    assert_eq!(named.sender.send_more(b"trusted"), SendOutcome::Accepted);
    old.connect("127.0.0.1:1").unwrap();
    assert_eq!(named.sender.send_more(b"unchecked"), SendOutcome::Accepted);
    named.sender.settle();
    assert_eq!(named.sender.take_late_refusals(), 1);
    drop(old);
    let _listens_again = UdpSocket::bind(first).unwrap();
    assert_eq!(named.sender.send(b"next"), SendOutcome::Accepted);
    assert_eq!(received(&new), b"next");
}

#[test]
fn localhost_is_the_loopback_addresses_where_it_does_not_resolve() {
    let port = 6831;
    let v4 = SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, port));
    let v6 = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port));
    for (version, expected) in [
        (IpVersion::Any, vec![v4, v6]),
        (IpVersion::V4, vec![v4]),
        (IpVersion::V6, vec![v6]),
    ] {
        let mut named = Named::of("LocalHost", version, HALF_MINUTE);
        named.answer(Err(not_found()));
        assert!(named.sender.is_ready());
        assert_eq!(named.sender.addresses.known().unwrap(), expected);
        // An answer replaces them, and later failures leave it.
        named.pass(Duration::from_secs(30));
        let other = SocketAddr::new(expected[0].ip(), 7);
        named.answer(Ok(vec![other]));
        assert!(named.sender.is_ready());
        named.pass(Duration::from_secs(30));
        named.answer(Err(not_found()));
        assert!(named.sender.is_ready());
        assert_eq!(named.sender.addresses.known().unwrap(), [other]);
    }
}

#[test]
fn an_error_causes_a_look_up_unless_there_are_to_be_none() {
    for (interval, again) in [(HALF_MINUTE, true), (None, false)] {
        let mut named = Named::new(IpVersion::Any, interval);
        let (_closed, address) = closed_port();
        named.answer(Ok(vec![address]));
        assert!(named.sender.is_ready());
        assert_eq!(named.sender.send(b"lost"), SendOutcome::Refused);
        named.pass(Duration::from_millis(999));
        assert!(named.sender.is_ready());
        assert!(!named.is_looking_up(), "too soon");
        named.pass(Duration::from_millis(1));
        assert!(named.sender.is_ready());
        assert_eq!(named.is_looking_up(), again);
        if again {
            let (socket, address) = listener();
            named.answer(Ok(vec![address]));
            assert!(named.sender.is_ready());
            assert_eq!(named.sender.send(b"found"), SendOutcome::Accepted);
            assert_eq!(received(&socket), b"found");
        }
    }
}

#[test]
fn an_error_of_an_earlier_packet_causes_a_look_up_too() {
    let mut named = Named::new(IpVersion::Any, HALF_MINUTE);
    let (socket, address) = listener();
    named.answer(Ok(vec![address]));
    assert!(named.sender.is_ready());
    assert_eq!(named.sender.send(b"connects"), SendOutcome::Accepted);
    drop(socket);
    let (raw, _) = named.sender.socket.as_ref().unwrap();
    assert_eq!(raw.send(b"earlier").unwrap(), 7);
    let _socket = UdpSocket::bind(address).unwrap();
    named.pass(Duration::from_secs(1));
    assert!(named.sender.is_ready());
    assert!(!named.is_looking_up(), "the error is not known yet");
    assert_eq!(named.sender.send(b"in hand"), SendOutcome::Accepted);
    named.pass(Duration::from_secs(1));
    assert!(named.sender.is_ready());
    assert!(named.is_looking_up());
    named.answers.send(Ok(vec![address])).unwrap();
}

#[test]
fn a_failed_look_up_leaves_what_is_known() {
    let (socket, address) = listener();
    let mut named = Named::new(IpVersion::Any, HALF_MINUTE);
    named.answer(Ok(vec![address]));
    assert!(named.sender.is_ready());
    named.pass(Duration::from_secs(30));
    assert!(named.answer(Err(not_found())));
    assert!(named.sender.is_ready());
    assert_eq!(named.sender.send(b"still"), SendOutcome::Accepted);
    assert_eq!(received(&socket), b"still");
}

#[test]
fn the_version_chooses_and_ipv4_is_preferred() {
    let v4: SocketAddr = "127.0.0.1:6831".parse().unwrap();
    let v6: SocketAddr = "[::1]:6831".parse().unwrap();
    let cases = [
        (IpVersion::Any, vec![v4, v6]),
        (IpVersion::V4, vec![v4]),
        (IpVersion::V6, vec![v6]),
    ];
    for (version, expected) in cases {
        let mut named = Named::new(version, HALF_MINUTE);
        named.answer(Ok(vec![v6, v4]));
        assert!(named.sender.is_ready());
        assert_eq!(named.sender.addresses.known().unwrap(), expected);
    }
}

/// Sends a message when it is woken.
struct Sent(Mutex<Channel<()>>);

impl std::task::Wake for Sent {
    fn wake(self: Arc<Self>) {
        self.0.lock().unwrap().send(()).unwrap();
    }
}

/// The look-up's thread is left behind; the spans stay queued, and go out should it ever answer.
#[test]
fn a_look_up_that_hangs_costs_a_close_its_time() {
    const SPANS: u64 = 1_000;
    let (socket, address) = listener();
    let ((begun, is_begun), (end, is_over)) = (channel::<()>(), channel::<()>());
    let (begun, is_over) = (Mutex::new(begun), Mutex::new(is_over));
    let resolve = move |_: &str, _: u16| -> Answer {
        begun.lock().unwrap().send(()).unwrap();
        let _ended = is_over.lock().unwrap().recv();
        Ok(vec![address])
    };
    let resolve = Arc::new(resolve);
    let make = move |_: &crate::config::Settings, link: crate::state::TracerLink| {
        let system = System {
            resolve: resolve.clone(),
            now: Box::new(Instant::now),
            waker: link.waker,
        };
        let (host, any) = ("hangs.internal".into(), IpVersion::Any);
        let transport = UdpTransport::with_system(host, address.port(), any, None, system);
        Some(Box::new(transport) as crate::transport::BoxTransport)
    };
    let config = crate::Config::new("udp").sampler(crate::config::Sampler::Const(true));
    let builder = config.flush_at_exit(false).tracer_builder();
    let tracer = builder.linked_transport(Arc::new(make)).build().unwrap();
    (0..SPANS).for_each(|_| tracer.start("waits").finish());
    let limit = Duration::from_secs(20);
    is_begun.recv_timeout(limit).unwrap();
    let started = Instant::now();
    let error = tracer.close(Duration::from_millis(100)).unwrap_err();
    assert!(started.elapsed() < limit / 2, "{:?}", started.elapsed());
    let expected = "1000 spans not sent: the agent's host hangs.internal";
    assert!(error.to_string().contains(expected), "{error}");
    let stats = tracer.stats();
    assert_eq!((stats.queued, stats.adds_up()), (SPANS, true), "{stats}");
    drop(end);
    tracer.flush(limit).unwrap();
    let stats = tracer.stats();
    assert_eq!((stats.delivered, stats.queued), (SPANS, 0), "{stats}");
    assert!(received(&socket).len() > 1_000);
}
