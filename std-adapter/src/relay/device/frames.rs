//! The effect of each kind of frame.

use super::clock::Arrival;
use super::event::{Event, Sink};
use super::line::Warning;
use super::relay::Relay;
use super::tracer::TracerId;
use crate::relay::frame::{Frame, kind};
use crate::relay::payload::{Hello, Refusal, Status};

/// The largest hello, in bytes.
const LARGEST_HELLO: usize = 8 << 10;

impl Relay {
    /// Takes a frame.
    pub(super) fn frame(
        &mut self,
        line: usize,
        frame: &Frame<'_>,
        arrival: Arrival,
        sink: Sink<'_>,
    ) {
        self.counts.frames += 1;
        self.line(line).has_frames = true;
        match frame.kind {
            kind::HELLO => self.hello(line, frame, sink),
            kind::STATUS | kind::SPANS => self.content(line, frame, arrival, sink),
            kind::MEMORY => {
                // Needs no hello: a handler of faults dumps by a producer of its own.
                self.note_other(line, frame);
                let payload = frame.payload.to_vec();
                sink(Event::Memory { line, payload });
            }
            _ => {
                self.counts.unknown_frames += 1;
                self.note_other(line, frame);
            }
        }
    }

    /// Takes note of a frame without effect on its tracer: it is not missing.
    fn note_other(&mut self, line: usize, frame: &Frame<'_>) {
        let id = self.line(line).tracer((frame.producer, frame.boot));
        if let Some(tracer) = id.and_then(|id| self.tracers.get_mut(&id)) {
            tracer.note_frame(frame.number);
        }
    }

    /// Takes a hello, and what has waited for it.
    fn hello(&mut self, line: usize, frame: &Frame<'_>, sink: Sink<'_>) {
        let Some(hello) = self.parse_hello(line, frame, sink) else {
            return;
        };
        let now = self.counts.frames;
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
            tracer.last_used = now;
            tracer.note_frame(frame.number);
        }
        let (stream, dropped) = self.line(line).stream((frame.producer, frame.boot), now);
        stream.tracer = Some(id);
        let waiting = stream.take_waiting();
        self.counts.dropped_frames += dropped;
        for waited in waiting {
            let before = Frame {
                kind: waited.kind,
                number: waited.number,
                payload: &waited.payload,
                ..*frame
            };
            self.content(line, &before, waited.arrival, sink);
        }
    }

    /// Reads a hello; `None` if it is refused, which is counted.
    fn parse_hello<'f>(
        &mut self,
        line: usize,
        frame: &Frame<'f>,
        sink: Sink<'_>,
    ) -> Option<Hello<'f>> {
        let is_of_frame = |hello: &Hello<'_>| {
            hello.boot as u16 == frame.boot && frame.payload.len() <= LARGEST_HELLO
        };
        let reason = match Hello::parse(frame.payload) {
            Ok(hello) if is_of_frame(&hello) => return Some(hello),
            Ok(_) | Err(Refusal::Malformed) => None,
            Err(Refusal::Frequency) => Some("its clock has a frequency of 0"),
            Err(Refusal::Device) => Some("its id has no byte, or more than 32"),
        };
        self.counts.malformed += 1;
        if let Some(reason) = reason {
            let warning = format!("a device on line {line} is refused: {reason}");
            self.warn_once(line, Warning::Refused, sink, warning);
        }
        None
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
        self.warn_once(line, Warning::Names, sink, warning);
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
            _ => tracer.hold(frame.payload),
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
        let tracer = self.tracers.get(id);
        if tracer.is_some_and(|tracer| tracer.is_repeated(frame.number, &status)) {
            return true;
        }
        if tracer.is_some_and(|tracer| tracer.is_before(&status)) {
            self.restart(id, sink);
        }
        if let Some(tracer) = self.tracers.get_mut(id) {
            tracer.note_frame(frame.number);
            tracer.status(frame.number, status, arrival);
        }
        sink(Event::Status {
            line,
            producer: frame.producer,
            boot: frame.boot,
            ticks,
        });
        true
    }
}
