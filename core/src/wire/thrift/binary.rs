//! Thrift's binary protocol.
//!
//! Source: `doc/specs/thrift-binary-protocol.md` of Apache Thrift.

use crate::arch::inline_on_servers;
use crate::record::Record;
use crate::wire::EncodeContext;
use crate::wire::cut::Cut;
use crate::wire::out::Out;

use super::protocol::{Field, Protocol, STOP, kind};
use super::span::put_span;

/// The binary protocol.
#[derive(Clone, Copy, Debug)]
pub enum Binary {}

/// Types of fields and elements.
mod types {
    pub(super) const BOOL: u8 = 2;
    pub(super) const DOUBLE: u8 = 4;
    pub(super) const I32: u8 = 8;
    pub(super) const I64: u8 = 10;
    pub(super) const TEXT: u8 = 11;
    pub(super) const STRUCT: u8 = 12;
    pub(super) const LIST: u8 = 15;
}

impl Protocol for Binary {
    const LIST: usize = 3 + Self::COUNT;
    const COUNT: usize = 5;

    #[inline(never)]
    fn put_span(
        out: Out<'_, Self>,
        record: &Record<'_>,
        context: &EncodeContext<'_>,
        cut: Cut,
    ) -> Option<usize> {
        put_span(out, record, context, cut)
    }

    inline_on_servers! {
        fn number(out: Out<'_, Self>, field: u8, number: i64) -> Out<'_, Self> {
            let out = out.put([types::I64, 0, field]);
            out.put(number.to_be_bytes())
        }
    }

    #[inline(always)]
    fn small(out: Out<'_, Self>, field: Field, number: u8) -> Out<'_, Self> {
        out.put([types::I32, 0, field.number, 0, 0, 0, number])
    }

    inline_on_servers! {
        fn text<'o>(out: Out<'o, Self>, field: u8, text: &[u8]) -> Out<'o, Self> {
            let out = out.put([types::TEXT, 0, field]);
            out.put((text.len() as u32).to_be_bytes()).few_bytes(text)
        }
    }

    #[inline(always)]
    fn structure(out: Out<'_, Self>, field: u8) -> Out<'_, Self> {
        out.put([types::STRUCT, 0, field])
    }

    inline_on_servers! {
        fn list(out: Out<'_, Self>, field: Field, count: usize, left: usize) -> Out<'_, Self> {
            let written = out.left() - left;
            let (list, rest) = out.take(written);
            let list = Out::<Self>::new(list).put([types::LIST, 0, field.number]);
            Self::put_count(list.into_room(), count);
            rest
        }
    }

    fn begin_list(out: Out<'_, Self>, field: u8) -> Option<usize> {
        out.end([STOP, types::LIST, 0, field, 0, 0, 0, 0, 0])
    }

    #[inline(always)]
    fn put_count(out: &mut [u8], count: usize) {
        let out = Out::<Self>::new(out).put([types::STRUCT]);
        out.put((count as u32).to_be_bytes());
    }

    #[inline(always)]
    fn list_growth(_: usize) -> usize {
        0
    }

    inline_on_servers! {
        fn text_value<'o>(out: Out<'o, Self>, text: &[u8]) -> Out<'o, Self> {
            Self::text(put_kind(out, kind::STRING), 3, text).put([STOP])
        }
    }

    #[inline(always)]
    fn begin_text_value(out: Out<'_, Self>, length: u8) -> Out<'_, Self> {
        put_kind(out, kind::STRING).put([types::TEXT, 0, 3, 0, 0, 0, length])
    }

    inline_on_servers! {
        fn long_value(out: Out<'_, Self>, number: i64) -> Out<'_, Self> {
            Self::number(put_kind(out, kind::LONG), 6, number).put([STOP])
        }
    }

    #[inline(never)]
    fn double_value(out: Out<'_, Self>, bits: u64) -> Out<'_, Self> {
        let out = put_kind(out, kind::DOUBLE).put([types::DOUBLE, 0, 4]);
        out.put(bits.to_be_bytes()).put([STOP])
    }

    #[inline(never)]
    fn bool_value(out: Out<'_, Self>, on: bool) -> Out<'_, Self> {
        put_kind(out, kind::BOOL).put([types::BOOL, 0, 5, on as u8, STOP])
    }

    #[inline(never)]
    fn binary_value<'o>(out: Out<'o, Self>, bytes: &[u8]) -> Out<'o, Self> {
        Self::text(put_kind(out, kind::BINARY), 7, bytes).put([STOP])
    }
}

/// Writes the field of a tag that is its type.
#[inline(always)]
fn put_kind(out: Out<'_, Binary>, kind: u8) -> Out<'_, Binary> {
    Binary::small(out, Field::next(2), kind)
}
