//! The agent's addresses: literal, or looked up by name without blocking.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::sys::net::IpVersion;
use crate::sys::threads;

/// The addresses of one host, looked up again when they are old or fail.
///
/// A name is looked up at the first use, at the first use after the interval, and after an error
/// of its addresses, but never within a second of the last answer. Known addresses stay in use
/// until an answer replaces them. Without an interval the first addresses found stay for good.
/// Where `localhost` is not found, as in a `chroot` without `/etc/hosts`, it is the loopback
/// addresses (RFC 6761, section 6.3).
pub(crate) struct Addresses {
    host: Arc<str>,
    port: u16,
    version: IpVersion,
    interval: Option<Duration>,
    is_name: bool,
    /// Addresses of the wanted version, the preferred first.
    known: Vec<SocketAddr>,
    /// Error of the last look-up that failed.
    failure: Option<io::Error>,
    /// The look-up under way.
    lookup: Option<Receiver<Answer>>,
    /// Time of the last answer.
    answered: Option<Instant>,
    /// An address gave an error since the last look-up.
    suspected: bool,
    system: System,
}

/// The resolver, the clock and the worker, each replaceable in tests.
pub(crate) struct System {
    pub(crate) resolve: Arc<Resolve>,
    pub(crate) now: Box<dyn Fn() -> Instant + Send>,
    /// Woken by a look-up's thread at its end.
    pub(crate) waker: Waker,
}

/// Looks up the addresses of a name; may block.
pub(crate) type Resolve = dyn Fn(&str, u16) -> Answer + Send + Sync;

/// Result of a look-up.
pub(crate) type Answer = io::Result<Vec<SocketAddr>>;

/// Shortest time between an answer and the next look-up.
const PAUSE: Duration = Duration::from_secs(1);

impl Addresses {
    /// Takes an IPv4 or IPv6 address without brackets, or a name.
    pub(crate) fn new(
        host: &str,
        port: u16,
        version: IpVersion,
        interval: Option<Duration>,
        system: System,
    ) -> Self {
        let literal = host.parse::<IpAddr>();
        let mut addresses = Addresses {
            host: host.into(),
            port,
            version,
            interval,
            is_name: literal.is_err(),
            known: Vec::new(),
            failure: None,
            lookup: None,
            answered: None,
            suspected: false,
            system,
        };
        if let Ok(address) = literal {
            addresses.admit(Ok(vec![SocketAddr::new(address, port)]));
        }
        addresses
    }

    /// Takes the answer of a look-up, or starts one that is due.
    ///
    /// Returns whether the known addresses may have changed.
    pub(crate) fn poll(&mut self) -> bool {
        let Some(lookup) = &self.lookup else {
            if self.is_due() {
                self.look_up();
            }
            return false;
        };
        let answer = match lookup.try_recv() {
            Ok(answer) => answer,
            Err(TryRecvError::Empty) => return false,
            Err(TryRecvError::Disconnected) => Err(io::Error::other("the look-up broke off")),
        };
        self.lookup = None;
        self.admit(answer);
        true
    }

    /// Records that an address gave an error, so that the name is looked up again.
    pub(crate) fn suspect(&mut self) {
        self.suspected = true;
    }

    /// Returns whether no address is known and a look-up is under way.
    pub(crate) fn is_pending(&self) -> bool {
        self.known.is_empty() && self.lookup.is_some()
    }

    /// Returns whether a look-up is under way.
    #[cfg(test)]
    pub(crate) fn is_looking_up(&self) -> bool {
        self.lookup.is_some()
    }

    /// Returns the addresses to send to, the preferred first.
    ///
    /// # Errors
    /// The last look-up's error if no address is known.
    pub(crate) fn known(&self) -> Result<&[SocketAddr], io::Error> {
        if !self.known.is_empty() {
            return Ok(&self.known);
        }
        Err(match &self.failure {
            Some(error) => io::Error::new(error.kind(), error.to_string()),
            None => io::Error::other("it was not looked up yet"),
        })
    }

    fn is_due(&self) -> bool {
        if !self.is_name {
            return false;
        }
        let Some(answered) = self.answered else {
            return true;
        };
        let since = (self.system.now)().saturating_duration_since(answered);
        let wanted = match self.interval {
            _ if self.known.is_empty() => true,
            Some(interval) => self.suspected || since >= interval,
            None => false,
        };
        wanted && since >= PAUSE
    }

    /// Starts a thread that lives only for the look-up.
    fn look_up(&mut self) {
        let (answer, answers) = channel();
        let (resolve, waker) = (self.system.resolve.clone(), self.system.waker.clone());
        let (host, port) = (self.host.clone(), self.port);
        let run = move || {
            // Fails where the transport is gone, which needs no wake-up then.
            if answer.send(resolve(&host, port)).is_ok() {
                waker.wake();
            }
        };
        self.suspected = false;
        match threads::spawn("picojaeger-lookup", run) {
            Ok(_) => self.lookup = Some(answers),
            Err(error) => self.admit(Err(error)),
        }
    }

    /// Takes an answer; a failure leaves known addresses as they are.
    fn admit(&mut self, answer: Answer) {
        self.answered = Some((self.system.now)());
        let chosen = answer.and_then(|found| self.choose(found));
        match chosen.or_else(|error| self.loopback(error)) {
            Ok(known) => self.known = known,
            Err(error) => self.failure = Some(error),
        }
    }

    /// Returns the loopback addresses if the host is `localhost` and none is known, else the error.
    fn loopback(&self, error: io::Error) -> Answer {
        if !self.known.is_empty() || !self.host.eq_ignore_ascii_case("localhost") {
            return Err(error);
        }
        let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        self.choose(loopback.map(|address| (address, self.port).into()).into())
    }

    /// Keeps the addresses of the wanted version, each once, IPv4 first.
    fn choose(&self, mut found: Vec<SocketAddr>) -> Answer {
        let (wanted, version) = match self.version {
            IpVersion::Any => (None, "IP"),
            IpVersion::V4 => (Some(true), "IPv4"),
            IpVersion::V6 => (Some(false), "IPv6"),
        };
        found.retain(|address| wanted.is_none_or(|v4| address.is_ipv4() == v4));
        let mut seen = HashSet::new();
        found.retain(|address| seen.insert(*address));
        found.sort_by_key(SocketAddr::is_ipv6);
        if found.is_empty() {
            let message = format!("it has no {version} address");
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, message));
        }
        Ok(found)
    }
}

impl System {
    /// The real resolver and clock.
    pub(crate) fn new(waker: Waker) -> Self {
        System {
            resolve: Arc::new(|host, port| Ok((host, port).to_socket_addrs()?.collect())),
            now: Box::new(Instant::now),
            waker,
        }
    }
}
