//! Files: recordings, and bytes as they came.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::time::SystemTime;

use super::recording::{MAGIC, replay};
use super::{Arrival, Input, Inputs, PIECE, end, now};

/// A file that is open.
pub(super) struct Opened {
    file: BufReader<File>,
    /// The time of its last change, in Unix microseconds.
    modified: u64,
}

/// Opens a file; an error names it.
pub(super) fn open(path: &Path) -> io::Result<Opened> {
    let open = || {
        let file = File::open(path)?;
        let modified = file.metadata()?.modified().ok();
        let since = modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        Ok(Opened {
            file: BufReader::new(file),
            modified: since.map_or_else(now, |since| since.as_micros() as u64),
        })
    };
    open().map_err(|error: io::Error| {
        io::Error::new(error.kind(), format!("{}: {error}", path.display()))
    })
}

/// Passes on a file.
pub(super) fn run(opened: Opened, line: usize, inputs: &Inputs) {
    let error = pass(opened, line, inputs).err();
    end(line, inputs, error);
}

fn pass(opened: Opened, line: usize, inputs: &Inputs) -> io::Result<()> {
    let Opened { mut file, modified } = opened;
    let mut piece = Vec::new();
    file.by_ref()
        .take(MAGIC.len() as u64)
        .read_to_end(&mut piece)?;
    if piece == MAGIC {
        return replay(file, line, inputs);
    }
    while !piece.is_empty() {
        let (bytes, arrival) = (std::mem::take(&mut piece), Arrival::Unknown(modified));
        if inputs
            .send(Input::Bytes {
                line,
                bytes,
                arrival,
            })
            .is_err()
        {
            return Ok(());
        }
        file.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
    }
    Ok(())
}
