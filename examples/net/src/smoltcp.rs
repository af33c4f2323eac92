//! UDP by smoltcp.

use picojaeger_core::{SendOutcome, Transport};
use smoltcp::phy::DeviceCapabilities;
use smoltcp::socket::udp::{SendError, Socket};
use smoltcp::wire::{IpAddress, IpEndpoint};

use crate::{HEADERS_V4, HEADERS_V6};

/// Sends each packet as a datagram by a bound socket, which the interface's `poll` sends on.
///
/// smoltcp takes a datagram that is larger than the link's MTU and drops it in `poll` without an error. So
/// the MTU is this transport's own, and no packet above it is made.
pub struct SmoltcpUdp<'s, 'b> {
    socket: &'s mut Socket<'b>,
    peer: IpEndpoint,
    mtu: usize,
}

impl<'s, 'b> SmoltcpUdp<'s, 'b> {
    /// Makes a transport for as long as the socket is borrowed, as from one `poll` to the next.
    pub fn new(socket: &'s mut Socket<'b>, peer: IpEndpoint, device: &DeviceCapabilities) -> Self {
        let headers = match peer.addr {
            IpAddress::Ipv4(_) => HEADERS_V4,
            #[allow(unreachable_patterns, reason = "IPv6 is a feature of smoltcp")]
            _ => HEADERS_V6,
        };
        let mtu = device.ip_mtu().saturating_sub(headers);
        SmoltcpUdp {
            mtu: mtu.min(socket.payload_send_capacity()),
            socket,
            peer,
        }
    }
}

impl Transport for SmoltcpUdp<'_, '_> {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        match self.socket.send_slice(packet, self.peer) {
            Ok(()) => SendOutcome::Accepted,
            // It may be a network that is not up yet, or slow.
            Err(SendError::BufferFull) => SendOutcome::Retry,
            Err(SendError::Unaddressable) => SendOutcome::Failed,
        }
    }

    fn mtu(&self) -> usize {
        self.mtu
    }
}
