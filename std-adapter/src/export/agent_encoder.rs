//! The encoder of a server's packets.

use std::ops::Range;

use picojaeger_core::adapter::record::Record;
use picojaeger_core::wire::{Batch, EncodeContext, Encoder, Push, ThriftCompact};

/// Encoder of Thrift compact that keeps the operation of the last span that fitted no packet.
#[derive(Debug, Default)]
pub(crate) struct AgentEncoder {
    thrift: ThriftCompact,
    too_large: Option<String>,
}

impl AgentEncoder {
    /// Returns the operation of the last span that fitted no packet, even when truncated.
    pub(crate) fn too_large(&self) -> Option<&str> {
        self.too_large.as_deref()
    }

    /// Keeps the operation of a span that fitted no packet.
    // Cold and not inlined: it allocates, and `push` runs for every span.
    #[cold]
    #[inline(never)]
    fn note(&mut self, record: &Record<'_>) {
        self.too_large = Some(record.operation().into());
    }
}

impl Encoder for AgentEncoder {
    fn begin(&mut self, out: &mut [u8], batch: &Batch<'_>) -> bool {
        self.thrift.begin(out, batch)
    }

    #[inline]
    fn push(&mut self, out: &mut [u8], record: &Record<'_>, context: &EncodeContext<'_>) -> Push {
        let push = self.thrift.push(out, record, context);
        if push == Push::TooLarge {
            self.note(record);
        }
        push
    }

    fn finish(&mut self, out: &mut [u8]) -> Range<usize> {
        self.thrift.finish(out)
    }

    fn spans(&self) -> usize {
        self.thrift.spans()
    }
}
