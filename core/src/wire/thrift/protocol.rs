//! What Thrift's protocols write differently.

use crate::record::Record;
use crate::wire::EncodeContext;
use crate::wire::cut::Cut;
use crate::wire::out::Out;

/// The end of a struct.
pub(super) const STOP: u8 = 0;

/// A field of a struct: its number, and how many fields before it are left out.
#[derive(Clone, Copy)]
pub struct Field {
    pub(super) number: u8,
    pub(super) skipped: u8,
}

impl Field {
    /// The field behind the one that was written.
    pub(super) const fn next(number: u8) -> Self {
        Field { number, skipped: 0 }
    }

    /// The field whose neighbour before may be left out.
    pub(super) const fn next_or_skipping(number: u8, skips: bool) -> Self {
        let skipped = skips as u8;
        Field { number, skipped }
    }
}

/// The primitives of a protocol, of which all structs are made.
///
/// A field that is given by its number only follows its neighbour. The values of tags end their
/// struct; before them only the key was written.
pub trait Protocol: Sized {
    /// Bytes of the headers of a field that is a short list of structs.
    const LIST: usize;
    /// Of these, the bytes that hold the number of elements.
    const COUNT: usize;

    /// Writes a span; gives how many bytes are left, unless it did not fit.
    ///
    /// Each protocol has its own, so that this crate compiles it and not the one that uses it.
    fn put_span(
        out: Out<'_, Self>,
        record: &Record<'_>,
        context: &EncodeContext<'_>,
        cut: Cut,
    ) -> Option<usize>;

    /// Writes a field that is a number of 64 bits.
    fn number(out: Out<'_, Self>, field: u8, number: i64) -> Out<'_, Self>;
    /// Writes a field of 32 bits whose number is below 64.
    fn small(out: Out<'_, Self>, field: Field, number: u8) -> Out<'_, Self>;
    /// Writes a field that is text.
    fn text<'o>(out: Out<'o, Self>, field: u8, text: &[u8]) -> Out<'o, Self>;
    /// Begins a field that is a struct.
    fn structure(out: Out<'_, Self>, field: u8) -> Out<'_, Self>;

    /// Ends a list of so many structs, whose elements left so many bytes: writes its headers
    /// before them, for which [`LIST`](Self::LIST) bytes were left.
    fn list(out: Out<'_, Self>, field: Field, count: usize, left: usize) -> Out<'_, Self>;
    /// Ends a struct and begins the field behind, a list; gives how many bytes are left, unless
    /// not all was written.
    fn begin_list(out: Out<'_, Self>, field: u8) -> Option<usize>;
    /// Writes the number of elements, for which its bytes are free.
    fn put_count(out: &mut [u8], count: usize);
    /// Bytes by which the headers of a list of `count` grow with one element more.
    fn list_growth(count: usize) -> usize;

    /// Writes a tag's text.
    fn text_value<'o>(out: Out<'o, Self>, text: &[u8]) -> Out<'o, Self>;
    /// Writes what precedes a tag's text of fewer than 64 bytes, which the caller ends.
    fn begin_text_value(out: Out<'_, Self>, length: u8) -> Out<'_, Self>;
    /// Writes a tag's number of 64 bits.
    fn long_value(out: Out<'_, Self>, number: i64) -> Out<'_, Self>;
    /// Writes a tag's floating-point number.
    fn double_value(out: Out<'_, Self>, bits: u64) -> Out<'_, Self>;
    /// Writes a tag's truth value.
    fn bool_value(out: Out<'_, Self>, on: bool) -> Out<'_, Self>;
    /// Writes a tag's bytes.
    fn binary_value<'o>(out: Out<'o, Self>, bytes: &[u8]) -> Out<'o, Self>;
}

/// A tag's type, the enumeration `TagType`.
pub(super) mod kind {
    pub(in super::super) const STRING: u8 = 0;
    pub(in super::super) const DOUBLE: u8 = 1;
    pub(in super::super) const BOOL: u8 = 2;
    pub(in super::super) const LONG: u8 = 3;
    pub(in super::super) const BINARY: u8 = 4;
}
