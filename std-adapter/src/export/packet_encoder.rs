//! The encoder of a server's packets.

use std::ops::Range;

use picojaeger_core::adapter::record::Record;
use picojaeger_core::wire::{Batch, EncodeContext, Encoder, Push, ThriftBatch, ThriftCompact};

use crate::config::{CollectorSettings, Protocol};

/// Encoder of the format that the settings name; keeps the operation of the last span that fitted
/// no packet.
#[derive(Debug)]
pub(crate) struct PacketEncoder {
    format: Format,
    /// The most spans of a packet.
    most: usize,
    too_large: Option<String>,
}

/// One encoder of each format.
#[derive(Debug)]
enum Format {
    Agent(ThriftCompact),
    Collector(ThriftBatch),
}

/// Calls a method of the encoder of a format.
macro_rules! of_format {
    ($format:expr, $encoder:ident => $call:expr) => {
        match $format {
            Format::Agent($encoder) => $call,
            Format::Collector($encoder) => $call,
        }
    };
}

impl PacketEncoder {
    /// Makes an encoder of packets to a collector, or to an agent.
    pub(crate) fn new(collector: Option<&CollectorSettings>) -> Self {
        let format = match collector.map(|collector| collector.protocol) {
            None => Format::Agent(ThriftCompact::new()),
            Some(Protocol::Thrift | Protocol::Otlp) => Format::Collector(ThriftBatch::new()),
        };
        PacketEncoder {
            format,
            most: collector.map_or(usize::MAX, |it| it.max_batch_spans),
            too_large: None,
        }
    }

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

impl Encoder for PacketEncoder {
    fn begin(&mut self, out: &mut [u8], batch: &Batch<'_>) -> bool {
        of_format!(&mut self.format, encoder => encoder.begin(out, batch))
    }

    #[inline]
    fn push(&mut self, out: &mut [u8], record: &Record<'_>, context: &EncodeContext<'_>) -> Push {
        if self.spans() >= self.most {
            return Push::Full;
        }
        let push = of_format!(&mut self.format, encoder => encoder.push(out, record, context));
        if push == Push::TooLarge {
            self.note(record);
        }
        push
    }

    fn finish(&mut self, out: &mut [u8]) -> Range<usize> {
        of_format!(&mut self.format, encoder => encoder.finish(out))
    }

    fn spans(&self) -> usize {
        of_format!(&self.format, encoder => encoder.spans())
    }
}
