//! Thrift's compact protocol: numbers, text, lists.
//!
//! Source: `doc/specs/thrift-compact-protocol.md` of Apache Thrift.

use crate::arch::{
    CONTINUED, SHORT_TEXT, copy_bytes, copy_many_bytes, inline_on_word64, insert_first, is_small,
    put_varint,
};
use crate::record::boundary;

/// The rest of a lent buffer.
///
/// Each call writes at its start and gives what is left behind that. One that
/// finds no room leaves nothing, so the last byte of a structure shows whether
/// all of it was written.
pub(super) struct Out<'o>(&'o mut [u8]);

/// Headers of the next field: a number of 64 bits, and text.
const I64: u8 = 0x16;
const TEXT: u8 = 0x18;
/// The element type in a list header.
const STRUCT: u8 = 0xc;
/// A list header that is followed by the count.
const COUNT_FOLLOWS: u8 = 0xf0;
/// Bytes of a list's field header, and of its own for fewer than 15 elements.
const LIST: usize = 2;

impl<'o> Out<'o> {
    #[inline]
    pub(super) fn new(out: &'o mut [u8]) -> Self {
        Out(out)
    }

    /// Bytes that are left.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    /// Bytes as they are, a few.
    #[inline]
    pub(super) fn put<const N: usize>(self, bytes: [u8; N]) -> Self {
        let (room, rest) = self.take(N);
        if let Some(room) = room.first_chunk_mut() {
            *room = bytes;
        }
        rest
    }

    /// The last bytes; gives how many are left, unless not all was written.
    #[inline]
    pub(super) fn end<const N: usize>(self, bytes: [u8; N]) -> Option<usize> {
        let (room, rest) = self.0.split_first_chunk_mut()?;
        *room = bytes;
        Some(rest.len())
    }

    /// Bytes as they are.
    fn bytes(self, bytes: &[u8]) -> Self {
        let (room, rest) = self.take(bytes.len());
        copy_many_bytes(bytes, room);
        rest
    }

    inline_on_word64! {
        /// The next field, if it is a number of 64 bits.
        pub(super) fn number(self, number: i64) -> Self {
            if is_small(number) {
                return self.put([I64, (number as u8) << 1]);
            }
            self.put([I64]).varint(zigzag(number))
        }
    }

    inline_on_word64! {
        /// The next field, if it is text: the text behind its length.
        pub(super) fn text(self, text: &[u8]) -> Self {
            if text.len() > SHORT_TEXT {
                return self.put([TEXT]).binary(text);
            }
            let (room, rest) = self.take(2 + text.len());
            if let [header, length, room @ ..] = room {
                (*header, *length) = (TEXT, text.len() as u8);
                copy_bytes(text, room);
            }
            rest
        }
    }

    /// Bytes behind their length.
    #[cold]
    #[inline(never)]
    pub(super) fn binary(self, bytes: &[u8]) -> Self {
        self.last_varint(bytes.len() as u64).bytes(bytes)
    }

    inline_on_word64! {
        /// An unsigned number.
        pub(super) fn varint(self, number: u64) -> Self {
            let Some(room) = self.0.first_chunk_mut() else {
                return self.last_varint(number);
            };
            let length = put_varint(room, number);
            Out(self.0.get_mut(length..).unwrap_or_default())
        }
    }

    /// A number where there may be less room than for the longest.
    #[cold]
    #[inline(never)]
    fn last_varint(mut self, number: u64) -> Self {
        let mut rest = number;
        while rest >= CONTINUED as u64 {
            self = self.put([rest as u8 | CONTINUED]);
            rest >>= 7;
        }
        self.put([rest as u8])
    }

    /// Room for so many bytes, and what is left then; neither if there are fewer.
    #[inline]
    pub(super) fn take(self, length: usize) -> (&'o mut [u8], Self) {
        if length > self.0.len() {
            let (nothing, _) = self.0.split_at_mut(0);
            return (&mut [], Out(nothing));
        }
        let (room, rest) = self.0.split_at_mut(length);
        (room, Out(rest))
    }

    /// The rest that the elements of a list are written to, before [`Out::list`] ends it.
    #[inline]
    pub(super) fn elements(&mut self) -> Out<'_> {
        Out(self.0).take(LIST).1
    }

    inline_on_word64! {
        /// Ends a list of so many structs, whose elements left so many bytes: writes
        /// its headers before them.
        pub(super) fn list(self, header: u8, count: usize, left: usize) -> Self {
            if count >= 15 {
                return self.long_list(header, count, left);
            }
            let written = self.left() - left;
            let (list, rest) = self.take(written);
            if let [field, list, ..] = list {
                (*field, *list) = (header, (count as u8) << 4 | STRUCT);
            }
            rest
        }
    }

    #[cold]
    #[inline(never)]
    fn long_list(self, header: u8, count: usize, left: usize) -> Self {
        let mut list = Out(self.0).put([header, COUNT_FOLLOWS | STRUCT]).0;
        let (elements, mut rest) = (list.len().saturating_sub(left), count);
        loop {
            // The count goes before the elements, from its first byte to its last.
            let more = rest >> 7 != 0;
            let byte = rest as u8 & !CONTINUED | (more as u8) << 7;
            insert_first(byte, list.get_mut(..=elements).unwrap_or_default());
            list = Out(list).take(1).1.0;
            rest >>= 7;
            if !more {
                return Out(list).take(elements).1;
            }
        }
    }
}

/// Writes the header of a list of structs, for which its bytes are free.
pub(super) fn put_list_header(out: &mut [u8], count: usize) {
    if count >= 15 {
        let out = Out(out).put([COUNT_FOLLOWS | STRUCT]);
        out.last_varint(count as u64);
    } else if let Some(header) = out.first_mut() {
        *header = (count as u8) << 4 | STRUCT;
    }
}

/// Bytes by which the header of a list of `count` grows with one element more.
#[inline]
pub(super) const fn list_growth(count: usize) -> usize {
    matches!(count + 1, 15 | 0x80 | 0x4000 | 0x20_0000) as usize
}

/// The text, or what a limit leaves of it.
#[inline]
pub(super) fn cut_text(text: &str, limit: usize) -> &[u8] {
    if text.len() <= limit {
        text.as_bytes()
    } else {
        shorten(text.as_bytes(), limit)
    }
}

#[cold]
#[inline(never)]
fn shorten(text: &[u8], limit: usize) -> &[u8] {
    text.get(..boundary(text, limit)).unwrap_or(text)
}

/// Small magnitudes become small numbers, whatever their sign.
#[inline]
pub(super) const fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::arch::tests::plain_varint;

    /// The bytes that were written into so much room, if they found room; nothing is written
    /// behind that.
    fn written(room: usize, put: impl Fn(Out<'_>) -> Out<'_>) -> Option<Vec<u8>> {
        let mut out = [0xee; 400];
        let left = put(Out::new(&mut out[..room + 1])).end([STOP]);
        assert!(out[room + 1..].iter().all(|byte| *byte == 0xee));
        let end = room - left?;
        assert_eq!(out[end], STOP);
        Some(out[..end].to_vec())
    }

    const STOP: u8 = 0x77;

    #[test]
    fn varints_of_every_length_with_any_room() {
        for bit in 0..64 {
            for number in [1 << bit, (1 << bit) - 1, u64::MAX >> bit, 0x5555 << bit] {
                let expected = [&[I64][..], &plain_varint(zigzag(number as i64))].concat();
                for room in 0..16 {
                    let found = written(room, |out| out.number(number as i64));
                    let fits = (room >= expected.len()).then_some(&expected);
                    assert_eq!(found.as_ref(), fits);
                }
            }
        }
    }

    #[test]
    fn texts_of_every_length_with_any_room() {
        let text: Vec<u8> = (0..=255).collect();
        for length in 0..=255 {
            let text = &text[..length];
            let expected = [&[TEXT][..], &plain_varint(length as u64), text].concat();
            for room in [0, 1, 3, expected.len() - 1, expected.len(), 300] {
                let found = written(room, |out| out.text(text));
                let fits = (room >= expected.len()).then_some(&expected);
                assert_eq!(found.as_ref(), fits);
            }
        }
    }

    #[test]
    fn lists_of_every_length_with_any_room() {
        for count in [0, 1, 14, 15, 127, 128, 16_383, 16_384, 2_097_152] {
            let header = if count < 15 {
                [(count as u8) << 4 | 0xc].to_vec()
            } else {
                [&[0xfc][..], &plain_varint(count as u64)].concat()
            };
            let expected = [&[0x19][..], &header, &[1, 2, 3]].concat();
            for room in 5..12 {
                let found = written(room, |mut out| {
                    let left = out.elements().put([1, 2, 3]).left();
                    out.list(0x19, count, left)
                });
                let fits = (room >= expected.len()).then_some(&expected);
                assert_eq!(found.as_ref(), fits, "{count} in {room}");
            }
        }
    }

    #[test]
    fn a_list_grows_where_its_header_does() {
        let header = |count| {
            let mut out = [0; 8];
            put_list_header(&mut out, count);
            out.iter().take_while(|byte| **byte != 0).count()
        };
        for growth in [15, 0x80, 0x4000, 0x20_0000] {
            for count in growth - 2..=growth {
                let grown = header(count + 1) - header(count);
                assert_eq!(list_growth(count), grown, "with {count} and one more");
            }
        }
    }

    #[test]
    fn zigzag_keeps_small_magnitudes_small() {
        let numbers = [0, -1, 1, -2, i64::MAX, i64::MIN];
        assert_eq!(numbers.map(zigzag), [0, 1, 2, 3, u64::MAX - 1, u64::MAX]);
    }
}
