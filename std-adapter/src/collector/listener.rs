//! The thread of a collector: reads datagrams until the collector closes.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use log::Level;

#[cfg(feature = "collector")]
use super::decode::DecodeError;
use super::memory_budget::MAX_DATAGRAM;
use super::store::Received;
use crate::sys::log::log_guarded;
use crate::sys::sync::lock;
use crate::sys::threads;

/// Failed reads in a row after which the socket is given up.
const MAX_FAILURES: u32 = 100;

/// Spans of a batch that are stored at once.
#[cfg(any(feature = "testing", feature = "collector"))]
const SPANS_AT_ONCE: usize = 2000;

/// State shared by the thread and the owner of a collector.
pub(crate) struct Inbox {
    received: Mutex<Received>,
    changed: Condvar,
    closing: AtomicBool,
}

impl Inbox {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            received: Mutex::new(Received::with_limit(limit)),
            changed: Condvar::new(),
            closing: AtomicBool::new(false),
        }
    }

    /// An inbox of the program: its store follows open spans and losses too.
    #[cfg(feature = "collector")]
    pub(crate) fn of_program(limit: usize) -> Self {
        Self {
            received: Mutex::new(Received::of_program(limit)),
            changed: Condvar::new(),
            closing: AtomicBool::new(false),
        }
    }

    /// Locks the store, poisoned or not: a condition of a caller may panic under the lock, but only
    /// reads, so the store is whole.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Received> {
        lock(&self.received)
    }

    /// Waits until `condition` holds, for at most `timeout`, and returns whether it holds.
    pub(crate) fn wait_until(
        &self,
        timeout: Duration,
        mut condition: impl FnMut(&Received) -> bool,
    ) -> bool {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), timeout, |received| !condition(received));
        let (_received, result) = waited.unwrap_or_else(PoisonError::into_inner);
        !result.timed_out()
    }

    /// Lets the thread end after its next read.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Undoes [`Inbox::close`].
    #[cfg(feature = "testing")]
    pub(super) fn open(&self) {
        self.closing.store(false, Ordering::Release);
    }

    /// Stores a batch that came some other way. A large one is stored in parts, so that datagrams need not wait for all.
    #[cfg(any(feature = "testing", feature = "collector"))]
    pub(crate) fn store(&self, batch: crate::model::Batch) {
        let mut arrival = self.lock().begin_batch(batch);
        // The lock ends with the condition.
        while self.lock().store_some(&mut arrival, SPANS_AT_ONCE) {
            std::thread::yield_now();
        }
        self.free();
        self.changed.notify_all();
    }

    /// Counts a body that came some other way and is no batch, or spans of one that is.
    #[cfg(feature = "collector")]
    pub(crate) fn reject(&self, count: u64, error: DecodeError) {
        self.lock().reject(count, error);
        self.changed.notify_all();
    }

    /// Takes one datagram, and frees a part of what has left: more would keep the next one waiting.
    pub(crate) fn accept(&self, datagram: &[u8]) {
        self.lock().take(datagram);
        self.lock().free_some();
        self.changed.notify_all();
    }

    /// Frees what has left the store. Others may have the lock between two parts.
    fn free(&self) {
        // The lock ends with the condition.
        while self.lock().free_some() {
            std::thread::yield_now();
        }
    }

    fn count_receive_error(&self) {
        self.lock().count_receive_error();
        self.changed.notify_all();
    }
}

/// Starts the thread.
pub(super) fn spawn(socket: UdpSocket, inbox: Arc<Inbox>) -> io::Result<JoinHandle<()>> {
    threads::spawn("jaeger-collector", move || listen(&socket, &inbox))
}

/// Wakes the thread with an empty datagram to itself; else its read times out.
pub(super) fn wake(socket: &UdpSocket, mut address: SocketAddr) {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    if let Err(error) = socket.send_to(&[], address) {
        let line = format_args!("collector: closing without wake-up: {error}");
        log_guarded(Level::Debug, line);
    }
}

/// Receives until the collector closes.
fn listen(socket: &UdpSocket, inbox: &Inbox) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    let mut failures = 0;
    while failures < MAX_FAILURES {
        let result = socket.recv(&mut buffer);
        if inbox.closing.load(Ordering::Acquire) {
            return;
        }
        match result {
            Ok(length) => {
                failures = 0;
                inbox.accept(buffer.get(..length).unwrap_or(&[]));
            }
            Err(error) if is_idle(&error) => {
                failures = 0;
                inbox.free();
            }
            Err(error) => {
                failures += 1;
                let line = format_args!("collector: receive failed: {error}");
                log_guarded(Level::Warn, line);
                inbox.count_receive_error();
            }
        }
    }
    let line = format_args!("collector: the socket fails again and again, it is given up");
    log_guarded(Level::Error, line);
}

/// Whether a read timed out, was interrupted, or failed for a datagram that was sent earlier.
fn is_idle(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, Interrupted, TimedOut, WouldBlock};
    matches!(
        error.kind(),
        WouldBlock | TimedOut | Interrupted | ConnectionReset | ConnectionRefused
    )
}
