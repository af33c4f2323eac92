//! A port of HTTP with limits of a test's own, and clients of it by hand.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{Connections, Guard, Handler, Limits, serve};

/// The longest wait of a test: reached only where it fails.
pub(in crate::collector_server) const LONG: Duration = Duration::from_secs(20);
/// A limit that a test waits for.
pub(in crate::collector_server) const SHORT: Duration = Duration::from_millis(200);

/// Limits that no test reaches.
pub(in crate::collector_server) fn no_limits() -> Limits {
    let never = Duration::from_secs(3_600);
    Limits {
        head_time: never,
        body_time: never,
        turn_time: never,
        patience: never,
        ..Limits::default()
    }
}

/// A port that is served until it is dropped.
pub(in crate::collector_server) struct TestPort {
    pub(in crate::collector_server) port: u16,
    pub(in crate::collector_server) shared: Arc<Connections>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestPort {
    /// Serves a handler, which is made within the runtime.
    pub(in crate::collector_server) fn serve<H: Handler>(
        limits: Limits,
        handler: impl FnOnce(&Arc<Connections>) -> H,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Connections::new(Guard::new(&[], false, None), limits));
        let entered = runtime.enter();
        serve(listener, &shared, Arc::new(handler(&shared))).unwrap();
        drop(entered);
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            drop(runtime.block_on(stopped));
            runtime.shutdown_background();
        });
        TestPort {
            port,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Connects a client, whose reads fail after a long time.
    pub(in crate::collector_server) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_write_timeout(Some(LONG)).unwrap();
        stream
    }

    /// Connects a client that has sent the head of a request; `lines` are its last ones.
    pub(in crate::collector_server) fn send(&self, first: &str, lines: &str) -> TcpStream {
        let mut stream = self.connect();
        let port = self.port;
        let head = format!("{first} HTTP/1.1\r\nhost: localhost:{port}\r\n{lines}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    /// Returns the whole answer to a request without a body; nothing, where the connection is closed.
    pub(in crate::collector_server) fn get(&self, path: &str) -> String {
        let stream = self.send(&format!("GET {path}"), "connection: close\r\n");
        rest(stream).unwrap_or_default()
    }

    /// Waits until so many peers were given up as they did not read.
    pub(in crate::collector_server) fn wait_for_slow(&self, peers: u64) {
        wait_until("a peer is given up", || {
            self.shared.slow.load(Ordering::Relaxed) == peers
        });
    }
}

impl Drop for TestPort {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Waits for something that happens soon.
pub(in crate::collector_server) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Reads until the peer closes; an error where it does not, or resets the connection.
pub(in crate::collector_server) fn rest(mut stream: TcpStream) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads until a part has come; returns what was read.
pub(in crate::collector_server) fn read_until(stream: &mut TcpStream, part: &str) -> String {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 64 << 10];
    loop {
        let length = stream.read(&mut piece).expect(part);
        assert!(length > 0, "closed before {part}");
        // A part may begin in the piece before.
        let begin = bytes.len().saturating_sub(part.len());
        bytes.extend(&piece[..length]);
        if String::from_utf8_lossy(&bytes[begin..]).contains(part) {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}
