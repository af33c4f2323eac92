//! The header of a retained ring: whose it is, and when its boots were.
//!
//! Numbers are little-endian:
//!
//! | Bytes | Meaning |
//! |---|---|
//! | 0–3 | `0x706a7272`, of which the last letter changes with the layout of records and rings |
//! | 4 | length of the build id |
//! | 5 | bit n: boot n of the table has an anchor |
//! | 6–7 | zero |
//! | 8–15 | address of the header |
//! | 16–19 | bytes of the ring |
//! | 20–23 | number of the copy: the newer one counts |
//! | 24–27 | number of the boot |
//! | 28–111 | three boots, of which one with number n is n modulo 3: frequency (8 bytes), anchor: ticks (8), Unix microseconds (8), uncertainty in microseconds (4) |
//! | 112–131 | build id, and zeros |
//! | 132–135 | CRC-32 of all before, as [`Crc`](crate::crc::Crc) has it |

use super::BuildId;
use crate::crc::Crc;
use crate::time::Anchor;

/// Bytes of a header.
pub(super) const LENGTH: usize = 136;

const MAGIC: u32 = 0x706a_7272;
/// Boots that a header knows: this one, and those whose spans may still wait.
const BOOTS: usize = 3;

/// The header of a retained ring.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Header {
    pub(super) place: Place,
    pub(super) generation: u32,
    pub(super) boot: u32,
    pub(super) boots: Boots,
}

/// Where a ring lies, and whose it is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Place {
    pub(super) address: u64,
    pub(super) size: u32,
    pub(super) build: BuildId,
}

/// The boots of which spans may wait, each at its number modulo 3.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub(super) struct Boots([Boot; BOOTS]);

/// The clock of a boot.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub(super) struct Boot {
    pub(super) frequency: u64,
    pub(super) anchor: Option<Anchor>,
}

impl Boots {
    /// Returns the clock of the boot of this number.
    pub(super) fn get(&self, number: u32) -> Boot {
        let boot = self.0.get(Boots::index(number));
        boot.copied().unwrap_or_default()
    }

    pub(super) fn set(&mut self, number: u32, boot: Boot) {
        if let Some(place) = self.0.get_mut(Boots::index(number)) {
            *place = boot;
        }
    }

    pub(super) fn set_anchor(&mut self, number: u32, anchor: Anchor) {
        if let Some(place) = self.0.get_mut(Boots::index(number)) {
            place.anchor = Some(anchor);
        }
    }

    /// Returns the segment, 1 to 3, that stands for a boot of this number in its records.
    pub(super) const fn segment(number: u32) -> u8 {
        1 + Boots::index(number) as u8
    }

    const fn index(number: u32) -> usize {
        number as usize % BOOTS
    }
}

impl Header {
    /// Returns whether it was written after the other one.
    pub(super) fn is_newer_than(&self, other: &Header) -> bool {
        self.generation.wrapping_sub(other.generation) as i32 > 0
    }

    /// Writes it as bytes, with its checksum.
    pub(super) fn to_bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        let mut out = Writer(&mut bytes);
        let Boots(boots) = self.boots;
        let anchored = boots
            .iter()
            .rev()
            .fold(0, |bits, boot| bits << 1 | u8::from(boot.anchor.is_some()));
        let (build, length) = self.place.build.padded();
        out.put(MAGIC.to_le_bytes());
        out.put([length, anchored, 0, 0]);
        out.put(self.place.address.to_le_bytes());
        out.put(self.place.size.to_le_bytes());
        out.put(self.generation.to_le_bytes());
        out.put(self.boot.to_le_bytes());
        for boot in boots {
            let anchor = boot.anchor.unwrap_or(Anchor::new(0, 0));
            out.put(boot.frequency.to_le_bytes());
            out.put(anchor.ticks.to_le_bytes());
            out.put(anchor.unix_micros.to_le_bytes());
            out.put(anchor.uncertainty_micros.to_le_bytes());
        }
        out.put(build);
        if let Some((body, crc)) = bytes.split_last_chunk_mut::<4>() {
            *crc = Crc::new().bytes(body).finish().to_le_bytes();
        }
        bytes
    }

    /// Reads it; `None` unless all is as [`Header::to_bytes`] wrote it.
    pub(super) fn from_bytes(bytes: &[u8; LENGTH]) -> Option<Self> {
        let (body, crc) = bytes.split_last_chunk::<4>()?;
        if Crc::new().bytes(body).finish() != u32::from_le_bytes(*crc) {
            return None;
        }
        let mut rest = Reader(body);
        if u32::from_le_bytes(rest.take()?) != MAGIC {
            return None;
        }
        let [length, anchored, 0, 0] = rest.take()? else {
            return None;
        };
        let address = u64::from_le_bytes(rest.take()?);
        let size = u32::from_le_bytes(rest.take()?);
        let generation = u32::from_le_bytes(rest.take()?);
        let boot = u32::from_le_bytes(rest.take()?);
        let mut boots = Boots::default();
        for (number, boot) in boots.0.iter_mut().enumerate() {
            *boot = rest.boot(anchored >> number & 1 != 0)?;
        }
        let build = BuildId::from_padded(rest.take()?, length)?;
        let place = Place {
            address,
            size,
            build,
        };
        Some(Header {
            place,
            generation,
            boot,
            boots,
        })
    }
}

/// Bytes that are filled from the front.
struct Writer<'w>(&'w mut [u8]);

impl Writer<'_> {
    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        if let Some((place, rest)) = core::mem::take(&mut self.0).split_first_chunk_mut() {
            *place = bytes;
            self.0 = rest;
        }
    }
}

/// Bytes that are read from the front.
struct Reader<'r>(&'r [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn boot(&mut self, anchored: bool) -> Option<Boot> {
        let frequency = u64::from_le_bytes(self.take()?);
        let ticks = u64::from_le_bytes(self.take()?);
        let unix_micros = u64::from_le_bytes(self.take()?);
        let uncertainty = u32::from_le_bytes(self.take()?);
        let anchor = Anchor::new(ticks, unix_micros).with_uncertainty(uncertainty);
        Some(Boot {
            frequency,
            anchor: anchored.then_some(anchor),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let mut boots = Boots::default();
        let anchor = Anchor::new(1_000, 1_700_000_000_000_000).with_uncertainty(50);
        for (number, anchor) in [(6, None), (7, Some(anchor))] {
            let frequency = 25_000_000 + u64::from(number);
            boots.set(number, Boot { frequency, anchor });
        }
        Header {
            place: Place {
                address: 0x2000_1000,
                size: 4_096,
                build: BuildId::new(&[7; 20]).unwrap(),
            },
            generation: u32::MAX,
            boot: 7,
            boots,
        }
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let bytes = header().to_bytes();
        assert_eq!(Header::from_bytes(&bytes), Some(header()));
        assert!(
            bytes[112..132].iter().all(|byte| *byte == 7),
            "it fills its place"
        );
        let boot = header().boots.get(7);
        assert_eq!((boot.frequency, boot.anchor.is_some()), (25_000_007, true));
        assert!(header().boots.get(6).anchor.is_none());
    }

    #[test]
    fn a_changed_bit_shows() {
        for bit in (0..8 * LENGTH).step_by(if cfg!(miri) { 97 } else { 1 }) {
            let mut bytes = header().to_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::from_bytes(&bytes), None, "bit {bit}");
        }
    }
}
