//! Thrift's compact protocol: numbers, text, lists.
//!
//! Source: `doc/specs/thrift-compact-protocol.md` of Apache Thrift.

use crate::record::boundary;

/// Writes from a place in a lent buffer on.
///
/// What does not fit is not written but counted, so [`Cursor::at`] says how
/// long the buffer had to be. Each call checks the room once.
pub(super) struct Cursor<'o> {
    out: &'o mut [u8],
    at: usize,
}

/// A list that is being written: where its header is.
#[derive(Clone, Copy)]
pub(super) struct List {
    header: usize,
}

/// Bytes of the longest varint.
const LONGEST: usize = 10;
/// The bit of a byte that more follow.
const CONTINUED: u8 = 0x80;
/// The element type in a list header.
const STRUCT: u8 = 0xc;
/// A list header that is followed by the count.
const COUNT_FOLLOWS: u8 = 0xf0;

impl<'o> Cursor<'o> {
    pub(super) fn new(out: &'o mut [u8], at: usize) -> Self {
        Cursor { out, at }
    }

    /// The end of what was written, or would have been.
    #[inline(always)]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Whether all of it found room.
    #[inline(always)]
    pub(super) fn fits(&self) -> bool {
        self.at <= self.out.len()
    }

    /// Goes back to an earlier place.
    #[inline(always)]
    pub(super) fn rewind(&mut self, at: usize) {
        self.at = at;
    }

    /// Bytes as they are, a few.
    #[inline(always)]
    pub(super) fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        if let Some(room) = self.room() {
            *room = bytes;
        }
        self.at += N;
    }

    /// Bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        if let Some(room) = self.out.get_mut(self.at..end) {
            copy(room, bytes);
        }
        self.at = end;
    }

    /// A header and a signed number.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    pub(super) fn number(&mut self, header: u8, number: i64) {
        self.varint(header, zigzag(number));
    }

    /// A header, and text or bytes after their length.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    #[cfg_attr(not(target_pointer_width = "32"), inline(always))]
    pub(super) fn text(&mut self, header: u8, text: &[u8]) {
        if text.len() >= 0x80 {
            return self.long_text(header, text);
        }
        let end = self.at + 2 + text.len();
        if let Some([to, length, room @ ..]) = self.out.get_mut(self.at..end) {
            (*to, *length) = (header, text.len() as u8);
            copy(room, text);
        }
        self.at = end;
    }

    #[cold]
    #[inline(never)]
    fn long_text(&mut self, header: u8, text: &[u8]) {
        self.last_varint(header, text.len() as u64);
        self.bytes(text);
    }

    /// A field header and the header of a list of structs, whose elements follow.
    #[inline(always)]
    pub(super) fn begin_list(&mut self, field: u8) -> List {
        self.put([field, STRUCT]);
        List {
            header: self.at - 1,
        }
    }

    /// Writes the count of a list whose elements are written.
    #[inline(always)]
    pub(super) fn end_list(&mut self, list: List, count: usize) {
        if count < 15 {
            list.put_short(self.out, count);
        } else {
            self.end_long_list(list, count);
        }
    }

    #[cold]
    #[inline(never)]
    fn end_long_list(&mut self, list: List, count: usize) {
        let more = list_header(count) - 1;
        for _ in 0..more {
            list.grow(self.out, self.at);
            self.at += 1;
        }
        list.put_long(self.out, count);
    }

    /// A header and an unsigned number.
    #[inline(always)]
    fn varint(&mut self, header: u8, number: u64) {
        if let Some(room) = self.room::<{ 1 + LONGEST }>()
            && let Some((to, room)) = room.split_first_mut()
            && let Some(room) = room.first_chunk_mut()
        {
            *to = header;
            self.at += 1 + put_varint(room, number);
        } else {
            self.last_varint(header, number);
        }
    }

    /// A number where there may be less room than for the longest.
    #[cold]
    #[inline(never)]
    fn last_varint(&mut self, header: u8, number: u64) {
        self.bytes(&[header]);
        let mut rest = number;
        while rest >= 0x80 {
            self.bytes(&[rest as u8 | CONTINUED]);
            rest >>= 7;
        }
        self.bytes(&[rest as u8]);
    }

    #[inline(always)]
    fn room<const N: usize>(&mut self) -> Option<&mut [u8; N]> {
        self.out.get_mut(self.at..)?.first_chunk_mut()
    }
}

impl List {
    /// A list whose header is at this place.
    pub(super) fn at(header: usize) -> Self {
        List { header }
    }

    /// Makes room for one more byte of the header: moves what stands between it and `end`.
    pub(super) fn grow(self, out: &mut [u8], end: usize) {
        let moved = out.get_mut(self.header..end + 1).unwrap_or(&mut []);
        let (words, rest) = moved.as_chunks_mut();
        let mut carried = 0;
        for bytes in words {
            let word = u64::from_le_bytes(*bytes);
            *bytes = (word << 8 | carried).to_le_bytes();
            carried = word >> 56;
        }
        let mut carried = carried as u8;
        for byte in rest {
            carried = core::mem::replace(byte, carried);
        }
    }

    /// Writes the count, for which [`list_header`] bytes are free.
    pub(super) fn put(self, out: &mut [u8], count: usize) {
        if count < 15 {
            self.put_short(out, count);
        } else {
            self.put_long(out, count);
        }
    }

    #[inline(always)]
    fn put_short(self, out: &mut [u8], count: usize) {
        if let Some(header) = out.get_mut(self.header) {
            *header = (count as u8) << 4 | STRUCT;
        }
    }

    fn put_long(self, out: &mut [u8], count: usize) {
        let mut cursor = Cursor::new(out, self.header);
        cursor.last_varint(COUNT_FOLLOWS | STRUCT, count as u64);
    }
}

/// Bytes of the header of a list of `count` elements.
#[inline(always)]
const fn list_header(count: usize) -> usize {
    match count {
        0..15 => 1,
        15..0x80 => 2,
        0x80..0x4000 => 3,
        0x4000..0x20_0000 => 4,
        _ => 5,
    }
}

/// Bytes by which the header of a list of `count` grows with one element more.
#[inline(always)]
pub(super) const fn list_growth(count: usize) -> usize {
    matches!(count + 1, 15 | 0x80 | 0x4000 | 0x20_0000) as usize
}

/// The text, or what a limit leaves of it.
#[inline(always)]
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
#[inline(always)]
const fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

/// Writes a varint and gives its length; the bytes behind it may change too.
///
/// In words of 32 bits, and without a loop for the ids, which take all bytes.
#[inline(always)]
fn put_varint(room: &mut [u8; LONGEST], number: u64) -> usize {
    let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9] = room;
    let (low, middle, high) = (number as u32, (number >> 28) as u32, (number >> 56) as u8);
    if number < 1 << 28 {
        return put_last([b0, b1, b2, b3], low);
    }
    put_continued([b0, b1, b2, b3], low);
    if high == 0 {
        return 4 + put_last([b4, b5, b6, b7], middle);
    }
    put_continued([b4, b5, b6, b7], middle);
    // The upper bit of the ninth byte is its continuation bit, and the tenth byte.
    (*b8, *b9) = (high, 1);
    9 + (high >> 7) as usize
}

/// Writes 28 bits that more follow.
#[inline(always)]
fn put_continued([a, b, c, d]: [&mut u8; 4], number: u32) {
    *a = number as u8 | CONTINUED;
    *b = (number >> 7) as u8 | CONTINUED;
    *c = (number >> 14) as u8 | CONTINUED;
    *d = (number >> 21) as u8 | CONTINUED;
}

/// Writes a number below 2^28 and gives its length.
#[inline(always)]
fn put_last([a, b, c, d]: [&mut u8; 4], number: u32) -> usize {
    *a = number as u8;
    if number < 1 << 7 {
        return 1;
    }
    *a |= CONTINUED;
    *b = (number >> 7) as u8;
    if number < 1 << 14 {
        return 2;
    }
    *b |= CONTINUED;
    *c = (number >> 14) as u8;
    if number < 1 << 21 {
        return 3;
    }
    *c |= CONTINUED;
    *d = (number >> 21) as u8;
    4
}

/// Copies between slices of one length; short ones without a call.
#[inline(always)]
fn copy(to: &mut [u8], from: &[u8]) {
    if to.len() != from.len() {
        return;
    }
    if from.len() <= 16 {
        if !(copy_ends::<8>(to, from) || copy_ends::<4>(to, from)) {
            for (to, from) in to.iter_mut().zip(from).take(3) {
                *to = *from;
            }
        }
        return;
    }
    to.copy_from_slice(from);
}

/// Copies `N` to `2 * N` bytes as the first and the last `N`.
#[inline(always)]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) -> bool {
    let (Some(head), Some(tail)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) else {
        return false;
    };
    if let Some(to) = to.first_chunk_mut() {
        *to = *head;
    }
    if let Some(to) = to.last_chunk_mut() {
        *to = *tail;
    }
    true
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// A varint byte by byte, as the specification says it.
    fn plain(mut number: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    }

    #[test]
    fn varints_of_every_length_with_any_room() {
        for bit in 0..64 {
            for number in [1 << bit, (1 << bit) - 1, u64::MAX >> bit, 0x5555 << bit] {
                let expected = plain(number);
                for room in 0..14 {
                    let mut out = [0xee; 14];
                    let mut cursor = Cursor::new(&mut out[..room], 1);
                    cursor.varint(7, number);
                    assert_eq!(cursor.at(), 2 + expected.len());
                    assert_eq!(cursor.fits(), room >= cursor.at());
                    if cursor.fits() {
                        assert_eq!(out[1], 7);
                        assert_eq!(out[2..][..expected.len()], expected);
                    }
                    assert!(out[room..].iter().all(|byte| *byte == 0xee));
                }
            }
        }
    }

    #[test]
    fn texts_of_every_length_with_any_room() {
        let text: Vec<u8> = (0..=255).collect();
        for length in 0..=255 {
            let text = &text[..length];
            let expected = [&[7][..], &plain(length as u64), text].concat();
            for room in [0, 1, 3, expected.len() - 1, expected.len(), 300] {
                let mut out = [0xee; 300];
                let mut cursor = Cursor::new(&mut out[..room], 0);
                cursor.text(7, text);
                assert_eq!(cursor.at(), expected.len());
                if cursor.fits() {
                    assert_eq!(out[..expected.len()], expected);
                }
                assert!(out[room..].iter().all(|byte| *byte == 0xee));
            }
        }
    }

    #[test]
    fn list_headers_of_every_length() {
        for count in [0, 1, 14, 15, 127, 128, 16_383, 16_384, 2_097_152] {
            let mut out = [0; 12];
            let mut cursor = Cursor::new(&mut out, 0);
            let list = cursor.begin_list(0x19);
            cursor.put([1, 2, 3]);
            cursor.end_list(list, count);
            let header = if count < 15 {
                [(count as u8) << 4 | 0xc].to_vec()
            } else {
                [&[0xfc][..], &plain(count as u64)].concat()
            };
            assert_eq!(header.len(), list_header(count));
            let expected = [&[0x19][..], &header, &[1, 2, 3]].concat();
            assert_eq!(cursor.at(), expected.len());
            assert_eq!(out[..expected.len()], expected);
        }
    }

    #[test]
    fn zigzag_keeps_small_magnitudes_small() {
        let numbers = [0, -1, 1, -2, i64::MAX, i64::MIN];
        assert_eq!(numbers.map(zigzag), [0, 1, 2, 3, u64::MAX - 1, u64::MAX]);
    }
}
