//! Sockets on ports: Jaeger's where they are free.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use super::args::NamedPorts;

/// The sockets of the program.
pub(super) struct Sockets {
    pub(super) udp_compact: Bound<UdpSocket>,
    pub(super) udp_binary: Bound<UdpSocket>,
    pub(super) thrift: Bound<TcpListener>,
    pub(super) otlp: Bound<TcpListener>,
    pub(super) sampling: Bound<TcpListener>,
    pub(super) page: Bound<TcpListener>,
    pub(super) relay: Bound<TcpListener>,
}

/// A socket and its address.
pub(super) struct Bound<S> {
    pub(super) socket: S,
    pub(super) place: Place,
}

/// The place that a socket listens at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The name in `/api/status`.
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    /// The default port, where it was taken.
    taken: Option<u16>,
}

impl Sockets {
    /// Binds all ports on an address.
    pub(super) fn bind(ip: IpAddr, ports: &NamedPorts) -> Result<Self, String> {
        let udp = |name, port, default| {
            let others = [ports.udp_compact, ports.udp_binary];
            let wanted = Wanted::of(port, default, &others);
            bind(UdpSocket::bind, name, ip, wanted)
        };
        let tcp = |name, port, default| {
            let others = [
                ports.thrift,
                ports.otlp,
                ports.sampling,
                ports.page,
                ports.relay,
            ];
            let wanted = Wanted::of(port, default, &others);
            bind(TcpListener::bind, name, ip, wanted)
        };
        Ok(Sockets {
            udp_compact: udp("udp_compact", ports.udp_compact, 6831)?,
            udp_binary: udp("udp_binary", ports.udp_binary, 6832)?,
            thrift: tcp("thrift", ports.thrift, 14268)?,
            otlp: tcp("otlp", ports.otlp, 4318)?,
            sampling: tcp("sampling", ports.sampling, 5778)?,
            page: tcp("page", ports.page, 16686)?,
            relay: tcp("relay", ports.relay, 6833)?,
        })
    }

    /// Returns the places of all sockets.
    pub(super) fn places(&self) -> [Place; 7] {
        [
            self.udp_compact.place,
            self.udp_binary.place,
            self.thrift.place,
            self.otlp.place,
            self.sampling.place,
            self.page.place,
            self.relay.place,
        ]
    }
}

/// The port that a socket should have.
#[derive(Clone, Copy)]
enum Wanted {
    /// The user named it.
    Named(u16),
    Default(u16),
    /// The user named the default port for another socket.
    OfAnother(u16),
}

impl Wanted {
    fn of(named: Option<u16>, default: u16, others: &[Option<u16>]) -> Self {
        match named {
            Some(port) => Wanted::Named(port),
            None if others.contains(&Some(default)) => Wanted::OfAnother(default),
            None => Wanted::Default(default),
        }
    }
}

/// Binds a port, or in place of a default one that is taken a free one.
fn bind<S: HasAddress>(
    open: impl Fn(SocketAddr) -> io::Result<S>,
    name: &'static str,
    ip: IpAddr,
    wanted: Wanted,
) -> Result<Bound<S>, String> {
    let (Wanted::Named(port) | Wanted::Default(port) | Wanted::OfAnother(port)) = wanted;
    let free = || (open((ip, 0).into()), Some(port));
    let (socket, taken) = match wanted {
        Wanted::OfAnother(_) => free(),
        Wanted::Named(_) => (open((ip, port).into()), None),
        Wanted::Default(_) => match open((ip, port).into()) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => free(),
            socket => (socket, None),
        },
    };
    let bound = socket.and_then(|socket| {
        let address = socket.address()?;
        let place = Place {
            name,
            address,
            taken,
        };
        Ok(Bound { socket, place })
    });
    bound.map_err(|error| {
        let option = name.replace('_', "-");
        let advice = match error.kind() {
            ErrorKind::AddrNotAvailable => {
                "--listen takes an address of this machine, as 127.0.0.1 or 0.0.0.0".to_owned()
            }
            _ => format!("--port-{option} names another port, 0 a free one"),
        };
        format!("cannot listen on {ip} port {port}: {error}; {advice}")
    })
}

/// A socket that has an address.
trait HasAddress {
    fn address(&self) -> io::Result<SocketAddr>;
}

impl HasAddress for UdpSocket {
    fn address(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }
}

impl HasAddress for TcpListener {
    fn address(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }
}

/// Prints the port, and the one that it stands for.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address.port())?;
        match self.taken {
            Some(taken) => write!(f, " (as {taken} is taken)"),
            None => Ok(()),
        }
    }
}

/// Returns the line that tells where the program listens.
pub(super) fn line(sockets: &Sockets, token: Option<&str>) -> String {
    let page = sockets.page.place;
    let query = token.map_or(String::new(), |token| format!("?token={token}"));
    let taken = page
        .taken
        .map_or(String::new(), |port| format!(" (as port {port} is taken)"));
    format!(
        "picojaeger-collector: page http://{}/{query}{taken} , UDP {} {}, Thrift {}, OTLP {}, sampling {}, relay {}",
        page.address,
        sockets.udp_compact.place,
        sockets.udp_binary.place,
        sockets.thrift.place,
        sockets.otlp.place,
        sockets.sampling.place,
        sockets.relay.place,
    )
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const IP: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn a_default_port_that_is_taken_is_replaced_by_a_free_one() {
        let other = TcpListener::bind((IP, 0)).unwrap();
        let port = other.local_addr().unwrap().port();
        let bound = bind(TcpListener::bind, "page", IP, Wanted::Default(port)).unwrap();
        assert_ne!(bound.place.address.port(), port);
        let text = bound.place.to_string();
        assert!(text.ends_with(&format!("(as {port} is taken)")), "{text}");
    }

    #[test]
    fn a_named_port_that_is_taken_is_an_error() {
        let other = UdpSocket::bind((IP, 0)).unwrap();
        let port = other.local_addr().unwrap().port();
        let error = bind(UdpSocket::bind, "udp_compact", IP, Wanted::Named(port));
        let error = error.map(|_| ()).unwrap_err();
        assert!(error.contains(&port.to_string()), "{error}");
        assert!(error.contains("--port-udp-compact"), "{error}");
    }

    #[test]
    fn a_default_port_that_the_user_named_for_another_socket_is_left_to_it() {
        let free = TcpListener::bind((IP, 0)).unwrap();
        let default = free.local_addr().unwrap().port();
        drop(free);
        let wanted = Wanted::of(None, default, &[Some(default), None]);
        let bound = bind(TcpListener::bind, "otlp", IP, wanted).unwrap();
        assert_ne!(bound.place.address.port(), default);
        let wanted = Wanted::of(Some(0), default, &[Some(default)]);
        assert!(matches!(wanted, Wanted::Named(0)));
    }

    #[test]
    fn an_address_of_another_machine_is_an_error_that_names_listen() {
        let error = bind(
            TcpListener::bind,
            "page",
            IpAddr::from([192, 0, 2, 7]),
            Wanted::Default(0),
        );
        let error = error.map(|_| ()).unwrap_err();
        assert!(
            error.contains("--listen takes an address of this machine"),
            "{error}"
        );
    }
}
