//! The network: names and their addresses, and sockets.

#[cfg(feature = "http")]
pub(crate) mod answers;
#[cfg(feature = "http")]
pub(crate) mod http;
pub(crate) mod resolver;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// IP version of the agent's addresses.
///
/// ```
/// use picojaeger_std::config::{Config, IpVersion, Sampler};
///
/// let config = Config::new("shop").sampler(Sampler::Const(true)).ip_version(IpVersion::V6);
/// assert_eq!(config.resolve()?.agent.ip_version, IpVersion::V6);
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are two versions of IP")]
pub enum IpVersion {
    /// The IPv4 addresses that the system's resolver gives, then the IPv6 ones: the next is tried
    /// where one refuses.
    #[default]
    Any,
    /// IPv4 only (`udp4`).
    V4,
    /// IPv6 only (`udp6`).
    V6,
}

/// Returns a UDP socket that is connected to the peer, from any local address; sends nothing.
pub(crate) fn connected_udp(peer: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match peer {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(peer)?;
    Ok(socket)
}
