//! Arguments of a child process.

use std::net::SocketAddr;
use std::time::Duration;

use super::Entry;
use crate::process::parse;

/// One round of one program.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) load: String,
    pub(crate) name: String,
    /// Destination of packets.
    pub(crate) sink: SocketAddr,
    /// Time during which spans are made.
    pub(crate) duration: Duration,
    /// Whether allocations are counted; times are meaningless then.
    pub(crate) count: bool,
    /// Packets to imitate, for a program that imitates another's.
    pub(crate) packets_per_burst: f64,
    pub(crate) packet_bytes: usize,
}

impl Plan {
    /// Makes a plan for a program that makes its own spans, with a time of zero.
    pub(crate) fn for_sink(entry: &Entry, sink: SocketAddr) -> Self {
        Self {
            load: entry.load.name().into(),
            name: entry.name.into(),
            sink,
            duration: Duration::ZERO,
            count: false,
            packets_per_burst: 0.0,
            packet_bytes: 0,
        }
    }

    pub(crate) fn to_args(&self) -> [String; 7] {
        [
            self.load.clone(),
            self.name.clone(),
            self.sink.to_string(),
            self.duration.as_millis().to_string(),
            self.count.to_string(),
            self.packets_per_burst.to_string(),
            self.packet_bytes.to_string(),
        ]
    }

    pub(crate) fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut next = || args.next().ok_or("an argument of the child is missing");
        Ok(Self {
            load: next()?,
            name: next()?,
            sink: parse(&next()?)?,
            duration: Duration::from_millis(parse(&next()?)?),
            count: parse(&next()?)?,
            packets_per_burst: parse(&next()?)?,
            packet_bytes: parse(&next()?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_carry_a_plan() {
        let plan = Plan {
            load: "pipeline".into(),
            name: "bare-send-1400".into(),
            sink: "127.0.0.1:6831".parse().expect("an address"),
            duration: Duration::from_millis(250),
            count: true,
            packets_per_burst: 30.25,
            packet_bytes: 1_391,
        };
        let read = Plan::from_args(plan.to_args().into_iter());
        assert_eq!(read, Ok(plan));
    }

    #[test]
    fn a_plan_that_ends_early_is_an_error() {
        assert!(Plan::from_args(["pipeline".to_string()].into_iter()).is_err());
    }
}
