//! The bare send: packets of another program's sizes, from a plain socket.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};

use picojaeger_workloads::{BURST, Drained};

use super::{Plan, Program};

/// Sends, in each burst, as many packets as a burst's spans make in that program.
pub(crate) struct Bare {
    socket: UdpSocket,
    packet: Vec<u8>,
    packets_per_burst: f64,
    bursts: AtomicU64,
}

impl Bare {
    pub(crate) fn new(plan: &Plan) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        socket.connect(plan.sink).expect("loopback connects");
        Self {
            socket,
            packet: vec![b'.'; plan.packet_bytes],
            packets_per_burst: plan.packets_per_burst,
            bursts: AtomicU64::new(0),
        }
    }

    /// Returns the packets due after this many bursts.
    fn due(&self, bursts: u64) -> u64 {
        (bursts as f64 * self.packets_per_burst).round() as u64
    }
}

impl Program for Bare {
    fn burst(&self) {
        let bursts = self.bursts.fetch_add(1, Ordering::Relaxed);
        for _ in self.due(bursts)..self.due(bursts + 1) {
            self.socket.send(&self.packet).expect("the sink is there");
        }
    }

    /// Every burst stands for its spans.
    fn close(&mut self) -> Drained {
        Drained {
            exported: *self.bursts.get_mut() * BURST as u64,
            lost: 0,
        }
    }
}
