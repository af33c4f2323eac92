//! The content of a dump's file: memory as it was, or frames with pieces of it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::SystemTime;

use crate::model::{Process, TagValue};
use crate::relay::device::process;
use crate::relay::frame::{FrameReader, Piece as Found, kind};
use crate::relay::payload::Hello;
use crate::relay::source::{Input, Source, open};

/// A dump of a device's memory.
pub(in crate::relay) struct Dump {
    pub(super) pieces: Vec<Piece>,
    /// The device, if the dump comes with its frames.
    pub(in crate::relay) process: Option<Arc<Process>>,
    pub(super) samplers: Vec<(u8, String, TagValue)>,
    /// The time of the file's last change, in Unix microseconds.
    pub(super) until: u64,
}

/// A piece of memory without a gap.
pub(super) struct Piece {
    /// The address of the first byte; unknown in a file that is nothing but memory.
    pub(super) address: Option<u64>,
    pub(super) bytes: Vec<u8>,
}

/// The pieces of memory of one line, by their addresses.
type Pieces = BTreeMap<u64, Vec<u8>>;

impl Dump {
    /// Reads a file: a recording of a line, its bytes as they came, or plain memory. An error names the file.
    pub(in crate::relay) fn open(path: &Path) -> io::Result<Self> {
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let modified = fs::metadata(path).and_then(|data| data.modified());
        let until = modified
            .map_err(named)?
            .duration_since(SystemTime::UNIX_EPOCH);
        let until = until.map_or(0, |since| since.as_micros() as u64);
        Ok(Dump::new(lines(path)?, until))
    }

    /// Makes a dump of the bytes of lines.
    pub(super) fn new(lines: Vec<Vec<u8>>, until: u64) -> Self {
        let mut dump = Dump {
            pieces: Vec::new(),
            process: None,
            samplers: Vec::new(),
            until,
        };
        for line in &lines {
            let mut pieces = Pieces::new();
            FrameReader::new().read(line, |found| dump.take(&found, &mut pieces));
            dump.pieces.extend(joined(pieces));
        }
        if dump.pieces.is_empty() {
            let plain = lines.into_iter().map(|bytes| Piece {
                address: None,
                bytes,
            });
            dump.pieces.extend(plain);
        }
        dump
    }

    fn take(&mut self, found: &Found<'_>, pieces: &mut Pieces) {
        let Found::Frame(frame) = found else { return };
        match frame.kind {
            kind::MEMORY => {
                if let Ok((address, bytes)) = postcard::from_bytes::<(u64, &[u8])>(frame.payload) {
                    pieces.insert(address, bytes.to_vec());
                }
            }
            kind::HELLO => {
                if let Ok(hello) = Hello::parse(frame.payload) {
                    self.process = Some(Arc::new(process(frame.producer, &hello)));
                    self.samplers = hello.owned_samplers();
                }
            }
            _ => {}
        }
    }
}

/// Reads the bytes of each line of a file.
fn lines(path: &Path) -> io::Result<Vec<Vec<u8>>> {
    let (inputs, received) = sync_channel(8);
    drop(open(Source::File(path.into()), 0, inputs, true)?);
    let mut lines = BTreeMap::<usize, Vec<u8>>::new();
    for input in received {
        match input {
            Input::Bytes { line, bytes, .. } => lines.entry(line).or_default().extend(bytes),
            Input::Ended {
                error: Some(error), ..
            } => return Err(io::Error::other(format!("{}: {error}", path.display()))),
            _ => {}
        }
    }
    Ok(lines.into_values().collect())
}

/// Joins pieces that touch or overlap.
fn joined(pieces: Pieces) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::new();
    for (address, bytes) in pieces {
        let behind = joined.last_mut().and_then(|last| {
            let offset = usize::try_from(address.checked_sub(last.address?)?).ok()?;
            (offset <= last.bytes.len()).then_some((last, offset))
        });
        match behind {
            Some((last, offset)) => {
                let overlap = bytes.len().min(last.bytes.len() - offset);
                let (again, further) = bytes.split_at(overlap);
                last.bytes
                    .splice(offset..offset + overlap, again.iter().copied());
                last.bytes.extend(further);
            }
            None => joined.push(Piece {
                address: Some(address),
                bytes,
            }),
        }
    }
    joined
}
