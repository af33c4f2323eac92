//! What the tests of both stacks share: a tracer's types, and the spans of datagrams.

use picojaeger_core::{Clock, Const};
use picojaeger_std::collector::decode;

/// The IP MTU of the links: that which every link must have.
pub const IP_MTU: usize = 576;
/// The port of the agent.
pub const AGENT: u16 = 6831;

/// A clock that stands still, so that no packet is due by time.
pub struct Still;

impl Clock for Still {
    const BITS: u32 = 64;
    fn ticks(&self) -> u64 {
        7
    }
    fn frequency(&self) -> u64 {
        1_000_000
    }
}

pub type Platform = (Still, Const);

/// Returns how many spans the datagram has.
pub fn spans(datagram: &[u8]) -> usize {
    decode(datagram).unwrap().spans.len()
}
