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

    /// Returns the lane of a process, which it makes if need be.
    fn lane(&mut self, process: &Arc<Process>) -> usize {
        let found = self
            .lanes
            .iter()
            .position(|lane| Arc::ptr_eq(&lane.process, process));
        if let Some(found) = found {
            return found;
        }
        if self.lanes.len() >= MANY && self.pending.is_none() {
            self.drop_empty();
        }
        let (encoder, limit) = ((self.encoder)(), self.buffer.len());
        self.lanes
            .push(Lane::new(Arc::clone(process), encoder, limit));
        self.lanes.len() - 1
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
        let at = self.lane(process);
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
