//! One tracer of a device, in one boot.

use std::collections::VecDeque;
use std::sync::Arc;

use picojaeger_core::Stats;

use super::account::DeviceAccount;
use super::clock::{Arrival, DeviceClock};
use super::convert::Meaning;
use super::counts::Counts;
use super::names::{Image, Names};
use super::seen::Seen;
use crate::model::{Process, Span, Tag, TagValue};
use crate::relay::payload::{Hello, Status, WireSpan, spans};
use crate::sys::hex::hex;

/// The identity of a tracer: its device, boot and number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct TracerId {
    pub(super) device: Vec<u8>,
    pub(super) boot: u32,
    pub(super) producer: u8,
}

/// The state of a tracer.
pub(super) struct DeviceTracer {
    id: TracerId,
    pub(super) process: Arc<Process>,
    build: Vec<u8>,
    by_address: bool,
    samplers: Vec<(u8, String, TagValue)>,
    clock: DeviceClock,
    spans: Seen,
    frames: Seen,
    /// Spans that wait for a time.
    held: VecDeque<Held>,
    held_bytes: usize,
    duplicates: u64,
    malformed: u64,
    counts: Counts,
    /// Spans that were delivered by the last status and had not been read then.
    lost_on_link: u64,
    /// Spans that had been read then.
    known_then: u64,
    /// The number of the last frame over all tracers.
    pub(super) last_used: u64,
}

/// The payload of a frame of spans, and how many it has.
type Held = (Vec<u8>, u64);

/// The bytes of spans that wait for a time. Beyond it the oldest get the tag `clock.unsynced`.
const MOST_HELD: usize = 64 << 10;

impl DeviceTracer {
    pub(super) fn new(id: TracerId, hello: &Hello<'_>) -> Self {
        let process = Arc::new(process(id.producer, hello));
        let mut tracer = DeviceTracer::unread(id, process, hello.frequency);
        tracer.update(hello);
        tracer
    }

    /// Returns a tracer of which nothing was read.
    fn unread(id: TracerId, process: Arc<Process>, frequency: u64) -> Self {
        DeviceTracer {
            id,
            process,
            build: Vec::new(),
            by_address: false,
            samplers: Vec::new(),
            clock: DeviceClock::new(frequency),
            spans: Seen::default(),
            frames: Seen::default(),
            held: VecDeque::new(),
            held_bytes: 0,
            duplicates: 0,
            malformed: 0,
            counts: Counts::default(),
            lost_on_link: 0,
            known_then: 0,
            last_used: 0,
        }
    }

    /// Takes a hello that came again.
    pub(super) fn update(&mut self, hello: &Hello<'_>) {
        let process = process(self.id.producer, hello);
        if *self.process != process {
            self.process = Arc::new(process);
        }
        if self.clock.frequency() != hello.frequency {
            self.clock = DeviceClock::new(hello.frequency);
        }
        self.build = hello.build.to_vec();
        self.by_address = hello.names == 1;
        self.samplers = hello.owned_samplers();
    }

    /// Returns the same tracer with nothing read.
    pub(super) fn restarted(&self) -> Self {
        let (id, process) = (self.id.clone(), Arc::clone(&self.process));
        DeviceTracer {
            build: self.build.clone(),
            by_address: self.by_address,
            samplers: self.samplers.clone(),
            last_used: self.last_used,
            ..DeviceTracer::unread(id, process, self.clock.frequency())
        }
    }

    pub(super) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    pub(super) fn note_frame(&mut self, number: u32) {
        self.frames.insert(number);
    }

    pub(super) fn note_malformed(&mut self) {
        self.malformed += 1;
    }

    /// Returns whether the status of this frame has come before.
    pub(super) fn is_repeated(&self, frame: u32, status: &Status) -> bool {
        self.counts.is_repeated(frame, status)
    }

    /// Returns whether a status belongs to a later boot with the same id.
    pub(super) fn is_before(&self, status: &Status) -> bool {
        self.counts.is_before(status)
    }

    /// Takes the status of a frame.
    pub(super) fn status(&mut self, frame: u32, status: Status, arrival: Arrival) {
        self.clock.report(status.now, arrival);
        if let Some((ticks, unix_micros, uncertainty)) = status.anchor {
            self.clock.set_anchor(ticks, unix_micros, uncertainty);
        }
        let known = self.spans.count() + self.held_spans();
        self.counts
            .take(frame, status, known.saturating_sub(self.known_then));
        let delivered = self.counts.total().map_or(0, |total| total.delivered);
        self.lost_on_link = delivered.saturating_sub(known);
        self.known_then = known;
    }

    /// Takes a payload of spans: they wait until there is a time for them. Returns `false` if they
    /// cannot be read.
    pub(super) fn hold(&mut self, payload: &[u8]) -> bool {
        let Some(spans) = spans(payload, self.by_address) else {
            return false;
        };
        self.held_bytes += payload.len() + size_of::<Held>();
        self.held.push_back((payload.to_vec(), spans.len() as u64));
        true
    }

    /// Takes out the spans that need not wait any longer; all with `release`.
    pub(super) fn ready(
        &mut self,
        release: bool,
        image: Option<&(dyn Image + Send)>,
        mut take: impl FnMut(Span),
    ) {
        while release || self.clock.is_set() || self.held_bytes > MOST_HELD {
            let Some((payload, _)) = self.held.pop_front() else {
                return;
            };
            self.held_bytes -= payload.len() + size_of::<Held>();
            for span in spans(&payload, self.by_address).unwrap_or_default() {
                if self.spans.insert(span.head.sequence) {
                    take(self.convert(&span, image));
                } else {
                    self.duplicates += 1;
                }
            }
        }
    }

    fn convert(&self, span: &WireSpan<'_>, image: Option<&(dyn Image + Send)>) -> Span {
        let meaning = Meaning {
            clock: &self.clock,
            names: &Names {
                image,
                build: &self.build,
            },
            samplers: &self.samplers,
        };
        meaning.span(span)
    }

    fn held_spans(&self) -> u64 {
        self.held.iter().map(|(_, spans)| spans).sum()
    }

    #[cfg(test)]
    pub(super) fn held_frames(&self) -> usize {
        self.held.len()
    }

    pub(super) fn account(&self) -> DeviceAccount {
        let read = self.spans.count() + self.held_spans();
        DeviceAccount {
            device: hex(&self.id.device),
            boot: self.id.boot,
            producer: self.id.producer,
            service: self.process.service_name.clone(),
            read,
            held: self.held_spans(),
            duplicates: self.duplicates,
            lost_on_link: self.lost_on_link,
            since_status: read - self.known_then.min(read),
            missing_frames: self.frames.missing(),
            malformed: self.malformed,
            stats: self.counts.total().map(stats),
            uncertainty_micros: self.clock.uncertainty(),
        }
    }
}

/// The longest service name, in characters.
const LONGEST_SERVICE: usize = 255;

/// Returns a device's tracer as a process.
pub(in crate::relay) fn process(producer: u8, hello: &Hello<'_>) -> Process {
    let service: String = hello.service.chars().take(LONGEST_SERVICE).collect();
    let mut process = Process::new(service);
    let given = hello.tags.iter();
    process.tags = given.map(|(key, value)| Tag::new(*key, *value)).collect();
    process.tags.push(Tag::new("device.id", hex(hello.device)));
    process.tags.push(Tag::new("device.boot", hello.boot));
    if producer != 0 {
        process.tags.push(Tag::new("device.tracer", producer));
    }
    if !hello.build.is_empty() {
        process
            .tags
            .push(Tag::new("device.build", hex(hello.build)));
    }
    process
}

fn stats(status: &Status) -> Stats {
    let mut stats = Stats::default();
    stats.sampled = status.sampled;
    stats.open = status.open;
    stats.queued = status.queued;
    stats.delivered = status.delivered;
    stats.cleared = status.cleared;
    stats.unsampled = status.unsampled;
    stats.unseeded = status.unseeded;
    stats.decode_errors = status.decode_errors;
    stats.lost = status.lost();
    stats
}
