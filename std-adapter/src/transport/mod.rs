//! Packets to the backend: the worker hands them over one at a time.

mod udp;

use picojaeger_core::SendOutcome;

pub(crate) use udp::UdpTransport;

/// Takes whole packets; never waits for a peer.
pub(crate) trait Sender: Send {
    /// Whether a packet may be sent now; to be asked before each, and only with one to send.
    ///
    /// False while there is nowhere to send to and a look-up is under way; the waker is called
    /// when that changes. True where the look-up failed: the packet then fails with its cause.
    fn ready(&mut self) -> bool;

    /// Sends one packet; asks for a retry where it is not ready.
    ///
    /// Where more packets are likely to follow at once, an error of this one may be told as a late
    /// one, by the next send or by [`Sender::settle`].
    fn send(&mut self, packet: &[u8], more_follow: bool) -> SendOutcome;

    /// Looks for errors of packets that were accepted without a look.
    fn settle(&mut self) {}

    /// Errors of packets that had been accepted, since the last call.
    fn late_refusals(&mut self) -> u64;

    /// What went wrong last, with host, port and cause; made at each call.
    fn last_error(&self) -> Option<String>;
}
