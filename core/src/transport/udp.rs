//! Transports over `embedded-nal`: packets as UDP datagrams.

#[cfg(feature = "embedded-nal-async-09")]
use super::AsyncTransport;
use super::SendOutcome;
#[cfg(feature = "embedded-nal-09")]
use super::Transport;

/// Bytes of the headers of IP and UDP.
const IPV4_HEADERS: usize = 28;
const IPV6_HEADERS: usize = 48;

/// Returns the bytes of a datagram's payload on a link of this MTU.
const fn payload(link_mtu: usize, is_ipv6: bool) -> usize {
    link_mtu.saturating_sub(if is_ipv6 { IPV6_HEADERS } else { IPV4_HEADERS })
}

/// Sends packets by a UDP socket of an `embedded-nal` stack that is connected to the agent.
///
/// A stack that has no room returns `WouldBlock`, and the packet is sent again
/// ([`SendOutcome::Retry`]); on another error its spans are lost ([`SendOutcome::Failed`]).
///
/// ```
/// use core::net::SocketAddr;
/// use embedded_nal::UdpClientStack;
/// use picojaeger_core::{Transport, UdpStack};
///
/// fn transport<S: UdpClientStack>(mut stack: S, agent: SocketAddr) -> Result<impl Transport, S::Error> {
///     let mut socket = stack.socket()?;
///     stack.connect(&mut socket, agent)?;
///     Ok(UdpStack::new(stack, socket, 1_500, agent.is_ipv6())) // Ethernet
/// }
/// ```
#[cfg(feature = "embedded-nal-09")]
#[derive(Debug)]
pub struct UdpStack<S: embedded_nal::UdpClientStack> {
    stack: S,
    socket: S::UdpSocket,
    mtu: usize,
}

#[cfg(feature = "embedded-nal-09")]
impl<S: embedded_nal::UdpClientStack> UdpStack<S> {
    /// Makes a transport of a stack and a socket of it that is connected to the agent, on a link of this
    /// MTU, such as 1,500 bytes for Ethernet.
    pub const fn new(stack: S, socket: S::UdpSocket, link_mtu: usize, is_ipv6: bool) -> Self {
        UdpStack {
            stack,
            socket,
            mtu: payload(link_mtu, is_ipv6),
        }
    }
}

#[cfg(feature = "embedded-nal-09")]
impl<S: embedded_nal::UdpClientStack> Transport for UdpStack<S> {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        match self.stack.send(&mut self.socket, packet) {
            Ok(()) => SendOutcome::Accepted,
            Err(embedded_nal::nb::Error::WouldBlock) => SendOutcome::Retry,
            Err(_) => SendOutcome::Failed,
        }
    }

    fn mtu(&self) -> usize {
        self.mtu
    }
}

/// Sends packets by a connected UDP socket of `embedded-nal-async`; on an error their spans are lost
/// ([`SendOutcome::Failed`]).
///
/// ```
/// use core::net::SocketAddr;
/// use embedded_nal_async::UdpStack;
/// use picojaeger_core::{AsyncTransport, AsyncUdp};
///
/// async fn transport<S: UdpStack>(stack: &S, agent: SocketAddr) -> Result<impl AsyncTransport, S::Error> {
///     let (_local, socket) = stack.connect(agent).await?;
///     Ok(AsyncUdp::new(socket, 1_500, agent.is_ipv6())) // Ethernet
/// }
/// ```
#[cfg(feature = "embedded-nal-async-09")]
#[derive(Clone, Debug)]
pub struct AsyncUdp<C> {
    socket: C,
    mtu: usize,
}

#[cfg(feature = "embedded-nal-async-09")]
impl<C: embedded_nal_async::ConnectedUdp> AsyncUdp<C> {
    /// Makes a transport of a socket that is connected to the agent, on a link of this MTU, such as
    /// 1,500 bytes for Ethernet.
    pub const fn new(socket: C, link_mtu: usize, is_ipv6: bool) -> Self {
        AsyncUdp {
            socket,
            mtu: payload(link_mtu, is_ipv6),
        }
    }
}

#[cfg(feature = "embedded-nal-async-09")]
impl<C: embedded_nal_async::ConnectedUdp> AsyncTransport for AsyncUdp<C> {
    async fn send(&mut self, packet: &[u8]) -> SendOutcome {
        match self.socket.send(packet).await {
            Ok(()) => SendOutcome::Accepted,
            Err(_) => SendOutcome::Failed,
        }
    }

    fn mtu(&self) -> usize {
        self.mtu
    }
}

#[cfg(all(
    test,
    feature = "embedded-nal-09",
    feature = "embedded-nal-async-09",
    feature = "embedded-io-07"
))]
mod tests {
    use std::vec::Vec;

    use core::net::{IpAddr, Ipv4Addr, SocketAddr};

    use embedded_nal::{UdpClientStack, nb};

    use super::*;

    const AGENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 6831);

    /// A stack with scripted results, the last first; afterwards each datagram is taken.
    #[derive(Default)]
    struct Stack {
        results: Vec<nb::Result<(), u8>>,
        datagrams: Vec<Vec<u8>>,
    }

    impl Stack {
        fn take(&mut self, datagram: &[u8]) -> nb::Result<(), u8> {
            self.results.pop().unwrap_or(Ok(()))?;
            self.datagrams.push(datagram.to_vec());
            Ok(())
        }
    }

    impl UdpClientStack for Stack {
        type UdpSocket = Option<SocketAddr>;
        type Error = u8;
        fn socket(&mut self) -> Result<Self::UdpSocket, u8> {
            Ok(None)
        }
        fn connect(&mut self, socket: &mut Self::UdpSocket, remote: SocketAddr) -> Result<(), u8> {
            *socket = Some(remote);
            Ok(())
        }
        fn send(&mut self, socket: &mut Self::UdpSocket, datagram: &[u8]) -> nb::Result<(), u8> {
            assert_eq!(*socket, Some(AGENT));
            self.take(datagram)
        }
        fn receive(
            &mut self,
            _: &mut Self::UdpSocket,
            _: &mut [u8],
        ) -> nb::Result<(usize, SocketAddr), u8> {
            Err(nb::Error::WouldBlock)
        }
        fn close(&mut self, _: Self::UdpSocket) -> Result<(), u8> {
            Ok(())
        }
    }

    #[test]
    fn results_of_a_stack_are_outcomes() {
        let mut stack = Stack {
            results: [Err(nb::Error::Other(7)), Err(nb::Error::WouldBlock)].into(),
            ..Stack::default()
        };
        let mut socket = stack.socket().unwrap();
        stack.connect(&mut socket, AGENT).unwrap();
        let mut udp = UdpStack::new(stack, socket, 1_500, false);
        let outcomes = [1, 2, 3].map(|byte| Transport::send(&mut udp, &[byte]));
        let expected = [
            SendOutcome::Retry,
            SendOutcome::Failed,
            SendOutcome::Accepted,
        ];
        assert_eq!(outcomes, expected);
        assert_eq!(udp.stack.datagrams, [[3]]);
        assert_eq!(Transport::mtu(&udp), 1_472);
    }

    #[test]
    fn a_payload_is_what_headers_leave() {
        assert_eq!(payload(1_280, true), 1_232);
        assert_eq!(payload(20, false), 0);
    }

    /// A connected socket that takes a datagram unless it is empty.
    struct Socket(Vec<Vec<u8>>);

    impl embedded_nal_async::ConnectedUdp for Socket {
        type Error = embedded_io::ErrorKind;
        async fn send(&mut self, datagram: &[u8]) -> Result<(), Self::Error> {
            if datagram.is_empty() {
                return Err(embedded_io::ErrorKind::InvalidInput);
            }
            self.0.push(datagram.to_vec());
            Ok(())
        }
        async fn receive_into(&mut self, _: &mut [u8]) -> Result<usize, Self::Error> {
            Ok(0)
        }
    }

    #[test]
    fn results_of_an_async_socket_are_outcomes() {
        use core::future::Future;
        use core::pin::pin;
        use core::task::{Context, Poll, Waker};

        let mut udp = AsyncUdp::new(Socket(Vec::new()), 1_500, true);
        let mut context = Context::from_waker(Waker::noop());
        for (datagram, expected) in [
            (&[][..], SendOutcome::Failed),
            (&[1], SendOutcome::Accepted),
        ] {
            let outcome = pin!(udp.send(datagram)).poll(&mut context);
            assert_eq!(outcome, Poll::Ready(expected));
        }
        assert_eq!(udp.socket.0, [[1]]);
        assert_eq!(udp.mtu(), 1_452);
    }
}
