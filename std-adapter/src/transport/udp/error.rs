//! Errors of packets over UDP: their kinds, and their texts.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// The error of a packet, with the agent's address.
pub(super) struct SendError {
    pub(super) agent: Arc<str>,
    pub(super) kind: SendErrorKind,
    pub(super) error: io::Error,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SendErrorKind {
    /// The agent has no address.
    Unresolved,
    TooLarge,
    Refused,
    Failed,
}

/// The kind of a fault, and its error.
pub(super) type Fault = (SendErrorKind, io::Error);

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SendError { agent, kind, error } = self;
        match kind {
            SendErrorKind::Unresolved => write!(f, "cannot find the agent's host {agent}: {error}"),
            SendErrorKind::Refused => write!(f, "no agent listens at {agent}: {error}"),
            _ => write!(f, "cannot send to the agent at {agent}: {error}"),
        }
    }
}

/// Classifies an error that the socket returned for a packet.
pub(super) fn fault(error: io::Error) -> Fault {
    let kind = if error.raw_os_error() == Some(MESSAGE_SIZE) {
        SendErrorKind::TooLarge
    } else if is_refusal(&error) {
        SendErrorKind::Refused
    } else {
        SendErrorKind::Failed
    };
    (kind, error)
}

pub(super) fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
    )
}

/// Returns whether the system had no memory for the packet, which may pass soon: a full send buffer
/// of the socket or of the network's device.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::OutOfMemory)
        || error.raw_os_error() == Some(NO_BUFFERS)
}

/// The system's code for a datagram that is too large.
#[cfg(unix)]
pub(super) const MESSAGE_SIZE: i32 = libc::EMSGSIZE;
/// `WSAEMSGSIZE`, the code for a datagram that is too large.
#[cfg(not(unix))]
pub(super) const MESSAGE_SIZE: i32 = 10_040;

/// The system's code for a lack of buffers.
#[cfg(unix)]
pub(super) const NO_BUFFERS: i32 = libc::ENOBUFS;
/// `WSAENOBUFS`, the code for a lack of buffers.
#[cfg(not(unix))]
pub(super) const NO_BUFFERS: i32 = 10_055;
