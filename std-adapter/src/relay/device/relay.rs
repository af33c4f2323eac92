//! All lines and devices of a relay.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::account::{DeviceAccount, RelayCounts};
use super::clock::Arrival;
use super::event::{Event, Sink};
use super::line::{Line, Warning};
use super::names::Image;
use super::seeds::SeedWatch;
use super::tracer::{DeviceTracer, TracerId};
use crate::relay::frame::Piece;

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
    pub(super) tracers: BTreeMap<TracerId, DeviceTracer>,
    /// Accounts of tracers that are gone.
    pub(super) past: VecDeque<DeviceAccount>,
    pub(super) counts: RelayCounts,
    pub(super) seeds: SeedWatch,
    /// Pairs of devices that were warned of.
    pub(super) warned: BTreeSet<[Vec<u8>; 2]>,
    pub(super) image: Option<Box<dyn Image + Send>>,
}

/// The bytes of garbage before the first frame that hint at a wrong speed.
const MUCH_GARBAGE: u64 = 512;

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

    pub(super) fn line(&mut self, line: usize) -> &mut Line {
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
                self.warn_once(line, Warning::Version, sink, warning);
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
                    self.warn_once(line, Warning::Speed, sink, warning);
                }
            }
        }
    }

    /// Warns once of each line and kind.
    pub(super) fn warn_once(&mut self, line: usize, kind: Warning, sink: Sink<'_>, text: String) {
        if self.line(line).warned.insert(kind) {
            sink(Event::Warning(text));
        }
    }
}
