//! The spans of one process that wait, and their packets.

use std::sync::Arc;
use std::time::Duration;

use picojaeger_core::adapter::record::Record;
use picojaeger_core::adapter::{DeliveryCounts, PacketBuilder, PollContext, Timeline};
use picojaeger_core::wire::{EncodeContext, Encoder, Process as WireProcess};
use picojaeger_core::{SendOutcome, Value};

use crate::memory::copy_ring::CopyRing;
use crate::memory::hand_over::ReadingEnd as _;
use crate::model::Process;
use crate::transport::{BoxTransport, Transport as _};

/// A ring of records of one process.
pub(super) struct Lane<E> {
    pub(super) process: Arc<Process>,
    ring: CopyRing,
    builder: PacketBuilder<E>,
    pushed: u64,
}

/// The bytes of a ring. A packet is due when it is half full.
const RING: usize = 1 << 20;
/// The longest time for which a span waits for others.
const INTERVAL: Duration = Duration::from_millis(500);

impl<E: Encoder> Lane<E> {
    pub(super) fn new(process: Arc<Process>, encoder: E, limit: usize) -> Self {
        Lane {
            process,
            ring: CopyRing::new(RING),
            builder: PacketBuilder::new(encoder, limit, INTERVAL.as_nanos() as u64),
            pushed: 0,
        }
    }

    /// Appends a record; returns whether there was room.
    pub(super) fn push(&mut self, record: &Record<'_>) -> bool {
        let pushed = self.ring.push(record);
        self.pushed += u64::from(pushed);
        pushed
    }

    /// Sends a packet, if one is due; returns its outcome.
    pub(super) fn send(
        &mut self,
        transport: &mut BoxTransport,
        buffer: &mut [u8],
        now: Duration,
        flush: bool,
    ) -> Option<SendOutcome> {
        let tags = self.process.tags.iter();
        let tags: Vec<(&str, Value<'_>)> = tags
            .map(|tag| (tag.key.as_str(), tag.value.as_value()))
            .collect();
        let process = WireProcess::new(&self.process.service_name).with_tags(&tags);
        // All times are Unix time, and a sampler's tags are the span's own.
        let encode = EncodeContext::new(Timeline::new(&[]), &|_| None);
        let now = now.as_nanos() as u64;
        let context = PollContext::new(now, &process, &encode).with_flush(flush);
        let packet = self.builder.poll(self.ring.readers(), &context, buffer)?;
        let outcome = transport.send(packet.bytes());
        packet.done(outcome);
        Some(outcome)
    }

    /// Takes the outcome of a packet that was pending.
    pub(super) fn conclude(&mut self, outcome: SendOutcome) {
        if let Some(packet) = self.builder.resume(self.ring.readers()) {
            packet.done(outcome);
        }
    }

    pub(super) fn counts(&self) -> DeliveryCounts {
        self.builder.delivery()
    }

    /// Returns the spans that wait, those of a pending packet included.
    pub(super) fn queued(&self) -> u64 {
        let counts = self.counts();
        self.pushed - counts.delivered - counts.lost()
    }

    /// Returns whether so much waits that a packet is due.
    pub(super) fn is_half_full(&mut self) -> bool {
        let readers = self.ring.readers();
        readers.iter().any(|reader| reader.end.backlog() > RING / 2)
    }
}
