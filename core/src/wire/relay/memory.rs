//! Memory in frames, as a fault handler dumps it.

use core::ops::Range;

use super::device::Device;
use super::frames::{Frames, Kind};

/// Packs a piece of memory into packets of one frame each, such as a ring that nobody reads any
/// more.
///
/// A packet that is lost leaves a gap, which the addresses show.
///
/// ```
/// use picojaeger_core::wire::relay::{Device, MemoryDump};
///
/// let memory = [7; 1_000];
/// let device = Device::new(&[0x2b, 0x00, 0x41], 7).with_producer(255);
/// let (mut dump, mut buffer, mut packets) = (MemoryDump::new(device, &memory), [0; 256], 0);
/// while let Some(place) = dump.next_packet(&mut buffer) {
///     assert!(buffer[place].ends_with(&[0])); // send it here
///     packets += 1;
/// }
/// assert_eq!(packets, 5);
/// ```
#[derive(Clone, Debug)]
pub struct MemoryDump<'m> {
    device: Device<'m>,
    frames: Frames,
    rest: &'m [u8],
}

/// The most bytes of an address and of a length.
const HEAD: usize = 10 + 3;

impl<'m> MemoryDump<'m> {
    /// Makes a dump of these bytes, at their address. The device's producer is one that makes no
    /// other frames, since these are counted from 0.
    pub const fn new(device: Device<'m>, bytes: &'m [u8]) -> Self {
        MemoryDump {
            device,
            frames: Frames::new(),
            rest: bytes,
        }
    }

    /// Writes the next packet into `out` and returns its place; `None` at the end, or if `out` is
    /// too small, below some 32 bytes.
    pub fn next_packet(&mut self, out: &mut [u8]) -> Option<Range<usize>> {
        self.frames.begin(out);
        let payload = self.frames.open(out, &self.device, Kind::Memory)?;
        let room = self
            .frames
            .limit(payload, out.len())
            .checked_sub(payload + HEAD)?;
        let bytes = self.rest.get(..room).unwrap_or(self.rest);
        if bytes.is_empty() {
            return None;
        }
        let address = bytes.as_ptr().addr() as u64;
        let device = self.device;
        self.frames.put(out, &device, Kind::Memory, |out| {
            out.number(address).text(bytes)
        });
        self.rest = self.rest.get(bytes.len()..).unwrap_or_default();
        Some(self.frames.place())
    }
}
