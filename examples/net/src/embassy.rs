//! UDP by embassy-net.

use embassy_net::udp::{SendError, UdpSocket};
use embassy_net::{IpAddress, IpEndpoint};
use picojaeger_core::{AsyncTransport, SendOutcome};

use crate::{HEADERS_V4, HEADERS_V6};

/// Sends each packet as a datagram by a bound socket, and awaits room for it.
///
/// The stack is smoltcp, which drops a datagram above the link's MTU without an error: no packet above it
/// is made.
pub struct EmbassyUdp<'s, 'b> {
    socket: &'s UdpSocket<'b>,
    peer: IpEndpoint,
    mtu: usize,
}

impl<'s, 'b> EmbassyUdp<'s, 'b> {
    /// Makes a transport; `ip_mtu` is the link's, such as 1,500 of Ethernet.
    pub fn new(socket: &'s UdpSocket<'b>, peer: IpEndpoint, ip_mtu: usize) -> Self {
        let headers = match peer.addr {
            IpAddress::Ipv4(_) => HEADERS_V4,
            #[allow(unreachable_patterns, reason = "IPv6 is a feature of embassy-net")]
            _ => HEADERS_V6,
        };
        EmbassyUdp {
            mtu: ip_mtu
                .saturating_sub(headers)
                .min(socket.payload_send_capacity()),
            socket,
            peer,
        }
    }
}

impl AsyncTransport for EmbassyUdp<'_, '_> {
    async fn send(&mut self, packet: &[u8]) -> SendOutcome {
        match self.socket.send_to(packet, self.peer).await {
            Ok(()) => SendOutcome::Accepted,
            // There is no address yet, as before DHCP has one.
            Err(SendError::NoRoute) => SendOutcome::Retry,
            Err(SendError::PacketTooLarge) => SendOutcome::TooLarge,
            Err(SendError::SocketNotBound) => SendOutcome::Failed,
        }
    }

    fn mtu(&self) -> usize {
        self.mtu
    }
}
