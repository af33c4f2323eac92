//! The places that events go to.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use super::downlink::Downlink;
use super::terminal::Terminal;
use crate::relay::device::Event;
use crate::relay::frame::{Frame, kind, write};
use crate::relay::output::{Output, OutputCounts};
use crate::relay::payload::time;
use crate::relay::source::{Link, now};

/// Spans go to an output, text to the terminal and to a program, and the time to devices.
pub(super) struct Sinks {
    pub(super) output: Box<dyn Output>,
    pub(super) terminal: Terminal,
    uplinks: Vec<Link>,
    downlink: Option<Downlink>,
    /// A device has sent its memory.
    has_memory: bool,
    tells_time: bool,
    /// The time at which each tracer of a line and boot was told the time last.
    told: BTreeMap<(usize, u8, u16), Instant>,
    /// The number of the next frame to a device.
    number: u32,
    begun: Instant,
}

/// The pause between two time frames to a tracer.
const TIME_INTERVAL: Duration = Duration::from_secs(10);
/// The most tracers whose last time is kept.
const MOST_TOLD: usize = 1_024;

/// The longest wait for the output at the end, and the time between two looks at it.
const LAST_WAIT: Duration = Duration::from_secs(5);
const LAST_PAUSE: Duration = Duration::from_millis(20);

impl Sinks {
    pub(super) fn new(
        output: Box<dyn Output>,
        terminal: Terminal,
        uplinks: Vec<Link>,
        tells_time: bool,
    ) -> Self {
        Sinks {
            output,
            terminal,
            uplinks,
            downlink: None,
            has_memory: false,
            tells_time,
            told: BTreeMap::new(),
            number: 0,
            begun: Instant::now(),
        }
    }

    /// Passes the text of the first source on to a program as well.
    pub(super) fn with_downlink(mut self, downlink: Option<Downlink>) -> Self {
        self.downlink = downlink;
        self
    }

    /// Takes an event of bytes that arrived at a Unix time in microseconds.
    pub(super) fn take(&mut self, event: Event, arrival: u64) {
        match event {
            Event::Span { process, span } => self.output.take(&process, *span),
            Event::Text { line, text } => self.text(line, text),
            Event::Warning(warning) => self.terminal.message(&format!("warning: {warning}")),
            Event::Status {
                line,
                producer,
                boot,
                ticks,
            } => self.tell_time(line, (producer, boot), ticks, arrival),
            Event::Memory { line, .. } => self.tell_of_memory(line),
        }
    }

    /// Tells once how memory in frames is read, of which there are many.
    fn tell_of_memory(&mut self, line: usize) {
        if !std::mem::replace(&mut self.has_memory, true) {
            let hint = "`decode` reads the spans of it from a recording (--record)";
            let source = (line & 0xffff) + 1;
            let message = format!("source {source}: a device sends its memory: {hint}");
            self.terminal.message(&message);
        }
    }

    fn text(&mut self, line: usize, text: String) {
        self.terminal.text(&text);
        if line == 0
            && let Some(downlink) = &self.downlink
        {
            downlink.text(text);
        }
    }

    /// Sends what is due.
    pub(super) fn step(&mut self, flush: bool) {
        self.output.step(self.begun.elapsed(), flush);
    }

    /// Waits until the output has room for a frame's spans.
    pub(super) fn wait_for_room(&mut self) {
        while !self.output.has_room() {
            self.step(false);
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Sends all that waits, as far as that takes seconds only, and prints why not all was sent; returns the counts.
    pub(super) fn finish(&mut self) -> OutputCounts {
        let end = Instant::now() + LAST_WAIT;
        self.step(true);
        while self.output.counts().queued > 0 && Instant::now() < end {
            thread::sleep(LAST_PAUSE);
            self.step(true);
        }
        let counts = self.output.counts();
        if counts.lost + counts.queued > 0
            && let Some(error) = self.output.last_error()
        {
            self.terminal.message(&format!("error: {error}"));
        }
        counts
    }

    /// Answers a status by the time, now and then.
    fn tell_time(&mut self, line: usize, (producer, boot): (u8, u16), ticks: u64, arrival: u64) {
        let is_due = |last: &Instant| last.elapsed() >= TIME_INTERVAL;
        let tracer = (line, producer, boot);
        if !self.tells_time || !self.told.get(&tracer).is_none_or(is_due) {
            return;
        }
        let Some(uplink) = self.uplinks.get(line) else {
            return;
        };
        let unix = now();
        let held = u32::try_from(unix.saturating_sub(arrival)).unwrap_or(u32::MAX);
        let frame = Frame {
            kind: kind::TIME,
            producer,
            boot,
            number: self.number,
            payload: &time(ticks, unix, held),
        };
        if uplink.write(&write(&frame)) {
            self.number = self.number.wrapping_add(1);
        }
        // Boots come and go; those that are told again too soon lose nothing. A device that takes
        // no bytes, for which a write waits, is not told more often.
        if self.told.len() >= MOST_TOLD {
            self.told.clear();
        }
        self.told.insert(tracer, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::relay::frame::{FrameReader, Piece};
    use crate::relay::output;
    use crate::sys::sync::lock;

    /// A line to a device.
    #[derive(Clone, Default)]
    struct Down(Arc<Mutex<Vec<u8>>>);

    impl Write for Down {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            lock(&self.0).extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A device that takes nothing.
    struct Deaf(Arc<Mutex<u32>>);

    impl Write for Deaf {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            *lock(&self.0) += 1;
            Err(io::ErrorKind::TimedOut.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_device_that_takes_no_bytes_holds_up_nothing() {
        let (attempts, uplink) = (Arc::new(Mutex::new(0)), Link::default());
        uplink.connect(Deaf(Arc::clone(&attempts)));
        let output = output::print(io::sink());
        let mut sinks = Sinks::new(output, Terminal::new(), vec![uplink], true);
        (0..100).for_each(|_| sinks.take(status(0), now()));
        assert_eq!(*lock(&attempts), 1);
    }

    fn status(line: usize) -> Event {
        Event::Status {
            line,
            producer: 1,
            boot: 0x1_02,
            ticks: 777,
        }
    }

    #[test]
    fn a_device_is_told_the_time_once_in_a_while() {
        for tells_time in [true, false] {
            let (down, uplink) = (Down::default(), Link::default());
            uplink.connect(down.clone());
            let output = output::print(io::sink());
            let mut sinks = Sinks::new(output, Terminal::new(), vec![uplink], tells_time);
            let arrival = now();
            for line in [0, 0, 5] {
                sinks.take(status(line), arrival);
            }
            let (mut frames, mut fields) = (Vec::new(), (0, 0, 0));
            FrameReader::new().read(&lock(&down.0), |piece| {
                let Piece::Frame(frame) = piece else {
                    panic!("{piece:?}");
                };
                frames.push((frame.kind, frame.producer, frame.boot, frame.number));
                fields = postcard::from_bytes::<(u64, u64, u32)>(frame.payload).unwrap();
            });
            if !tells_time {
                assert!(frames.is_empty());
                continue;
            }
            assert_eq!(frames, [(129, 1, 0x1_02, 0)]);
            assert_eq!((fields.0, fields.1 - u64::from(fields.2)), (777, arrival));
        }
    }
}
