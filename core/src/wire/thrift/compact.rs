//! Thrift's compact protocol.
//!
//! Source: `doc/specs/thrift-compact-protocol.md` of Apache Thrift.

use crate::arch::{
    CONTINUED, IS_KERNEL, SHORT_TEXT, copy_bytes, inline_on_servers, insert_first, is_small,
};
use crate::record::Record;
use crate::wire::EncodeContext;
use crate::wire::cut::Cut;
use crate::wire::out::Out;

use super::protocol::{Field, Protocol, STOP, kind};
use super::span::put_span;

/// The compact protocol.
#[derive(Clone, Copy, Debug)]
pub enum Compact {}

/// Field headers: distance from the field before, and type.
mod header {
    pub(super) const DOUBLE: u8 = 0x07;
    pub(super) const I32: u8 = 0x15;
    pub(super) const I64: u8 = 0x16;
    pub(super) const TEXT: u8 = 0x18;
    pub(super) const LIST: u8 = 0x19;
    pub(super) const STRUCT: u8 = 0x1c;
    /// Added where a field before is left out, once for each.
    pub(super) const SKIP: u8 = 0x10;
}

/// The element type in a list header.
const STRUCT: u8 = 0xc;
/// A list header that is followed by the count.
const COUNT_FOLLOWS: u8 = 0xf0;

impl Protocol for Compact {
    const LIST: usize = 2;
    const COUNT: usize = 1;

    #[inline(never)]
    fn put_span(
        out: Out<'_, Self>,
        record: &Record<'_>,
        context: &EncodeContext<'_>,
        cut: Cut,
    ) -> Option<usize> {
        put_span(out, record, context, cut)
    }

    #[inline(always)]
    fn number(out: Out<'_, Self>, _: u8, number: i64) -> Out<'_, Self> {
        out.number(number)
    }

    #[inline(always)]
    fn small(out: Out<'_, Self>, field: Field, number: u8) -> Out<'_, Self> {
        // Below 64, so a single byte.
        out.put([header::I32 + skipped(field), number << 1])
    }

    #[inline(always)]
    fn text<'o>(out: Out<'o, Self>, _: u8, text: &[u8]) -> Out<'o, Self> {
        out.text(text)
    }

    #[inline(always)]
    fn structure(out: Out<'_, Self>, _: u8) -> Out<'_, Self> {
        out.put([header::STRUCT])
    }

    #[inline(always)]
    fn list(out: Out<'_, Self>, field: Field, count: usize, left: usize) -> Out<'_, Self> {
        out.list(header::LIST + skipped(field), count, left)
    }

    #[inline(always)]
    fn begin_list(out: Out<'_, Self>, _: u8) -> Option<usize> {
        out.end([STOP, header::LIST, 0])
    }

    #[inline(always)]
    fn put_count(out: &mut [u8], count: usize) {
        put_list_header(out, count);
    }

    #[inline(always)]
    fn list_growth(count: usize) -> usize {
        matches!(count + 1, 15 | 0x80 | 0x4000 | 0x20_0000) as usize
    }

    inline_on_servers! {
        fn text_value<'o>(out: Out<'o, Self>, text: &[u8]) -> Out<'o, Self> {
            out.put(kind_field(kind::STRING)).text(text).put([STOP])
        }
    }

    #[inline(always)]
    fn begin_text_value(out: Out<'_, Self>, length: u8) -> Out<'_, Self> {
        let [field, kind] = kind_field(kind::STRING);
        out.put([field, kind, header::TEXT, length])
    }

    inline_on_servers! {
        fn long_value(out: Out<'_, Self>, number: i64) -> Out<'_, Self> {
            let [field, kind] = kind_field(kind::LONG);
            let header = header::I64 + 3 * header::SKIP;
            if !IS_KERNEL && is_small(number) {
                return out.put([field, kind, header, (number as u8) << 1, STOP]);
            }
            out.put([field, kind, header])
                .varint(zigzag(number))
                .put([STOP])
        }
    }

    #[inline(never)]
    fn double_value(out: Out<'_, Self>, bits: u64) -> Out<'_, Self> {
        let [field, kind] = kind_field(kind::DOUBLE);
        let header = header::DOUBLE + 2 * header::SKIP;
        let [a, b, c, d, e, f, g, h] = bits.to_le_bytes();
        out.put([field, kind, header, a, b, c, d, e, f, g, h, STOP])
    }

    /// The header of a boolean has its value: 1 is true, 2 is false.
    #[inline(never)]
    fn bool_value(out: Out<'_, Self>, on: bool) -> Out<'_, Self> {
        let [field, kind] = kind_field(kind::BOOL);
        out.put([field, kind, 0x32 - on as u8, STOP])
    }

    #[inline(never)]
    fn binary_value<'o>(out: Out<'o, Self>, bytes: &[u8]) -> Out<'o, Self> {
        let [field, kind] = kind_field(kind::BINARY);
        let out = out.put([field, kind, header::TEXT + 4 * header::SKIP]);
        out.binary(bytes).put([STOP])
    }
}

/// The field of a tag that is its type.
#[inline(always)]
const fn kind_field(kind: u8) -> [u8; 2] {
    [header::I32, kind << 1]
}

/// The part of a field's header that stands for the fields before it that are left out.
#[inline(always)]
const fn skipped(field: Field) -> u8 {
    field.skipped * header::SKIP
}

impl Out<'_, Compact> {
    inline_on_servers! {
        /// The next field, if it is a number of 64 bits.
        fn number(self, number: i64) -> Self {
            if !IS_KERNEL && is_small(number) {
                return self.put([header::I64, (number as u8) << 1]);
            }
            self.put([header::I64]).varint(zigzag(number))
        }
    }

    inline_on_servers! {
        /// The next field, if it is text: the text behind its length.
        fn text(self, text: &[u8]) -> Self {
            if text.len() > SHORT_TEXT {
                return self.put([header::TEXT]).binary(text);
            }
            let (room, rest) = self.take(2 + text.len());
            if let [header, length, room @ ..] = room {
                (*header, *length) = (header::TEXT, text.len() as u8);
                copy_bytes(text, room);
            }
            rest
        }
    }

    /// Bytes behind their length.
    #[cold]
    #[inline(never)]
    fn binary(self, bytes: &[u8]) -> Self {
        self.last_varint(bytes.len() as u64).bytes(bytes)
    }

    inline_on_servers! {
        /// Ends a list of so many structs, whose elements left so many bytes: writes
        /// its headers before them.
        fn list(self, header: u8, count: usize, left: usize) -> Self {
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
        let mut list = self.put([header, COUNT_FOLLOWS | STRUCT]).into_room();
        let (elements, mut rest) = (list.len().saturating_sub(left), count);
        loop {
            // The count goes before the elements, from its first byte to its last.
            let more = rest >> 7 != 0;
            let byte = rest as u8 & !CONTINUED | (more as u8) << 7;
            insert_first(byte, list.get_mut(..=elements).unwrap_or_default());
            list = Out::<Compact>::new(list).take(1).1.into_room();
            rest >>= 7;
            if !more {
                return Out::new(list).take(elements).1;
            }
        }
    }
}

/// Writes the header of a list of structs, for which its bytes are free.
fn put_list_header(out: &mut [u8], count: usize) {
    if count >= 15 {
        let out = Out::<Compact>::new(out).put([COUNT_FOLLOWS | STRUCT]);
        out.last_varint(count as u64);
    } else if let Some(header) = out.first_mut() {
        *header = (count as u8) << 4 | STRUCT;
    }
}

/// Small magnitudes become small numbers, whatever their sign.
#[inline]
const fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::arch::tests::plain_varint;

    /// The bytes that were written into so much room, if they found room; nothing is written
    /// behind that.
    fn written(room: usize, put: impl Fn(Out<'_, Compact>) -> Out<'_, Compact>) -> Option<Vec<u8>> {
        let mut out = [0xee; 400];
        let left = put(Out::new(&mut out[..room + 1])).end([END]);
        assert!(out[room + 1..].iter().all(|byte| *byte == 0xee));
        let end = room - left?;
        assert_eq!(out[end], END);
        Some(out[..end].to_vec())
    }

    const END: u8 = 0x77;

    #[test]
    fn texts_of_every_length_with_any_room() {
        let text: Vec<u8> = (0..=255).collect();
        for length in 0..=255 {
            let text = &text[..length];
            let expected = [&[header::TEXT][..], &plain_varint(length as u64), text].concat();
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
                    let left = out.behind(Compact::LIST).put([1, 2, 3]).left();
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
                assert_eq!(
                    Compact::list_growth(count),
                    grown,
                    "with {count} and one more"
                );
            }
        }
    }

    #[test]
    fn zigzag_keeps_small_magnitudes_small() {
        let numbers = [0, -1, 1, -2, i64::MAX, i64::MIN];
        assert_eq!(numbers.map(zigzag), [0, 1, 2, 3, u64::MAX - 1, u64::MAX]);
    }
}
