//! Frames: header, payload and check, between zeros.

use core::ops::Range;

use super::device::Device;
use crate::arch::insert_first;
use crate::wire::out::Out;

/// The format of the bytes, for [`Out`].
pub(super) enum Relay {}

/// The version of the format.
const VERSION: u8 = 1;
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
        let room = out.get_mut(payload..limit + 1).unwrap_or_default();
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
        if let Some(length) = out.get_mut(payload - 2..payload) {
            length.copy_from_slice(&[low, high]);
        }
        let body = out.get(self.end + 1..end).unwrap_or_default();
        let check = crc(body).to_le_bytes();
        if let Some(room) = out.get_mut(end..end + 4) {
            room.copy_from_slice(&check);
        }
        let Some(frame) = out.get_mut(self.end..) else {
            return;
        };
        let stuffed = stuff(frame, end + 4 - self.end);
        if let Some(last) = frame.get_mut(stuffed) {
            *last = 0;
        }
        self.end += stuffed + 1;
        self.number = self.number.wrapping_add(1);
    }
}

/// The CRC-32 of the module's documentation, by pairs of bytes: the polynomial has no term between
/// x⁷ and x³², so the remainder of 16 bits is found at once.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    let (pairs, last) = bytes.as_chunks();
    let mut crc = u32::MAX;
    for pair in pairs {
        let next = u16::from_be_bytes(*pair);
        crc = crc << 16 ^ times_polynomial(crc >> 16 ^ u32::from(next));
    }
    for byte in last {
        crc = crc << 8 ^ times_polynomial(crc >> 24 ^ u32::from(*byte));
    }
    !crc
}

/// The product with the polynomial's lower terms, of up to 25 bits.
const fn times_polynomial(bits: u32) -> u32 {
    bits ^ bits << 2 ^ bits << 6 ^ bits << 7
}

/// Bytes of a block of COBS without a zero, its code included.
const BLOCK: usize = 255;

/// Replaces the zeros of what lies behind the first byte of `frame`, up to `end`, by COBS; returns
/// the new end.
///
/// In place: each zero becomes the code of the block behind it. Where 254 bytes have none, which
/// is rare, one is put in.
fn stuff(frame: &mut [u8], mut end: usize) -> usize {
    let mut at = 0;
    while let Some([code, bytes @ ..]) = frame.get_mut(at..end.min(at + BLOCK)) {
        let zero = bytes.iter().position(|byte| *byte == 0);
        let length = zero.unwrap_or(bytes.len()) + 1;
        *code = length as u8;
        at += length;
        if zero.is_none() {
            if at == end {
                break;
            }
            end += 1;
            insert_first(0, frame.get_mut(at..end).unwrap_or_default());
        }
    }
    end
}

impl Out<'_, Relay> {
    /// Writes a number, seven bits to a byte.
    #[inline(never)]
    pub(super) fn number(mut self, number: u64) -> Self {
        let mut rest = number;
        loop {
            let byte = rest as u8;
            rest >>= 7;
            if rest == 0 {
                return self.put([byte]);
            }
            self = self.put([byte | 0x80]);
        }
    }

    /// Writes a signed number.
    pub(super) fn signed(self, number: i64) -> Self {
        self.number(((number << 1) ^ (number >> 63)) as u64)
    }

    /// Writes text or bytes behind their length.
    #[inline(never)]
    pub(super) fn text(self, text: &[u8]) -> Self {
        self.number(text.len() as u64).bytes(text)
    }

    /// Writes 64 bits as they are.
    #[inline(never)]
    pub(super) fn fixed(self, bits: u64) -> Self {
        self.put(bits.to_le_bytes())
    }
}
