//! embassy-net on a link in memory that loops back, with an MTU; its tasks are polled in turn.

mod common;

use std::collections::VecDeque;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use common::{AGENT, IP_MTU, Platform, Still, spans};
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{IpAddress, IpEndpoint, Ipv4Address, Ipv4Cidr, StackResources, StaticConfigV4};
use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use picojaeger_core::ring::Bytes;
use picojaeger_core::wire::{Process, ThriftCompact};
use picojaeger_core::{Const, Drained, Interrupts, Ring, Seed, Tracer};
use picojaeger_net::EmbassyUdp;

const MADE: usize = 402;

/// A link that loops back.
#[derive(Default)]
struct Link(VecDeque<Vec<u8>>);

struct Received(Vec<u8>);
struct Sent<'a>(&'a mut VecDeque<Vec<u8>>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, read: F) -> R {
        read(&mut self.0)
    }
}

impl TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        assert!(length <= IP_MTU);
        let mut packet = vec![0; length];
        let result = write(&mut packet);
        self.0.push_back(packet);
        result
    }
}

impl Driver for Link {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, _: &mut Context<'_>) -> Option<(Received, Sent<'_>)> {
        let packet = self.0.pop_front()?;
        Some((Received(packet), Sent(&mut self.0)))
    }
    fn transmit(&mut self, _: &mut Context<'_>) -> Option<Sent<'_>> {
        Some(Sent(&mut self.0))
    }
    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = IP_MTU;
        capabilities
    }
    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ip
    }
}

#[test]
fn every_datagram_fits_the_link_and_is_awaited() {
    static RING: Ring<Interrupts, Bytes<8192>> = Ring::new();
    static TRACER: Tracer<Platform> = Tracer::new((Still, Const(true)), &RING);
    TRACER.seed(Seed::from_words([1, 2, 3]));
    let host = Ipv4Address::new(10, 0, 0, 1);
    let config = embassy_net::Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(host, 24),
        gateway: None,
        dns_servers: Default::default(),
    });
    let mut resources = StackResources::<3>::new();
    let (stack, mut runner) = embassy_net::new(Link::default(), config, &mut resources, 1);

    let (mut metadata, mut buffers) = ([[PacketMetadata::EMPTY; 2]; 4], [[0; 1_200]; 4]);
    let [sends, none, few, receives] = &mut metadata;
    let [send, unused, little, receive] = &mut buffers;
    let mut sender = UdpSocket::new(stack, few, little, sends, send);
    let mut agent = UdpSocket::new(stack, receives, receive, none, unused);
    sender.bind(4_000).unwrap();
    agent.bind(AGENT).unwrap();

    let process = Process::new("pump-7");
    let mut reporter = TRACER.reporter(ThriftCompact::new(), process).unwrap();
    let mut arrived = 0;
    {
        let mut report = pin!(async {
            let peer = IpEndpoint::new(IpAddress::Ipv4(host), AGENT);
            let mut transport = EmbassyUdp::new(&sender, peer, IP_MTU);
            let mut buffer = [0; 1_472];
            for number in 0..MADE {
                TRACER.start::<64>("sample").tag("number", number);
                if number % 40 == 39 || number + 1 == MADE {
                    let drained = reporter.drain_all_async(&mut transport, &mut buffer).await;
                    assert_eq!(drained, Drained::All);
                }
            }
        });
        let mut network = pin!(runner.run());
        let mut datagram = [0; 1_472];
        let mut context = Context::from_waker(Waker::noop());
        let mut idle = 0;
        // Until the report is complete and the network has had time to bring the rest.
        while idle < 20 {
            idle += usize::from(idle > 0 || report.as_mut().poll(&mut context).is_ready());
            assert!(network.as_mut().poll(&mut context).is_pending());
            while let Poll::Ready(Ok((length, _))) =
                agent.poll_recv_from(&mut datagram, &mut context)
            {
                arrived += spans(&datagram[..length]);
            }
        }
    }
    let stats = reporter.stats();
    assert!(stats.adds_up(), "{stats}");
    assert_eq!((stats.delivered as usize, arrived), (MADE, MADE));
}
