//! Frames to a device.

use picojaeger_core::adapter::Crc;

use super::{Frame, VERSION};
use crate::sys::varint::push_varint;

/// Returns a frame with its zeros in front and behind, for the line to a device.
pub(crate) fn write(frame: &Frame<'_>) -> Vec<u8> {
    let length = u16::try_from(frame.payload.len()).unwrap_or(u16::MAX);
    let payload = frame.payload.get(..length.into()).unwrap_or_default();
    let mut body = vec![VERSION, frame.kind, frame.producer];
    body.extend(frame.boot.to_le_bytes());
    push_varint(&mut body, frame.number.into());
    body.extend(length.to_le_bytes());
    body.extend(payload);
    body.extend(Crc::new().bytes(&body).finish().to_le_bytes());
    let mut bytes = vec![0; cobs::max_encoding_length(body.len()) + 1];
    let end = bytes
        .get_mut(1..)
        .map_or(0, |room| cobs::encode(&body, room));
    bytes.truncate(1 + end);
    bytes.push(0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::{FrameReader, Piece, kind};
    use super::*;

    #[test]
    fn a_written_frame_is_read_back() {
        for (number, length) in [(0, 0), (127, 1), (128, 253), (300, 254), (u32::MAX, 70_000)] {
            let payload: Vec<u8> = (0..length).map(|n: u32| (n % 7) as u8).collect();
            let frame = Frame {
                kind: kind::TIME,
                producer: 3,
                boot: 0xa500,
                number,
                payload: payload.get(..65_535).unwrap_or(&payload),
            };
            let bytes = write(&Frame {
                payload: &payload,
                ..frame
            });
            let mut read = 0;
            FrameReader::new().read(&bytes, |piece| {
                assert_eq!(piece, Piece::Frame(frame));
                read += 1;
            });
            assert_eq!(read, 1);
        }
    }
}
