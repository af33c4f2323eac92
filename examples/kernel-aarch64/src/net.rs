//! UDP on a network card: virtio below smoltcp, without a heap.

mod card;

use picojaeger_core::{Clock, SendOutcome, Transport};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::udp::{self, PacketBuffer, PacketMetadata};
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, IpCidr, IpEndpoint, Ipv4Address};

use crate::machine::Counter;
use card::Card;

/// This machine in QEMU's network, and QEMU's name for the host's loopback.
const ADDRESS: IpCidr = IpCidr::new(IpAddress::Ipv4(Ipv4Address::new(10, 0, 2, 15)), 24);
const HOST: IpAddress = IpAddress::Ipv4(Ipv4Address::new(10, 0, 2, 2));
/// The payload of a datagram: the card's frames less the headers of IPv4 and UDP.
const MTU: usize = card::MTU - 28;
/// Datagrams, and bytes of them, that wait for the card.
const WAITING: usize = 4;

/// The memory of a [`Network`].
pub struct Memory {
    sockets: [SocketStorage<'static>; 1],
    places: [PacketMetadata; WAITING],
    bytes: [u8; WAITING * MTU],
}

/// A network card with one UDP socket, whose peer is the agent.
pub struct Network {
    card: Card,
    interface: Interface,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
    agent: IpEndpoint,
}

impl Memory {
    pub const fn new() -> Self {
        Memory {
            sockets: [SocketStorage::EMPTY],
            places: [PacketMetadata::EMPTY; WAITING],
            bytes: [0; WAITING * MTU],
        }
    }
}

impl Network {
    /// Finds the card and opens the socket; `None` if there is none.
    pub fn new(memory: &'static mut Memory, port: u16) -> Option<Self> {
        let mut card = Card::find()?;
        let mut config = Config::new(card.address().into());
        config.random_seed = Counter.ticks();
        let mut interface = Interface::new(config, &mut card, now());
        interface.update_ip_addrs(|addresses| {
            // The list has room for two.
            let _ = addresses.push(ADDRESS);
        });
        let received = PacketBuffer::new(&mut [][..], &mut [][..]);
        let sent = PacketBuffer::new(&mut memory.places[..], &mut memory.bytes[..]);
        let mut socket = udp::Socket::new(received, sent);
        socket.bind(49_152).ok()?;
        let mut sockets = SocketSet::new(&mut memory.sockets[..]);
        let socket = sockets.add(socket);
        let agent = IpEndpoint::new(HOST, port);
        Some(Network {
            card,
            interface,
            sockets,
            socket,
            agent,
        })
    }

    /// Moves frames between card and stack. Called from the main loop, since the stack does nothing
    /// by itself.
    pub fn poll(&mut self) {
        self.interface
            .poll(now(), &mut self.card, &mut self.sockets);
    }

    /// Whether each datagram has left.
    pub fn is_idle(&mut self) -> bool {
        let socket = self.sockets.get_mut::<udp::Socket<'_>>(self.socket);
        socket.send_queue() == 0 && self.card.can_send()
    }
}

/// A packet is a datagram. The stack takes it, and sends it at the next polls.
impl Transport for Network {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        let socket = self.sockets.get_mut::<udp::Socket<'_>>(self.socket);
        let outcome = match socket.send_slice(packet, self.agent) {
            Ok(()) => SendOutcome::Accepted,
            Err(udp::SendError::BufferFull) => SendOutcome::Retry,
            Err(udp::SendError::Unaddressable) => SendOutcome::Failed,
        };
        self.poll();
        outcome
    }

    fn mtu(&self) -> usize {
        MTU
    }

    /// Asked before a packet is made, so that none is made in vain while the card is busy.
    fn is_ready(&mut self) -> bool {
        self.poll();
        self.sockets
            .get_mut::<udp::Socket<'_>>(self.socket)
            .can_send()
    }
}

fn now() -> Instant {
    let micros = u128::from(Counter.ticks()) * 1_000_000 / u128::from(Counter.frequency());
    Instant::from_micros(micros as i64)
}
