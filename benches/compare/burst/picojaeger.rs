//! picojaeger with its worker, and with the `memory_limit` of the shape.
//!
//! Settings otherwise: the defaults, with every trace sampled.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};

use picojaeger_std::config::Sampler;
use picojaeger_std::{Config, FlushError, SendOutcome, Stats, Tracer, Transport};
use picojaeger_workloads::spans;

use super::BurstTracer;
use crate::programs::CLOSING;
use crate::programs::sink::count_spans;

/// Packets go to memory in place of a socket; their spans are counted between rounds.
pub(super) struct Counted {
    tracer: Tracer,
    packets: Arc<Mutex<Packets>>,
    /// Spans in the packets of earlier rounds.
    before: AtomicU64,
}

/// Packets go to an agent by UDP; spans are counted as delivered by the tracer itself.
pub(super) struct Sending {
    tracer: Tracer,
    before: AtomicU64,
}

/// Packets, and the number of spans in those that were removed.
struct Packets {
    bytes: Vec<u8>,
    spans: u64,
}

/// Size of the memory that keeps packets: more than those of 200,000 spans.
const KEPT: usize = 32 << 20;

impl Counted {
    pub(super) fn new(memory: usize) -> Self {
        let packets = Arc::new(Mutex::new(Packets::new()));
        let transport = Arc::clone(&packets);
        let builder = config(memory).tracer_builder();
        let builder = builder.transport(move || ToMemory(Arc::clone(&transport)));
        Self {
            tracer: builder.build().expect("the settings are right"),
            packets,
            before: AtomicU64::new(0),
        }
    }
}

impl Sending {
    pub(super) fn new(memory: usize, agent: SocketAddr) -> Self {
        let config = config(memory)
            .agent_host(agent.ip().to_string())
            .agent_port(agent.port());
        Self {
            tracer: config.new_tracer().expect("the settings are right"),
            before: AtomicU64::new(0),
        }
    }
}

impl BurstTracer for Counted {
    fn make(&self, spans: usize) {
        spans::tree(&self.tracer, spans);
    }

    fn deliver(&self) -> u64 {
        let stats = flush(&self.tracer);
        let spans = lock(&self.packets).count();
        assert_eq!(stats.delivered, spans, "the transport got as many");
        spans - self.before.swap(spans, Relaxed)
    }

    fn close(&mut self) -> u64 {
        close(&self.tracer)
    }
}

impl BurstTracer for Sending {
    fn make(&self, spans: usize) {
        spans::tree(&self.tracer, spans);
    }

    fn deliver(&self) -> u64 {
        let delivered = flush(&self.tracer).delivered;
        delivered - self.before.swap(delivered, Relaxed)
    }

    fn close(&mut self) -> u64 {
        close(&self.tracer)
    }
}

fn config(memory: usize) -> Config {
    Config::new("benches")
        .sampler(Sampler::Const(true))
        .memory_limit(memory)
}

/// Delivers everything; a loss is no error here, but in the counts.
fn flush(tracer: &Tracer) -> Stats {
    if let Err(error @ FlushError::TimedOut { .. }) = tracer.flush(CLOSING) {
        panic!("{error}");
    }
    let stats = tracer.stats();
    assert!(stats.adds_up(), "{stats}");
    stats
}

fn close(tracer: &Tracer) -> u64 {
    if let Err(error) = tracer.close(CLOSING) {
        eprintln!("picojaeger: {error}");
    }
    tracer.stats().lost.total()
}

/// Copies packets, as a socket would, and counts nothing while a burst is being made.
struct ToMemory(Arc<Mutex<Packets>>);

impl Transport for ToMemory {
    fn send(&mut self, packet: &[u8]) -> SendOutcome {
        lock(&self.0).take(packet);
        SendOutcome::Accepted
    }
}

impl Packets {
    /// Takes its memory from the system at once, so that it is no growth later.
    fn new() -> Self {
        let mut bytes = vec![1; KEPT];
        bytes.clear();
        Self { bytes, spans: 0 }
    }

    fn take(&mut self, packet: &[u8]) {
        if self.bytes.len() + packet.len() > self.bytes.capacity() {
            self.count();
        }
        self.bytes.extend(packet);
    }

    /// Removes the packets; returns the number of spans so far.
    fn count(&mut self) -> u64 {
        self.spans += count_spans(&self.bytes);
        self.bytes.clear();
        self.spans
    }
}

fn lock(packets: &Mutex<Packets>) -> MutexGuard<'_, Packets> {
    packets.lock().expect("nobody panics with packets")
}
