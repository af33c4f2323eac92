//! Chunks between zeros: frames, text, or neither.

use std::str;

use super::{Frame, NoFrame, parse};

/// Finds frames in the bytes of a line that may carry text too.
///
/// Holds 66,000 bytes at most: a chunk that is longer is no frame.
///
/// ```
/// use picojaeger_std::relay::{FrameReader, Piece};
///
/// let mut reader = FrameReader::new();
/// let mut text = String::new();
/// for bytes in [&b"ready\nva"[..], b"lue 7\n\0\x02\x01\xff\0"] {
///     reader.read(bytes, |piece| match piece {
///         Piece::Text(line) => text.push_str(line),
///         Piece::Frame(frame) => println!("{} bytes", frame.payload.len()),
///         other => println!("lost: {other:?}"),
///     });
/// }
/// assert_eq!(text, "ready\nvalue 7\n");
/// ```
#[derive(Debug, Default)]
pub struct FrameReader {
    chunk: Vec<u8>,
    /// The chunk's beginning has been given up.
    is_overlong: bool,
}

/// A part of a line's bytes, without the zeros around it.
///
/// See [`FrameReader`] for an example.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Piece<'p> {
    /// A whole frame.
    Frame(Frame<'p>),
    /// A whole frame of a version that this crate does not read.
    OtherVersion(u8),
    /// Text that shares the line. It may contain control characters.
    Text(&'p str),
    /// Bytes that are neither, as of a damaged frame or at a wrong speed.
    Garbage(&'p [u8]),
}

/// The longest frame with a payload of 65,535 bytes, and some.
const LONGEST: usize = 66_000;

impl FrameReader {
    /// Makes a reader at the begin of a line.
    pub const fn new() -> Self {
        FrameReader {
            chunk: Vec::new(),
            is_overlong: false,
        }
    }

    /// Takes the next bytes of the line. Text is passed on line by line, frames and the rest when a
    /// zero has ended them.
    pub fn read(&mut self, bytes: &[u8], mut take: impl FnMut(Piece<'_>)) {
        let mut parts = bytes.split(|byte| *byte == 0);
        self.extend(parts.next().unwrap_or_default(), &mut take);
        for part in parts {
            self.end_chunk(&mut take);
            self.extend(part, &mut take);
        }
        self.pass_lines(&mut take);
    }

    /// Passes on what has not ended and cannot be a frame, as text or garbage; for a line that is
    /// silent, and at its end.
    pub fn pause(&mut self, mut take: impl FnMut(Piece<'_>)) {
        // A character whose last bytes are still to come.
        let is_cut = |error: str::Utf8Error| error.error_len().is_none();
        if self.is_like_text() && !str::from_utf8(&self.chunk).is_err_and(is_cut) {
            take(text_or_garbage(&self.chunk));
            self.chunk.clear();
        }
    }

    /// Ends the line: what is left of it is no whole frame.
    pub fn finish(&mut self, mut take: impl FnMut(Piece<'_>)) {
        self.is_overlong = true;
        self.end_chunk(&mut take);
    }

    fn extend(&mut self, mut part: &[u8], take: &mut impl FnMut(Piece<'_>)) {
        while self.chunk.len() + part.len() > LONGEST {
            let room = LONGEST.saturating_sub(self.chunk.len());
            let (first, rest) = part.split_at(room.min(part.len()));
            self.chunk.extend_from_slice(first);
            part = rest;
            self.is_overlong = true;
            take(text_or_garbage(&self.chunk));
            self.chunk.clear();
        }
        self.chunk.extend_from_slice(part);
    }

    fn end_chunk(&mut self, take: &mut impl FnMut(Piece<'_>)) {
        let is_overlong = std::mem::take(&mut self.is_overlong);
        if self.chunk.is_empty() {
            return;
        }
        // Undone in a copy, since text and garbage are passed on as they came.
        let mut body = self.chunk.clone();
        let decoded = match is_overlong {
            true => None,
            false => cobs::decode_in_place(&mut body).ok(),
        };
        let decoded = decoded.and_then(|length| body.get(..length));
        match decoded.map_or(Err(NoFrame::Damaged), parse) {
            Ok(frame) => take(Piece::Frame(frame)),
            Err(NoFrame::Version(version)) => take(Piece::OtherVersion(version)),
            Err(NoFrame::Damaged) => take(text_or_garbage(&self.chunk)),
        }
        self.chunk.clear();
    }

    /// Passes on the lines of a chunk that is no frame.
    fn pass_lines(&mut self, take: &mut impl FnMut(Piece<'_>)) {
        let end = self.chunk.iter().rposition(|byte| *byte == b'\n');
        if self.is_like_text()
            && let Some(lines) = end.and_then(|end| self.chunk.get(..=end))
            && let Ok(text) = str::from_utf8(lines)
        {
            take(Piece::Text(text));
            let length = text.len();
            self.chunk.drain(..length);
        }
    }

    /// Returns whether the chunk cannot be a frame: COBS begins with a length, and the version
    /// follows, which is a control character that text does not use.
    fn is_like_text(&self) -> bool {
        match self.chunk.as_slice() {
            [_, 1..=8, ..] | [] => false,
            [alone] => *alone >= b' ' || *alone == b'\n',
            _ => true,
        }
    }
}

fn text_or_garbage(bytes: &[u8]) -> Piece<'_> {
    match str::from_utf8(bytes) {
        Ok(text) => Piece::Text(text),
        Err(_) => Piece::Garbage(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::super::write;
    use super::*;

    fn frame(payload: &[u8]) -> Vec<u8> {
        write(&Frame {
            kind: 3,
            producer: 0,
            boot: 7,
            number: 1,
            payload,
        })
    }

    /// The pieces, as text.
    fn pieces(reader: &mut FrameReader, bytes: &[u8]) -> Vec<String> {
        let mut pieces = Vec::new();
        reader.read(bytes, |piece| pieces.push(show(piece)));
        pieces
    }

    fn show(piece: Piece<'_>) -> String {
        match piece {
            Piece::Frame(frame) => format!("frame of {}", frame.payload.len()),
            Piece::OtherVersion(version) => format!("version {version}"),
            Piece::Text(text) => text.to_owned(),
            Piece::Garbage(bytes) => format!("{} bytes", bytes.len()),
        }
    }

    #[test]
    fn frames_and_text_share_a_line_however_it_is_cut() {
        let bytes = [
            b"boot\n".to_vec(),
            frame(b"one"),
            b"log".to_vec(),
            frame(&[0; 300]),
        ]
        .concat();
        let whole = ["boot\n", "frame of 3", "log", "frame of 300"];
        for size in 1..bytes.len() {
            let mut reader = FrameReader::new();
            let parts = bytes.chunks(size);
            let read: Vec<_> = parts.flat_map(|part| pieces(&mut reader, part)).collect();
            assert_eq!(read, whole, "{size}");
        }
    }

    #[test]
    fn a_line_of_text_is_passed_on_before_a_zero_comes() {
        let mut reader = FrameReader::new();
        assert_eq!(pieces(&mut reader, b"one\ntwo\nthr"), ["one\ntwo\n"]);
        assert_eq!(pieces(&mut reader, b"ee"), Vec::<String>::new());
        let mut rest = Vec::new();
        reader.pause(|piece| rest.push(show(piece)));
        assert_eq!(rest, ["three"]);
        let mut reader = FrameReader::new();
        let half = frame(b"a\nb\n");
        let (first, last) = half.split_at(half.len() - 2);
        assert!(pieces(&mut reader, first).is_empty());
        reader.pause(|piece| panic!("{piece:?}"));
        assert_eq!(pieces(&mut reader, last), ["frame of 4"]);
    }

    #[test]
    fn a_damaged_frame_costs_itself_alone() {
        let mut bytes = [frame(b"one"), frame(b"two"), frame(b"six")].concat();
        bytes[frame(b"one").len() + 9] ^= 0x80;
        let read = pieces(&mut FrameReader::new(), &bytes);
        assert_eq!(read[0], "frame of 3");
        assert_eq!(read[read.len() - 1], "frame of 3");
        assert_eq!(read.len(), 3, "{read:?}");
    }

    #[test]
    fn a_chunk_that_is_too_long_is_bounded_and_its_end_is_no_frame() {
        let mut reader = FrameReader::new();
        let mut long = vec![0xff; 200_000];
        long.extend(&frame(b"one")[1..]);
        long.extend(frame(b"two"));
        let read = pieces(&mut reader, &long);
        assert!(reader.chunk.capacity() < 4 * LONGEST);
        assert_eq!(&read[..3], ["66000 bytes", "66000 bytes", "66000 bytes"]);
        assert_eq!(read.last().unwrap(), "frame of 3");
        assert_eq!(
            read.iter()
                .filter(|piece| piece.starts_with("frame"))
                .count(),
            1
        );
    }

    #[test]
    fn noise_has_no_frame() {
        let (mut reader, mut state, mut bytes) = (FrameReader::new(), 1u64, 0);
        let mut block = [0; 4_096];
        for _ in 0..10_000_000 / block.len() {
            for byte in &mut block {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                *byte = (state >> 56) as u8;
            }
            reader.read(&block, |piece| match piece {
                Piece::Text(text) => bytes += text.len(),
                Piece::Garbage(garbage) => bytes += garbage.len(),
                other => panic!("{other:?}"),
            });
        }
        assert!(bytes > 9_900_000, "{bytes}");
    }
}
