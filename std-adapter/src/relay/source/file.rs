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
        let text = format!("{}: {error}{}", path.display(), hint(path, &error));
        io::Error::new(error.kind(), text)
    })
}

/// Returns what may be meant by a file that is not there.
fn hint(path: &Path, error: &io::Error) -> String {
    let name = path.to_str().unwrap_or_default();
    let is_address = |(_, port): (&str, &str)| port.parse::<u16>().is_ok();
    match name.rsplit_once(':').is_some_and(is_address) {
        true if error.kind() == io::ErrorKind::NotFound => {
            format!("; for a TCP server write tcp:{name}")
        }
        _ => String::new(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_its_kind_is_explained() {
        let error = |name: &str| open(Path::new(name)).map(drop).unwrap_err().to_string();
        assert!(error("localhost:9090").ends_with("; for a TCP server write tcp:localhost:9090"));
        assert!(error("nowhere/pump.bin").starts_with("nowhere/pump.bin: No such file"));
        assert!(!error("nowhere/pump.bin").contains("tcp:"));
    }
}
