//! One line: its bytes, and the streams of frames on it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::clock::Arrival;
use super::tracer::TracerId;
use crate::relay::frame::{Frame, FrameReader};

/// The state of a line.
#[derive(Default)]
pub(super) struct Line {
    pub(super) reader: FrameReader,
    streams: BTreeMap<StreamId, Stream>,
    /// Bytes that were neither frame nor text, before the first frame.
    pub(super) garbage: u64,
    pub(super) has_frames: bool,
    /// What was warned of.
    pub(super) warned: BTreeSet<Warning>,
}

/// A kind of warning of a line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Warning {
    /// The bytes are neither frames nor text.
    Speed,
    /// Frames are of another version.
    Version,
    /// A hello is refused.
    Refused,
    /// Names cannot be looked up.
    Names,
}

/// The producer and the low half of the boot's id, as in each frame.
pub(super) type StreamId = (u8, u16);

/// The frames of one tracer and boot on a line.
#[derive(Default)]
pub(super) struct Stream {
    /// The tracer, once a hello has named it.
    pub(super) tracer: Option<TracerId>,
    waiting: VecDeque<WaitingFrame>,
    waiting_bytes: usize,
    last_used: u64,
}

/// A frame whose tracer has not named itself yet.
pub(super) struct WaitingFrame {
    pub(super) kind: u8,
    pub(super) number: u32,
    pub(super) payload: Vec<u8>,
    pub(super) arrival: Arrival,
}

/// The most streams of a line. A device makes a new one with each boot.
const MOST_STREAMS: usize = 32;
/// The bytes of frames that wait for a hello, of a stream.
const MOST_WAITING: usize = 128 << 10;

impl Line {
    /// Returns the stream of a frame, which it begins if need be; and how many frames of another one
    /// were dropped for it.
    pub(super) fn stream(&mut self, id: StreamId, now: u64) -> (&mut Stream, u64) {
        let mut dropped = 0;
        if self.streams.len() >= MOST_STREAMS
            && !self.streams.contains_key(&id)
            && let Some(oldest) = self.oldest()
            && let Some(stream) = self.streams.remove(&oldest)
        {
            dropped = stream.waiting.len() as u64;
        }
        let stream = self.streams.entry(id).or_default();
        stream.last_used = now;
        (stream, dropped)
    }

    /// Returns the tracer of a stream, once a hello has named it.
    pub(super) fn tracer(&self, id: StreamId) -> Option<TracerId> {
        self.streams.get(&id)?.tracer.clone()
    }

    fn oldest(&self) -> Option<StreamId> {
        let oldest = self
            .streams
            .iter()
            .min_by_key(|(_, stream)| stream.last_used);
        oldest.map(|(id, _)| *id)
    }
}

impl Stream {
    /// Keeps a frame until a hello comes; returns how many older ones were dropped for it.
    pub(super) fn wait(&mut self, frame: &Frame<'_>, arrival: Arrival) -> u64 {
        self.waiting_bytes += frame.payload.len() + size_of::<WaitingFrame>();
        self.waiting.push_back(WaitingFrame {
            kind: frame.kind,
            number: frame.number,
            payload: frame.payload.to_vec(),
            arrival,
        });
        let mut dropped = 0;
        while self.waiting_bytes > MOST_WAITING
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.waiting_bytes -= oldest.payload.len() + size_of::<WaitingFrame>();
            dropped += 1;
        }
        dropped
    }

    /// Takes out the frames that have waited.
    pub(super) fn take_waiting(&mut self) -> VecDeque<WaitingFrame> {
        self.waiting_bytes = 0;
        std::mem::take(&mut self.waiting)
    }
}
