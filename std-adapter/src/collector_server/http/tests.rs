//! The limits of connections, bodies and answers, by clients that reach them over sockets.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, StatusCode};

use super::reply;
use super::test_port::*;
use super::{Connections, Handler, Limits, Refusal, Reply};

/// More than the buffers of a connection hold.
const BIG: usize = 64 << 20;

/// Takes bodies, and answers with text of any length.
struct Echo {
    shared: Arc<Connections>,
    /// Says that work for a body to `/held` has begun, which ends with a word from the other.
    begun: Mutex<Sender<()>>,
    go_on: Arc<Mutex<Receiver<()>>>,
}

impl Handler for Echo {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Reply, Refusal> {
        let is_held = request.uri().path() == "/held";
        let length = if request.uri().path() == "/big" {
            BIG
        } else {
            2
        };
        if request.method() == Method::GET {
            let make = move |turn: super::Turn| {
                let body = turn.keep(vec![b'x'; length]);
                Ok(reply::reply(StatusCode::OK, "text/plain", body))
            };
            return self.shared.with_turn(make).await;
        }
        let (begun, go_on) = (self.begun.lock().unwrap().clone(), Arc::clone(&self.go_on));
        let take = move |body: Bytes| {
            if is_held {
                begun.send(()).unwrap();
                go_on.lock().unwrap().recv().unwrap();
            }
            Ok(body.len())
        };
        let length = self.shared.with_body(request, take).await?;
        let text = format!("{length} bytes");
        Ok(reply::reply(StatusCode::OK, "text/plain", text))
    }
}

/// Serves it; the ends of its channels are for requests to `/held`.
fn echo(limits: Limits) -> (TestPort, Receiver<()>, Sender<()>) {
    let ((begun, has_begun), (go_on, goes_on)) = (channel(), channel());
    let port = TestPort::serve(limits, |shared| Echo {
        shared: Arc::clone(shared),
        begun: Mutex::new(begun),
        go_on: Arc::new(Mutex::new(goes_on)),
    });
    (port, has_begun, go_on)
}

fn post(port: &TestPort, path: &str, body: &str) -> TcpStream {
    let lines = format!("content-length: {}\r\nconnection: close\r\n", body.len());
    let mut stream = port.send(&format!("POST {path}"), &lines);
    stream.write_all(body.as_bytes()).unwrap();
    stream
}

/// Sends a byte now and then until the connection is closed.
fn trickle(stream: &TcpStream, bytes: &'static [u8]) {
    let mut stream = stream.try_clone().unwrap();
    std::thread::spawn(move || {
        while stream.write_all(bytes).is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
}

#[test]
fn a_head_has_a_time_however_slowly_it_comes() {
    let limits = Limits {
        head_time: SHORT,
        ..no_limits()
    };
    let (port, ..) = echo(limits);
    rest(port.connect()).expect("a client that sends nothing is closed");
    let mut half = port.connect();
    half.write_all(b"GET / HTTP/1.1\r\nhost: ").unwrap();
    trickle(&half, b"a");
    rest(half).expect("a client that sends a byte now and then is closed");
}

#[test]
fn a_connection_that_idles_is_closed() {
    let limits = Limits {
        head_time: SHORT,
        ..no_limits()
    };
    let (port, ..) = echo(limits);
    let mut stream = port.send("GET /", "");
    read_until(&mut stream, "\r\n\r\nxx");
    assert_eq!(rest(stream).expect("it is closed without a request"), "");
}

#[test]
fn a_body_has_a_time_however_slowly_it_comes() {
    let limits = Limits {
        body_time: SHORT,
        ..no_limits()
    };
    let (port, ..) = echo(limits);
    let mut stopped = port.send("POST /", "content-length: 10\r\n");
    stopped.write_all(b"abc").unwrap();
    let answer = rest(stopped).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("the body took too long"), "{answer}");
    let endless = port.send("POST /", "transfer-encoding: chunked\r\n");
    trickle(&endless, b"1\r\na\r\n");
    let answer = rest(endless).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[test]
fn a_peer_that_does_not_read_loses_its_place() {
    let limits = Limits {
        connections: 1,
        patience: SHORT,
        ..no_limits()
    };
    let (port, ..) = echo(limits);
    let stream = port.send("GET /big", "");
    port.wait_for_slow(1);
    wait_until("its place is free", || port.get("/").ends_with("xx"));
    let got = rest(stream).map_or(0, |text| text.len());
    assert!(got < BIG, "it has no whole answer");
}

#[test]
fn connections_beyond_the_limit_are_closed_until_one_ends() {
    let limits = Limits {
        connections: 2,
        ..no_limits()
    };
    let (port, ..) = echo(limits);
    let held = [port.connect(), port.connect()];
    let mut third = port.connect();
    assert_eq!(third.read(&mut [0]).unwrap_or(0), 0, "closed at once");
    assert_eq!(port.shared.overflow.load(Ordering::Relaxed), 1);
    drop(held);
    wait_until("a place is free", || port.get("/").ends_with("xx"));
}

#[test]
fn bodies_beyond_the_limit_wait_for_their_turn_and_are_refused_after_a_time() {
    let limits = Limits {
        bodies: 1,
        turn_time: SHORT,
        ..no_limits()
    };
    let (port, has_begun, go_on) = echo(limits);
    let first = post(&port, "/held", "abc");
    has_begun.recv_timeout(LONG).unwrap();
    let refused = rest(post(&port, "/", "defg")).unwrap();
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.contains("\r\nretry-after: 1\r\n"), "{refused}");
    assert!(refused.contains("send this one again"), "{refused}");
    go_on.send(()).unwrap();
    assert!(rest(first).unwrap().ends_with("3 bytes"));
    assert!(rest(post(&port, "/", "defg")).unwrap().ends_with("4 bytes"));
}

#[test]
fn a_body_keeps_its_turn_while_a_thread_works_for_a_client_that_is_gone() {
    let limits = Limits {
        connections: 1,
        bodies: 1,
        turn_time: SHORT,
        ..no_limits()
    };
    let (port, has_begun, go_on) = echo(limits);
    let gone = post(&port, "/held", "abc");
    has_begun.recv_timeout(LONG).unwrap();
    drop(gone);
    let mut answer = String::new();
    // Its place is free when the server has seen that it is gone.
    wait_until("an answer", || {
        answer = rest(post(&port, "/", "defg")).unwrap_or_default();
        !answer.is_empty()
    });
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    go_on.send(()).unwrap();
    wait_until("the turn is free", || {
        let answer = rest(post(&port, "/", "defg"));
        answer.is_ok_and(|answer| answer.ends_with("4 bytes"))
    });
}

#[test]
fn large_answers_beyond_the_limit_wait_until_another_is_read() {
    let limits = Limits {
        answers: 1,
        turn_time: SHORT,
        ..no_limits()
    };
    let (port, ..) = echo(limits);
    let mut slow = port.send("GET /big", "connection: close\r\n");
    read_until(&mut slow, "\r\n\r\n");
    let refused = port.get("/");
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    let read = rest(slow).unwrap().len();
    assert!(read > BIG / 2, "{read}");
    // A small answer that is not read leaves the turn to others.
    let small = port.send("GET /", "");
    wait_until("the turn is free", || port.get("/").ends_with("xx"));
    drop(small);
}

#[test]
fn a_client_that_still_sends_gets_its_refusal() {
    let limits = Limits {
        body: 64 << 10,
        ..no_limits()
    };
    let (port, ..) = echo(limits);
    let body = vec![b'x'; 16 << 20];
    for _ in 0..4 {
        let mut stream = port.send("POST /", &format!("content-length: {}\r\n", body.len()));
        stream.write_all(&body).expect("no reset");
        let answer = rest(stream).expect("no reset");
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    }
}
