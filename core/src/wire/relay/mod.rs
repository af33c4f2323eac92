//! Frames for the relay: small packets for serial lines, with ticks instead of Unix time.
//!
//! [`RelayFrames`] is the encoder of a device; the program `picojaeger-relay` reads its packets
//! from a line and reports the spans to Jaeger. Frames are binary messages of [postcard][1] behind
//! [COBS][2], so text and frames may share a line: each begins and ends with a zero.
//!
//! [1]: https://postcard.jamesmunns.com/wire-format
//! [2]: https://doi.org/10.1109/90.769765
//!
//! # Packets and frames
//! A packet is a zero byte and one or more frames. A frame is the COBS code of its body, and a zero
//! byte. Numbers are written as postcard writes them: unsigned ones above a byte as LEB128, signed
//! ones in zigzag code before that, `u8` and arrays of it as they are, text and bytes behind their
//! length, an option as 0 or as 1 and the value, an enumeration as its number and the value.
//!
//! The body of a frame:
//!
//! | Field | Type | Meaning |
//! |---|---|---|
//! | version | `u8` | 1 |
//! | kind | `u8` | see below |
//! | producer | `u8` | the tracer, if a device has several |
//! | boot | `[u8; 2]` | the low 16 bits of the boot's number, little-endian |
//! | number | `u32` | of the frame, of any kind, from 0 for each boot and producer |
//! | length | `[u8; 2]` | bytes of the payload, little-endian |
//! | payload | | depends on the kind |
//! | check | `[u8; 4]` | CRC-32 of all bytes before, little-endian |
//!
//! The CRC has the polynomial x³² + x⁷ + x⁶ + x² + 1, the initial value and the final XOR
//! `0xffffffff`, and no reflection: five instructions a byte on ARM, without a table. It detects
//! all errors of up to 4 bits in frames of up to 660 bytes, and all bursts of up to 32 bits.
//!
//! A packet that is sent again has the same numbers of frames, though perhaps more spans. So spans
//! are told apart by device, boot, producer and their own sequence.
//!
//! # Kinds
//! **1, hello**: the device. In the first packet, and again from time to time.
//!
//! | Field | Type | Meaning |
//! |---|---|---|
//! | device | bytes | 1 to 32, such as the chip's unique id |
//! | boot | `u32` | the number of the boot |
//! | build | bytes | up to 20: GNU build id |
//! | frequency | `u64` | ticks a second |
//! | names | `u8` | 0: as text; 1: static ones by their address in the image |
//! | service | text | the service's name |
//! | tags | list of (text, *value*) | process tags |
//! | samplers | list of (`u8`, text, *value*) | code, `sampler.type` and `sampler.param` |
//!
//! A list is the number of its elements and these. A *value* is an enumeration: 0 text, 1 `f64`,
//! 2 `bool`, 3 `i64`, 4 bytes, 5 `u64`.
//!
//! **2, status**: the time and the counts, each second in front of spans.
//!
//! | Field | Type | Meaning |
//! |---|---|---|
//! | now | `u64` | ticks as the packet is made |
//! | anchor | option of (`u64`, `u64`, `u32`) | ticks, Unix microseconds then, and by how many these may be off |
//! | counts | 8 `u64` | sampled, open, queued, delivered, cleared, unsampled, unseeded, decode errors |
//! | losses | list of `u64` | in the order of [`LossCause`](crate::LossCause) |
//!
//! The counts grow from the start of the tracer, modulo 2³²; none is a difference. The spans of the packet
//! itself count as queued; `delivered` means handed to the transport.
//!
//! **3, spans**: one after another, up to the end of the payload.
//!
//! | Field | Type | Meaning |
//! |---|---|---|
//! | sequence | `u32` | less that of the span before in this frame, modulo 2³² |
//! | flags | `u8` | 1 sampled, 2 debug, 8 firehose, 32 W3C's random |
//! | state | `u8` | bits 0 to 3 the sampler's code, 4 the start is Unix time, 5 the end is, 6 cut |
//! | trace, high | `u64` | the upper 64 bits of the trace id |
//! | trace, low | `[u8; 8]` | the lower, little-endian |
//! | span | *id* | |
//! | parent | *id* | |
//! | operation | *name* | |
//! | start | `u64` | ticks, or Unix microseconds |
//! | end | `i64` | less the start, modulo 2⁶⁴ |
//! | entries | | tags, references and logs in their order, up to entry 0 |
//!
//! An *id* is an enumeration: 0 none, 1 equal to the trace's low half, 2 `[u8; 8]`, little-endian.
//! A *name* is text; by address it is an enumeration: 0 text, 1 (`u64`, `u16`) address and length.
//!
//! An entry is an enumeration: 0 the end; 1 to 6 a tag of text, `f64`, `bool`, `i64`, bytes or
//! `u64`, its key (a *name*) first; 7 a reference: follows-from (`bool`), trace id (high `u64`, low
//! `[u8; 8]`), span id (`[u8; 8]`); 8 a log: `u64` and whether this is Unix time (`bool`); 9 to 14 a
//! field of the log before, as 1 to 6; 15 the number of entries that had no room (`u16`).
//!
//! **4, memory**: an address (`u64`) and the bytes there, as of a ring that a fault handler dumps.
//!
//! **129, time**, from the host: the `now` of the status that it answers (`u64`), the host's time in
//! Unix microseconds (`u64`), and the microseconds from the arrival of the status to the sending of
//! this frame (`u32`).

mod device;
mod frames;
mod hello;
mod host_time;
mod memory;
mod span;
mod status;
mod value;

use core::ops::Range;

use self::frames::{Frames, Kind};
use self::hello::put_hello;
use self::span::put_span;
use self::status::put_status;
use super::cut::put_fitting;
use super::out::Out;
use super::{Batch, EncodeContext, Encoder, Push, Status};
use crate::record::Record;

pub use device::Device;
pub use host_time::{HostTime, TimeReader};
pub use memory::MemoryDump;

/// Encodes packets of frames for the relay; see the [module](self) for their fields.
///
/// A packet holds one frame of spans. In front of it come a [hello](RelayFrames::with_hello_every),
/// first and every 10 seconds, and a [status](RelayFrames::with_status_every), first and every
/// second. If they leave no room for a span, they are a packet of their own; a hello that does not
/// fit the buffer alone is left out.
///
/// Names are sent as text. With `ADDRESSES`, [`RelayFrames::with_addresses`], names that are
/// `'static` are sent as their addresses, for a relay that has the image.
///
/// ```
/// # use picojaeger_core::{Clock, Const};
/// # struct Timer;
/// # impl Clock for Timer {
/// #     const BITS: u32 = 32;
/// #     fn ticks(&self) -> u64 { 7 }
/// #     fn frequency(&self) -> u64 { 25_000_000 }
/// # }
/// # use picojaeger_core::ring::Bytes;
/// # use picojaeger_core::{Interrupts, Ring, Seed, SendOutcome, Tracer};
/// # static RING: Ring<Interrupts, Bytes<512>> = Ring::new();
/// # static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);
/// # TRACER.seed(Seed::from_words([1, 2, 3]));
/// use picojaeger_core::wire::Process;
/// use picojaeger_core::wire::relay::{Device, RelayFrames};
///
/// let device = Device::new(&[0x2b, 0x00, 0x41], 7); // the chip's id, and the boot's number
/// let mut reporter = TRACER.reporter(RelayFrames::new(device), Process::new("pump"))?;
/// TRACER.start::<0>("sample");
///
/// let mut buffer = [0; 256];
/// let packet = reporter.flush(&mut buffer).unwrap();
/// let frames = packet.bytes().split(|byte| *byte == 0).filter(|frame| !frame.is_empty());
/// assert_eq!(frames.count(), 3, "hello, status, spans");
/// packet.done(SendOutcome::Accepted);
///
/// let last = reporter.announce(&mut buffer).unwrap(); // the counts after that
/// last.done(SendOutcome::Accepted);
/// # Ok::<(), picojaeger_core::ReporterTaken>(())
/// ```
// In this order no more than 16 bytes in a row begin as zeros: a chip's compiler would call a
// function of 500 bytes for them.
#[repr(C)]
#[derive(Clone, Debug)]
pub struct RelayFrames<'d, const ADDRESSES: bool = false> {
    hello: Timer,
    status: Timer,
    frames: Frames,
    device: Device<'d>,
    /// The payload of the frame of spans, and its end; 0 without such a frame.
    payload: usize,
    end: usize,
    spans: usize,
    /// The sequence of the last span of the frame.
    last: u32,
    /// The number of the batch, modulo 2³², and of its first frame.
    batch: u32,
    first: u32,
    /// A span found no room behind the other frames.
    crowded: bool,
}

/// When a frame that is repeated comes next.
#[repr(C)]
#[derive(Clone, Debug)]
struct Timer {
    next: u64,
    /// Ticks from one to the next, or [`DEFAULT`].
    period: u64,
    /// The present packet has it, however often it is packed again.
    is_due: bool,
}

/// A period that was not set.
const DEFAULT: u64 = u64::MAX - 1;

impl<'d> RelayFrames<'d> {
    /// Makes the encoder of a device, which sends names as text.
    pub const fn new(device: Device<'d>) -> Self {
        RelayFrames::of(device)
    }
}

impl<'d> RelayFrames<'d, true> {
    /// Makes the encoder of a device, which sends `'static` names as addresses: for a relay that is
    /// given the image, which must have the [build id](Device::with_build) of the device.
    pub const fn with_addresses(device: Device<'d>) -> Self {
        RelayFrames::of(device)
    }
}

impl<'d, const ADDRESSES: bool> RelayFrames<'d, ADDRESSES> {
    const fn of(device: Device<'d>) -> Self {
        RelayFrames {
            hello: Timer::new(),
            status: Timer::new(),
            frames: Frames::new(),
            device,
            payload: 0,
            end: 0,
            spans: 0,
            last: 0,
            batch: u32::MAX,
            first: 0,
            crowded: false,
        }
    }

    /// Sets how many ticks pass between two hellos, 10 seconds at first.
    #[must_use]
    pub const fn with_hello_every(mut self, ticks: u64) -> Self {
        self.hello.period = ticks;
        self
    }

    /// Sets how many ticks pass between two statuses, a second at first.
    #[must_use]
    pub const fn with_status_every(mut self, ticks: u64) -> Self {
        self.status.period = ticks;
        self
    }

    /// Decides which frames precede the spans. A packet that is packed again has them again, with
    /// the same numbers; one that announces has both.
    fn number(&mut self, batch: &Batch<'_>) {
        let sequence = batch.sequence as u32;
        let is_decided = if self.batch == sequence {
            self.frames.number = self.first;
            true
        } else {
            (self.batch, self.first) = (sequence, self.frames.number);
            (self.hello.is_due, self.status.is_due) = (false, false);
            // Their turn was the last packet, which had no room for spans.
            core::mem::take(&mut self.crowded)
        };
        if let Some(status) = batch.status
            && (status.announces || !is_decided)
        {
            let second = status.frequency;
            self.hello.check(status, (second << 3) + (second << 1));
            self.status.check(status, second);
        }
    }

    #[inline(always)]
    fn put_announcements(&mut self, out: &mut [u8], batch: &Batch<'_>) {
        let Some(status) = batch.status else { return };
        let (frames, device) = (&mut self.frames, &self.device);
        // One call for both, so that its code is there once.
        for (kind, timer) in [(Kind::Hello, &self.hello), (Kind::Status, &self.status)] {
            if timer.is_due {
                frames.put(out, device, kind, |out| match kind {
                    Kind::Hello => put_hello(out, device, ADDRESSES, batch.process, status),
                    _ => put_status(out, status),
                });
            }
        }
    }
}

impl<const ADDRESSES: bool> Encoder for RelayFrames<'_, ADDRESSES> {
    const WITH_STATUS: bool = true;

    fn begin(&mut self, out: &mut [u8], batch: &Batch<'_>) -> bool {
        self.number(batch);
        (self.spans, self.last, self.payload, self.end) = (0, 0, 0, 0);
        self.frames.begin(out);
        self.put_announcements(out, batch);
        if let Some(payload) = self.frames.open(out, &self.device, Kind::Spans) {
            (self.payload, self.end) = (payload, payload);
        }
        self.end != 0
    }

    #[inline]
    fn push(&mut self, out: &mut [u8], record: &Record<'_>, _: &EncodeContext<'_>) -> Push {
        let is_first = self.spans == 0 && self.frames.is_empty();
        let limit = self.frames.limit(self.payload, out.len());
        let free = match out.get_mut(self.end..limit) {
            Some(free) if self.end != 0 => free,
            _ if is_first => return Push::TooLarge,
            _ => {
                self.crowded |= self.spans == 0;
                return Push::Full;
            }
        };
        let fitting = put_fitting(record, is_first, |cut| {
            put_span::<ADDRESSES>(Out::new(free), record, self.last, cut)
        });
        match fitting {
            Ok(left) => {
                self.end = limit - left;
                self.last = record.sequence();
                self.spans += 1;
                Push::Taken
            }
            Err(push) => {
                self.crowded |= self.spans == 0 && push == Push::Full;
                push
            }
        }
    }

    fn finish(&mut self, out: &mut [u8]) -> Range<usize> {
        if self.spans > 0 {
            self.frames.close(out, self.payload, self.end);
        }
        self.frames.place()
    }

    fn spans(&self) -> usize {
        self.spans
    }

    fn is_empty(&self) -> bool {
        self.spans == 0 && !self.crowded
    }
}

impl Timer {
    const fn new() -> Self {
        Timer {
            next: 0,
            period: DEFAULT,
            is_due: false,
        }
    }

    /// Makes the frame due where its time has come, or where it is asked for.
    #[inline(never)]
    fn check(&mut self, status: &Status<'_>, default: u64) {
        if status.now >= self.next || status.announces {
            self.is_due = true;
            let is_set = self.period != DEFAULT;
            let period = if is_set { self.period } else { default };
            self.next = status.now.saturating_add(period);
        }
    }
}
