//! The time that the host sends to the device.

use super::device::Device;
use super::frames::VERSION;
use crate::crc::Crc;
use crate::time::{Anchor, Rate};

/// The kind of the frame.
const TIME: u8 = 129;
/// The bytes of the longest frame's body.
const BODY: usize = 5 + 5 + 2 + 10 + 10 + 5 + 4;

/// The host's time, as the relay sends it in answer to a status; see
/// [`Tracer::set_host_time`](crate::Tracer::set_host_time).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct HostTime {
    /// The time of the status, in ticks of the device's clock.
    pub ticks: u64,
    /// The host's time as it sent the answer, in microseconds since 1970-01-01 UTC.
    pub unix_micros: u64,
    /// From the arrival of the status to the answer, in microseconds.
    pub held_micros: u32,
}

/// Reads the host's time from a line, byte by byte, as an interrupt of its receiver gets them.
///
/// All else on the line is skipped: other frames, text, noise, and what is for another boot or
/// producer.
///
/// ```
/// # use picojaeger_core::ring::Bytes;
/// # use picojaeger_core::{Clock, Const, Interrupts, Ring, Seed, Tracer};
/// # struct Timer;
/// # impl Clock for Timer {
/// #     const BITS: u32 = 32;
/// #     fn ticks(&self) -> u64 { 7 }
/// #     fn frequency(&self) -> u64 { 25_000_000 }
/// # }
/// # static RING: Ring<Interrupts, Bytes<512>> = Ring::new();
/// # static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);
/// # fn received() -> Option<u8> { None }
/// use picojaeger_core::wire::relay::{Device, TimeReader};
///
/// let mut reader = TimeReader::new(&Device::new(&[0x2b, 0x00, 0x41], 7));
/// while let Some(byte) = received() {
///     if let Some(time) = reader.push(byte) {
///         TRACER.set_host_time(&time);
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct TimeReader {
    body: [u8; BODY],
    length: usize,
    /// Bytes of the block that are still to come.
    left: u8,
    /// A zero follows the block, unless the frame ends.
    ends_in_zero: bool,
    is_broken: bool,
    producer: u8,
    boot: [u8; 2],
}

impl HostTime {
    /// Returns where the clock, of so many ticks a second, and Unix time meet, if the answer came at
    /// `now`: half of the round trip ago the host had its time, give or take that half.
    ///
    /// `None` for an answer to a status that is still to come.
    pub fn anchor(&self, now: u64, frequency: u64) -> Option<Anchor> {
        let passed = Rate::new(frequency).micros(now.checked_sub(self.ticks)?);
        let half = passed.saturating_sub(self.held_micros.into()) / 2;
        // Rounded up, and what the two clocks round off.
        let uncertainty = u32::try_from(half + 2).unwrap_or(u32::MAX);
        let unix_micros = self.unix_micros.saturating_add(half);
        Some(Anchor::new(now, unix_micros).with_uncertainty(uncertainty))
    }
}

impl TimeReader {
    /// Makes a reader of what is for this device's boot and producer.
    pub const fn new(device: &Device<'_>) -> Self {
        let [low, high, ..] = device.boot.to_le_bytes();
        TimeReader {
            body: [0; BODY],
            length: 0,
            left: 0,
            ends_in_zero: false,
            is_broken: false,
            producer: device.producer,
            boot: [low, high],
        }
    }

    /// Takes the next byte of the line; returns the time if it ends a frame that has it.
    pub fn push(&mut self, byte: u8) -> Option<HostTime> {
        match (byte, self.left) {
            (0, _) => return self.end(),
            (code, 0) => {
                if self.ends_in_zero {
                    self.keep(0);
                }
                self.left = code - 1;
                self.ends_in_zero = code < u8::MAX;
            }
            (byte, _) => {
                self.left -= 1;
                self.keep(byte);
            }
        }
        None
    }

    fn keep(&mut self, byte: u8) {
        match self.body.get_mut(self.length) {
            Some(room) => (*room, self.length) = (byte, self.length + 1),
            None => self.is_broken = true,
        }
    }

    /// Reads the frame and begins the next one.
    fn end(&mut self) -> Option<HostTime> {
        let is_whole = self.left == 0 && !self.is_broken;
        let body = self.body.get(..self.length).unwrap_or_default();
        let time = is_whole.then(|| self.read(body)).flatten();
        (self.length, self.left) = (0, 0);
        (self.ends_in_zero, self.is_broken) = (false, false);
        time
    }

    fn read(&self, body: &[u8]) -> Option<HostTime> {
        let (body, check) = body.split_last_chunk()?;
        let [low, high] = self.boot;
        let rest = body.strip_prefix(&[VERSION, TIME, self.producer, low, high])?;
        if Crc::new().bytes(body).finish() != u32::from_le_bytes(*check) {
            return None;
        }
        let (_number, rest) = number(rest)?;
        let (length, rest) = rest.split_first_chunk()?;
        let is_whole = usize::from(u16::from_le_bytes(*length)) == rest.len();
        let (ticks, rest) = number(rest)?;
        let (unix_micros, rest) = number(rest)?;
        let (held, rest) = number(rest)?;
        let time = HostTime {
            ticks,
            unix_micros,
            held_micros: u32::try_from(held).ok()?,
        };
        (is_whole && rest.is_empty()).then_some(time)
    }
}

/// Reads a number of seven bits to a byte; returns it and what is behind.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (mut number, mut rest, mut shift) = (0, bytes, 0);
    loop {
        let (byte, behind) = rest.split_first()?;
        let bits = u64::from(byte & 0x7f);
        if shift > 63 || bits << shift >> shift != bits {
            return None;
        }
        number |= bits << shift;
        (rest, shift) = (behind, shift + 7);
        if byte & 0x80 == 0 {
            return Some((number, rest));
        }
    }
}
