//! Frames: what they are, and how they are found among other bytes.
//!
//! A frame is COBS(header, payload, CRC) and a zero. The core's encoder documents its fields.

mod reader;
#[cfg(any(test, feature = "relay"))]
mod writer;

pub use reader::{FrameReader, Piece};
#[cfg(any(test, feature = "relay"))]
pub(crate) use writer::write;

use picojaeger_core::adapter::Crc;

/// The version of the frames that are read.
const VERSION: u8 = 1;

/// A frame whose check sum and length hold.
///
/// Its payload is not checked further. See [`FrameReader`] for an example.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Frame<'f> {
    /// The kind: 1 hello, 2 status, 3 spans, 4 memory; others are skipped.
    pub kind: u8,
    /// The tracer of the device that made it.
    pub producer: u8,
    /// The low 16 bits of the boot's id.
    pub boot: u16,
    /// The number of the frame, from 0 in each boot and producer.
    pub number: u32,
    /// The fields of its kind.
    pub payload: &'f [u8],
}

/// The kinds of frames.
pub(crate) mod kind {
    pub(crate) const HELLO: u8 = 1;
    pub(crate) const STATUS: u8 = 2;
    pub(crate) const SPANS: u8 = 3;
    pub(crate) const MEMORY: u8 = 4;
    #[cfg(any(test, feature = "relay"))]
    pub(crate) const TIME: u8 = 129;
}

/// The reason why bytes are no frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoFrame {
    /// The check sum or the length is wrong.
    Damaged,
    /// A whole frame of another version.
    Version(u8),
}

/// The fields in front of the payload, behind the version.
type Header = (u8, u8, [u8; 2], u32, [u8; 2]);

/// Reads the body of a frame, whose COBS is undone.
pub(crate) fn parse(body: &[u8]) -> Result<Frame<'_>, NoFrame> {
    let (content, sum) = body.split_last_chunk().ok_or(NoFrame::Damaged)?;
    let (version, rest) = content.split_first().ok_or(NoFrame::Damaged)?;
    if Crc::new().bytes(content).finish() != u32::from_le_bytes(*sum) {
        return Err(NoFrame::Damaged);
    }
    if *version != VERSION {
        return Err(NoFrame::Version(*version));
    }
    let header = postcard::take_from_bytes::<Header>(rest);
    let (header, payload) = header.map_err(|_| NoFrame::Damaged)?;
    let (kind, producer, boot, number, length) = header;
    if payload.len() != usize::from(u16::from_le_bytes(length)) {
        return Err(NoFrame::Damaged);
    }
    Ok(Frame {
        kind,
        producer,
        boot: u16::from_le_bytes(boot),
        number,
        payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_damaged_bit_is_found() {
        let body = {
            let mut body = vec![1, 3, 0, 7, 0, 9, 2, 0, b'o', b'k'];
            body.extend(Crc::new().bytes(&body).finish().to_le_bytes());
            body
        };
        assert_eq!(parse(&body).map(|frame| frame.payload), Ok(&b"ok"[..]));
        for bit in 0..body.len() * 8 {
            let mut damaged = body.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse(&damaged), Err(NoFrame::Damaged), "{bit}");
        }
        for length in 0..body.len() {
            assert_eq!(parse(&body[..length]), Err(NoFrame::Damaged));
        }
    }

    #[test]
    fn another_version_is_named_and_a_wrong_length_refused() {
        let whole = |mut body: Vec<u8>| {
            body.extend(Crc::new().bytes(&body).finish().to_le_bytes());
            body
        };
        assert_eq!(parse(&whole(vec![2, 200])), Err(NoFrame::Version(2)));
        for length in [0, 1, 3] {
            let body = whole(vec![1, 3, 0, 7, 0, 9, length, 0, b'o', b'k']);
            assert_eq!(parse(&body), Err(NoFrame::Damaged), "{length}");
        }
    }
}
