//! Encoding alone: the same spans to the same bytes, by picojaeger's encoder from
//! records in a ring, and by straight-line code from structs.

use std::fmt;

use picojaeger_core::adapter::record::{Open, Records as Kind};
use picojaeger_core::adapter::{ClockSegment, IdGenerator, Rate, Timeline};
use picojaeger_core::ring::{Consumer, DropNewest, FrameRing, Producer, SliceStorage, Spsc, Word};
use picojaeger_core::wire::{
    Batch, ClientStats, EncodeContext, Encoder as _, Process, Push, ThriftCompact,
};
use picojaeger_core::{Anchor, Const, Flags, Sampler as _, Seed, SpanContext, SpanId, TraceId};

use crate::{BURST, CHILD, COMPONENT, Drained, ITEM_INDEX, Library, ROOT, TREE, Workload};

/// picojaeger's encoder, reading records in a ring in place.
pub struct Records {
    consumer: Consumer<'static, Kind>,
    encoder: ThriftCompact,
    buffer: Box<Buffer>,
    encoded: u64,
}

/// A function without a branch that these spans do not need, over plain structs
/// and a buffer of fixed size.
#[derive(Debug)]
pub struct StraightLine {
    spans: Vec<Plain>,
    buffer: Box<Buffer>,
    encoded: u64,
}

/// Large enough for a UDP packet, and for a burst.
type Buffer = [u8; 65_000];

/// The spans to encode.
#[derive(Debug)]
struct Plain {
    operation: &'static str,
    trace: TraceId,
    span: SpanId,
    parent: SpanId,
    flags: Flags,
    start: u64,
    end: u64,
    component: &'static str,
    index: i64,
}

const SERVICE: &str = "benches";
const ANCHOR: Anchor = Anchor::new(1_000_000_000, 1_700_000_000_000_000);

impl Records {
    /// A ring with a burst of records.
    pub fn new() -> Self {
        let (mut producer, consumer) = ring(2 * BURST * RECORD);
        for (number, plain) in spans().iter().enumerate() {
            push(&mut producer, number as u32, plain);
        }
        Self {
            consumer,
            encoder: ThriftCompact::new(),
            buffer: Box::new([0; 65_000]),
            encoded: 0,
        }
    }

    #[inline(never)]
    fn encode(&mut self) -> &[u8] {
        let segments = [ClockSegment::new(rate(), &[ANCHOR])];
        let samplers = |code| Const(true).description(code);
        let context = EncodeContext::new(Timeline::new(&segments), &samplers);
        let process = Process::new(SERVICE);
        let batch = Batch::new(&process, 1, ClientStats::NONE);
        let out = &mut self.buffer[..];
        assert!(self.encoder.begin(out, &batch), "the packet has room");
        while let Some(record) = self.consumer.peek() {
            assert_eq!(self.encoder.push(out, &record, &context), Push::Taken);
            self.consumer.advance();
        }
        self.consumer.rewind();
        self.encoded += self.encoder.spans() as u64;
        let packet = self.encoder.finish(out);
        &self.buffer[packet]
    }
}

impl Default for Records {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("encoded", &self.encoded)
            .finish_non_exhaustive()
    }
}

impl Library for Records {
    fn name(&self) -> &'static str {
        "picojaeger"
    }

    fn package(&self) -> &'static str {
        "picojaeger-core"
    }

    fn workloads(&self) -> &'static [Workload] {
        &[Workload::Encode]
    }

    fn burst(&mut self, _: Workload) {
        self.encode();
    }

    fn drain(&mut self) -> Drained {
        drained(&mut self.encoded)
    }
}

impl StraightLine {
    /// A burst of spans.
    pub fn new() -> Self {
        Self {
            spans: spans(),
            buffer: Box::new([0; 65_000]),
            encoded: 0,
        }
    }

    #[inline(never)]
    fn encode(&mut self) -> &[u8] {
        let (out, rate) = (&mut self.buffer, rate());
        let mut at = bytes(out, 0, b"\x82\x81\x00\x09emitBatch\x1c\x1c\x18");
        at = text(out, at, SERVICE);
        at = bytes(out, at, b"\x00\x19\xfc");
        at = varint(out, at, self.spans.len() as u64);
        for span in &self.spans {
            at = put_span(out, at, span, rate);
        }
        // Sequence number 1, no loss, end of three structs.
        at = bytes(out, at, b"\x16\x02\x1c\x16\x00\x16\x00\x16\x00\x00\x00\x00");
        self.encoded += self.spans.len() as u64;
        &self.buffer[..at]
    }
}

impl Default for StraightLine {
    fn default() -> Self {
        Self::new()
    }
}

impl Library for StraightLine {
    fn name(&self) -> &'static str {
        "straight-line"
    }

    fn package(&self) -> &'static str {
        env!("CARGO_PKG_NAME")
    }

    fn workloads(&self) -> &'static [Workload] {
        &[Workload::Encode]
    }

    fn burst(&mut self, _: Workload) {
        self.encode();
    }

    fn drain(&mut self) -> Drained {
        drained(&mut self.encoded)
    }
}

#[inline(always)]
fn put_span(out: &mut Buffer, at: usize, span: &Plain, rate: Rate) -> usize {
    let mut at = number(out, at, b"\x16", span.trace.low() as i64);
    at = number(out, at, b"\x16", span.trace.high() as i64);
    at = number(out, at, b"\x16", span.span.get() as i64);
    at = number(out, at, b"\x16", span.parent.get() as i64);
    at = bytes(out, at, b"\x18");
    at = text(out, at, span.operation);
    at = number(out, at, b"\x25", span.flags.wire().into());
    let start = ANCHOR.unix_micros_at(span.start, rate);
    at = number(out, at, b"\x16", start as i64);
    let duration = rate.micros(span.end - span.start);
    at = number(out, at, b"\x16", duration as i64);
    let is_root = span.parent.is_zero();
    at = bytes(out, at, if is_root { b"\x19\x4c" } else { b"\x19\x2c" });
    at = string_tag(out, at, COMPONENT.0, span.component);
    at = bytes(out, at, b"\x18");
    at = text(out, at, ITEM_INDEX);
    at = number(out, at, b"\x15\x06\x46", span.index);
    at = bytes(out, at, b"\x00");
    if is_root {
        at = string_tag(out, at, "sampler.type", "const");
        at = bytes(out, at, b"\x18");
        at = text(out, at, "sampler.param");
        at = bytes(out, at, b"\x15\x04\x31\x00");
    }
    bytes(out, at, b"\x00")
}

#[inline(always)]
fn string_tag(out: &mut Buffer, at: usize, key: &str, value: &str) -> usize {
    let mut at = bytes(out, at, b"\x18");
    at = text(out, at, key);
    at = bytes(out, at, b"\x15\x00\x18");
    at = text(out, at, value);
    bytes(out, at, b"\x00")
}

#[inline(always)]
fn number(out: &mut Buffer, at: usize, header: &[u8], value: i64) -> usize {
    let at = bytes(out, at, header);
    varint(out, at, ((value << 1) ^ (value >> 63)) as u64)
}

#[inline(always)]
fn text(out: &mut Buffer, at: usize, text: &str) -> usize {
    let at = varint(out, at, text.len() as u64);
    bytes(out, at, text.as_bytes())
}

#[inline(always)]
fn bytes(out: &mut Buffer, at: usize, bytes: &[u8]) -> usize {
    out[at..at + bytes.len()].copy_from_slice(bytes);
    at + bytes.len()
}

#[inline(always)]
fn varint(out: &mut Buffer, mut at: usize, mut value: u64) -> usize {
    while value >= 0x80 {
        out[at] = value as u8 | 0x80;
        value >>= 7;
        at += 1;
    }
    out[at] = value as u8;
    at + 1
}

/// Bytes of a record in a ring, frame and both tags included.
const RECORD: usize = 128;

type Ends = (Producer<'static, Kind>, Consumer<'static, Kind>);

/// A ring of `bytes` or the next power of two, for the rest of the run.
fn ring(bytes: usize) -> Ends {
    let words = bytes.next_power_of_two() / size_of::<Word>();
    let storage = SliceStorage::new(vec![Word::uninit(); words].leak()).expect("a power of two");
    let ring: FrameRing<Spsc, (), _, DropNewest, Kind> = FrameRing::spsc_over(storage);
    Box::leak(Box::new(ring)).split()
}

fn push(producer: &mut Producer<'static, Kind>, number: u32, plain: &Plain) {
    let context = SpanContext::new(plain.trace, plain.span, plain.flags);
    let mut open = Open::<[Word; 8]>::new(plain.operation, context, plain.parent, plain.start);
    if plain.parent.is_zero() {
        open.set_sampler(1);
    }
    open.tag(COMPONENT.0.into(), plain.component.into());
    open.tag(ITEM_INDEX.into(), plain.index.into());
    open.finish(plain.end);
    let pushed = producer.push(number, &open.image());
    pushed.expect("the ring has room");
}

/// A burst of W2 with ids and times that are the same in each run.
fn spans() -> Vec<Plain> {
    let mut ids = IdGenerator::new(Seed::from_words([1, 2, 3]));
    (0..BURST / TREE)
        .flat_map(|tree| spans_of(tree, &mut ids))
        .collect()
}

fn spans_of(tree: usize, ids: &mut IdGenerator) -> Vec<Plain> {
    let (trace, root) = ids.root(false);
    let span = |index: usize| Plain {
        operation: if index == 0 { ROOT } else { CHILD },
        trace,
        span: if index == 0 { root } else { ids.span_id() },
        parent: if index == 0 { SpanId::default() } else { root },
        flags: Flags::SAMPLED,
        start: ANCHOR.ticks + 1_000_000 * (tree * TREE + index) as u64,
        end: ANCHOR.ticks + 1_000_000 * (tree * TREE + index) as u64 + 700_000,
        component: COMPONENT.1,
        index: index as i64,
    };
    (0..TREE).map(span).collect()
}

fn rate() -> Rate {
    std::hint::black_box(Rate::new(2_100_000_000))
}

fn drained(encoded: &mut u64) -> Drained {
    Drained {
        exported: std::mem::take(encoded),
        lost: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_make_the_same_bytes() {
        let (mut records, mut straight) = (Records::new(), StraightLine::new());
        for _ in 0..2 {
            assert_eq!(records.encode(), straight.encode());
        }
        let expected = Drained {
            exported: 2 * BURST as u64,
            lost: 0,
        };
        assert_eq!(records.drain(), expected);
        assert_eq!(straight.drain(), expected);
    }
}
