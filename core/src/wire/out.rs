//! What is left of a lent buffer.

use core::marker::PhantomData;

use crate::arch::{
    CONTINUED, IS_KERNEL, copy_bytes, copy_many_bytes, inline_on_servers, put_varint,
};

/// The rest of a lent buffer, which the format `F` is written to.
///
/// Each call writes at its start and gives what is left behind that. One that
/// finds no room leaves nothing, so the last byte of a structure shows whether
/// all of it was written.
pub struct Out<'o, F>(&'o mut [u8], PhantomData<F>);

impl<'o, F> Out<'o, F> {
    #[inline]
    pub(super) fn new(out: &'o mut [u8]) -> Self {
        Out(out, PhantomData)
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

    /// A part of `N` bytes, for all of which room is looked for once.
    #[inline(always)]
    pub(super) fn part<const N: usize>(self, put: impl FnOnce(Out<'_, F>) -> Out<'_, F>) -> Self {
        let (room, rest) = self.take(N);
        if let Some(room) = room.first_chunk_mut::<N>() {
            put(Out::new(room));
        }
        rest
    }

    /// What is left behind a part that left so many bytes.
    #[inline]
    pub(super) fn behind_part(self, left: usize) -> Self {
        let written = self.left() - left;
        self.take(written).1
    }

    /// The last bytes; gives how many are left, unless not all was written.
    #[inline]
    pub(super) fn end<const N: usize>(self, bytes: [u8; N]) -> Option<usize> {
        let (room, rest) = self.0.split_first_chunk_mut()?;
        *room = bytes;
        Some(rest.len())
    }

    /// Bytes as they are, up to 16 without a call.
    #[inline(always)]
    pub(super) fn few_bytes(self, bytes: &[u8]) -> Self {
        let (room, rest) = self.take(bytes.len());
        copy_bytes(bytes, room);
        rest
    }

    /// Bytes as they are.
    pub(super) fn bytes(self, bytes: &[u8]) -> Self {
        let (room, rest) = self.take(bytes.len());
        copy_many_bytes(bytes, room);
        rest
    }

    /// Room for so many bytes, and what is left then; neither if there are fewer.
    #[inline]
    pub(super) fn take(self, length: usize) -> (&'o mut [u8], Self) {
        if length > self.0.len() {
            let (nothing, _) = self.0.split_at_mut(0);
            return (&mut [], Out::new(nothing));
        }
        let (room, rest) = self.0.split_at_mut(length);
        (room, Out::new(rest))
    }

    /// The same rest, for a part whose beginning is written last; behind as many bytes.
    #[inline]
    pub(super) fn behind(&mut self, length: usize) -> Out<'_, F> {
        Out::new(&mut *self.0).take(length).1
    }

    /// All that is left.
    #[inline]
    pub(super) fn into_room(self) -> &'o mut [u8] {
        self.0
    }

    inline_on_servers! {
        /// An unsigned number, seven bits to a byte.
        pub(super) fn varint(self, number: u64) -> Self {
            match self.0.first_chunk_mut() {
                Some(room) if !IS_KERNEL => {
                    let length = put_varint(room, number);
                    Out::new(self.0.get_mut(length..).unwrap_or_default())
                }
                _ => self.last_varint(number),
            }
        }
    }

    /// A number where there may be less room than for the longest.
    #[cold]
    #[inline(never)]
    pub(super) fn last_varint(mut self, number: u64) -> Self {
        let mut rest = number;
        while rest >= CONTINUED as u64 {
            self = self.put([rest as u8 | CONTINUED]);
            rest >>= 7;
        }
        self.put([rest as u8])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::tests::plain_varint;

    #[test]
    fn varints_of_every_length_with_any_room() {
        for bit in 0..64 {
            for number in [1 << bit, (1 << bit) - 1, u64::MAX >> bit, 0x5555 << bit] {
                let expected = plain_varint(number);
                for room in 0..16 {
                    let mut out = [0xee; 17];
                    let left = Out::<()>::new(&mut out[..=room]).varint(number).end([0x77]);
                    assert_eq!(left.is_some(), room >= expected.len());
                    if left.is_some() {
                        assert_eq!(out[..expected.len()], expected);
                        assert_eq!(out[expected.len()], 0x77);
                    }
                    assert!(out[room + 1..].iter().all(|byte| *byte == 0xee));
                }
            }
        }
    }
}
