//! The message around a batch, and its absence.

use crate::wire::out::Out;

use super::binary::Binary;
use super::compact::Compact;
use super::protocol::{Protocol, STOP};

/// The bytes around a batch, and the protocol that all of it is written in.
pub trait Envelope {
    /// The protocol.
    type Protocol: Protocol;

    /// Writes what precedes the fields of the process.
    fn begin(out: Out<'_, Self::Protocol>) -> Out<'_, Self::Protocol>;
    /// Ends the statistics, the batch, and what is around it; gives how many bytes are left, unless
    /// not all was written.
    fn end(out: Out<'_, Self::Protocol>) -> Option<usize>;
}

/// The agent's oneway message `emitBatch` in the compact protocol, with sequence id 0.
#[derive(Clone, Copy, Debug)]
pub enum CompactMessage {}

impl Envelope for CompactMessage {
    type Protocol = Compact;

    #[inline(always)]
    fn begin(out: Out<'_, Compact>) -> Out<'_, Compact> {
        // Version 1, then the headers of batch and process.
        out.put(*b"\x82\x81\x00\x09emitBatch\x1c\x1c")
    }

    #[inline(always)]
    fn end(out: Out<'_, Compact>) -> Option<usize> {
        out.end([STOP; 3])
    }
}

/// The agent's oneway message `emitBatch` in the strict binary protocol, with sequence id 0.
#[derive(Clone, Copy, Debug)]
pub enum BinaryMessage {}

impl Envelope for BinaryMessage {
    type Protocol = Binary;

    #[inline(always)]
    fn begin(out: Out<'_, Binary>) -> Out<'_, Binary> {
        let out = out.put(*b"\x80\x01\x00\x04\x00\x00\x00\x09emitBatch\x00\x00\x00\x00");
        BinaryBatch::begin(Binary::structure(out, 1))
    }

    #[inline(always)]
    fn end(out: Out<'_, Binary>) -> Option<usize> {
        out.end([STOP; 3])
    }
}

/// A batch by itself in the binary protocol.
#[derive(Clone, Copy, Debug)]
pub enum BinaryBatch {}

impl Envelope for BinaryBatch {
    type Protocol = Binary;

    #[inline(always)]
    fn begin(out: Out<'_, Binary>) -> Out<'_, Binary> {
        Binary::structure(out, 1)
    }

    #[inline(always)]
    fn end(out: Out<'_, Binary>) -> Option<usize> {
        out.end([STOP; 2])
    }
}
