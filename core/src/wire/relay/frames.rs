//! Frames: header, payload and check, between zeros.

use core::ops::Range;

use super::device::Device;
use crate::arch::{CONTINUED, copy_each_byte, halves, insert_first};
use crate::crc::Crc;
use crate::wire::out::Out;

/// The format of the bytes, for [`Out`].
pub(super) enum Relay {}

/// The version of the format.
pub(super) const VERSION: u8 = 1;
/// The bytes behind a payload: the check, and the zero that ends the frame.
const TAIL: usize = 5;
/// The longest payload.
const LONGEST: usize = u16::MAX as usize;

/// The kinds of frames.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Hello = 1,
    Status = 2,
    Spans = 3,
    Memory = 4,
}

/// The frames of a packet, one behind the other.
#[derive(Clone, Debug)]
pub(super) struct Frames {
    /// The end of the last frame; 1 without any.
    end: usize,
    /// The number of the next frame.
    pub(super) number: u32,
}

impl Frames {
    pub(super) const fn new() -> Self {
        Frames { end: 1, number: 0 }
    }

    /// Begins a packet.
    pub(super) fn begin(&mut self, out: &mut [u8]) {
        self.end = 1;
        if let Some(first) = out.first_mut() {
            *first = 0;
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.end == 1
    }

    /// Returns the place of the packet.
    pub(super) const fn place(&self) -> Range<usize> {
        0..if self.is_empty() { 0 } else { self.end }
    }

    /// Writes a whole frame, unless it does not fit.
    #[inline(always)]
    pub(super) fn put(
        &mut self,
        out: &mut [u8],
        device: &Device<'_>,
        kind: Kind,
        put: impl FnOnce(Out<'_, Relay>) -> Out<'_, Relay>,
    ) {
        let Some(payload) = self.open(out, device, kind) else {
            return;
        };
        let limit = self.limit(payload, out.len());
        // A byte more than the payload, which is written last: it is there if all is.
        let room = part(out, payload, limit + 1);
        if let Some(left) = put(Out::new(room)).end([0]) {
            self.close(out, payload, limit - left);
        }
    }

    /// Writes the header of the next frame; returns the place of its payload.
    #[inline(never)]
    pub(super) fn open(
        &mut self,
        out: &mut [u8],
        device: &Device<'_>,
        kind: Kind,
    ) -> Option<usize> {
        let length = out.len();
        // A byte is left for COBS.
        let room = out.get_mut(self.end + 1..)?;
        let [low, high, ..] = device.boot.to_le_bytes();
        let header = [VERSION, kind as u8, device.producer, low, high];
        let left = Out::<Relay>::new(room)
            .put(header)
            .number(self.number.into())
            .end([0; 2])?;
        Some(length - left)
    }

    /// Returns the place up to which the payload may reach; 0 if there is no room.
    ///
    /// The bytes left out are enough for COBS, which adds one in 254.
    pub(super) fn limit(&self, payload: usize, length: usize) -> usize {
        let stuffing = (length - self.end.min(length)) >> 7;
        let limit = length.saturating_sub(TAIL + stuffing);
        limit.min(payload + LONGEST)
    }

    /// Ends the frame whose payload lies between these places.
    #[inline(never)]
    pub(super) fn close(&mut self, out: &mut [u8], payload: usize, end: usize) {
        let [low, high, ..] = (end - payload).to_le_bytes();
        Out::<Relay>::new(part(out, payload - 2, payload)).put([low, high]);
        let check = Crc::new().bytes(part(out, self.end + 1, end)).finish();
        Out::<Relay>::new(part(out, end, end + 4)).put(check.to_le_bytes());
        let start = self.end;
        self.end = stuff(out, start, end + 4);
        Out::<Relay>::new(part(out, self.end, self.end + 1)).byte(0);
        self.end += 1;
        self.number = self.number.wrapping_add(1);
    }
}

/// Bytes of a block of COBS without a zero, its code included.
const BLOCK: usize = 255;

/// Replaces the zeros between the byte at `at`, which is free, and `end` by COBS; returns the new
/// end.
///
/// In place: each zero becomes the code of the block behind it. Where 254 bytes have none, which
/// is rare, one is put in.
#[inline(always)]
fn stuff(out: &mut [u8], mut at: usize, mut end: usize) -> usize {
    loop {
        let window = part(out, at, end.min(at + BLOCK));
        let behind = at + window.len();
        let open = stuff_window(window);
        if behind >= end {
            return end;
        }
        // The last block goes on behind the window, unless it is full.
        at = behind - open;
        if open == BLOCK {
            (at, end) = (behind, end + 1);
            insert_first(0, part(out, at, end));
        }
    }
}

/// Replaces the zeros behind the first byte of up to a block; returns the length of the last block.
#[inline(always)]
fn stuff_window(window: &mut [u8]) -> usize {
    let mut rest = window;
    while let [code, bytes @ ..] = rest {
        let Some(zero) = bytes.iter().position(|byte| *byte == 0) else {
            *code = bytes.len() as u8 + 1;
            return bytes.len() + 1;
        };
        *code = zero as u8 + 1;
        rest = bytes.get_mut(zero..).unwrap_or_default();
    }
    0
}

/// Returns a part of a buffer, nothing if it is not that long. Called, since a check of a range is
/// longer than a call.
#[inline(never)]
pub(super) fn part(out: &mut [u8], from: usize, to: usize) -> &mut [u8] {
    out.get_mut(from..to).unwrap_or_default()
}

impl Out<'_, Relay> {
    /// Writes a number, seven bits to a byte.
    #[inline(never)]
    pub(super) fn number(mut self, number: u64) -> Self {
        let [low, high] = halves(number);
        if low < CONTINUED.into() && high == 0 {
            return self.byte(low as u8);
        }
        let mut rest = number;
        while rest >> 7 != 0 {
            self = self.byte(rest as u8 | CONTINUED);
            rest >>= 7;
        }
        self.byte(rest as u8)
    }

    /// Writes a byte.
    #[inline]
    pub(super) fn byte(self, byte: u8) -> Self {
        self.put([byte])
    }

    /// Writes a signed number.
    pub(super) fn signed(self, number: i64) -> Self {
        self.number(((number << 1) ^ (number >> 63)) as u64)
    }

    /// Writes text or bytes behind their length.
    #[inline(never)]
    pub(super) fn text(self, text: &[u8]) -> Self {
        if text.len() >= usize::from(CONTINUED) {
            return self.number(text.len() as u64).bytes(text);
        }
        let (room, rest) = self.take(1 + text.len());
        if let [length, room @ ..] = room {
            *length = text.len() as u8;
            copy_each_byte(text, room);
        }
        rest
    }

    /// Writes 64 bits as they are.
    #[inline(never)]
    pub(super) fn fixed(self, bits: u64) -> Self {
        self.put(bits.to_le_bytes())
    }
}
