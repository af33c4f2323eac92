//! picojaeger's client: makes trees of spans at a steady rate, and sends them.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use picojaeger_std::config::Sampler;
use picojaeger_std::metrics::{Metric, MetricValue, MetricsSink};
use picojaeger_std::{Config, Tracer};
use picojaeger_workloads::{TREE, spans};

use crate::Result;
use crate::arguments::{Arguments, Protocol};
use crate::collector::Collector;

/// Spans are made, and sent, so often: a load without bursts.
const TICK: Duration = Duration::from_millis(10);
/// Longest time in which the last spans are sent.
const CLOSING: Duration = Duration::from_secs(30);
const PACKETS: &str = "jaeger_tracer_export_packets_total";

pub(crate) struct Client(Tracer);

/// What the load made, and how long that took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made {
    pub(crate) spans: u64,
    pub(crate) time: Duration,
}

/// What the client sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) spans: u64,
    /// Datagrams, or requests.
    pub(crate) packets: u64,
    /// Spans that the client lost.
    pub(crate) lost: u64,
}

impl Client {
    pub(crate) fn new(arguments: &Arguments, collector: &Collector) -> Result<Self> {
        let config = match arguments.protocol {
            Protocol::Udp { datagram } => udp(collector.listener("udp_compact")?, datagram),
            Protocol::Otlp => {
                Config::new("load").otlp(format!("http://{}", collector.listener("otlp")?))
            }
        };
        Self::with(config)
    }

    fn with(config: Config) -> Result<Self> {
        let config = config.sampler(Sampler::Const(true)).flush_interval(TICK);
        Ok(Self(config.new_tracer()?))
    }

    /// Makes as many spans as the rate asks for until the time is over.
    pub(crate) fn run(&self, arguments: &Arguments) -> Made {
        let start = Instant::now();
        let all = due(arguments.rate, arguments.time);
        let mut spans = 0;
        while spans < all {
            let now = due(arguments.rate, start.elapsed()).min(all);
            while spans < now {
                let tree = (TREE as u64).min(now - spans);
                spans::tree(&self.0, usize::try_from(tree).unwrap_or(TREE));
                spans += tree;
            }
            thread::sleep(TICK);
        }
        let time = start.elapsed();
        Made { spans, time }
    }

    /// Sends what waits, and returns what was sent in all.
    pub(crate) fn close(self) -> Sent {
        if let Err(error) = self.0.close(CLOSING) {
            eprintln!("load: the client ends with losses: {error}");
        }
        let stats = self.0.stats();
        let mut packets = Packets(0);
        self.0.metrics().visit(&mut packets);
        Sent {
            spans: stats.delivered,
            packets: packets.0,
            lost: stats.lost.total(),
        }
    }
}

fn udp(agent: SocketAddr, datagram: usize) -> Config {
    Config::new("load")
        .agent_host(agent.ip().to_string())
        .agent_port(agent.port())
        .max_packet_size(datagram)
}

/// Returns the spans that are due after a time.
fn due(rate: u64, time: Duration) -> u64 {
    let spans = u128::from(rate) * time.as_micros() / 1_000_000;
    u64::try_from(spans).unwrap_or(u64::MAX)
}

/// Finds the count of accepted packets.
struct Packets(u64);

impl MetricsSink for Packets {
    fn sample(
        &mut self,
        metric: &'static Metric,
        labels: &[(&'static str, &str)],
        value: &MetricValue,
    ) {
        if let (PACKETS, MetricValue::Count(count)) = (metric.name(), value)
            && labels.contains(&("result", "ok"))
        {
            self.0 += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn spans_are_due_by_the_time_that_passed() {
        assert_eq!(due(50_000, Duration::from_millis(10)), 500);
        assert_eq!(due(3, Duration::from_millis(400)), 1);
        assert_eq!(
            due(10_000_000, Duration::from_secs(86_400)),
            864_000_000_000
        );
    }

    #[test]
    fn all_spans_of_the_load_are_made_and_their_datagrams_counted() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        let address = socket.local_addr().expect("it is bound");
        let client = Client::with(udp(address, 1_400)).expect("the settings are right");
        let arguments = Arguments {
            program: "none".into(),
            rate: 5_030,
            time: Duration::from_millis(100),
            protocol: Protocol::Udp { datagram: 1_400 },
            memory: String::new(),
        };
        let made = client.run(&arguments);
        assert_eq!(made.spans, 503);
        assert!(made.time >= arguments.time);
        let sent = client.close();
        assert_eq!((sent.spans, sent.lost), (503, 0));
        socket.set_nonblocking(true).expect("it may be");
        let mut buffer = [0; 1_401];
        let received = std::iter::from_fn(|| socket.recv(&mut buffer).ok());
        let lengths: Vec<_> = received.collect();
        assert_eq!(lengths.len() as u64, sent.packets);
        assert!(lengths.iter().all(|length| *length <= 1_400), "{lengths:?}");
    }
}
