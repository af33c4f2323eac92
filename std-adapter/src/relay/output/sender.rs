//! Spans through a transport.

use std::sync::Arc;
use std::time::Duration;

use picojaeger_core::wire::Encoder;
use picojaeger_core::{SendOutcome, SpanContext, SpanId};

use super::lane::Lane;
use super::record::{Image, fill};
use super::{Output, OutputCounts};
use crate::model::{Process, Span};
use crate::transport::{BoxTransport, Transport as _};

/// Sends spans through one transport, in packets of one process each.
pub(in crate::relay) struct Sender<E> {
    lanes: Vec<Lane<E>>,
    transport: BoxTransport,
    encoder: fn() -> E,
    buffer: Vec<u8>,
    image: Box<Image>,
    /// The lane whose packet has no outcome yet.
    pending: Option<usize>,
    /// The lane to begin with.
    next: usize,
    /// Spans that found no room in their lane.
    full: u64,
    /// The counts of lanes that are gone.
    past: OutputCounts,
}

/// The lanes beyond which those without spans are dropped.
const MANY: usize = 128;
/// The most lanes, as of a device that boots again and again while Jaeger is away: a mebibyte each.
const MOST: usize = 256;

impl<E: Encoder> Sender<E> {
    /// Makes a sender of packets of at most `limit` bytes.
    pub(in crate::relay) fn new(transport: BoxTransport, limit: usize, encoder: fn() -> E) -> Self {
        let limit = limit.min(transport.mtu());
        Sender {
            lanes: Vec::new(),
            transport,
            encoder,
            buffer: vec![0; limit],
            image: Box::new(Image::new("", SpanContext::default(), SpanId::default(), 0)),
            pending: None,
            next: 0,
            full: 0,
            past: OutputCounts::default(),
        }
    }

    /// Returns the lane of a process, which it makes if need be; `None` if there are too many.
    fn lane(&mut self, process: &Arc<Process>) -> Option<usize> {
        let found = self
            .lanes
            .iter()
            .position(|lane| Arc::ptr_eq(&lane.process, process));
        if found.is_some() {
            return found;
        }
        if self.lanes.len() >= MANY && self.pending.is_none() {
            self.drop_empty();
        }
        if self.lanes.len() >= MOST {
            return None;
        }
        let (encoder, limit) = ((self.encoder)(), self.buffer.len());
        self.lanes
            .push(Lane::new(Arc::clone(process), encoder, limit));
        Some(self.lanes.len() - 1)
    }

    fn drop_empty(&mut self) {
        let past = &mut self.past;
        self.lanes.retain(|lane| {
            let keep = lane.queued() > 0;
            if !keep {
                past.delivered += lane.counts().delivered;
                past.lost += lane.counts().lost();
            }
            keep
        });
    }

    /// Asks for the outcome of a packet without one; returns whether others may be sent.
    fn finish_last(&mut self) -> bool {
        let Some(at) = self.pending else {
            return true;
        };
        let outcome = self.transport.poll_outcome();
        if outcome != SendOutcome::Pending {
            self.pending = None;
        }
        if let Some(lane) = self.lanes.get_mut(at) {
            lane.conclude(outcome);
        }
        !matches!(outcome, SendOutcome::Pending | SendOutcome::Retry)
    }

    /// Sends the packets of a lane that are due; returns whether others may be sent.
    fn send_lane(&mut self, at: usize, now: Duration, flush: bool) -> bool {
        let Some(lane) = self.lanes.get_mut(at) else {
            return true;
        };
        loop {
            if !self.transport.is_ready() {
                return false;
            }
            match lane.send(&mut self.transport, &mut self.buffer, now, flush) {
                None => return true,
                Some(SendOutcome::Pending) => {
                    self.pending = Some(at);
                    return false;
                }
                Some(SendOutcome::Retry) => return false,
                Some(_) => {}
            }
        }
    }
}

impl<E: Encoder> Output for Sender<E> {
    fn take(&mut self, process: &Arc<Process>, span: Span) {
        let Some(at) = self.lane(process) else {
            self.full += 1;
            return;
        };
        fill(&mut self.image, &span);
        let record = self.image.record();
        let lane = self.lanes.get_mut(at);
        if !lane.is_some_and(|lane| lane.push(&record)) {
            self.full += 1;
        }
    }

    fn step(&mut self, now: Duration, flush: bool) {
        if !self.finish_last() {
            return;
        }
        let lanes = self.lanes.len();
        for turn in 0..lanes {
            let at = (self.next + turn) % lanes;
            if !self.send_lane(at, now, flush) {
                self.next = at + 1;
                return;
            }
        }
        self.transport.settle();
    }

    fn has_room(&mut self) -> bool {
        !self.lanes.iter_mut().any(Lane::is_half_full)
    }

    fn counts(&self) -> OutputCounts {
        let mut counts = self.past;
        counts.lost += self.full;
        for lane in &self.lanes {
            counts.delivered += lane.counts().delivered;
            counts.lost += lane.counts().lost();
            counts.queued += lane.queued();
        }
        counts
    }

    fn last_error(&self) -> Option<String> {
        self.transport.last_error().map(ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use picojaeger_core::wire::ThriftCompact;

    use super::*;
    use crate::transport::Transport;

    /// A peer that is away, or takes everything.
    struct Peer(bool);

    impl Transport for Peer {
        fn send(&mut self, _packet: &[u8]) -> SendOutcome {
            SendOutcome::Accepted
        }

        fn is_ready(&mut self) -> bool {
            self.0
        }
    }

    #[test]
    fn devices_without_end_are_bounded_while_the_peer_is_away() {
        let mut sender = Sender::new(Box::new(Peer(false)), 1_400, ThriftCompact::new);
        let boot = |boot: u64| {
            (
                Arc::new(Process::new("pump")),
                Span::new(1u128, boot, "boot"),
            )
        };
        for number in 1..=1_000 {
            let (process, span) = boot(number);
            sender.take(&process, span);
            sender.step(Duration::from_secs(number), false);
        }
        let counts = sender.counts();
        assert_eq!(sender.lanes.len(), MOST);
        assert_eq!((counts.queued, counts.lost), (256, 744));
        sender.transport = Box::new(Peer(true));
        sender.step(Duration::from_secs(1_001), true);
        assert_eq!(
            (sender.counts().delivered, sender.counts().queued),
            (256, 0)
        );
        let (process, span) = boot(1_001);
        sender.take(&process, span);
        assert_eq!((sender.lanes.len(), sender.counts().lost), (1, 744));
    }
}
