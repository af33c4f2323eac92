//! Development collector: receives the packets of tracers, keeps and prints their traces.
//!
//! [`Collector`] listens on UDP like Jaeger's agent and suits tests and development: nothing to
//! install, free ports, waiting without sleeping. [`Received`] is the same without a socket, and
//! [`decode`] turns one datagram into a [`Batch`](crate::model::Batch).
//!
//! Any peer that reaches the port can send, so a datagram of any content is at worst rejected and
//! counted, takes less than 1 MiB of heap while it is read, and the store has a limit.
//!
//! Needs the feature `receiver`, which is on by default.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use log::Level;
use picojaeger_core::TraceId;

use crate::sys::log::log_guarded;

#[cfg(feature = "collector")]
pub(crate) mod analysis;
mod decode;
#[cfg(all(fuzzing, feature = "collector"))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "collector")]
pub(crate) mod json;
mod listener;
mod memory_budget;
#[cfg(any(feature = "collector", feature = "testing"))]
pub(crate) mod otlp;
mod reference_encoder;
pub(crate) mod store;
#[cfg(test)]
mod tests;
pub(crate) mod waterfall;

#[cfg(any(feature = "collector", feature = "testing"))]
pub(crate) use decode::decode_body;
pub use decode::{DecodeError, decode};
pub use reference_encoder::{EncodeError, Encoding, encode};
pub use store::{Client, CollectedSpan, CollectorStats, Received};
pub use waterfall::Trace;

pub(crate) use listener::Inbox;

/// Size of the receive buffer that is requested; the system may give less.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Longest wait of a closing collector whose own wake-up datagram got lost.
const CLOSE_POLL: Duration = Duration::from_millis(100);

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
/// assert_eq!(collector.spans()[0].span.operation_name, "query");
/// println!("{}", collector.traces()[0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Collector {
    inbox: Arc<Inbox>,
    socket: UdpSocket,
    local_addr: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Collector {
    /// Listens on `address` (port 0 takes a free one), and holds 16 MiB of traces.
    ///
    /// # Errors
    /// The socket cannot be bound, or the thread cannot be started.
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        Self::bind_with_limit(address, Received::DEFAULT_LIMIT)
    }

    /// Like [`bind`](Self::bind), and holds traces of at most `limit` bytes, by estimate.
    ///
    /// # Errors
    /// The socket cannot be bound, or the thread cannot be started.
    pub fn bind_with_limit(address: impl ToSocketAddrs, limit: usize) -> io::Result<Self> {
        Self::listen(UdpSocket::bind(address)?, Arc::new(Inbox::new(limit)))
    }

    /// Listens on a socket. Collectors may share an inbox; the first that is dropped ends all of them.
    pub(crate) fn listen(socket: UdpSocket, inbox: Arc<Inbox>) -> io::Result<Self> {
        socket.set_read_timeout(Some(CLOSE_POLL))?;
        if let Err(error) = socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER) {
            let line = format_args!("collector: the receive buffer keeps its size: {error}");
            log_guarded(Level::Debug, line);
        }
        let local_addr = socket.local_addr()?;
        let thread = listener::spawn(socket.try_clone()?, Arc::clone(&inbox))?;
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
    /// The system does not give the size.
    pub fn receive_buffer_size(&self) -> io::Result<usize> {
        socket2::SockRef::from(&self.socket).recv_buffer_size()
    }

    /// Every trace held, in the order of arrival.
    pub fn traces(&self) -> Vec<Trace> {
        self.inbox.lock().traces()
    }

    /// The spans of one trace that arrived so far.
    pub fn trace(&self, trace_id: impl Into<TraceId>) -> Option<Trace> {
        self.inbox.lock().trace(trace_id)
    }

    /// Every span held: trace by trace, in the order of arrival.
    pub fn spans(&self) -> Vec<CollectedSpan> {
        self.inbox.lock().spans()
    }

    /// The clients that sent lately, each with its own account.
    pub fn clients(&self) -> Vec<Client> {
        self.inbox.lock().clients()
    }

    /// The counters.
    pub fn stats(&self) -> CollectorStats {
        self.inbox.lock().stats()
    }

    /// The error of the datagram that was rejected last.
    pub fn last_rejection(&self) -> Option<DecodeError> {
        self.inbox.lock().last_rejection().cloned()
    }

    /// Waits until `condition` holds, for at most `timeout`, and returns whether it holds. It is
    /// evaluated after each datagram, under the collector's lock, so it must be short and use its
    /// argument instead of the collector.
    pub fn wait_until(&self, timeout: Duration, condition: impl FnMut(&Received) -> bool) -> bool {
        self.inbox.wait_until(timeout, condition)
    }

    /// Waits until at least `count` spans arrived in all, evicted ones included.
    pub fn wait_for_spans(&self, count: u64, timeout: Duration) -> bool {
        self.wait_until(timeout, |received| received.stats().spans >= count)
    }
}

/// For backends of users' tests.
#[cfg(feature = "testing")]
impl Collector {
    /// Returns a function that stores batches that came some other way.
    pub(crate) fn store_handle(&self) -> impl Fn(crate::model::Batch) + Send + Sync + use<> {
        let inbox = Arc::clone(&self.inbox);
        move |batch| inbox.store(batch)
    }

    /// Refuses datagrams, on the same port.
    pub(crate) fn refuse(&mut self) -> io::Result<()> {
        self.stop();
        // A connected socket takes datagrams of its peer only, here of itself.
        self.socket.connect(self.local_addr)
    }

    /// Takes datagrams again.
    pub(crate) fn accept_again(&mut self) -> io::Result<()> {
        if self.thread.is_none() {
            // In its place, so that the port is free.
            self.socket = UdpSocket::bind((self.local_addr.ip(), 0))?;
            self.socket = UdpSocket::bind(self.local_addr)?;
            self.socket.set_read_timeout(Some(CLOSE_POLL))?;
            self.inbox.open();
            self.thread = Some(listener::spawn(
                self.socket.try_clone()?,
                Arc::clone(&self.inbox),
            )?);
        }
        Ok(())
    }
}

impl Collector {
    /// Ends the thread.
    fn stop(&mut self) {
        self.inbox.close();
        listener::wake(&self.socket, self.local_addr);
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
        self.stop();
    }
}
