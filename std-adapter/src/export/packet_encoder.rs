//! The encoder of a server's packets.

use std::ops::Range;

use picojaeger_core::adapter::record::Record;
use picojaeger_core::wire::{
    Batch, EncodeContext, Encoder, Otlp, Push, ThriftBatch, ThriftBinary, ThriftCompact,
};

use crate::config::{AgentProtocol, Protocol, Settings};

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
    Compact(ThriftCompact),
    Binary(ThriftBinary),
    Batch(ThriftBatch),
    Otlp(Otlp),
}

/// Calls a method of the encoder of a format.
macro_rules! of_format {
    ($format:expr, $encoder:ident => $call:expr) => {
        match $format {
            Format::Compact($encoder) => $call,
            Format::Binary($encoder) => $call,
            Format::Batch($encoder) => $call,
            Format::Otlp($encoder) => $call,
        }
    };
}

impl PacketEncoder {
    /// Makes an encoder of packets to the collector, or without one to the agent.
    pub(crate) fn new(settings: &Settings) -> Self {
        let collector = settings.collector.as_ref();
        let format = match collector.map(|collector| collector.protocol) {
            Some(Protocol::Thrift) => Format::Batch(ThriftBatch::new()),
            Some(Protocol::Otlp) => Format::Otlp(Otlp::new()),
            None if settings.agent.protocol == AgentProtocol::Binary => {
                Format::Binary(ThriftBinary::new())
            }
            None => Format::Compact(ThriftCompact::new()),
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

#[cfg(test)]
mod tests {
    use picojaeger_core::wire::{ClientStats, Process};

    use super::*;
    use crate::config::{Config, Sampler};

    /// The first byte of a packet by these settings.
    fn first(configure: impl FnOnce(Config) -> Config) -> u8 {
        let config = configure(Config::new("s").sampler(Sampler::Const(true)));
        let mut encoder = PacketEncoder::new(&config.resolve().unwrap());
        let (process, mut buffer) = (Process::new("s"), [0; 256]);
        assert!(encoder.begin(&mut buffer, &Batch::new(&process, 1, ClientStats::NONE)));
        let place = encoder.finish(&mut buffer);
        buffer[place][0]
    }

    #[test]
    fn the_settings_choose_the_format() {
        assert_eq!(first(|config| config), 0x82);
        assert_eq!(first(|config| config.agent_port(6832)), 0x80);
        #[cfg(feature = "http")]
        {
            assert_eq!(first(|config| config.collector("http://c:1")), 0x0c);
            assert_eq!(first(|config| config.otlp("http://c:1")), 0x0a);
            let both = |config: Config| config.agent_port(6832).otlp("http://c:1");
            assert_eq!(first(both), 0x0a, "an endpoint wins over the agent");
        }
    }
}
