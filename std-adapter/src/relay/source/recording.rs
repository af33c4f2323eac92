//! Recordings: bytes with their times of arrival, in a file.
//!
//! A file begins with eight bytes. Pieces follow: Unix microseconds of the arrival (8 bytes), the
//! line's number (2), the length (2), and the bytes; numbers are little-endian.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use super::{Arrival, Input, Inputs};

/// The beginning of a recording; the last byte is the version.
pub(super) const MAGIC: [u8; 8] = *b"pj-rec\0\x01";

/// The most lines of a recording that are told apart.
const MOST_LINES: usize = 256;

/// Writes a recording.
pub(in crate::relay) struct Recorder<W: Write = BufWriter<File>> {
    to: W,
}

impl Recorder {
    /// Creates the file.
    pub(in crate::relay) fn create(path: &Path) -> io::Result<Self> {
        Recorder::new(BufWriter::new(File::create(path)?))
    }
}

impl<W: Write> Recorder<W> {
    fn new(mut to: W) -> io::Result<Self> {
        to.write_all(&MAGIC)?;
        Ok(Recorder { to })
    }

    /// Appends bytes.
    pub(in crate::relay) fn write(
        &mut self,
        line: usize,
        bytes: &[u8],
        arrival: Arrival,
    ) -> io::Result<()> {
        let (Arrival::At(micros) | Arrival::Unknown(micros)) = arrival;
        for bytes in bytes.chunks(u16::MAX.into()) {
            self.to.write_all(&micros.to_le_bytes())?;
            self.to.write_all(&(line as u16).to_le_bytes())?;
            self.to.write_all(&(bytes.len() as u16).to_le_bytes())?;
            self.to.write_all(bytes)?;
        }
        Ok(())
    }

    /// Passes what is buffered to the system.
    pub(in crate::relay) fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Passes on the pieces of a recording, whose beginning was read; returns the lines that it has.
pub(super) fn replay(mut from: impl Read, line: usize, inputs: &Inputs) -> io::Result<()> {
    let mut head = [0; 12];
    while read_whole(&mut from, &mut head)? {
        let [t0, t1, t2, t3, t4, t5, t6, t7, l0, l1, n0, n1] = head;
        let micros = u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]);
        let mut bytes = vec![0; u16::from_le_bytes([n0, n1]).into()];
        if !read_whole(&mut from, &mut bytes)? {
            return Ok(());
        }
        // Each recorded line is a line of its own, apart from those of other sources.
        let line = line | (usize::from(u16::from_le_bytes([l0, l1])) % MOST_LINES) << 16;
        let arrival = Arrival::At(micros);
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
    }
    Ok(())
}

/// Fills a buffer; `false` if the file ends before, as that of a recorder that was killed.
fn read_whole(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn a_recording_is_read_back_up_to_where_it_was_cut() {
        let mut recorder = Recorder::new(Vec::new()).unwrap();
        recorder.write(0, b"one", Arrival::At(7)).unwrap();
        recorder.write(3, &[9; 70_000], Arrival::At(8)).unwrap();
        let bytes = recorder.to;
        let (inputs, read) = sync_channel(9);
        replay(&bytes[8..bytes.len() - 1], 2, &inputs).unwrap();
        drop(inputs);
        let read: Vec<_> = read.iter().map(|input| format!("{input:.40?}")).collect();
        assert_eq!(read.len(), 2, "the last piece is cut");
        assert!(
            read[0].contains("line: 2, bytes: [111, 110, 101], arrival: At(7)"),
            "{}",
            read[0]
        );
        assert!(read[1].contains(&format!("line: {}", 3 << 16 | 2)));
    }
}
