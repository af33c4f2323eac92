//! Arguments of a child process.

use std::net::SocketAddr;

use super::{Entry, Shape};
use crate::process::parse;

/// All rounds of one library and shape.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(super) library: String,
    /// Destination of packets.
    pub(super) sink: SocketAddr,
    /// picojaeger's `memory_limit`, in bytes.
    pub(super) memory: usize,
    pub(super) threads: usize,
    /// Spans of each thread in a round.
    pub(super) spans: usize,
    pub(super) rounds: usize,
    /// Number of processors that the process may use.
    pub(super) processors: usize,
}

impl Plan {
    /// Makes a plan of one round on two processors.
    pub(super) fn new(entry: &Entry, shape: &Shape, sink: SocketAddr) -> Self {
        Self {
            library: entry.name.into(),
            sink,
            memory: shape.memory,
            threads: shape.threads,
            spans: shape.spans,
            rounds: 1,
            processors: 2,
        }
    }

    /// Returns the number of spans that all threads make in a round.
    pub(super) fn made(&self) -> u64 {
        (self.threads * self.spans) as u64
    }

    pub(super) fn to_args(&self) -> [String; 7] {
        [
            self.library.clone(),
            self.sink.to_string(),
            self.memory.to_string(),
            self.threads.to_string(),
            self.spans.to_string(),
            self.rounds.to_string(),
            self.processors.to_string(),
        ]
    }

    pub(super) fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut next = || args.next().ok_or("an argument of the child is missing");
        Ok(Self {
            library: next()?,
            sink: parse(&next()?)?,
            memory: parse(&next()?)?,
            threads: parse(&next()?)?,
            spans: parse(&next()?)?,
            rounds: parse(&next()?)?,
            processors: parse(&next()?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_carry_a_plan() {
        let plan = Plan {
            library: "fastrace".into(),
            sink: "127.0.0.1:6831".parse().expect("an address"),
            memory: 16 << 20,
            threads: 8,
            spans: 6_000,
            rounds: 20,
            processors: 1,
        };
        let read = Plan::from_args(plan.to_args().into_iter());
        assert_eq!(read.as_ref(), Ok(&plan));
        assert_eq!(plan.made(), 48_000);
    }
}
