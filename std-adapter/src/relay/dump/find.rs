//! The places of retained rings in a dump.

use std::collections::BTreeMap;
use std::ops::Range;

use super::header::{Header, LENGTH, MAGIC};
use super::memory::{Dump, Piece};
use super::{ElfImage, NoRing};
use crate::relay::device::Image as _;

/// A ring: what its header says, and its frames.
pub(super) struct Place<'d> {
    pub(super) header: Header,
    pub(super) frames: &'d [u8],
    /// The positions of consumer and producers.
    pub(super) held: Range<u32>,
}

/// A header that was found, and the memory that begins with it.
struct Found<'d> {
    header: Header,
    memory: &'d [u8],
}

/// Two headers and two words of counters precede the positions of producers and consumer.
const fn positions(word: usize) -> usize {
    2 * LENGTH + 2 * word
}

/// Returns the rings of an image, one for each address.
pub(super) fn places<'d>(dump: &'d Dump, image: &ElfImage) -> Result<Vec<Place<'d>>, NoRing> {
    if image.is_big_endian() {
        return Err(NoRing::BigEndian);
    }
    let (mut rings, mut others) = (BTreeMap::<u64, Found<'_>>::new(), false);
    for found in dump.pieces.iter().flat_map(headers) {
        if found.header.build != image.build_id() {
            others = true;
            continue;
        }
        let place = rings.entry(found.header.address);
        let newest = place.or_insert_with(|| Found {
            header: found.header.clone(),
            ..found
        });
        if found.header.is_newer_than(&newest.header) {
            *newest = found;
        }
    }
    match (rings.is_empty(), others) {
        (true, true) => Err(NoRing::OtherBuild),
        (true, false) => Err(NoRing::NoHeader),
        (false, _) => rings
            .into_values()
            .map(|found| place(found, image))
            .collect(),
    }
}

/// Returns all whole headers in a piece of memory, each where its address is, if that is known.
fn headers(piece: &Piece) -> impl Iterator<Item = Found<'_>> {
    let starts = piece.bytes.windows(MAGIC.len()).enumerate();
    let starts = starts.filter(|(_, window)| *window == MAGIC);
    starts.filter_map(|(at, _)| {
        let header = Header::read(piece.bytes.get(at..)?)?;
        // Copies with an even number lie in the first place.
        let begin = at.checked_sub((header.generation & 1) as usize * LENGTH)?;
        let address = piece.address.map(|start| start.wrapping_add(begin as u64));
        let memory = piece.bytes.get(begin..)?;
        let is_there = address.is_none_or(|address| address == header.address);
        is_there.then_some(Found { header, memory })
    })
}

/// Returns the ring behind a header: its frames are the last of the memory that the symbol names.
fn place<'d>(found: Found<'d>, image: &ElfImage) -> Result<Place<'d>, NoRing> {
    let Found { header, memory } = found;
    let positions = positions(image.word());
    let whole = image.size_at(header.address);
    let whole = whole.and_then(|size| usize::try_from(size).ok());
    let size = header.size as usize;
    let start = whole.and_then(|whole| whole.checked_sub(size));
    let start = start.filter(|start| *start >= positions + 8 && size.is_power_of_two());
    let start = start.ok_or(NoRing::NoSymbol(header.address))?;
    let frames = memory.get(start..).and_then(|rest| rest.get(..size));
    let held = memory.get(positions..).and_then(<[u8]>::first_chunk::<8>);
    let (Some(frames), Some([h0, h1, h2, h3, t0, t1, t2, t3])) = (frames, held) else {
        return Err(NoRing::Incomplete(header.address));
    };
    let head = u32::from_le_bytes([*h0, *h1, *h2, *h3]);
    let tail = u32::from_le_bytes([*t0, *t1, *t2, *t3]);
    Ok(Place {
        header,
        frames,
        held: tail..head,
    })
}
