//! A hostile datagram costs the collector less than 1 MiB of heap, by a count of all allocations, and the program's store
//! keeps to its limit.
//!
//! In a binary of their own, one after the other, since the allocations of other threads would count too.

use std::sync::{Mutex, MutexGuard, PoisonError};

use picojaeger_std::collector::{DecodeError, Encoding, Received, decode, encode};
use picojaeger_std::model::{Batch, Log, Process, RefKind, Span, SpanRef, Tag, TagValue};

#[path = "../../tests/common/heap.rs"]
mod heap;
#[cfg(feature = "collector")]
#[path = "collector_heap/program.rs"]
mod program;

use heap::peak_of;

const LIMIT: usize = 1 << 20;
const DATAGRAM: usize = 65_507;

/// The largest cost of a datagram so far, and counts of the datagrams.
#[derive(Default)]
struct Verdict {
    most: usize,
    datagrams: u32,
    accepted: u32,
    too_expensive: u32,
}

impl Verdict {
    /// Gives the datagram to a new collector, which decodes and stores it.
    fn judge(&mut self, name: &str, datagram: &[u8]) {
        let (cost, received) = peak_of(|| {
            let mut received = Received::default();
            received.accept(datagram);
            received
        });
        assert!(cost < LIMIT, "{name}: {cost} bytes of heap");
        self.most = self.most.max(cost);
        self.datagrams += 1;
        match received.last_rejection() {
            None => self.accepted += 1,
            Some(DecodeError::TooExpensive) => self.too_expensive += 1,
            Some(_) => {}
        }
    }
}

/// One count at a time.
static COUNT: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    COUNT.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
#[cfg(feature = "collector")]
fn the_program_holds_what_its_memory_allows_names_maps_and_open_spans_included() {
    let _alone = alone();
    program::the_program_holds_what_memory_allows();
}

#[test]
#[cfg(feature = "collector")]
fn a_body_of_json_takes_a_small_multiple_of_its_length() {
    let _alone = alone();
    program::json_takes_a_small_multiple_of_its_body();
}

#[test]
fn hostile_datagrams_cost_less_than_a_mebibyte() {
    let _alone = alone();
    let mut verdict = Verdict::default();
    let (counted, block) = peak_of(|| vec![1_u8; LIMIT]);
    assert!(counted >= block.len(), "nothing is counted");
    drop(block);
    damaged(&mut verdict);
    random(&mut verdict);
    floods(&mut verdict);
    claims(&mut verdict);
    nesting(&mut verdict);
    full_packets(&mut verdict);
    // The cases reach the limit from both sides.
    assert!(verdict.most > LIMIT / 2, "{}", verdict.most);
    assert!(verdict.datagrams > 50_000, "{}", verdict.datagrams);
    assert!(verdict.accepted > 100, "{}", verdict.accepted);
    assert!(verdict.too_expensive > 5, "{}", verdict.too_expensive);
}

/// A packet with entries of every kind, truncated at every byte, and with every byte changed: to
/// every value in the compact protocol, by each bit in the binary one.
fn damaged(verdict: &mut Verdict) {
    for binary in [false, true] {
        let encoding = match binary {
            true => Encoding::binary(),
            false => Encoding::default(),
        };
        let packet = encode(&everything(), encoding).unwrap();
        assert_eq!(decode(&packet).as_ref(), Ok(&everything()));
        for length in 0..packet.len() {
            verdict.judge("cut", &packet[..length]);
        }
        for at in 0..packet.len() {
            let changes = (1..=u8::MAX).filter(|change| !binary || change.is_power_of_two());
            for change in changes {
                let mut packet = packet.clone();
                packet[at] ^= change;
                verdict.judge("changed", &packet);
            }
        }
    }
}

fn random(verdict: &mut Verdict) {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let starts = [begin(&[]), begin(PROCESS), begin(SPANS), Vec::new()];
    for round in 0..4_000 {
        let mut packet = starts[round % starts.len()].clone();
        let length = if round % 40 < 4 { DATAGRAM } else { 400 };
        packet.resize_with(length, || (next() >> 32) as u8);
        verdict.judge("random", &packet);
    }
}

/// Lists of as many elements as fit, each empty or with the least valid content.
fn floods(verdict: &mut Verdict) {
    let tag: &[u8] = &[0x18, 0, 0x15, 6, 0];
    let reference: &[u8] = &[0x15, 0, 0x16, 0, 0x16, 0, 0x16, 0, 0];
    let log: &[u8] = &[0x16, 0, 0x19, 0x0c, 0];
    let span: &[u8] = &[
        0x16, 0, 0x16, 0, 0x16, 2, 0x16, 0, 0x18, 0, 0x25, 0, 0x16, 0, 0x16, 0, 0,
    ];
    let within = |header| within_span(&[&span[..10], &[header]].concat());
    let lists: [(&str, Vec<u8>, &[u8]); 5] = [
        ("process tags", begin(&[0x1c, 0x18, 0, 0x19]), tag),
        ("spans", begin(SPANS), span),
        ("references", within(0x19), reference),
        ("tags", within(0x59), tag),
        ("logs", within(0x69), log),
    ];
    for (name, start, element) in lists {
        for element in [element, &[0]] {
            for percent in [10, 25, 50, 75, 90, 100] {
                let bytes = (DATAGRAM - start.len() - 6) * percent / 100;
                let count = bytes / element.len();
                let mut packet = start.clone();
                packet.extend(list_header(count));
                packet.extend(element.repeat(count));
                verdict.judge(name, &packet);
                packet.resize(DATAGRAM, 0);
                verdict.judge(name, &packet);
            }
        }
    }
}

/// Counts and lengths beyond the datagram's end, one inside the other.
fn claims(verdict: &mut Verdict) {
    let counts = [15, 1_000, 3_000, 3_800, 6_000, 13_000, 65_000, 1 << 20];
    for count in counts.into_iter().chain([u32::MAX as usize]) {
        let spans = [&begin(SPANS)[..], &list_header(count)].concat();
        let logs = [&spans[..], &[0xb9], &list_header(count)].concat();
        let log_fields = [&spans[..], &[0xb9], &list_header(count / 8), &[0x29]].concat();
        let log_fields = [log_fields, list_header(count / 4)].concat();
        let name = [&spans[..], &[0x58], &varint(count)].concat();
        let unknown = [&begin(&[0xf9, 0xf1])[..], &varint(count)].concat();
        for packet in [spans, logs, log_fields, name, unknown] {
            for filler in [0x00, 0x11, 0x19, 0xff] {
                let mut packet = packet.clone();
                packet.resize(DATAGRAM, filler);
                verdict.judge("claim", &packet);
            }
        }
    }
    repeated_fields(verdict);
}

/// The same field again and again: each value replaces the one before.
fn repeated_fields(verdict: &mut Verdict) {
    let text = [&[0x08, 2][..], &varint(3_000), &[0xff; 3_000]].concat();
    let tags = [0x18, 0, 0x15, 6, 0].repeat(500);
    let tags = [&[0x09, 4][..], &list_header(500), &tags].concat();
    for field in [text, tags] {
        let mut packet = begin(&[0x1c]);
        while packet.len() + field.len() < DATAGRAM {
            packet.extend(&field);
        }
        verdict.judge("repeated", &packet);
    }
}

fn nesting(verdict: &mut Verdict) {
    let levels: [&[u8]; 5] = [&[0x1c], &[0x9c], &[0x99, 0x19], &[0x19], &[0x1b, 1, 0xbb]];
    for level in levels {
        for first in [&[0x9c][..], &[0x99], &[0x9b], &[0x1c]] {
            let mut packet = begin(first);
            packet.extend(level.repeat(60_000 / level.len()));
            verdict.judge("nesting", &packet);
        }
    }
}

/// Well-formed packets at the datagram's limit, within and beyond the budget.
fn full_packets(verdict: &mut Verdict) {
    for count in (1_500..3_700).step_by(50) {
        let mut batch = Batch::new(Process::new(""));
        let spans = (0..count).map(|n| Span::new(n, 1, ""));
        batch.spans.extend(spans);
        let packet = encode(&batch, Encoding::default()).unwrap();
        verdict.judge("one-span traces", &packet);
        for span in &mut batch.spans {
            span.trace_id = 1.into();
        }
        let packet = encode(&batch, Encoding::default()).unwrap();
        verdict.judge("one trace", &packet);
    }
    for text in [&b"\xff"[..], b"\xe2\x82", b"a\xff", b"a"] {
        let text = text.repeat(DATAGRAM / text.len() - 32);
        let process = [&[0x1c, 0x18][..], &varint(text.len()), &text].concat();
        let packet = [&begin(&process)[..], &[0, 0x19, 0x0c, 0, 0]].concat();
        verdict.judge("text", &packet);
    }
}

/// A process named "", and the field header of the spans.
const SPANS: &[u8] = &[0x1c, 0x18, 0, 0, 0x19];

/// A process named "svc", still open.
const PROCESS: &[u8] = &[0x1c, 0x18, 3, b's', b'v', b'c'];

/// A compact message up to the fields of the batch, then `rest`.
fn begin(rest: &[u8]) -> Vec<u8> {
    [b"\x82\x81\x00\x09emitBatch\x1c", rest].concat()
}

/// A list of one span, then `rest`.
fn within_span(rest: &[u8]) -> Vec<u8> {
    [&begin(SPANS), &[0x1c][..], rest].concat()
}

fn list_header(count: usize) -> Vec<u8> {
    match count {
        0..15 => vec![(count as u8) << 4 | 0x0c],
        _ => [vec![0xfc], varint(count)].concat(),
    }
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn everything() -> Batch {
    let mut batch = Batch::new(Process::new("svc"));
    batch.seq_no = Some(5);
    batch.stats = Some(Default::default());
    let text = TagValue::String("value".to_owned());
    let binary = TagValue::Binary(Box::new([1, 2, 3]));
    let uuid = Tag::new("client-uuid", text.clone());
    batch.process.tags.push(uuid);
    for kind in [RefKind::ChildOf, RefKind::FollowsFrom] {
        let mut span = Span::new(u128::MAX - 1, 7, "operation");
        span.references.push(SpanRef::new(kind, 9, 8));
        for value in [&text, &binary, &TagValue::Bool(true), &TagValue::Long(-1)] {
            span.tags.push(Tag::new("key", value.clone()));
        }
        let field = Tag::new("field", TagValue::Double(1.5));
        span.logs.push(Log::new(1, vec![field]));
        batch.spans.push(span);
    }
    batch
}
