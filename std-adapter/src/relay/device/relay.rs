//! All lines and devices of a relay.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use picojaeger_core::SpanId;

use super::account::{DeviceAccount, RelayCounts};
use super::clock::Arrival;
use super::line::Line;
use super::names::Image;
use super::seeds::SeedWatch;
use super::tracer::{DeviceTracer, TracerId, hex};
use crate::model::{Process, Span};
use crate::relay::frame::{Frame, Piece, kind};
use crate::relay::payload::{Hello, Refusal, Status};

/// Reads the bytes of any number of lines: finds frames, removes duplicates, dates spans, and keeps
/// the accounts of devices.
///
/// Does no input or output. Memory is bounded: 1,024 tracers of devices, each with 64 KiB of
/// spans that wait for a time, and for each line 32 boots, each with 128 KiB of frames that wait
/// for the device to name itself.
///
/// ```
/// use picojaeger_std::relay::{Arrival, Event, Relay};
///
/// let mut relay = Relay::new();
/// let mut text = String::new();
/// relay.receive(0, b"booting\n\0\x01\0", Arrival::At(1_700_000_000_000_000), &mut |event| {
///     if let Event::Text { line: 0, text: part } = event {
///         text.push_str(&part);
///     }
/// });
/// assert_eq!(text, "booting\n\u{1}");
/// assert!(relay.accounts().is_empty(), "no device has named itself");
/// ```
#[derive(Default)]
pub struct Relay {
    lines: BTreeMap<usize, Line>,
    tracers: BTreeMap<TracerId, DeviceTracer>,
    /// Accounts of tracers that are gone.
    past: VecDeque<DeviceAccount>,
    counts: RelayCounts,
    seeds: SeedWatch,
    /// Pairs of devices that were warned of.
    warned: BTreeSet<[Vec<u8>; 2]>,
    image: Option<Box<dyn Image + Send>>,
}

/// An output of a [`Relay`], which has an example.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A span of a device.
    Span {
        /// The device, as a process with a service and tags.
        process: Arc<Process>,
        /// The span.
        span: Box<Span>,
    },
    /// Text on a line. It may contain control characters.
    Text {
        /// The line's number.
        line: usize,
        /// The text.
        text: String,
    },
    /// A device told its time, and a time frame may answer.
    Status {
        /// The line's number.
        line: usize,
        /// The tracer's number.
        producer: u8,
        /// The low half of the boot's id.
        boot: u16,
        /// The device's ticks.
        ticks: u64,
    },
    /// A device sent a piece of its memory.
    Memory {
        /// The device's id, in hexadecimal.
        device: String,
        /// The address and the bytes, as they were on the wire.
        payload: Vec<u8>,
    },
    /// Something that the user should know.
    Warning(String),
}

/// A function that takes events.
type Sink<'s> = &'s mut dyn FnMut(Event);

/// The most tracers of devices and boots.
const MOST_TRACERS: usize = 1_024;
/// The most accounts of tracers that are gone.
const MOST_PAST: usize = 1_024;
/// The bytes of garbage before the first frame that hint at a wrong speed.
const MUCH_GARBAGE: u64 = 512;
/// The largest hello, in bytes.
const LARGEST_HELLO: usize = 8 << 10;

impl Relay {
    /// Makes a relay that knows no device.
    pub fn new() -> Self {
        Relay::default()
    }

    /// Reads the names that devices send as addresses from this image.
    #[must_use]
    pub fn with_image(mut self, image: impl Image + Send + 'static) -> Self {
        self.image = Some(Box::new(image));
        self
    }

    /// Takes the next bytes of a line; `sink` gets what they lead to.
    pub fn receive(&mut self, line: usize, bytes: &[u8], arrival: Arrival, sink: Sink<'_>) {
        let mut reader = std::mem::take(&mut self.line(line).reader);
        reader.read(bytes, |piece| self.piece(line, piece, arrival, sink));
        self.line(line).reader = reader;
    }

    /// Passes on text that has no line end yet; for a line that is silent.
    pub fn pause(&mut self, line: usize, sink: Sink<'_>) {
        let mut reader = std::mem::take(&mut self.line(line).reader);
        reader.pause(|piece| self.piece(line, piece, Arrival::At(0), sink));
        self.line(line).reader = reader;
    }

    /// Ends the bytes of a line, as at the end of a connection; the line may begin again.
    pub fn end_line(&mut self, line: usize, sink: Sink<'_>) {
        let mut reader = std::mem::take(&mut self.line(line).reader);
        reader.finish(|piece| self.piece(line, piece, Arrival::At(0), sink));
        self.line(line).reader = reader;
    }

    /// Passes on the spans that wait for a time, with the tag `clock.unsynced`.
    pub fn release(&mut self, sink: Sink<'_>) {
        let ids: Vec<_> = self.tracers.keys().cloned().collect();
        ids.iter().for_each(|id| self.pass_on(id, true, sink));
    }

    /// Returns the accounts of all tracers of devices: those that are gone first.
    pub fn accounts(&self) -> Vec<DeviceAccount> {
        let present = self.tracers.values().map(DeviceTracer::account);
        self.past.iter().cloned().chain(present).collect()
    }

    /// Returns the counts over all lines.
    pub fn counts(&self) -> RelayCounts {
        self.counts
    }

    fn line(&mut self, line: usize) -> &mut Line {
        self.lines.entry(line).or_default()
    }

    fn piece(&mut self, line: usize, piece: Piece<'_>, arrival: Arrival, sink: Sink<'_>) {
        match piece {
            Piece::Frame(frame) => self.frame(line, &frame, arrival, sink),
            Piece::Text(text) => {
                let text = text.to_owned();
                sink(Event::Text { line, text });
            }
            Piece::OtherVersion(version) => {
                self.counts.other_versions += 1;
                let warning = format!(
                    "frames of version {version} on line {line}; this program reads version 1"
                );
                self.warn_once(line, sink, warning);
            }
            Piece::Garbage(bytes) => {
                self.counts.garbage_bytes += bytes.len() as u64;
                let state = self.line(line);
                state.garbage += bytes.len() as u64;
                if !state.has_frames && state.garbage >= MUCH_GARBAGE {
                    let warning = format!(
                        "{} bytes on line {line} are neither frames nor text: is the speed right?",
                        state.garbage
                    );
                    self.warn_once(line, sink, warning);
                }
            }
        }
    }

    /// Warns once of each line.
    fn warn_once(&mut self, line: usize, sink: Sink<'_>, warning: String) {
        if !std::mem::replace(&mut self.line(line).has_warned, true) {
            sink(Event::Warning(warning));
        }
    }

    fn frame(&mut self, line: usize, frame: &Frame<'_>, arrival: Arrival, sink: Sink<'_>) {
        self.counts.frames += 1;
        self.line(line).has_frames = true;
        match frame.kind {
            kind::HELLO => self.hello(line, frame, sink),
            kind::STATUS | kind::SPANS | kind::MEMORY => self.content(line, frame, arrival, sink),
            _ => self.counts.unknown_frames += 1,
        }
    }

    /// Takes a hello, and what has waited for it.
    fn hello(&mut self, line: usize, frame: &Frame<'_>, sink: Sink<'_>) {
        let hello = match Hello::parse(frame.payload) {
            Ok(hello)
                if hello.boot as u16 == frame.boot && frame.payload.len() <= LARGEST_HELLO =>
            {
                hello
            }
            Ok(_) | Err(Refusal::Malformed) => return self.counts.malformed += 1,
            Err(refusal) => {
                self.counts.malformed += 1;
                let reason = match refusal {
                    Refusal::Frequency => "its clock has a frequency of 0",
                    _ => "its id has no byte, or more than 32",
                };
                let warning = format!("a device on line {line} is refused: {reason}");
                return self.warn_once(line, sink, warning);
            }
        };
        self.check_build(line, &hello, sink);
        let id = TracerId {
            device: hello.device.to_vec(),
            boot: hello.boot,
            producer: frame.producer,
        };
        match self.tracers.get_mut(&id) {
            Some(tracer) => tracer.update(&hello),
            None => self.add(id.clone(), &hello, sink),
        }
        if let Some(tracer) = self.tracers.get_mut(&id) {
            tracer.note_frame(frame.number);
        }
        let waiting = {
            let now = self.counts.frames;
            let (stream, dropped) = self.line(line).stream((frame.producer, frame.boot), now);
            stream.tracer = Some(id);
            let waiting = stream.take_waiting();
            self.counts.dropped_frames += dropped;
            waiting
        };
        for frame_before in waiting {
            let before = Frame {
                kind: frame_before.kind,
                number: frame_before.number,
                payload: &frame_before.payload,
                ..*frame
            };
            self.content(line, &before, frame_before.arrival, sink);
        }
    }

    /// Warns of names that cannot be looked up.
    fn check_build(&mut self, line: usize, hello: &Hello<'_>, sink: Sink<'_>) {
        if hello.names == 0 {
            return;
        }
        let warning = match &self.image {
            None => format!(
                "the device on line {line} sends names as addresses: its image resolves them (--elf)"
            ),
            Some(image) if image.build_id() != hello.build => {
                format!("the image is of another build than that of the device on line {line}")
            }
            Some(_) => return,
        };
        self.warn_once(line, sink, warning);
    }

    fn add(&mut self, id: TracerId, hello: &Hello<'_>, sink: Sink<'_>) {
        if self.tracers.len() >= MOST_TRACERS
            && let Some((oldest, _)) = self
                .tracers
                .iter()
                .min_by_key(|(_, tracer)| tracer.last_used)
        {
            let oldest = oldest.clone();
            self.forget(&oldest, sink);
        }
        self.tracers
            .insert(id.clone(), DeviceTracer::new(id, hello));
    }

    /// Keeps the account of a tracer alone.
    fn forget(&mut self, id: &TracerId, sink: Sink<'_>) {
        self.pass_on(id, true, sink);
        let Some(tracer) = self.tracers.remove(id) else {
            return;
        };
        self.past.push_back(tracer.account());
        if self.past.len() > MOST_PAST {
            self.past.pop_front();
            self.counts.forgotten += 1;
        }
    }

    /// Takes a frame of a tracer that has named itself; others wait.
    fn content(&mut self, line: usize, frame: &Frame<'_>, arrival: Arrival, sink: Sink<'_>) {
        let now = self.counts.frames;
        let (stream, mut dropped) = self.line(line).stream((frame.producer, frame.boot), now);
        let id = stream.tracer.clone();
        let tracer = id.as_ref().and_then(|id| self.tracers.get_mut(id));
        let (Some(id), Some(tracer)) = (id, tracer) else {
            let (stream, _) = self.line(line).stream((frame.producer, frame.boot), now);
            dropped += stream.wait(frame, arrival);
            self.counts.dropped_frames += dropped;
            return;
        };
        self.counts.dropped_frames += dropped;
        tracer.last_used = now;
        tracer.note_frame(frame.number);
        let is_read = match frame.kind {
            kind::STATUS => self.status(line, &id, frame, arrival, sink),
            kind::SPANS => tracer.hold(frame.payload),
            _ => {
                let device = tracer.account().device;
                let payload = frame.payload.to_vec();
                sink(Event::Memory { device, payload });
                true
            }
        };
        if !is_read {
            self.counts.malformed += 1;
            if let Some(tracer) = self.tracers.get_mut(&id) {
                tracer.note_malformed();
            }
        }
        self.pass_on(&id, false, sink);
    }

    fn status(
        &mut self,
        line: usize,
        id: &TracerId,
        frame: &Frame<'_>,
        arrival: Arrival,
        sink: Sink<'_>,
    ) -> bool {
        let Some(status) = Status::parse(frame.payload) else {
            return false;
        };
        let ticks = status.now;
        if self
            .tracers
            .get(id)
            .is_some_and(|tracer| tracer.is_before(&status))
        {
            self.restart(id, sink);
        }
        if let Some(tracer) = self.tracers.get_mut(id) {
            tracer.note_frame(frame.number);
            tracer.status(status, arrival);
        }
        sink(Event::Status {
            line,
            producer: frame.producer,
            boot: frame.boot,
            ticks,
        });
        true
    }

    /// Begins anew with a device that was reset and has the same boot id as before.
    fn restart(&mut self, id: &TracerId, sink: Sink<'_>) {
        self.pass_on(id, true, sink);
        let Some(tracer) = self.tracers.get(id) else {
            return;
        };
        let (again, account) = (tracer.restarted(), tracer.account());
        sink(Event::Warning(format!(
            "device {} was reset and has the same boot id, {:#x}: ids of boots should differ",
            account.device, account.boot
        )));
        self.forget(id, sink);
        self.tracers.insert(id.clone(), again);
    }

    /// Passes on the spans of a tracer that need not wait; all with `release`.
    fn pass_on(&mut self, id: &TracerId, release: bool, sink: Sink<'_>) {
        let Some(tracer) = self.tracers.get_mut(id) else {
            return;
        };
        let (mut ids, process) = (Vec::new(), Arc::clone(&tracer.process));
        let duplicates = tracer.duplicates();
        tracer.ready(release, self.image.as_deref(), |span| {
            ids.push((span.trace_id, span.span_id));
            sink(Event::Span {
                process: Arc::clone(&process),
                span: Box::new(span),
            });
        });
        self.counts.spans += ids.len() as u64;
        self.counts.duplicates += tracer.duplicates() - duplicates;
        for (trace, span) in ids
            .into_iter()
            .filter(|(_, span)| *span != SpanId::default())
        {
            if let Some(other) = self.seeds.note(trace, span, id) {
                self.warn_of_seed(id, &other, sink);
            }
        }
    }

    fn warn_of_seed(&mut self, id: &TracerId, other: &TracerId, sink: Sink<'_>) {
        if self.warned.len() >= MOST_TRACERS {
            return;
        }
        let mut pair = [id.device.clone(), other.device.clone()];
        pair.sort_unstable();
        if !self.warned.insert(pair) {
            return;
        }
        let of = |id: &TracerId| format!("device {} in boot {:#x}", hex(&id.device), id.boot);
        sink(Event::Warning(format!(
            "{} and {} draw the same ids, so their traces mix: seed each boot with random bits",
            of(other),
            of(id)
        )));
    }
}
