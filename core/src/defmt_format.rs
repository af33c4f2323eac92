//! `defmt` formats of the types that show more, or less, than their fields.
//!
//! Formats of plain types are derived where these stand. None uses `Display`, whose code takes
//! kilobytes.

use core::mem::MaybeUninit;

use defmt::{Format, Formatter, write};

use crate::context::{Flags, SpanContext};
use crate::id::{SpanId, TraceId};
use crate::packet_builder::Packet;
use crate::record::{AreaBytes, ByteArea};
use crate::ring::FrameRing;
use crate::span::Span;
use crate::stats::Stats;
use crate::time::VariableClock;
use crate::tracer::{Incoming, PacketReporter, Platform, Ring, SpanRing, Tracer};
use crate::value::Utf8Char;
use crate::wire::{Encoder, Process};

/// Writes the sums of [`Stats`], in 24 bytes and the number of the format; its fields have formats for
/// the rest.
impl Format for Stats {
    fn format(&self, f: Formatter<'_>) {
        // The low halves, since 64 bits take twice the line: a chip seldom makes 4 billion spans.
        write!(
            f,
            "{} sampled: {} open, {} queued, {} delivered, {} lost, {} cleared",
            self.sampled as u32,
            self.open as u32,
            self.queued as u32,
            self.delivered as u32,
            self.lost.total() as u32,
            self.cleared as u32
        );
    }
}

impl Format for TraceId {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "{:016x}{:016x}", self.high(), self.low());
    }
}

impl Format for SpanId {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "{:016x}", self.get());
    }
}

impl Format for Flags {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "{:x}", self.wire());
    }
}

impl Format for SpanContext {
    fn format(&self, f: Formatter<'_>) {
        write!(
            f,
            "{}:{}:0:{}",
            self.trace_id(),
            self.span_id(),
            self.flags()
        );
    }
}

impl Format for Utf8Char {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "{=[u8]}", self.as_bytes());
    }
}

impl Format for Incoming<'_> {
    fn format(&self, f: Formatter<'_>) {
        use crate::context::ToContext as _;
        write!(f, "Incoming({})", self.to_context());
    }
}

impl Format for Process<'_> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Process({=str})", self.service);
    }
}

impl<X, S, B: ?Sized, P, T> Format for FrameRing<X, S, B, P, T> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "FrameRing({=usize} bytes)", size_of_val(self));
    }
}

impl<X, B: ?Sized, P> Format for Ring<X, B, P> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Ring({=usize} bytes)", size_of_val(self));
    }
}

impl<C, X> Format for VariableClock<C, X> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "VariableClock");
    }
}

impl<P: Platform, R: SpanRing + ?Sized> Format for Tracer<P, R> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Tracer({})", self.stats());
    }
}

impl<P: Platform, E: Encoder, R: SpanRing + ?Sized> Format for PacketReporter<'_, P, E, R> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "PacketReporter({})", self.stats());
    }
}

impl<E: Encoder, C> Format for Packet<'_, E, C> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Packet({=usize} bytes)", self.place().len());
    }
}

impl<P, B, R> Format for Span<'_, P, B, R>
where
    P: Platform,
    B: ?Sized,
    R: SpanRing + ?Sized,
    AreaBytes<B>: ByteArea,
{
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Span({})", self.context());
    }
}

/// Fails to compile where a public type that users print has no format.
const _: () = {
    const fn has_format<T: Format + ?Sized>() {}
    type Board = (crate::time::SplitClock<Never>, crate::sampler::Const);
    has_format::<Stats>();
    has_format::<crate::stats::Lost>();
    has_format::<crate::transport::SendOutcome>();
    has_format::<crate::tracer::Drained>();
    has_format::<crate::tracer::ReporterTaken>();
    has_format::<crate::value::Value<'_>>();
    has_format::<Option<SpanContext>>();
    has_format::<Span<'_, Board, [MaybeUninit<u8>; 96]>>();
    has_format::<Tracer<Board>>();
    has_format::<PacketReporter<'_, Board, crate::wire::ThriftCompact>>();

    struct Never;
    impl crate::time::SplitTimer for Never {
        const PERIOD: u32 = 2;
        fn periods(&self) -> u32 {
            0
        }
        fn elapsed(&self) -> u32 {
            0
        }
        fn is_pending(&self) -> bool {
            false
        }
        fn frequency(&self) -> u64 {
            1
        }
    }
};
