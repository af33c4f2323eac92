//! Frames on a serial line, by RFC 1055 (SLIP).

/// Ends a frame.
pub(super) const END: u8 = 0xc0;
const ESCAPE: u8 = 0xdb;
const ESCAPED_END: u8 = 0xdc;
const ESCAPED_ESCAPE: u8 = 0xdd;

/// The pieces of one frame on the line: runs of the packet's bytes, escapes, and the end.
pub(super) struct Pieces<'p> {
    rest: &'p [u8],
    is_over: bool,
}

impl<'p> Pieces<'p> {
    /// The pieces of a packet's frame.
    pub(super) fn new(packet: &'p [u8]) -> Self {
        Pieces {
            rest: packet,
            is_over: false,
        }
    }
}

impl<'p> Iterator for Pieces<'p> {
    type Item = &'p [u8];

    fn next(&mut self) -> Option<&'p [u8]> {
        let special = |byte: &u8| matches!(*byte, END | ESCAPE);
        let run = self
            .rest
            .iter()
            .position(special)
            .unwrap_or(self.rest.len());
        if let Some((run, rest)) = self.rest.split_at_checked(run)
            && !run.is_empty()
        {
            self.rest = rest;
            return Some(run);
        }
        if let Some((byte, rest)) = self.rest.split_first() {
            self.rest = rest;
            return Some(match *byte {
                END => &[ESCAPE, ESCAPED_END],
                _ => &[ESCAPE, ESCAPED_ESCAPE],
            });
        }
        let was_over = core::mem::replace(&mut self.is_over, true);
        (!was_over).then_some(&[END])
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::vec::Vec;

    use super::*;

    /// The frames of a line's bytes, empty ones left out; `None` for one with a wrong escape.
    pub(in crate::transport) fn frames(line: &[u8]) -> Vec<Option<Vec<u8>>> {
        let parts = line.split(|byte| *byte == END);
        let whole = parts.filter(|part| !part.is_empty());
        whole.map(unescaped).collect()
    }

    fn unescaped(part: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = part.iter();
        let mut frame = Vec::new();
        while let Some(byte) = bytes.next() {
            frame.push(match *byte {
                ESCAPE => match bytes.next() {
                    Some(&ESCAPED_END) => END,
                    Some(&ESCAPED_ESCAPE) => ESCAPE,
                    _ => return None,
                },
                byte => byte,
            });
        }
        Some(frame)
    }

    #[test]
    fn every_byte_survives() {
        let all: Vec<u8> = (0..=255).collect();
        for packet in [
            &all[..],
            &[END],
            &[ESCAPE],
            &[END, END, ESCAPE, ESCAPE, 1],
            &[1, END],
            &[ESCAPED_END, ESCAPED_ESCAPE],
        ] {
            let line: Vec<u8> = Pieces::new(packet).flatten().copied().collect();
            assert_eq!(frames(&line), [Some(packet.to_vec())]);
            assert_eq!(line.iter().filter(|byte| **byte == END).count(), 1);
        }
    }
}
