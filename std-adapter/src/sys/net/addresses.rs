//! The agent's addresses: given, or looked up by name without waiting.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use crate::sys::net::IpVersion;
use crate::sys::signals;

/// The addresses of one host, and when they are looked up again.
///
/// A name is looked up at the first need, again at the first need after the interval, and
/// after errors of its addresses, but never sooner than a second after the last answer. What
/// is known stays in use until an answer replaces it. Without an interval what was found once
/// stays for good.
pub(crate) struct Addresses {
    host: Arc<str>,
    port: u16,
    version: IpVersion,
    interval: Option<Duration>,
    is_name: bool,
    /// Those of the wanted version, the preferred first.
    known: Vec<SocketAddr>,
    /// Why none is known.
    failure: Option<io::Error>,
    lookup: Option<Receiver<Answer>>,
    answered: Option<Instant>,
    suspected: bool,
    system: System,
}

/// What is reached outside: the resolver, the clock and the worker.
pub(crate) struct System {
    pub(crate) resolve: Arc<Resolve>,
    pub(crate) now: Box<dyn Fn() -> Instant + Send>,
    /// Woken by a look-up's thread when the look-up has ended.
    pub(crate) waker: Waker,
}

/// Looks the addresses of a name up; may block.
pub(crate) type Resolve = dyn Fn(&str, u16) -> Answer + Send + Sync;

/// What a look-up finds.
pub(crate) type Answer = io::Result<Vec<SocketAddr>>;

/// Between an answer and the next look-up, at least.
const PAUSE: Duration = Duration::from_secs(1);

impl Addresses {
    /// An IPv4 or IPv6 address without brackets, or a name.
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
    /// Gives whether the known addresses may be other ones now.
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

    /// Says that an address gave an error, so the name is to be looked up again.
    pub(crate) fn suspect(&mut self) {
        self.suspected = true;
    }

    /// Whether there is no address yet, but may be one soon.
    pub(crate) fn is_pending(&self) -> bool {
        self.known.is_empty() && self.lookup.is_some()
    }

    /// Whether a look-up is under way.
    #[cfg(test)]
    pub(crate) fn is_looking_up(&self) -> bool {
        self.lookup.is_some()
    }

    /// The addresses to send to, the preferred first.
    ///
    /// # Errors
    /// There is none, and why.
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
            signals::block_signals();
            // Nobody waits any more where the sender is gone.
            if answer.send(resolve(&host, port)).is_ok() {
                waker.wake();
            }
        };
        self.suspected = false;
        let name = "picojaeger-lookup".into();
        match thread::Builder::new().name(name).spawn(run) {
            Ok(_) => self.lookup = Some(answers),
            Err(error) => self.admit(Err(error)),
        }
    }

    /// Takes what was found; a failure leaves known addresses as they are.
    fn admit(&mut self, answer: Answer) {
        self.answered = Some((self.system.now)());
        match answer.and_then(|found| self.choose(found)) {
            Ok(known) => self.known = known,
            Err(error) => self.failure = Some(error),
        }
    }

    /// Those of the wanted version, IPv4 first.
    fn choose(&self, mut found: Vec<SocketAddr>) -> Answer {
        let (wanted, version) = match self.version {
            IpVersion::Any => (None, "IP"),
            IpVersion::V4 => (Some(true), "IPv4"),
            IpVersion::V6 => (Some(false), "IPv6"),
        };
        found.retain(|address| wanted.is_none_or(|v4| address.is_ipv4() == v4));
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
