//! The header of a retained ring.

use picojaeger_core::adapter::Crc;

/// Bytes of a header.
pub(super) const LENGTH: usize = 136;
/// The first bytes of a header. The first of them changes with the layout of records and rings.
pub(super) const MAGIC: [u8; 4] = *b"rrjp";
/// Boots that a header knows.
const BOOTS: usize = 3;

/// Whose a ring is, and when its boots were.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Header {
    pub(super) address: u64,
    /// Bytes of the ring's frames.
    pub(super) size: u32,
    /// The number of the copy: the newer one counts.
    pub(super) generation: u32,
    pub(super) boot: u32,
    boots: [Times; BOOTS],
    pub(super) build: Vec<u8>,
}

/// The clock of a boot.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Times {
    /// Ticks a second.
    pub(super) frequency: u64,
    /// Ticks, the Unix time then in microseconds, and its uncertainty.
    pub(super) anchor: Option<(u64, u64, u32)>,
}

impl Header {
    /// Reads a header, if these bytes begin with a whole one.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LENGTH] = bytes.first_chunk()?;
        let (body, check) = bytes.split_last_chunk()?;
        if Crc::new().bytes(body).finish() != u32::from_le_bytes(*check) {
            return None;
        }
        let mut rest = Fields(body.strip_prefix(&MAGIC)?);
        let [length, anchored, 0, 0] = rest.take()? else {
            return None;
        };
        let (address, size) = (rest.u64()?, rest.u32()?);
        let (generation, boot) = (rest.u32()?, rest.u32()?);
        let boots = [
            rest.times(anchored & 1 != 0)?,
            rest.times(anchored & 2 != 0)?,
            rest.times(anchored & 4 != 0)?,
        ];
        let build = rest
            .0
            .get(..length.into())
            .filter(|build| !build.is_empty());
        Some(Header {
            address,
            size,
            generation,
            boot,
            boots,
            build: build?.to_vec(),
        })
    }

    /// Returns whether it was written after the other one.
    pub(super) fn is_newer_than(&self, other: &Header) -> bool {
        self.generation.wrapping_sub(other.generation).cast_signed() > 0
    }

    /// Returns the number of the boot of records with this segment: 0 is the last boot, and those before have their
    /// number modulo 3, and 1.
    pub(super) fn boot_of(&self, segment: u8) -> u32 {
        let earlier = [1, 2].map(|age| self.boot.wrapping_sub(age));
        let is_it = |boot: &u32| segment != 0 && boot % BOOTS as u32 + 1 == u32::from(segment);
        earlier.into_iter().find(is_it).unwrap_or(self.boot)
    }

    /// Returns the clock of a boot.
    pub(super) fn times(&self, boot: u32) -> Times {
        let [first, second, third] = self.boots;
        match boot % BOOTS as u32 {
            0 => first,
            1 => second,
            _ => third,
        }
    }
}

/// Fields that are read from the front.
struct Fields<'f>(&'f [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn times(&mut self, is_anchored: bool) -> Option<Times> {
        let frequency = self.u64()?;
        let anchor = (self.u64()?, self.u64()?, self.u32()?);
        Some(Times {
            frequency,
            anchor: is_anchored.then_some(anchor),
        })
    }
}
