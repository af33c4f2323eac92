//! Dumps of a device's memory: the spans of retained rings, read with the device's image.
//!
//! The core documents the layouts: `tracer/retained/header`, `ring/frame` and `record`. Words are the device's, of 4 or 8
//! bytes, little-endian. Nothing in a dump is believed.

mod find;
mod header;
mod memory;
mod record;
#[cfg(test)]
#[allow(unsafe_code, reason = "a device's memory is read as it is")]
mod tests;
mod walk;

use std::collections::BTreeMap;
use std::fmt;

use super::device::{Arrival, DeviceClock, Image as _, Meaning, Names};
use super::elf::ElfImage;
use crate::model::{Span, Tag};
use find::{Place, places};
use header::Header;
pub(super) use memory::Dump;
use record::Record;

/// The content of a dumped ring.
#[derive(Debug)]
pub(super) struct Ring {
    pub(super) address: u64,
    /// The number of the boot that the ring was dumped in.
    pub(super) boot: u32,
    pub(super) spans: Vec<Span>,
    /// Spans that were being copied into the ring.
    pub(super) torn: u32,
    /// Numbers that are missing between spans.
    pub(super) gaps: u32,
    /// Bytes behind something that the program cannot have written.
    pub(super) discarded: u32,
}

/// The reason why a dump has no ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoRing {
    /// The image's words are not read.
    BigEndian,
    /// There is no whole header.
    NoHeader,
    /// There are headers of other images only.
    OtherBuild,
    /// The image has no symbol for the ring's memory at this address.
    NoSymbol(u64),
    /// The dump has a part of the ring at this address only.
    Incomplete(u64),
}

/// Reads the rings of an image from a dump.
pub(super) fn read(dump: &Dump, image: &ElfImage) -> Result<Vec<Ring>, NoRing> {
    let places = places(dump, image)?;
    Ok(places
        .iter()
        .map(|place| ring(place, dump, image))
        .collect())
}

fn ring(place: &Place<'_>, dump: &Dump, image: &ElfImage) -> Ring {
    let walked = walk::walk(place.frames, image.word(), &place.held, |number, body| {
        record::read(number, body, image)
    });
    let header = &place.header;
    let mut clocks = BTreeMap::new();
    let spans = walked.found.iter().map(|record| {
        let boot = header.boot_of(record.segment);
        let meaning = Meaning {
            clock: clocks
                .entry(boot)
                .or_insert_with(|| clock(header, boot, &walked.found, dump.until)),
            names: &Names {
                image: Some(image),
                build: image.build_id(),
            },
            samplers: &dump.samplers,
        };
        marked(meaning.span(&record.wire), boot)
    });
    Ring {
        address: header.address,
        boot: header.boot,
        spans: spans.collect(),
        torn: walked.torn,
        gaps: walked.gaps,
        discarded: walked.discarded,
    }
}

/// Returns the clock of a boot. One that never knew the Unix time is dated as if its last span ended `until` then.
fn clock(header: &Header, boot: u32, records: &[Record<'_>], until: u64) -> DeviceClock {
    let times = header.times(boot);
    let mut clock = DeviceClock::new(times.frequency);
    match times.anchor {
        Some((ticks, unix_micros, uncertainty)) => {
            clock.set_anchor(ticks, unix_micros, uncertainty)
        }
        None => {
            let of_boot = records
                .iter()
                .filter(|it| header.boot_of(it.segment) == boot);
            let last = of_boot.filter_map(Record::end_ticks).max();
            clock.report(last.unwrap_or(0), Arrival::Unknown(until));
        }
    }
    clock
}

/// Marks a span as the next boot would have done.
fn marked(mut span: Span, boot: u32) -> Span {
    span.tags.push(Tag::new("recovered", true));
    span.tags.push(Tag::new("recovered.boot", boot));
    span
}

impl fmt::Display for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, boot, .. } = self;
        write!(
            f,
            "ring at {address:#x} in boot {boot}: {} spans",
            self.spans.len()
        )?;
        write!(f, ", {} torn, {} missing between", self.torn, self.gaps)?;
        match self.discarded {
            0 => Ok(()),
            bytes => write!(f, ", {bytes} bytes discarded behind a damaged one"),
        }
    }
}

impl fmt::Display for NoRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BigEndian => f.write_str("the image is big-endian, which is not supported"),
            Self::NoHeader => {
                f.write_str("the dump has no retained ring, or its header is damaged")
            }
            Self::OtherBuild => f.write_str("the dump is of another build than the image"),
            Self::NoSymbol(address) => write!(
                f,
                "the image has no symbol for the ring at {address:#x}: it must not be stripped"
            ),
            Self::Incomplete(address) => {
                write!(f, "the dump has only a part of the ring at {address:#x}")
            }
        }
    }
}

impl std::error::Error for NoRing {}
