//! Frames of devices over TCP.

use std::collections::BTreeSet;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use crate::collector::Inbox;
use crate::model::{Batch, Process};
use crate::relay::{Arrival, Event, Relay};
use crate::sys::clock::unix_micros;
use crate::sys::sync::lock;

/// Connections at one time.
const MOST_LINES: usize = 16;
/// Bytes of one read.
const PIECE: usize = 16 << 10;
/// The silence after which a peer is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(60);
/// The pause after a failed accept, as without free descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The relay and its lines, of which each connection has one.
struct Lines {
    relay: Relay,
    free: BTreeSet<usize>,
}

/// Takes the frames of a port for ever. Needs a runtime around it.
pub(super) fn serve(listener: TcpListener, inbox: &Arc<Inbox>) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let lines = Arc::new(Mutex::new(Lines {
        relay: Relay::new(),
        free: (0..MOST_LINES).collect(),
    }));
    let inbox = Arc::clone(inbox);
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let free = lock(&lines).free.pop_first();
            let Some(line) = free else {
                super::warn(&format!(
                    "relay: a connection beyond {MOST_LINES} is closed"
                ));
                continue;
            };
            keep_alive(&stream);
            let (lines, inbox) = (Arc::clone(&lines), Arc::clone(&inbox));
            tokio::spawn(async move {
                read(&stream, |bytes| take(&lines, &inbox, line, bytes)).await;
                end(&lines, &inbox, line);
            });
        }
    });
    Ok(())
}

/// Lets the system ask whether the peer is still there: a device may be silent for ever, and one that lost its power
/// would keep its line.
fn keep_alive(stream: &TcpStream) {
    let probes = TcpKeepalive::new().with_time(SILENCE);
    // Without it the connection works as well.
    drop(SockRef::from(stream).set_tcp_keepalive(&probes));
}

/// Whether the first bytes of a connection are a request of HTTP.
///
/// Any page in the user's browser can send one to this port, with frames in its body.
fn is_request(first: &[u8]) -> bool {
    let mut words = first.splitn(3, |byte| *byte == b' ');
    let (method, target) = (words.next(), words.next());
    let is_method = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_uppercase);
    method.is_some_and(is_method) && target.is_some_and(|target| target.starts_with(b"/"))
}

/// Reads until the connection ends.
async fn read(stream: &TcpStream, mut take: impl FnMut(&[u8])) {
    let mut buffer = vec![0; PIECE];
    let mut is_first = true;
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => {
                let bytes = buffer.get(..length).unwrap_or(&[]);
                if std::mem::take(&mut is_first) && is_request(bytes) {
                    super::warn("relay: a connection that speaks HTTP is closed");
                    return;
                }
                take(bytes);
                // A peer that always has bytes would keep the thread.
                tokio::task::yield_now().await;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

fn take(lines: &Mutex<Lines>, inbox: &Inbox, line: usize, bytes: &[u8]) {
    let mut sink = Sink::new(inbox);
    let arrival = Arrival::At(unix_micros(SystemTime::now()));
    let mut lines = lock(lines);
    lines
        .relay
        .receive(line, bytes, arrival, &mut |event| sink.take(event));
    drop(lines);
    sink.finish();
}

/// Frees the line of a connection that has ended. Spans that still wait for a time have it as well as it can be known
/// when no device is connected any more.
fn end(lines: &Mutex<Lines>, inbox: &Inbox, line: usize) {
    let mut sink = Sink::new(inbox);
    let mut lines = lock(lines);
    lines.relay.end_line(line, &mut |event| sink.take(event));
    lines.free.insert(line);
    if lines.free.len() == MOST_LINES {
        lines.relay.release(&mut |event| sink.take(event));
    }
    drop(lines);
    sink.finish();
}

/// Collects spans to batches of one process each.
struct Sink<'i> {
    inbox: &'i Inbox,
    process: Option<Arc<Process>>,
    batch: Batch,
}

impl<'i> Sink<'i> {
    fn new(inbox: &'i Inbox) -> Self {
        Sink {
            inbox,
            process: None,
            batch: Batch::default(),
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Span { process, span } => {
                if !self
                    .process
                    .as_ref()
                    .is_some_and(|last| Arc::ptr_eq(last, &process))
                {
                    self.store();
                    self.batch = Batch::new(Process::clone(&process));
                    self.process = Some(process);
                }
                self.batch.spans.push(*span);
            }
            Event::Warning(text) => super::warn(&format!("relay: {text}")),
            // Text, and what only devices' tools need.
            _ => {}
        }
    }

    fn store(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if !batch.spans.is_empty() {
            self.inbox.store(batch);
        }
    }

    fn finish(mut self) {
        self.store();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_http_are_known_by_their_first_bytes() {
        for first in ["POST / HTTP/1.1\r\n", "GET /x", "OPTIONS / HTTP/1.1"] {
            assert!(is_request(first.as_bytes()), "{first}");
        }
        for first in [
            "",
            " /",
            "boot /dev",
            "POST",
            "POST 7 /",
            "get / HTTP/1.1",
            "\0A /",
        ] {
            assert!(!is_request(first.as_bytes()), "{first}");
        }
    }
}
