//! picojaeger with its worker.
//!
//! Settings: the defaults, with every trace sampled; so 16 MiB of memory, and
//! the time stamp counter where it is reliable.

use std::net::SocketAddr;

use picojaeger_std::config::Sampler;
use picojaeger_std::{Config, Tracer};
use picojaeger_workloads::{Drained, Workload, spans};

use super::{CLOSING, Program};

pub(crate) struct Picojaeger(Tracer);

impl Picojaeger {
    /// Sends packets of at most this many bytes.
    pub(crate) fn sending(agent: SocketAddr, packet: usize) -> Self {
        Self::new(sending(agent, packet))
    }

    /// Sends batches of at most this many spans by OTLP in protobuf over HTTP.
    pub(crate) fn sending_otlp(collector: SocketAddr, spans: usize) -> Self {
        let config = Config::new("benches").otlp(format!("http://{collector}"));
        Self::new(config.max_batch_spans(spans))
    }

    /// Makes packets, and drops them.
    pub(crate) fn dropping() -> Self {
        Self::new(Config::new("benches").agent(false))
    }

    fn new(config: Config) -> Self {
        let config = config.sampler(Sampler::Const(true));
        Self(config.new_tracer().expect("the settings are right"))
    }
}

/// Without a worker: the thread that makes a burst sends it too.
pub(crate) struct Inline(Picojaeger);

impl Inline {
    pub(crate) fn sending(agent: SocketAddr, packet: usize) -> Self {
        Self(Picojaeger::new(sending(agent, packet).background(false)))
    }
}

fn sending(agent: SocketAddr, packet: usize) -> Config {
    Config::new("benches")
        .agent_host(agent.ip().to_string())
        .agent_port(agent.port())
        .max_packet_size(packet)
}

impl Program for Inline {
    fn burst(&self) {
        self.0.burst();
        self.0.0.flush(CLOSING).expect("the sink is there");
    }

    fn close(&mut self) -> Drained {
        self.0.close()
    }
}

impl Program for Picojaeger {
    fn burst(&self) {
        spans::burst(&self.0, Workload::W2);
    }

    /// The error of the close is only printed: its losses are in the counts too.
    fn close(&mut self) -> Drained {
        if let Err(error) = self.0.close(CLOSING) {
            eprintln!("picojaeger: {error}");
        }
        let stats = self.0.stats();
        Drained {
            exported: stats.delivered,
            lost: stats.lost.total(),
        }
    }
}
