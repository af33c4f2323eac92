//! smoltcp on a link in memory that loops back, with an MTU.

mod common;

use std::collections::VecDeque;

use common::{AGENT, IP_MTU, Platform, Still, spans};
use picojaeger_core::ring::Bytes;
use picojaeger_core::wire::{Process, ThriftCompact};
use picojaeger_core::{Const, Drained, Interrupts, Ring, Seed, SendOutcome, Tracer, Transport};
use picojaeger_net::SmoltcpUdp;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Loopback, Medium};
use smoltcp::socket::udp;
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, IpEndpoint};

/// As many as in the report of the fault.
const MADE: usize = 402;
/// Bytes of the largest payload of UDP.
const PAYLOAD: usize = IP_MTU - 28;

/// A link that loops back, with an MTU.
struct Narrow(Loopback);

impl Device for Narrow {
    type RxToken<'a> = <Loopback as Device>::RxToken<'a>;
    type TxToken<'a> = <Loopback as Device>::TxToken<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        self.0.receive(now)
    }
    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.0.transmit(now)
    }
    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = self.0.capabilities();
        capabilities.max_transmission_unit = IP_MTU;
        capabilities
    }
}

/// A device, its interface, and the sockets of the sender and of the agent.
struct Net {
    device: Narrow,
    interface: Interface,
    sockets: SocketSet<'static>,
    sender: SocketHandle,
    agent: SocketHandle,
    /// The sizes of the datagrams that arrived, and their spans.
    arrived: VecDeque<(usize, usize)>,
}

impl Net {
    const HOST: IpAddress = IpAddress::v4(10, 0, 0, 1);

    fn new() -> Self {
        let mut device = Narrow(Loopback::new(Medium::Ip));
        let config = Config::new(HardwareAddress::Ip);
        let mut interface = Interface::new(config, &mut device, Instant::ZERO);
        interface.update_ip_addrs(|addresses| addresses.push(IpCidr::new(Self::HOST, 24)).unwrap());
        let mut sockets = SocketSet::new(Vec::new());
        let [sender, agent] = [4_000, AGENT].map(|port| {
            let buffer =
                || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 8], vec![0; 8_000]);
            let mut socket = udp::Socket::new(buffer(), buffer());
            socket.bind(port).unwrap();
            sockets.add(socket)
        });
        Net {
            device,
            interface,
            sockets,
            sender,
            agent,
            arrived: VecDeque::new(),
        }
    }

    /// Sends and receives what there is.
    fn poll(&mut self) {
        for _ in 0..20 {
            self.interface
                .poll(Instant::ZERO, &mut self.device, &mut self.sockets);
            let agent = self.sockets.get_mut::<udp::Socket<'_>>(self.agent);
            while let Ok((datagram, _)) = agent.recv() {
                self.arrived.push_back((datagram.len(), spans(datagram)));
            }
        }
    }

    fn transport(&mut self) -> SmoltcpUdp<'_, 'static> {
        let capabilities = self.device.capabilities();
        let socket = self.sockets.get_mut(self.sender);
        SmoltcpUdp::new(socket, IpEndpoint::new(Self::HOST, AGENT), &capabilities)
    }

    fn spans(&self) -> usize {
        self.arrived.iter().map(|(_, spans)| spans).sum()
    }
}

/// The same transport without its MTU.
struct Boundless<'s>(SmoltcpUdp<'s, 'static>);

impl Transport for Boundless<'_> {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        self.0.send(packet)
    }
}

/// Makes spans and sends them, with or without the transport's MTU; returns how many were delivered.
fn run(net: &mut Net, tracer: &'static Tracer<Platform>, bounded: bool) -> u64 {
    tracer.seed(Seed::from_words([1, 2, 3]));
    let process = Process::new("pump-7");
    let mut reporter = tracer.reporter(ThriftCompact::new(), process).unwrap();
    let mut buffer = [0; 1_472];
    for number in 0..MADE {
        tracer.start::<64>("sample").tag("number", number);
        if number % 40 == 39 || number + 1 == MADE {
            while match bounded {
                true => reporter.drain_all(&mut net.transport(), &mut buffer),
                false => reporter.drain_all(&mut Boundless(net.transport()), &mut buffer),
            } == Drained::Blocked
            {
                net.poll(); // the socket's buffer is full
            }
            net.poll();
        }
    }
    let stats = reporter.stats();
    assert!(stats.adds_up() && stats.lost.total() == 0, "{stats}");
    stats.delivered
}

#[test]
fn every_datagram_fits_the_link() {
    static RING: Ring<Interrupts, Bytes<8192>> = Ring::new();
    static TRACER: Tracer<Platform> = Tracer::new((Still, Const(true)), &RING);
    let mut net = Net::new();
    assert_eq!(net.transport().mtu(), PAYLOAD);
    let delivered = run(&mut net, &TRACER, true);
    assert_eq!((delivered as usize, net.spans()), (MADE, MADE));
    let largest = net.arrived.iter().map(|(bytes, _)| *bytes).max().unwrap();
    assert!((PAYLOAD * 3 / 4..=PAYLOAD).contains(&largest), "{largest}");
}

#[test]
fn without_the_mtu_datagrams_are_swallowed() {
    static RING: Ring<Interrupts, Bytes<8192>> = Ring::new();
    static TRACER: Tracer<Platform> = Tracer::new((Still, Const(true)), &RING);
    let mut net = Net::new();
    let delivered = run(&mut net, &TRACER, false);
    assert_eq!(delivered as usize, MADE);
    assert!(
        net.spans() < MADE / 4,
        "the control: {} arrived",
        net.spans()
    );
}
