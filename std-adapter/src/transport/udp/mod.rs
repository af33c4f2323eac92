//! UDP to the agent.

mod error;

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::task::Waker;
use std::thread;
use std::time::Duration;

use picojaeger_core::{SendOutcome, Transport};

use error::{Fault, SendError, SendErrorKind, fault, is_full, is_refusal};

use crate::sys::net::resolver::{Addresses, System};
use crate::sys::net::{IpVersion, connected_udp};

/// Sends each packet as one datagram over a connected socket, so that the system reports refusals.
///
/// The socket does not block. Where the system's send buffer is full, as after a burst of
/// large packets, it is tried again each millisecond, at most [`TRIES`] times; then the packet
/// fails. IPv4 addresses are preferred. A packet that one address refuses is sent to the next, and
/// an address that takes packets stays in use.
pub(crate) struct UdpTransport {
    /// `host:port`, with brackets where the host is an IPv6 address.
    agent: Arc<str>,
    /// The error while the agent is looked up.
    pending: String,
    addresses: Addresses,
    socket: Option<(UdpSocket, SocketAddr)>,
    /// The address that gave an error last, if there are others.
    left: Option<SocketAddr>,
    late: u64,
    /// Whether the last packet that was checked was accepted.
    trusted: bool,
    /// Whether a packet was sent unchecked since then.
    unchecked: bool,
    last_fault: Option<SendError>,
}

/// The most tries to send a packet that the socket does not take.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(1);

impl UdpTransport {
    /// Makes a transport to the agent at `host`, a name or an address without brackets.
    ///
    /// Nothing is looked up or opened before the first packet.
    pub(crate) fn new(
        host: String,
        port: u16,
        version: IpVersion,
        resolve_interval: Option<Duration>,
        waker: Waker,
    ) -> Self {
        let system = System::new(waker);
        Self::with_system(host, port, version, resolve_interval, system)
    }

    fn with_system(
        host: String,
        port: u16,
        version: IpVersion,
        resolve_interval: Option<Duration>,
        system: System,
    ) -> Self {
        let agent: Arc<str> = match host.contains(':') {
            true => format!("[{host}]:{port}").into(),
            false => format!("{host}:{port}").into(),
        };
        UdpTransport {
            addresses: Addresses::new(&host, port, version, resolve_interval, system),
            pending: format!("the agent's host {agent} is still being looked up"),
            agent,
            socket: None,
            left: None,
            late: 0,
            trusted: false,
            unchecked: false,
            last_fault: None,
        }
    }

    fn transmit(&mut self, packet: &[u8], more_follow: bool) -> SendOutcome {
        if !self.is_ready() {
            return SendOutcome::Retry;
        }
        let addresses = self.addresses.known().map_or(1, <[_]>::len);
        let mut tried = 1;
        loop {
            let delivered = self.deliver(packet, more_follow);
            self.trusted = delivered.is_ok();
            match delivered {
                Ok(()) => return SendOutcome::Accepted,
                Err(fault) if tried < addresses && is_of_address(&fault) => self.leave_address(),
                Err(fault) => return self.note(fault),
            }
            tried += 1;
        }
    }

    fn deliver(&mut self, packet: &[u8], more_follow: bool) -> Result<(), Fault> {
        let socket = match &self.socket {
            Some((socket, _)) => socket,
            None => {
                let known = self.addresses.known();
                let known = known.map_err(|error| (SendErrorKind::Unresolved, error))?;
                let connected = connect(known, self.left);
                let connected = connected.map_err(|error| (SendErrorKind::Failed, error))?;
                self.trusted = false;
                &self.socket.insert(connected).0
            }
        };
        let (sent, late) = offer(|| socket.send(packet), || thread::sleep(PAUSE));
        if sent.is_ok() && late.is_none() && self.trusted && more_follow {
            // The next send reports an error too, and a check costs a system call.
            self.unchecked = true;
            return Ok(());
        }
        self.unchecked = false;
        let checked = sent.and_then(|()| pending(socket).map_or(Ok(()), Err));
        if let Some(late) = late {
            self.note_late(late);
        }
        checked.map_err(fault)
    }

    /// Notes an error of a packet that was accepted.
    fn note_late(&mut self, error: io::Error) {
        self.late += 1;
        self.trusted = false;
        self.last_fault = Some(self.send_error(fault(error)));
        self.addresses.suspect();
        self.leave_address();
    }

    /// Makes the next packet go to the next address, if there are several.
    fn leave_address(&mut self) {
        if self.addresses.known().is_ok_and(|known| known.len() > 1)
            && let Some((_, address)) = self.socket.take()
        {
            self.left = Some(address);
        }
    }

    /// Notes a fault; returns the outcome of its packet.
    fn note(&mut self, fault: Fault) -> SendOutcome {
        let outcome = match fault.0 {
            SendErrorKind::TooLarge => return SendOutcome::TooLarge,
            SendErrorKind::Refused => {
                self.leave_address();
                SendOutcome::Refused
            }
            SendErrorKind::Unresolved => SendOutcome::Failed,
            SendErrorKind::Failed => {
                self.leave_address();
                self.socket = None;
                SendOutcome::Failed
            }
        };
        self.addresses.suspect();
        self.last_fault = Some(self.send_error(fault));
        outcome
    }

    fn send_error(&self, (kind, error): Fault) -> SendError {
        SendError {
            agent: self.agent.clone(),
            kind,
            error,
        }
    }
}

impl Transport for UdpTransport {
    fn is_ready(&mut self) -> bool {
        if self.addresses.poll()
            && let (Some((_, peer)), Ok(known)) = (&self.socket, self.addresses.known())
            && !known.contains(peer)
        {
            self.socket = None;
        }
        !self.addresses.is_pending()
    }

    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        self.transmit(packet, false)
    }

    fn send_more(&mut self, packet: &[u8]) -> SendOutcome {
        self.transmit(packet, true)
    }

    fn settle(&mut self) {
        if std::mem::take(&mut self.unchecked)
            && let Some((socket, _)) = &self.socket
            && let Some(late) = pending(socket)
        {
            self.note_late(late);
        }
    }

    fn take_late_refusals(&mut self) -> u64 {
        std::mem::take(&mut self.late)
    }

    fn last_error(&self) -> Option<&dyn fmt::Display> {
        if self.addresses.is_pending() {
            return Some(&self.pending);
        }
        self.last_fault.as_ref().map(|error| error as _)
    }
}

/// Sends a packet, with at most [`TRIES`] tries; returns the error of an earlier packet too, if one
/// was pending at the socket.
///
/// The system reports such an error instead of sending, and once. So an error is an earlier
/// packet's if the next try has another outcome, and a refusal always is.
fn offer(
    mut send: impl FnMut() -> io::Result<usize>,
    mut pause: impl FnMut(),
) -> (io::Result<()>, Option<io::Error>) {
    let mut late: Option<io::Error> = None;
    let mut tries = 1;
    loop {
        let error = match send() {
            Ok(_) => return (Ok(()), late),
            Err(error) => error,
        };
        match error.kind() {
            _ if tries == TRIES => return (Err(error), late),
            ErrorKind::Interrupted => {}
            _ if is_full(&error) => pause(),
            _ if is_refusal(&error) || late.is_none() => late = Some(error),
            kind => return (Err(error), late.filter(|late| late.kind() != kind)),
        }
        tries += 1;
    }
}

/// Returns whether another address of the host may take the packet.
fn is_of_address((kind, error): &Fault) -> bool {
    match kind {
        SendErrorKind::Refused => true,
        SendErrorKind::Failed => !is_full(error),
        SendErrorKind::Unresolved | SendErrorKind::TooLarge => false,
    }
}

/// Returns a socket connected to the first address that can be reached, beginning with the one
/// behind `left`.
fn connect(
    addresses: &[SocketAddr],
    left: Option<SocketAddr>,
) -> io::Result<(UdpSocket, SocketAddr)> {
    let left = left.and_then(|left| addresses.iter().position(|address| *address == left));
    let (before, behind) = addresses.split_at(left.map_or(0, |left| left + 1));
    let mut failure = io::Error::from(ErrorKind::AddrNotAvailable);
    for address in behind.iter().chain(before) {
        match connect_to(address) {
            Ok(socket) => return Ok((socket, *address)),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn connect_to(address: &SocketAddr) -> io::Result<UdpSocket> {
    let socket = connected_udp(*address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Takes the pending error of a socket.
fn pending(socket: &UdpSocket) -> Option<io::Error> {
    socket.take_error().unwrap_or_else(Some)
}

#[cfg(test)]
mod tests;
