//! Bound on the memory that one datagram may take: each allocation is charged before it is made.

use std::cell::Cell;
use std::io::{self, Read};

use super::decode::DecodeError;

/// Size of the largest datagram that UDP can carry.
pub(super) const MAX_DATAGRAM: usize = 65_535;

/// Heap that one datagram may expand to. The string being read (64 KiB at most) comes on top, so
/// the sum stays below 1 MiB.
const HEAP: usize = 896 * 1024;

/// Heap that each byte of a body may expand to. The smallest span that a client sends, of some 60 bytes in protobuf, takes
/// less than 12 for each.
#[cfg(any(feature = "collector", feature = "testing"))]
const BODY_FACTOR: usize = 24;

/// An allocator's own overhead for one block, rounded up.
const BLOCK: usize = 16;

/// Bytes of the datagram not yet read, and of heap not yet charged.
#[derive(Debug)]
pub(super) struct Budget {
    wire: Cell<usize>,
    heap: Cell<usize>,
    exceeded: DecodeError,
}

impl Budget {
    pub(super) fn new(datagram: &[u8]) -> Self {
        Self {
            wire: Cell::new(datagram.len()),
            heap: Cell::new(HEAP),
            exceeded: DecodeError::TooExpensive,
        }
    }

    /// Makes the budget of a request's body, which may have any length.
    #[cfg(any(feature = "collector", feature = "testing"))]
    pub(super) fn of_body(body: &[u8]) -> Self {
        Self {
            wire: Cell::new(body.len()),
            heap: Cell::new(body.len().saturating_mul(BODY_FACTOR).saturating_add(HEAP)),
            exceeded: DecodeError::BodyTooExpensive,
        }
    }

    /// Makes a budget that is never used up, for what is in memory already.
    #[cfg(feature = "collector")]
    pub(super) const fn unlimited() -> Self {
        Self {
            wire: Cell::new(0),
            heap: Cell::new(usize::MAX),
            exceeded: DecodeError::BodyTooExpensive,
        }
    }

    /// Bytes of the datagram not yet read.
    pub(super) fn unread(&self) -> usize {
        self.wire.get()
    }

    /// Charges one block of `bytes`; an empty one costs nothing.
    pub(super) fn charge(&self, bytes: usize) -> Result<(), DecodeError> {
        if bytes == 0 {
            return Ok(());
        }
        let left = self.heap.get().checked_sub(bytes.saturating_add(BLOCK));
        self.heap.set(left.ok_or_else(|| self.exceeded.clone())?);
        Ok(())
    }

    /// Copies text. Clients may cut it in the middle of a character, so bytes that are not UTF-8 become replacement
    /// characters. The length is known, and charged, before it is allocated, which `String::from_utf8_lossy` cannot offer.
    pub(super) fn text(&self, bytes: &[u8]) -> Result<String, DecodeError> {
        const REPLACEMENT: &str = "\u{fffd}";
        let pieces = || {
            bytes.utf8_chunks().flat_map(|chunk| {
                let bad = !chunk.invalid().is_empty();
                [chunk.valid(), if bad { REPLACEMENT } else { "" }]
            })
        };
        let length = pieces().map(str::len).sum();
        self.charge(length)?;
        let mut text = String::with_capacity(length);
        text.extend(pieces());
        Ok(text)
    }

    /// Charges a list of `count` elements of type `T` with `extra` bytes each, every one of which
    /// takes at least `min_wire` bytes of the datagram, and gives the list room for exactly these.
    pub(super) fn list<T>(
        &self,
        count: usize,
        min_wire: usize,
        extra: usize,
    ) -> Result<Vec<T>, DecodeError> {
        if count > self.unread() / min_wire.max(1) {
            return Err(DecodeError::Truncated);
        }
        self.room(count, extra)
    }

    /// Charges a list of `count` elements of type `T` with `extra` bytes each, and gives it room for exactly these.
    pub(super) fn room<T>(&self, count: usize, extra: usize) -> Result<Vec<T>, DecodeError> {
        self.charge(count.saturating_mul(size_of::<T>() + extra))?;
        Ok(Vec::with_capacity(count))
    }
}

#[cfg(test)]
impl Budget {
    /// Heap that was charged so far, in bytes.
    pub(super) fn charged(&self) -> usize {
        HEAP - self.heap.get()
    }
}

/// The datagram as the `thrift` crate reads it; the budget knows how much is left.
#[derive(Debug)]
pub(super) struct Wire<'a> {
    rest: &'a [u8],
    budget: &'a Budget,
}

impl<'a> Wire<'a> {
    pub(super) fn new(datagram: &'a [u8], budget: &'a Budget) -> Self {
        Self {
            rest: datagram,
            budget,
        }
    }
}

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.rest.read(buffer)?;
        self.budget.wire.set(self.rest.len());
        Ok(read)
    }
}
