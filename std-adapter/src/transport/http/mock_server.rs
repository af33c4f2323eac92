//! A server that misbehaves on request, for tests: those of this crate, and by `testing::MockBackend` those of users.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
#[cfg(feature = "testing")]
use std::sync::PoisonError;
#[cfg(test)]
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::sys::sync::lock;

/// Act of the server at one request.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "most are for this crate's tests")
)]
pub(crate) enum Act {
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
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// A server on a port of its own, with a thread for each connection; no longer once it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    #[cfg(test)]
    arrivals: Receiver<()>,
    /// The thread that accepts connections, and holds the port.
    accepting: Option<JoinHandle<()>>,
    /// Holds the port while connections are refused.
    #[cfg(feature = "testing")]
    refusing: Option<socket2::Socket>,
}

struct Shared {
    script: Script,
    requests: Mutex<Vec<Request>>,
    /// Notified at each request.
    requested: Condvar,
    open: Mutex<Connections>,
    #[cfg(test)]
    arrived: Mutex<Sender<()>>,
}

/// What decides about a request.
enum Script {
    /// The acts of the requests to come; afterwards the last one goes on.
    #[cfg_attr(not(test), expect(dead_code, reason = "those of this crate's tests"))]
    Acts(Mutex<Vec<Act>>),
    /// A function that decides once the request is read.
    #[cfg_attr(
        not(feature = "testing"),
        expect(dead_code, reason = "a backend for users' tests")
    )]
    Respond(Respond),
}

/// Decides about a request that was read.
pub(crate) type Respond = Box<dyn Fn(&Request) -> Act + Send + Sync>;

#[derive(Default)]
struct Connections {
    /// Whether no more are accepted.
    is_closed: bool,
    streams: Vec<TcpStream>,
    /// All that began.
    begun: usize,
    /// Those that are over.
    ended: usize,
}

/// Returns an answer of this status line, further headers and body.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Returns the act of an answer without headers or body.
#[cfg(test)]
pub(crate) fn status(status: &str) -> Act {
    Act::Answer(answer(status, "", b""))
}

#[cfg(test)]
impl Server {
    pub(crate) fn new(acts: &[Act]) -> Self {
        Self::bind("127.0.0.1:0", acts)
    }

    pub(crate) fn bind(address: &str, acts: &[Act]) -> Self {
        let acts = acts.iter().rev().cloned().collect();
        Self::start(address, Script::Acts(Mutex::new(acts))).unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1/traces", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        lock(&self.shared.open).begun
    }

    pub(crate) fn ended(&self) -> usize {
        lock(&self.shared.open).ended
    }

    /// Waits for the beginning of a request.
    pub(crate) fn wait(&self) {
        self.arrivals.recv_timeout(Duration::from_secs(20)).unwrap();
    }

    /// Counts the spans of this operation in all requests.
    pub(crate) fn spans(&self, operation: &str) -> usize {
        let count = |request: &Request| {
            let windows = request.body.windows(operation.len());
            windows
                .filter(|bytes| *bytes == operation.as_bytes())
                .count()
        };
        lock(&self.shared.requests).iter().map(count).sum()
    }
}

#[cfg(feature = "testing")]
impl Server {
    /// Starts a server on a free port, whose answers this function gives.
    pub(crate) fn responding(respond: Respond) -> io::Result<Self> {
        Self::start("127.0.0.1:0", Script::Respond(respond))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until so many requests were read, and returns whether they were.
    pub(crate) fn wait_for_requests(&self, count: usize, timeout: Duration) -> bool {
        let requests = lock(&self.shared.requests);
        let waited = self
            .shared
            .requested
            .wait_timeout_while(requests, timeout, |requests| requests.len() < count);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Closes all connections and refuses further ones, on the same port.
    pub(crate) fn refuse(&mut self) -> io::Result<()> {
        self.stop();
        let domain = socket2::Domain::for_address(self.address);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
        // Connections that have just ended still have the port.
        socket.set_reuse_address(true)?;
        socket.bind(&self.address.into())?;
        self.refusing = Some(socket);
        Ok(())
    }

    /// Accepts connections again.
    pub(crate) fn accept_again(&mut self) -> io::Result<()> {
        if let Some(socket) = self.refusing.take() {
            socket.listen(128)?;
            lock(&self.shared.open).is_closed = false;
            self.accepting = Some(accept(socket.into(), self.shared.clone())?);
        }
        Ok(())
    }
}

impl Server {
    fn start(address: &str, script: Script) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        #[cfg(test)]
        let (arrived, arrivals) = channel();
        let shared = Arc::new(Shared {
            script,
            requests: Mutex::default(),
            requested: Condvar::new(),
            open: Mutex::default(),
            #[cfg(test)]
            arrived: Mutex::new(arrived),
        });
        Ok(Server {
            address,
            accepting: Some(accept(listener, shared.clone())?),
            shared,
            #[cfg(test)]
            arrivals,
            #[cfg(feature = "testing")]
            refusing: None,
        })
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// Closes all connections and the port.
    fn stop(&mut self) {
        let Some(thread) = self.accepting.take() else {
            return;
        };
        let streams = {
            let mut open = lock(&self.shared.open);
            open.is_closed = true;
            std::mem::take(&mut open.streams)
        };
        for stream in streams {
            // Fails for one that is closed.
            let _closed = stream.shutdown(Shutdown::Both);
        }
        // Wakes the thread; if that fails, it has ended.
        let _woken = TcpStream::connect_timeout(&self.address, Duration::from_secs(5));
        let _ended = thread.join();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts the thread that accepts connections.
fn accept(listener: TcpListener, shared: Arc<Shared>) -> io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name("mock-server".into())
        .spawn(move || {
            for stream in listener.incoming() {
                let (shared, Ok(stream)) = (shared.clone(), stream) else {
                    continue;
                };
                if !shared.begin(&stream) {
                    return;
                }
                thread::spawn(move || {
                    while serve(&shared, &stream).is_some() {}
                    shared.end(&stream);
                });
            }
        })
}

impl Shared {
    /// Notes a connection, unless none is accepted any more.
    fn begin(&self, stream: &TcpStream) -> bool {
        let mut open = lock(&self.open);
        open.begun += 1;
        open.streams.extend(stream.try_clone());
        if open.is_closed {
            open.begun -= 1;
        }
        !open.is_closed
    }

    fn end(&self, stream: &TcpStream) {
        let mut open = lock(&self.open);
        open.ended += 1;
        if let Ok(peer) = stream.peer_addr() {
            open.streams
                .retain(|it| it.peer_addr().is_ok_and(|it| it != peer));
        }
        // The clone among the open ones would keep it open.
        let _closed = stream.shutdown(Shutdown::Both);
    }

    /// Returns the act of the next request, if it is known before it is read.
    fn next_act(&self) -> Option<Act> {
        let Script::Acts(acts) = &self.script else {
            return None;
        };
        let mut acts = lock(acts);
        let act = acts.pop()?;
        if acts.is_empty() {
            acts.push(act.clone());
        }
        Some(act)
    }
}

/// Serves one request; `None` if the connection is over.
fn serve(shared: &Shared, mut stream: &TcpStream) -> Option<()> {
    let mut first = [0];
    stream.read_exact(&mut first).ok()?;
    let known = shared.next_act();
    #[cfg(test)]
    let _gone = lock(&shared.arrived).send(());
    if let Some(Act::DoNotRead) = known {
        return wait_for_the_end(stream);
    }
    let request = read_request(&mut stream, &first)?;
    let length = request.body.len();
    lock(&shared.requests).push(request.clone());
    shared.requested.notify_all();
    let act = match (known, &shared.script) {
        (Some(act), _) => act,
        (None, Script::Respond(respond)) => respond(&request),
        (None, Script::Acts(_)) => return None,
    };
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
pub(crate) fn read_request(stream: &mut impl Read, begun: &[u8]) -> Option<Request> {
    let mut head = begun.to_vec();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).ok()?;
    let length = header(&head, "content-length").map_or(Ok(0), str::parse);
    let mut body = vec![0; length.ok()?];
    stream.read_exact(&mut body).ok()?;
    Some(Request { head, body })
}

/// Returns the value of a header.
pub(crate) fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let pairs = head.lines().filter_map(|line| line.split_once(':'));
    let mut found = pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.trim())
}
