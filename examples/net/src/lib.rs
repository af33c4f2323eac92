//! Transports over network stacks that run without an operating system, to be copied: smoltcp, and
//! embassy-net for an executor. See ../README.md.
#![no_std]

mod embassy;
mod smoltcp;

pub use embassy::EmbassyUdp;
pub use smoltcp::SmoltcpUdp;

/// Bytes of the headers of UDP and IPv4, and of IPv6, which a datagram's payload shares the MTU with.
const HEADERS_V4: usize = 28;
const HEADERS_V6: usize = 48;
