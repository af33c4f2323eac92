//! Development collector: receives what tracers send, keeps it in memory, and prints it.
//!
//! [`Collector`] listens on UDP like Jaeger's agent and suits tests and development: nothing to
//! install, free ports, waiting without sleeping. [`Received`] is the same without a socket, and
//! [`decode`] turns one datagram into a [`Batch`](crate::model::Batch).
//!
//! Whoever can reach the port can send: a datagram of any content is at worst rejected and counted,
//! takes less than 1 MiB of heap while it is read, and what is kept has a limit.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use log::Level;

use crate::sys::log::log_guarded;

mod budget;
mod decode;
mod encode;

mod store;
mod waterfall;

pub use decode::{DecodeError, decode};
pub use encode::{EncodeError, Encoding, encode};

pub use store::{Client, CollectedSpan, CollectorStats, Received};
pub use waterfall::Trace;

/// Receive buffer that is asked for; the system may give less.
const RECEIVE_BUFFER: usize = 4 << 20;

/// How long a closing collector waits at most when its own wake-up datagram gets lost.
const CLOSE_POLL: Duration = Duration::from_millis(100);

/// Failed reads in a row after which the socket is given up.
const MAX_FAILURES: u32 = 100;

/// A listener for Jaeger's UDP packets, on one thread; dropping it stops and joins the thread.
///
/// # Examples
/// ```
/// use std::net::UdpSocket;
/// use std::time::Duration;
/// use picojaeger_std::collector::{Collector, Encoding, encode};
/// use picojaeger_std::model::{Batch, Process, Span};
///
/// let collector = Collector::bind("127.0.0.1:0")?;
///
/// let mut batch = Batch::new(Process::new("shop"));
/// batch.spans.push(Span::new(0x2a, 7, "query"));
/// let sender = UdpSocket::bind("127.0.0.1:0")?;
/// sender.send_to(&encode(&batch, Encoding::default())?, collector.local_addr())?;
///
/// assert!(collector.wait_for_spans(1, Duration::from_secs(10)));
/// assert_eq!(collector.spans()[0].operation_name, "query");
/// println!("{}", collector.traces()[0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Collector {
    inbox: Arc<Inbox>,
    socket: UdpSocket,
    local_addr: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

/// What the thread and the owner of a collector share.
struct Inbox {
    received: Mutex<Received>,
    changed: Condvar,
    closing: AtomicBool,
}

impl Inbox {
    /// A predicate that panicked has left nothing half done.
    fn lock(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector {
    /// Listens on `address` (port 0 takes a free one), and holds 16 MiB of traces.
    ///
    /// # Errors
    /// Those of binding the socket and of starting the thread.
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        Self::bind_with_limit(address, Received::DEFAULT_LIMIT)
    }

    /// Like [`bind`](Self::bind), and holds traces of at most `limit` bytes, by estimate.
    ///
    /// # Errors
    /// Those of binding the socket and of starting the thread.
    pub fn bind_with_limit(address: impl ToSocketAddrs, limit: usize) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_read_timeout(Some(CLOSE_POLL))?;
        if let Err(error) = socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER) {
            let line = format_args!("collector: the receive buffer keeps its size: {error}");
            log_guarded(Level::Debug, line);
        }
        let local_addr = socket.local_addr()?;
        let inbox = Arc::new(Inbox {
            received: Mutex::new(Received::with_limit(limit)),
            changed: Condvar::new(),
            closing: AtomicBool::new(false),
        });
        let (listening, heard) = (socket.try_clone()?, Arc::clone(&inbox));
        let thread = thread::Builder::new()
            .name("jaeger-collector".to_owned())
            .spawn(move || listen(&listening, &heard))?;
        Ok(Self {
            inbox,
            socket,
            local_addr,
            thread: Some(thread),
        })
    }

    /// The address it listens on, with the port that was chosen.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Size of the socket's receive buffer in bytes: datagrams beyond it are lost uncounted.
    ///
    /// # Errors
    /// Those of asking the system.
    pub fn receive_buffer_size(&self) -> io::Result<usize> {
        socket2::SockRef::from(&self.socket).recv_buffer_size()
    }

    /// Every trace held, in the order of arrival.
    pub fn traces(&self) -> Vec<Trace> {
        self.inbox.lock().traces()
    }

    /// The spans of one trace that arrived so far.
    pub fn trace(&self, trace_id: u128) -> Option<Trace> {
        self.inbox.lock().trace(trace_id)
    }

    /// Every span held: trace by trace, in the order of arrival.
    pub fn spans(&self) -> Vec<CollectedSpan> {
        self.inbox.lock().spans()
    }

    /// The clients heard of, with what they say of themselves.
    pub fn clients(&self) -> Vec<Client> {
        self.inbox.lock().clients()
    }

    /// The counters.
    pub fn stats(&self) -> CollectorStats {
        self.inbox.lock().stats()
    }

    /// Why the most recent rejected datagram was rejected.
    pub fn last_rejection(&self) -> Option<DecodeError> {
        self.inbox.lock().last_rejection().cloned()
    }

    /// Waits until `condition` holds, asking after each datagram, for at most `timeout`; answers
    /// whether it holds. The condition runs under the collector's lock: it must use what it is
    /// given, not the collector, and be short.
    pub fn wait_until(
        &self,
        timeout: Duration,
        mut condition: impl FnMut(&Received) -> bool,
    ) -> bool {
        let waited =
            self.inbox
                .changed
                .wait_timeout_while(self.inbox.lock(), timeout, |received| !condition(received));
        let (_received, result) = waited.unwrap_or_else(PoisonError::into_inner);
        !result.timed_out()
    }

    /// Waits until at least `count` spans arrived in all, evicted ones included.
    pub fn wait_for_spans(&self, count: u64, timeout: Duration) -> bool {
        self.wait_until(timeout, |received| received.stats().spans >= count)
    }

    /// Wakes the thread with an empty datagram to itself; else its read times out.
    fn wake(&self) {
        let mut address = self.local_addr;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        if let Err(error) = self.socket.send_to(&[], address) {
            let line = format_args!("collector: closing without wake-up: {error}");
            log_guarded(Level::Debug, line);
        }
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector")
            .field("local_addr", &self.local_addr)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.inbox.closing.store(true, Ordering::Release);
        self.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log_guarded(
                Level::Error,
                format_args!("collector: the thread ended in a panic"),
            );
        }
    }
}

/// Receives until the collector closes.
fn listen(socket: &UdpSocket, inbox: &Inbox) {
    let mut buffer = vec![0; budget::MAX_DATAGRAM];
    let mut failures = 0;
    while failures < MAX_FAILURES {
        let result = socket.recv(&mut buffer);
        if inbox.closing.load(Ordering::Acquire) {
            return;
        }
        match result {
            Ok(length) => {
                failures = 0;
                inbox.lock().accept(buffer.get(..length).unwrap_or(&[]));
                inbox.changed.notify_all();
            }
            Err(error) if is_idle(&error) => failures = 0,
            Err(error) => {
                failures += 1;
                log_guarded(
                    Level::Warn,
                    format_args!("collector: receive failed: {error}"),
                );
                inbox.lock().count_receive_error();
                inbox.changed.notify_all();
            }
        }
    }
    let line = format_args!("collector: the socket fails again and again, it is given up");
    log_guarded(Level::Error, line);
}

/// A read that timed out, was interrupted, or reports an answer to something that was sent.
fn is_idle(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, Interrupted, TimedOut, WouldBlock};
    matches!(
        error.kind(),
        WouldBlock | TimedOut | Interrupted | ConnectionReset | ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
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
}
