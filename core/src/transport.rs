//! The transport interface: sends packets, one at a time.

mod exports;
#[cfg(any(feature = "embedded-io-07", feature = "embedded-io-async-07"))]
mod serial;
#[cfg(any(feature = "embedded-io-07", feature = "embedded-io-async-07"))]
mod slip;
#[cfg(any(feature = "embedded-nal-09", feature = "embedded-nal-async-09"))]
mod udp;

use core::fmt;

pub use exports::{Durations, ExportCounts};
#[cfg(any(feature = "embedded-io-07", feature = "embedded-io-async-07"))]
pub use serial::SlipWriter;
#[cfg(feature = "embedded-nal-async-09")]
pub use udp::AsyncUdp;
#[cfg(feature = "embedded-nal-09")]
pub use udp::UdpStack;

/// Sends packets: a UDP socket, framing on a serial line, a recorder for tests.
///
/// One method is required. The others are for transports that look up a name, send several packets
/// at once, or learn of errors late; they have defaults.
///
/// # Contract
/// - A call takes one whole packet and returns one outcome; it keeps no reference to the packet.
///   Packets are independent: each may be lost alone.
/// - A transport with datagrams sends the packet as one datagram. A stream frames it, so that the
///   peer finds its end.
/// - [`SendOutcome::Accepted`] means that the transport did what it can; whether the packet
///   arrives may never be known.
/// - [`SendOutcome::TooLarge`] and [`SendOutcome::Retry`] mean that the packet had no effect: its
///   records come again, in packets of half the size at most, or later.
/// - [`SendOutcome::Refused`], [`SendOutcome::Failed`] and [`SendOutcome::Unreachable`] mean that
///   its spans are lost. Its records do not come again.
/// - A call may block until the packet has left, as on a serial line, but not for a reply of the
///   peer. A transport that waits for replies copies the packet and returns
///   [`SendOutcome::Pending`]; [`Transport::poll_outcome`] then returns the outcome. The spans
///   count as queued until then, and no other packet is sent.
/// - A medium that takes a few bytes at a time, such as a UART at its transmit interrupt, takes
///   some and returns [`SendOutcome::Partial`]: the next
///   [`drain`](crate::PacketReporter::drain) offers the same bytes, and no other packet comes in
///   between. It counts the bytes itself, to the outcome of the packet.
/// - No method panics.
///
/// ```
/// use picojaeger_core::{SendOutcome, Transport};
///
/// /// A line of 64 bytes that somebody empties.
/// #[derive(Default)]
/// struct Line(Vec<u8>);
///
/// impl Transport for Line {
///     fn send(&mut self, packet: &[u8]) -> SendOutcome {
///         if packet.len() > 64 {
///             SendOutcome::TooLarge
///         } else if self.0.len() + packet.len() > 64 {
///             SendOutcome::Retry
///         } else {
///             self.0.extend(packet);
///             SendOutcome::Accepted
///         }
///     }
/// }
///
/// let mut line = Line::default();
/// let outcomes = [40, 40, 65].map(|length| line.send(&vec![0; length]));
/// assert_eq!(outcomes, [SendOutcome::Accepted, SendOutcome::Retry, SendOutcome::TooLarge]);
/// ```
pub trait Transport {
    /// Sends one packet; if not ready, does nothing and returns [`SendOutcome::Retry`].
    fn send(&mut self, packet: &[u8]) -> SendOutcome;

    /// Returns the bytes that a packet may have; none above this is given to `send`.
    ///
    /// Of a datagram's payload: the link's MTU less 28 bytes for IPv4 and UDP, less 48 for IPv6. A
    /// stack such as smoltcp accepts a larger datagram and drops it.
    fn mtu(&self) -> usize {
        usize::MAX
    }

    /// Returns whether a packet may be sent now; called before one is made.
    ///
    /// `false` while the destination is unknown, as during the look-up of a name: the caller polls
    /// again later. `true` after a failed look-up: the packet then fails with that cause.
    fn is_ready(&mut self) -> bool {
        true
    }

    /// Sends one packet like [`Transport::send`], where another follows at once. A chip's reporter
    /// calls `send` alone.
    ///
    /// An error of this packet may be reported late, by the outcome of the next or by
    /// [`Transport::settle`], so that a transport need check for errors only once.
    fn send_more(&mut self, packet: &[u8]) -> SendOutcome {
        self.send(packet)
    }

    /// Checks for errors of packets that were accepted without a check; called when no packet
    /// follows for now.
    fn settle(&mut self) {}

    /// Returns the outcome of the packet that was left [`SendOutcome::Pending`], or that again.
    ///
    /// Called after `Pending` only, until the outcome is another one.
    fn poll_outcome(&mut self) -> SendOutcome {
        SendOutcome::Failed
    }

    /// Returns the number of packets that were accepted and then met an error, since the last call.
    fn take_late_refusals(&mut self) -> u64 {
        0
    }

    /// Returns the counts of exports since the transport was made, for metrics.
    ///
    /// For a transport that compresses packets or sends them again by itself, since only it knows
    /// the bytes and the retries. `None`, the default, leaves it to the caller to count and to time
    /// each packet from `send` to its outcome.
    fn export_counts(&self) -> Option<ExportCounts> {
        None
    }

    /// Returns the latest error, for a line in a log: the peer, the cause and the remedy.
    fn last_error(&self) -> Option<&dyn fmt::Display> {
        None
    }
}

/// Sends packets like [`Transport`], by a future; for
/// [`PacketReporter::drain_async`](crate::PacketReporter::drain_async).
///
/// # Contract
/// - That of [`Transport`], but for [`SendOutcome::Pending`] and [`SendOutcome::Partial`], which count
///   as failures.
/// - A future that is dropped may have sent the packet, a part of it, or nothing. The packet is sent
///   again, so the peer may get it twice; a part never joins the next one.
///
/// ```
/// use picojaeger_core::{AsyncTransport, SendOutcome};
///
/// /// A queue of packets that another task sends.
/// struct Queue(Vec<Vec<u8>>);
///
/// impl AsyncTransport for Queue {
///     async fn send(&mut self, packet: &[u8]) -> SendOutcome {
///         self.0.push(packet.to_vec()); // and wait for room
///         SendOutcome::Accepted
///     }
/// }
/// ```
#[expect(
    async_fn_in_trait,
    reason = "a chip's executor has one thread, and callers are generic"
)]
pub trait AsyncTransport {
    /// Sends one packet.
    async fn send(&mut self, packet: &[u8]) -> SendOutcome;

    /// Returns the bytes that a packet may have, as [`Transport::mtu`].
    fn mtu(&self) -> usize {
        usize::MAX
    }
}

impl<T: AsyncTransport + ?Sized> AsyncTransport for &mut T {
    async fn send(&mut self, packet: &[u8]) -> SendOutcome {
        (**self).send(packet).await
    }
    fn mtu(&self) -> usize {
        (**self).mtu()
    }
}

/// The outcome of sending a packet.
///
/// ```
/// use picojaeger_core::SendOutcome;
///
/// let outcome = match 90 {
///     90 => SendOutcome::TooLarge, // EMSGSIZE on Linux
///     _ => SendOutcome::Failed,
/// };
/// assert_eq!(outcome, SendOutcome::TooLarge);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "a sender must handle each")]
pub enum SendOutcome {
    /// The transport accepted the packet.
    Accepted,
    /// The peer accepted the packet, but not all of its spans.
    PartlyAccepted {
        /// The spans that are lost, as refused; at most those of the packet count.
        rejected: u64,
    },
    /// The transport has a copy of the packet, whose outcome is not known yet.
    Pending,
    /// The transport took some bytes, knows how many, and wants the same packet again when it can
    /// take more: for a medium that takes a few bytes at a time. Of a chip's transport only; a
    /// server counts it as failed.
    Partial,
    /// The packet is too large for the transport: the limit halves, and the records are packed
    /// again. A ring that overwrites has freed them already: their spans are lost, as too large.
    TooLarge,
    /// Nothing was sent; the records are packed again. A ring that overwrites has freed them already:
    /// their spans are lost, as failed.
    Retry,
    /// The peer refused the packet: its spans are lost.
    Refused,
    /// The transport failed: its spans are lost.
    Failed,
    /// The peer gave no usable answer in the time for it: its spans are lost, or arrived unknown to
    /// the transport.
    Unreachable,
}

/// Forwards every method of a transport.
macro_rules! forward {
    () => {
        #[inline]
        fn send(&mut self, packet: &[u8]) -> SendOutcome {
            (**self).send(packet)
        }
        fn mtu(&self) -> usize {
            (**self).mtu()
        }
        fn is_ready(&mut self) -> bool {
            (**self).is_ready()
        }
        fn send_more(&mut self, packet: &[u8]) -> SendOutcome {
            (**self).send_more(packet)
        }
        fn settle(&mut self) {
            (**self).settle();
        }
        fn poll_outcome(&mut self) -> SendOutcome {
            (**self).poll_outcome()
        }
        fn take_late_refusals(&mut self) -> u64 {
            (**self).take_late_refusals()
        }
        fn export_counts(&self) -> Option<ExportCounts> {
            (**self).export_counts()
        }
        fn last_error(&self) -> Option<&dyn fmt::Display> {
            (**self).last_error()
        }
    };
}

impl<T: Transport + ?Sized> Transport for &mut T {
    forward!();
}

#[cfg(feature = "alloc")]
impl<T: Transport + ?Sized> Transport for alloc::boxed::Box<T> {
    forward!();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A transport whose methods all differ from the defaults.
    struct Odd(u64);

    impl Transport for Odd {
        fn send(&mut self, _: &[u8]) -> SendOutcome {
            SendOutcome::Refused
        }
        fn mtu(&self) -> usize {
            9
        }
        fn is_ready(&mut self) -> bool {
            false
        }
        fn send_more(&mut self, _: &[u8]) -> SendOutcome {
            SendOutcome::Failed
        }
        fn settle(&mut self) {
            self.0 += 1;
        }
        fn poll_outcome(&mut self) -> SendOutcome {
            SendOutcome::PartlyAccepted { rejected: self.0 }
        }
        fn take_late_refusals(&mut self) -> u64 {
            self.0
        }
        fn export_counts(&self) -> Option<ExportCounts> {
            Some(ExportCounts {
                retries: self.0,
                ..ExportCounts::default()
            })
        }
        fn last_error(&self) -> Option<&dyn fmt::Display> {
            Some(&self.0)
        }
    }

    /// A transport with the required method alone.
    struct Plain;

    impl Transport for Plain {
        fn send(&mut self, packet: &[u8]) -> SendOutcome {
            match packet {
                [] => SendOutcome::Failed,
                _ => SendOutcome::Accepted,
            }
        }
    }

    fn check_odd(mut transport: impl Transport) {
        assert_eq!(transport.send(&[]), SendOutcome::Refused);
        assert_eq!(transport.send_more(&[]), SendOutcome::Failed);
        assert!(!transport.is_ready());
        assert_eq!(transport.mtu(), 9);
        transport.settle();
        assert_eq!(transport.take_late_refusals(), 8);
        let outcome = transport.poll_outcome();
        assert_eq!(outcome, SendOutcome::PartlyAccepted { rejected: 8 });
        assert_eq!(
            transport.export_counts().map(|counts| counts.retries),
            Some(8)
        );
        let error = transport.last_error().map(std::string::ToString::to_string);
        assert_eq!(error.as_deref(), Some("8"));
    }

    #[test]
    fn every_method_is_forwarded() {
        check_odd(&mut Odd(7));
        let dynamic: &mut dyn Transport = &mut Odd(7);
        check_odd(dynamic);
        #[cfg(feature = "alloc")]
        check_odd(alloc::boxed::Box::new(Odd(7)) as alloc::boxed::Box<dyn Transport>);
    }

    #[test]
    fn a_transport_that_only_sends_is_always_ready() {
        let mut plain = Plain;
        assert!(plain.is_ready());
        assert_eq!(plain.mtu(), usize::MAX);
        assert_eq!(plain.send_more(&[1]), SendOutcome::Accepted);
        plain.settle();
        assert_eq!(plain.poll_outcome(), SendOutcome::Failed);
        assert_eq!(plain.take_late_refusals(), 0);
        assert!(plain.export_counts().is_none());
        assert!(plain.last_error().is_none());
    }
}
