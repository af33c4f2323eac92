//! Encoding alone: the same spans to the same bytes, by picojaeger's encoders from
//! records in a ring, and by straight-line code from structs.

mod otlp;
mod thrift;

use std::fmt;
use std::ops::Range;

use picojaeger_core::adapter::record::{Open, Records as Kind};
use picojaeger_core::adapter::{ClockSegment, IdGenerator, Rate, Timeline};
use picojaeger_core::ring::{Consumer, DropNewest, FrameRing, Producer, SliceStorage, Spsc, Word};
use picojaeger_core::wire::{
    Batch, ClientStats, EncodeContext, Encoder, Otlp, Process, Push, ThriftCompact,
};
use picojaeger_core::{
    Anchor, Const, Flags, Sampler as _, Seed, SpanContext, SpanId, TraceId, Value,
};

use crate::{BURST, CHILD, COMPONENT, Drained, ITEM_INDEX, Library, ROOT, TREE, Workload};

/// picojaeger's encoders, reading records in a ring in place.
pub struct Records {
    consumer: Consumer<'static, Kind>,
    thrift: ThriftCompact,
    otlp: Otlp,
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

const ENCODING: [Workload; 2] = [Workload::Encode, Workload::EncodeOtlp];

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
    /// The same as a list.
    tags: [(&'static str, Value<'static>); 2],
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
            thrift: ThriftCompact::new(),
            otlp: Otlp::new(),
            buffer: Box::new([0; 65_000]),
            encoded: 0,
        }
    }

    #[inline(never)]
    fn encode(&mut self, workload: Workload) -> &[u8] {
        let Self {
            consumer, buffer, ..
        } = self;
        let packet = match workload {
            Workload::EncodeOtlp => encode(&mut self.otlp, consumer, &mut buffer[..]),
            _ => encode(&mut self.thrift, consumer, &mut buffer[..]),
        };
        self.encoded += BURST as u64;
        &self.buffer[packet]
    }
}

/// Encodes what lies in a ring, and leaves it there.
#[inline(always)]
fn encode(
    encoder: &mut impl Encoder,
    consumer: &mut Consumer<'_, Kind>,
    out: &mut [u8],
) -> Range<usize> {
    let segments = [ClockSegment::new(rate(), &[ANCHOR])];
    let samplers = |code| Const(true).description(code);
    let context = EncodeContext::new(Timeline::new(&segments), &samplers);
    let process = Process::new(SERVICE);
    let batch = Batch::new(&process, 1, ClientStats::NONE);
    assert!(encoder.begin(out, &batch), "the packet has room");
    while let Some(record) = consumer.peek() {
        assert_eq!(encoder.push(out, &record, &context), Push::Taken);
        consumer.advance();
    }
    consumer.rewind();
    assert_eq!(encoder.spans(), BURST);
    encoder.finish(out)
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
        &ENCODING
    }

    fn burst(&mut self, workload: Workload) {
        self.encode(workload);
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
    fn encode(&mut self, workload: Workload) -> &[u8] {
        let put = match workload {
            Workload::EncodeOtlp => otlp::put_request,
            _ => thrift::put_packet,
        };
        let length = put(&mut self.buffer, &self.spans, rate());
        self.encoded += self.spans.len() as u64;
        &self.buffer[..length]
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
        &ENCODING
    }

    fn burst(&mut self, workload: Workload) {
        self.encode(workload);
    }

    fn drain(&mut self) -> Drained {
        drained(&mut self.encoded)
    }
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
        tags: [
            (COMPONENT.0, COMPONENT.1.into()),
            (ITEM_INDEX, (index as i64).into()),
        ],
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
        for workload in ENCODING.repeat(2) {
            assert_eq!(records.encode(workload), straight.encode(workload));
        }
        let expected = Drained {
            exported: 4 * BURST as u64,
            lost: 0,
        };
        assert_eq!(records.drain(), expected);
        assert_eq!(straight.drain(), expected);
    }
}
