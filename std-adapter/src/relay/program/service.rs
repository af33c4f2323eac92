//! The loop of the relay: inputs to events, and what is due to the output.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufWriter;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::sinks::Sinks;
use super::summary::{Totals, summary};
use crate::relay::device::{Arrival, Relay};
use crate::relay::source::{Input, Recorder};

/// The relay with its sources and outputs.
pub(super) struct Service {
    relay: Relay,
    pub(super) sinks: Sinks,
    recorder: Option<Recorder<BufWriter<File>>>,
    /// The sources that wait where the output is slow.
    patient: Vec<bool>,
    /// Sources that have not ended.
    open: usize,
    /// The lines, and when each had bytes last: text may wait on them.
    lines: BTreeMap<usize, Instant>,
    /// The sources that are not connected for now.
    lost: BTreeSet<usize>,
    /// The time of the last status line, and the spans then.
    shown: (Instant, u64),
}

/// The longest wait for an input.
const TICK: Duration = Duration::from_millis(20);
/// The time of silence after which text without a line end is printed.
const PAUSE: Duration = Duration::from_millis(100);
const STATUS_INTERVAL: Duration = Duration::from_secs(1);

impl Service {
    pub(super) fn new(
        relay: Relay,
        sinks: Sinks,
        recorder: Option<Recorder<BufWriter<File>>>,
        patient: Vec<bool>,
    ) -> Self {
        Service {
            relay,
            sinks,
            recorder,
            open: patient.len(),
            patient,
            lines: BTreeMap::new(),
            lost: BTreeSet::new(),
            shown: (Instant::now(), 0),
        }
    }

    /// Runs until all sources have ended, or the user wants an end.
    pub(super) fn run(&mut self, inputs: &Receiver<Input>) {
        while self.open > 0 {
            match inputs.recv_timeout(TICK) {
                Ok(Input::Stop { .. }) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(input) => self.input(input),
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.step();
            self.show_status();
        }
    }

    /// Takes what still comes, until a line is silent for so long, or `limit` is over.
    pub(super) fn drain(&mut self, inputs: &Receiver<Input>, silence: Duration, limit: Duration) {
        let end = Instant::now() + limit;
        while self.open > 0 && Instant::now() < end {
            match inputs.recv_timeout(silence) {
                Ok(Input::Stop { .. }) => {}
                Ok(input) => self.input(input),
                Err(_) => return,
            }
        }
    }

    /// Ends: sends what is left, and prints the summary.
    pub(super) fn finish(mut self) {
        for line in std::mem::take(&mut self.lines).into_keys() {
            self.end_line(line);
        }
        let sinks = &mut self.sinks;
        self.relay.release(&mut |event| sinks.take(event, 0));
        let counts = sinks.finish();
        if let Some(Err(error)) = self.recorder.as_mut().map(Recorder::flush) {
            sinks
                .terminal
                .message(&format!("error: the recording is not whole: {error}"));
        }
        let text = summary(&self.relay.accounts(), &self.relay.counts(), &counts);
        sinks.terminal.message(&text);
    }

    pub(super) fn input(&mut self, input: Input) {
        match input {
            Input::Bytes {
                line,
                bytes,
                arrival,
            } => self.bytes(line, &bytes, arrival),
            Input::Stop { .. } => {}
            Input::Connected { line } => {
                if self.lost.remove(&line) {
                    self.message(line, "connected");
                }
            }
            Input::Lost { line, reason } => {
                self.end_line(line);
                self.lost.insert(line);
                self.message(line, &format!("{reason}; it is tried again"));
            }
            Input::Ended { line, error } => {
                self.end_line(line);
                self.open -= 1;
                if let Some(error) = error {
                    self.message(line, &error);
                }
            }
        }
    }

    fn message(&mut self, line: usize, message: &str) {
        self.sinks
            .terminal
            .message(&format!("source {}: {message}", line + 1));
    }

    fn bytes(&mut self, line: usize, bytes: &[u8], arrival: Arrival) {
        self.lines.insert(line, Instant::now());
        if let Some(recorder) = &mut self.recorder
            && let Err(error) = recorder.write(line, bytes, arrival)
        {
            self.sinks
                .terminal
                .message(&format!("error: the recording ends here: {error}"));
            self.recorder = None;
        }
        let (Arrival::At(micros) | Arrival::Unknown(micros)) = arrival;
        let sinks = &mut self.sinks;
        self.relay
            .receive(line, bytes, arrival, &mut |event| sinks.take(event, micros));
        let is_patient = self.patient.get(line & 0xffff).copied().unwrap_or(false);
        if is_patient {
            sinks.wait_for_room();
        }
    }

    fn end_line(&mut self, line: usize) {
        let sinks = &mut self.sinks;
        self.relay.pause(line, &mut |event| sinks.take(event, 0));
        self.relay.end_line(line, &mut |event| sinks.take(event, 0));
    }

    /// Sends what is due, and passes on what waits on silent lines.
    pub(super) fn step(&mut self) {
        let sinks = &mut self.sinks;
        for (line, last) in &mut self.lines {
            if last.elapsed() >= PAUSE {
                self.relay.pause(*line, &mut |event| sinks.take(event, 0));
                // Once a silence is enough, but bytes in the middle of a character may wait on.
                *last = Instant::now();
            }
        }
        sinks.step(false);
    }

    fn show_status(&mut self) {
        let (last, spans) = self.shown;
        if !self.sinks.terminal.has_status() || last.elapsed() < STATUS_INTERVAL {
            return;
        }
        let totals = Totals::of(&self.relay.accounts());
        let counts = self.sinks.output.counts();
        let line = totals.status(
            totals.read - spans.min(totals.read),
            last.elapsed(),
            &counts,
        );
        self.sinks.terminal.status(&line);
        self.shown = (Instant::now(), totals.read);
    }
}
