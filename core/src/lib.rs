//! The allocation-free core of picojaeger: spans, a ring, encoders, and a reporter that does no
//! input or output.
//!
//! It needs no heap, no operating system and no compare-and-swap. The program supplies a [`Clock`],
//! a [`Seed`], a [`RawMutex`], and the [`Transport`] that [`PacketReporter::drain`] sends packets
//! by. Servers use the crate `picojaeger-std`, which is built on this one.
//!
//! ```
//! use picojaeger_core::ring::Bytes;
//! use picojaeger_core::wire::{Process, ThriftCompact};
//! use picojaeger_core::{
//!     Clock, Const, Interrupts, Ring, Seed, SendOutcome, Tracer, Transport,
//! };
//!
//! struct Timer;
//! impl Clock for Timer {
//!     const BITS: u32 = 32;
//!     fn ticks(&self) -> u64 {
//!         7 // a register read
//!     }
//!     fn frequency(&self) -> u64 {
//!         1_000_000
//!     }
//! }
//!
//! struct Uart;
//! impl Transport for Uart {
//!     fn send(&mut self, packet: &[u8]) -> SendOutcome {
//!         assert!(packet.len() < 256); // frame it and send it here
//!         SendOutcome::Accepted
//!     }
//! }
//!
//! static RING: Ring<Interrupts, Bytes<1024>> = Ring::new();
//! static TRACER: Tracer<(Timer, Const)> = Tracer::new((Timer, Const(true)), &RING);
//!
//! TRACER.seed(Seed::from_words([1, 2, 3])); // of 96 random bits
//! let mut span = TRACER.start::<96>("sample"); // bytes for tags and logs
//! span.tag("channel", 3).tag("mode", "fast");
//! span.finish();
//!
//! let process = Process::new("pump-7");
//! let mut reporter = TRACER.reporter(ThriftCompact::new(), process)?;
//! TRACER.set_unix_time_at(7, 1_700_000_000_000_000, 500); // once it is known, to 500 µs
//! let mut buffer = [0; 512];
//! reporter.drain_all(&mut Uart, &mut buffer); // or `drain`, which waits until a packet is due
//! assert_eq!(reporter.stats().delivered, 1);
//! # Ok::<(), picojaeger_core::ReporterTaken>(())
//! ```
//!
//! # Overview
//! - [`Tracer`], [`Span`], [`Ring`], [`Platform`]: spans on chips, from `main`, tasks and
//!   interrupts; [`PacketReporter`]: their packets.
//! - [`InSpan`], [`CurrentSpans`], [`TaskSpans`]: spans of futures, parents that children find by
//!   themselves, spans of an executor's polls.
//! - [`Transport`]: the destination of packets; [`wire`]: their formats.
//! - [`Sampler`], [`Const`], [`Probabilistic`], [`RateLimiting`], [`GuaranteedThroughput`],
//!   [`PerOperation`]: which traces are recorded.
//! - [`Propagator`], [`TextMapCodec`], [`BinaryCodec`], [`BaggageTable`]: contexts and baggage
//!   between processes.
//! - [`mod@ring`], [`RawMutex`]: the queue of finished spans, and the mutex of its producers.
//! - [`adapter`]: the parts of the above, for other environments.
//!
//! # Guarantees
//! - Starting, writing and finishing a span copy bytes and read the clock: no allocation, no
//!   formatting but on request (`tag_fmt`), and interrupts are masked for a handful of instructions
//!   whatever the size.
//! - The caller sets each capacity: the bytes of a ring, of a span's area, of a packet. Text that
//!   does not fit is truncated at the end of a character, or left out, and the span is marked.
//! - A full ring never blocks. It drops the newest record, or by its policy the oldest, and counts
//!   it.
//! - [`Stats`] adds up: no sampled span is lost uncounted.
//! - No input leads to a panic.
//!
//! # Features
//! All are off by default. Those of foreign crates before 1.0 carry their version.
//!
//! - `defmt`: its `Format` for all types that are worth a line; [`Stats`] as its sums, in 24 bytes.
//! - `relay`: frames for the program `picojaeger-relay` (`wire::relay`).
//! - `alloc`: `&String` and `&Cow<str>` as keys, names and values, a [`Transport`] in a `Box`.
//! - `embedded-io-07`, `embedded-io-async-07`: packets in frames to a writer of these crates
//!   (`SlipWriter`).
//! - `embedded-nal-09`, `embedded-nal-async-09`: packets by UDP, by a stack of these crates (`UdpStack`,
//!   `AsyncUdp`).
//! - `embassy-executor-010`: spans of this executor's tasks, by `embassy_trace_hooks!`.
//!
//! [`Interrupts`] needs an implementation of the `critical-section` crate in the final program.
#![no_std]
#![deny(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unwrap_used))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(test, loom))]
extern crate std;

#[allow(unsafe_code, reason = "each block has a SAFETY comment")]
#[cfg_attr(loom, allow(dead_code, reason = "loom models the ring alone"))]
mod arch;
mod baggage;
#[cfg_attr(loom, allow(dead_code, reason = "loom models the ring alone"))]
mod context;
#[cfg_attr(loom, allow(dead_code, reason = "loom models the ring alone"))]
mod crc;
mod debug;
#[cfg(all(feature = "defmt", not(loom)))]
mod defmt_format;
mod id;
mod id_generator;
#[cfg(loom)]
#[doc(hidden)]
#[allow(unsafe_code, reason = "each block has a SAFETY comment")]
pub mod loom_model;
#[cfg(not(loom))]
mod packet_builder;
mod propagation;
#[allow(unsafe_code, reason = "each block has a SAFETY comment")]
mod raw_mutex;
#[cfg(not(loom))]
#[allow(unsafe_code, reason = "each block has a SAFETY comment")]
mod record;
#[allow(unsafe_code, reason = "each block has a SAFETY comment")]
pub mod ring;
mod sampler;
mod sampler_description;
#[cfg(not(loom))]
mod span;
mod stats;
pub mod tags;
#[cfg(not(loom))]
mod tasks;
mod time;
#[cfg(not(loom))]
mod tracer;
mod transport;
mod value;
#[cfg(not(loom))]
pub mod wire;

/// The parts for an adapter to another environment, such as the servers' one: a chip's [`Tracer`]
/// and [`PacketReporter`] consist of them.
///
/// - [`PacketBuilder`](adapter::PacketBuilder): packs the records of any number of rings into
///   packets.
/// - [`record`](adapter::record): the memory image of a span, open and finished.
/// - [`ProducerState`](adapter::ProducerState), [`IdGenerator`](adapter::IdGenerator): ids, time
///   and counters of a producer of spans.
/// - [`Timeline`](adapter::Timeline): converts ticks to Unix time.
/// - [`sampling_decision`](adapter::sampling_decision): the rules of sampling.
/// - [`Crc`](adapter::Crc): the checksum of frames for the relay.
pub mod adapter {
    pub use crate::baggage::is_http_token;
    pub use crate::crc::Crc;
    pub use crate::id_generator::IdGenerator;
    #[cfg(not(loom))]
    pub use crate::packet_builder::{DeliveryCounts, PacketBuilder, PollContext};
    pub use crate::propagation::{encoded_len, percent_decode, percent_encode};
    pub use crate::raw_mutex::Guarded;
    pub use crate::sampler::{
        PriorityChange, SamplingDecision, sampling_decision, sampling_priority,
    };
    pub use crate::time::{ClockSegment, Extension, Rate, Timeline, Times, Timestamp};
    #[cfg(not(loom))]
    pub use crate::tracer::ProducerState;

    /// The record of a span: the memory image that an open span fills and an encoder reads.
    #[cfg(not(loom))]
    pub mod record {
        pub use crate::record::*;
    }
}

pub use baggage::{BaggageError, BaggageSink, BaggageTable, check_baggage_key};
pub use context::{Flags, SpanContext, ToContext};
pub use id::{ParseIdError, SpanId, TraceId};
pub use id_generator::Seed;
#[cfg(not(loom))]
pub use packet_builder::Packet;
pub use propagation::{
    BaggageDrops, BinaryCodec, CarrierFull, ExtractError, Extracted, Format, HeaderNames,
    InjectError, Outgoing, ParseContextError, Propagator, Scan, TextMap, TextMapCodec,
    TextMapReader, TextMapWriter, ZipkinSpan,
};
pub use raw_mutex::{Interrupts, RawMutex};
pub use sampler::{
    Const, Decision, Description, GuaranteedThroughput, Param, PerOperation, Probabilistic, Query,
    RateLimiter, RateLimiting, Sampler, SamplerError, Throughput,
};
#[cfg(not(loom))]
pub use span::{AreaSize, LogBuilder, Span, SpanBuilder, SpanReference, StackSpan};
pub use stats::{LossCause, Lost, Stats};
#[cfg(all(target_arch = "arm", target_os = "none", not(loom)))]
pub use tasks::CortexM;
#[cfg(not(loom))]
pub use tasks::{CurrentSpans, CurrentTable, Entered, Execution, FutureInSpan, InSpan, TaskSpans};
#[cfg(not(loom))]
pub use tasks::{Suppressed, Suppressible, Suppressing, Suppression};
pub use time::{Anchor, Clock, SplitClock, SplitTimer, VariableClock};
#[cfg(not(loom))]
pub use tracer::{
    BuildId, Drained, Incoming, PacketReporter, Platform, Program, RecoveredEncoder, Recovery,
    RecoveryOutcome, ReporterTaken, RetainedMemory, RetainedRing, Ring, SpanRing, Tracer,
};
#[cfg(feature = "embedded-nal-async-09")]
pub use transport::AsyncUdp;
#[cfg(any(feature = "embedded-io-07", feature = "embedded-io-async-07"))]
pub use transport::SlipWriter;
#[cfg(feature = "embedded-nal-09")]
pub use transport::UdpStack;
pub use transport::{AsyncTransport, Durations, ExportCounts, SendOutcome, Transport};
pub use value::{Key, Utf8Char, Value};
