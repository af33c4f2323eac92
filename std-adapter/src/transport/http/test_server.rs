//! A collector that misbehaves on purpose.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::sys::sync::lock;

/// Act of the server at one request.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Answers these bytes, once the request is read; the connection stays open.
    Answer(Vec<u8>),
    /// Answers these bytes and closes the connection.
    AnswerAndClose(Vec<u8>),
    /// Answers these bytes, and then nothing until the client goes away.
    AnswerAndHang(Vec<u8>),
    /// Answers these bytes, and then `x` until the client goes away.
    Endless(Vec<u8>),
    /// Answers these bytes one by one.
    Slow(Vec<u8>),
    /// Reads only the first byte, until the client goes away.
    DoNotRead,
    /// Answers 413 to a body of more bytes, else 200.
    AtMost(usize),
}

/// A request that was read whole.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

/// A server on a port of its own, with a thread for each connection.
pub(super) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    arrivals: Receiver<()>,
}

struct Shared {
    /// The acts of the requests to come; afterwards the last one goes on.
    acts: Mutex<Vec<Act>>,
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    /// Connections that are over.
    ended: AtomicUsize,
    arrived: Mutex<Sender<()>>,
}

/// Returns an answer of this status line, further headers and body.
pub(super) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Returns the act of an answer without headers or body.
pub(super) fn status(status: &str) -> Act {
    Act::Answer(answer(status, "", b""))
}

impl Server {
    pub(super) fn new(acts: &[Act]) -> Self {
        Self::bind("127.0.0.1:0", acts)
    }

    pub(super) fn bind(address: &str, acts: &[Act]) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let (arrived, arrivals) = channel();
        let shared = Arc::new(Shared {
            acts: Mutex::new(acts.iter().rev().cloned().collect()),
            requests: Mutex::default(),
            connections: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            arrived: Mutex::new(arrived),
        });
        let server = Server {
            address: listener.local_addr().unwrap(),
            shared: shared.clone(),
            arrivals,
        };
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (shared, stream) = (shared.clone(), stream.unwrap());
                shared.connections.fetch_add(1, Ordering::Relaxed);
                thread::spawn(move || {
                    while serve(&shared, &stream).is_some() {}
                    shared.ended.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        server
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/v1/traces", self.address)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    pub(super) fn ended(&self) -> usize {
        self.shared.ended.load(Ordering::Relaxed)
    }

    /// Waits for the beginning of a request.
    pub(super) fn wait(&self) {
        self.arrivals.recv_timeout(Duration::from_secs(20)).unwrap();
    }

    /// Counts the spans of this operation in all requests.
    pub(super) fn spans(&self, operation: &str) -> usize {
        let count = |request: &Request| {
            let windows = request.body.windows(operation.len());
            windows
                .filter(|bytes| *bytes == operation.as_bytes())
                .count()
        };
        lock(&self.shared.requests).iter().map(count).sum()
    }
}

/// Serves one request; `None` if the connection is over.
fn serve(shared: &Shared, mut stream: &TcpStream) -> Option<()> {
    stream.read_exact(&mut [0]).ok()?;
    let act = {
        let mut acts = lock(&shared.acts);
        let act = acts.pop()?;
        if acts.is_empty() {
            acts.push(act.clone());
        }
        act
    };
    let _gone = lock(&shared.arrived).send(());
    if let Act::DoNotRead = act {
        return wait_for_the_end(stream);
    }
    // The first byte is read already.
    let request = read_request(&mut stream, b"P")?;
    let length = request.body.len();
    lock(&shared.requests).push(request);
    match act {
        Act::Answer(bytes) => stream.write_all(&bytes).ok(),
        Act::AnswerAndClose(bytes) => stream.write_all(&bytes).ok().and(None),
        Act::AnswerAndHang(bytes) => {
            stream.write_all(&bytes).ok()?;
            wait_for_the_end(stream)
        }
        Act::Endless(bytes) => {
            stream.write_all(&bytes).ok()?;
            while stream.write_all(&[b'x'; 4_096]).is_ok() {}
            None
        }
        Act::Slow(bytes) => {
            for byte in bytes {
                thread::sleep(Duration::from_micros(100));
                stream.write_all(&[byte]).ok()?;
            }
            Some(())
        }
        Act::AtMost(most) if length > most => stream
            .write_all(&answer("413 Payload Too Large", "", b""))
            .ok(),
        Act::AtMost(_) => stream.write_all(&answer("200 OK", "", b"")).ok(),
        Act::DoNotRead => None,
    }
}

/// Reads nothing until the client has closed its end and all of it would be read.
fn wait_for_the_end(stream: &TcpStream) -> Option<()> {
    stream
        .set_read_timeout(Some(Duration::from_millis(20)))
        .ok()?;
    let is_open = |stream: &TcpStream| match stream.peek(&mut [0]) {
        Ok(count) => count > 0,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    };
    while is_open(stream) {
        thread::sleep(Duration::from_millis(5));
    }
    None
}

/// Reads a request, of which the first bytes are read already.
pub(super) fn read_request(stream: &mut impl Read, begun: &[u8]) -> Option<Request> {
    let mut head = begun.to_vec();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).ok()?;
    let mut body = vec![0; header(&head, "content-length")?.parse().ok()?];
    stream.read_exact(&mut body).ok()?;
    Some(Request { head, body })
}

/// Returns the value of a header.
pub(super) fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let pairs = head.lines().filter_map(|line| line.split_once(": "));
    let mut found = pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value)
}
