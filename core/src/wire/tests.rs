//! Packets through the trait, byte by byte and at every limit.

use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::id::{SpanId, TraceId};
use crate::record::{Open, Reference};
use crate::ring::Word;
use crate::time::{Anchor, ClockSegment, Rate, Timestamp};
use crate::{Const, Flags, Sampler, SpanContext};

type Span = Open<[Word; 512]>;

const UNKNOWN: EncodeContext<'static> = EncodeContext {
    timeline: Timeline { segments: &[] },
    samplers: &|_| None,
};

/// A packet that Python's `thrift` library wrote.
const GOLDEN: &str = "82810009656d697442617463681c1c1803737663191c1801701500180171000\
0191c160216041606160018026f70191c15001602160416010015021680897a160a194c18017315001801760018\
0164150227000000000000f83f001801621504310018016c1506460100191c160e191c18056576656e741500180\
16500000016021c160016001600000000";

/// A span with given times, so that nothing depends on a clock.
fn span(operation: &'static str) -> Span {
    let context = SpanContext::new(TraceId::from_parts(2, 1), SpanId::new(3), Flags::SAMPLED);
    let mut span = Span::new(operation, context, SpanId::default(), 0);
    span.set_start(Timestamp::UnixMicros(1_000_000));
    span
}

fn finished(mut span: Span) -> Span {
    span.finish_at(1_000_005);
    span
}

fn golden_span() -> Span {
    let mut span = span("op");
    assert!(span.try_reference(Reference {
        follows: false,
        trace: TraceId::from_parts(2, 1),
        span: SpanId::new(u64::MAX),
    }));
    span.tag("s".into(), "v".into());
    span.tag("d".into(), 1.5.into());
    span.tag("b".into(), true.into());
    span.tag("l".into(), (-1).into());
    assert!(span.try_log(Timestamp::UnixMicros(7)));
    span.field("event".into(), "e".into());
    finished(span)
}

fn batch(process: &'static Process<'static>) -> Batch<'static> {
    Batch::new(process, 1, ClientStats::NONE)
}

const SVC: Process<'static> = Process {
    service: "svc",
    tags: &[("p", Value::Str("q"))],
};

/// The packets of these spans, and how many fit none.
fn packets(spans: &[&Span], limit: usize, context: &EncodeContext<'_>) -> (Vec<Vec<u8>>, usize) {
    packets_of::<ThriftCompact>(spans, limit, context)
}

fn packets_of<E: Encoder + Default>(
    spans: &[&Span],
    limit: usize,
    context: &EncodeContext<'_>,
) -> (Vec<Vec<u8>>, usize) {
    let (mut encoder, mut out) = (E::default(), vec![0xee; limit]);
    let (mut packets, mut taken, mut too_large) = (Vec::new(), 0, 0);
    let mut waiting = spans.iter();
    let mut next = waiting.next();
    while next.is_some() {
        if !encoder.begin(&mut out, &batch(&SVC)) {
            return (packets, spans.len());
        }
        while let Some(span) = next {
            match encoder.push(&mut out, &span.record(), context) {
                Push::Taken => taken += 1,
                Push::TooLarge => too_large += 1,
                Push::Full => {
                    assert!(encoder.spans() > 0, "an empty packet is never full");
                    break;
                }
            }
            next = waiting.next();
        }
        let place = encoder.finish(&mut out);
        packets.push(out[place].to_vec());
    }
    assert_eq!(taken + too_large, spans.len());
    (packets, too_large)
}

fn packet(span: &Span, limit: usize, context: &EncodeContext<'_>) -> Vec<u8> {
    let (mut packets, too_large) = packets(&[span], limit, context);
    assert_eq!((packets.len(), too_large), (1, 0));
    packets.remove(0)
}

fn count(packet: &[u8], text: &str) -> usize {
    let windows = packet.windows(text.len());
    windows.filter(|window| *window == text.as_bytes()).count()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_golden_packet() {
    assert_eq!(hex(&packet(&golden_span(), 65_000, &UNKNOWN)), GOLDEN);
    assert_eq!(
        hex(&packet(&golden_span(), GOLDEN.len() / 2, &UNKNOWN)),
        GOLDEN
    );
}

#[test]
fn every_limit_holds_and_no_span_is_forgotten() {
    every_limit_holds::<ThriftCompact>();
    every_limit_holds::<ThriftBinary>();
    every_limit_holds::<Otlp>();
}

fn every_limit_holds<E: Encoder + Default>() {
    let packets = packets_of::<E>;
    let mut large = span("a larger one");
    for i in 0..20 {
        large.tag("tag".into(), i.into());
    }
    for i in 0..20 {
        assert!(large.try_log(Timestamp::UnixMicros(i)));
        large.field("text".into(), "äöü€😀".into());
    }
    let large = finished(large);
    let (golden, small) = (golden_span(), finished(span("s")));
    let spans = [&small, &large, &golden, &small, &large];
    let (whole, _) = packets(&spans, 65_000, &UNKNOWN);
    let full = whole[0].len();
    let mut fewest_lost = spans.len();
    for limit in 0..full + 3 {
        let (packets, too_large) = packets(&spans, limit, &UNKNOWN);
        assert!(packets.iter().all(|packet| packet.len() <= limit));
        assert!(too_large <= fewest_lost, "more room loses more at {limit}");
        fewest_lost = too_large;
        let cut: usize = packets
            .iter()
            .map(|p| count(p, "picojaeger.truncated"))
            .sum();
        assert!(packets.len() > 1 || limit >= full || too_large + cut > 0);
        if limit >= full {
            assert_eq!(packets, whole);
        }
    }
    assert_eq!(fewest_lost, 0);
}

#[test]
fn a_packet_uses_every_byte() {
    let span = finished(span("op"));
    let one = packet(&span, 65_000, &UNKNOWN);
    let empty = one.len() - span_bytes(&one).len();
    for n in [1, 2, 14, 15, 16, 127, 128, 129, 300] {
        let header = if n < 15 {
            vec![(n as u8) << 4 | 0xc]
        } else if n < 128 {
            vec![0xfc, n as u8]
        } else {
            vec![0xfc, n as u8 | 0x80, (n >> 7) as u8]
        };
        let spans = span_bytes(&one).repeat(n);
        let at = LIST_AT;
        let expected = [&one[..at], &header, &spans, &one[one.len() - TAIL..]].concat();
        assert_eq!(expected.len(), empty + spans.len() + header.len() - 1);
        let lent = vec![&span; n];
        assert_eq!(
            packets(&lent, expected.len(), &UNKNOWN),
            (vec![expected.clone()], 0)
        );
        if n > 1 {
            let (two, lost) = packets(&lent, expected.len() - 1, &UNKNOWN);
            assert_eq!((two.len(), lost), (2, 0), "{n} spans, a byte too few");
        }
    }
}

/// The place of the header of the list of spans, behind [`SVC`].
const LIST_AT: usize = 33;
/// Bytes behind the spans.
const TAIL: usize = 12;

/// The spans of a packet of fewer than 15.
fn span_bytes(packet: &[u8]) -> &[u8] {
    assert_eq!(packet[LIST_AT - 1], 0x19);
    &packet[LIST_AT + 1..packet.len() - TAIL]
}

/// Bytes of a binary message, and of a bare batch, beside the process's content and the spans.
const BINARY: [usize; 2] = [85, 60];

#[test]
fn the_process_must_fit() {
    let tag = (3 + 4 + "p".len()) + 7 + (3 + 4 + "q".len()) + 1;
    let process = (3 + 4 + "svc".len()) + 8 + tag + 1;
    the_process_must_fit_into::<ThriftCompact>(LIST_AT + 1 + TAIL);
    the_process_must_fit_into::<ThriftBinary>(BINARY[0] + process);
    the_process_must_fit_into::<ThriftBatch>(BINARY[1] + process);
}

fn the_process_must_fit_into<E: Encoder + Default>(shortest: usize) {
    let mut encoder = E::default();
    for limit in 0..shortest {
        let mut out = vec![0; limit];
        assert!(!encoder.begin(&mut out, &batch(&SVC)));
        let span = finished(span("op"));
        assert_eq!(
            encoder.push(&mut out, &span.record(), &UNKNOWN),
            Push::TooLarge
        );
        assert_eq!(encoder.finish(&mut out), 0..0);
    }
    let mut out = vec![0; shortest];
    assert!(encoder.begin(&mut out, &batch(&SVC)));
    assert_eq!(encoder.finish(&mut out), 0..shortest);
}

#[test]
fn a_packet_without_spans_has_an_empty_list() {
    let (mut encoder, mut out) = (ThriftCompact::new(), [0xee; LIST_AT + 1 + TAIL]);
    assert!(encoder.begin(&mut out, &batch(&SVC)));
    assert_eq!(encoder.finish(&mut out), 0..out.len());
    assert_eq!(out[LIST_AT], 0x0c);
}

#[test]
fn process_tags_of_more_than_a_short_list() {
    let tags = [("k", Value::Bool(false)); 20];
    let process = Process {
        service: "",
        tags: &tags,
    };
    let batch = Batch {
        process: &process,
        ..batch(&SVC)
    };
    let (mut encoder, mut out) = (ThriftCompact::new(), [0; 300]);
    assert!(encoder.begin(&mut out, &batch));
    assert_eq!(out[15..20], [0x18, 0, 0x19, 0xfc, 20]);
    assert_eq!(encoder.finish(&mut out), 0..20 + 20 * 7 + 3 + TAIL);
}

#[test]
fn the_oldest_logs_go_first_and_as_few_as_need_be() {
    let mut open = span("op");
    open.tag("kept".into(), "whole".into());
    for i in 0..9 {
        assert!(open.try_log(Timestamp::UnixMicros(i)));
        open.field(
            "n".into(),
            ["log0", "log1", "log2", "log3", "log4"][i as usize % 5].into(),
        );
    }
    let open = finished(open);
    let full = packet(&open, 65_000, &UNKNOWN).len();
    let mark = 1 + span_tag("picojaeger.truncated", 0) + span_tag("picojaeger.dropped", 1) - 1;
    let log = b"\x16\x00\x19\x1c\x18\x01n\x15\x00\x18\x04log0\x00\x00".len();
    for dropped in 1..=9_usize {
        // Without any log their list is left out too.
        let list = if dropped == 9 { 2 } else { 0 };
        let limit = full + mark - dropped * log - list;
        if limit >= full {
            continue;
        }
        let found = packet(&open, limit, &UNKNOWN);
        assert_eq!(found.len(), limit);
        assert_eq!(count(&found, "log"), 9 - dropped);
        assert_eq!(count(&found, "whole"), 1);
        assert_eq!(count(&found, "picojaeger.dropped\x15\x06\x46"), 1);
        let newest = if dropped == 9 { 0 } else { 1 };
        assert_eq!(count(&found[found.len() - TAIL - 12..], "log3"), newest);
    }
}

/// Bytes of a tag with this many of its value.
fn span_tag(key: &str, value: usize) -> usize {
    2 + key.len() + 3 + value + 1
}

#[test]
fn then_text_is_cut_at_a_character() {
    let mut open = span("op");
    open.tag("long".into(), "€".repeat(200).as_str().into());
    open.tag("raw".into(), [7_u8; 100].as_slice().into());
    open.tag("short".into(), "ok".into());
    let open = finished(open);
    let full = packet(&open, 65_000, &UNKNOWN).len();
    let mut seen = Vec::new();
    for limit in (0..full).rev() {
        let (packets, too_large) = packets(&[&open], limit, &UNKNOWN);
        if too_large == 1 {
            break;
        }
        let kept = count(&packets[0], "€");
        assert!(packets[0].len() <= limit && packets[0].len() + 8 > limit.min(full - 40));
        assert_eq!(count(&packets[0], "picojaeger.truncated\x15\x04\x31"), 1);
        assert_eq!(count(&packets[0], "picojaeger.dropped\x15\x06\x46\x00"), 1);
        seen.push(kept);
    }
    assert!(seen.is_sorted_by(|a, b| a >= b));
    // A byte too few: the two marks take 51 bytes, so the 600 of text shrink by 52.
    assert_eq!((seen.first(), seen.last()), (Some(&182), Some(&0)));
}

#[test]
fn what_the_record_stands_for_becomes_tags() {
    let context = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
    let mut open = Open::<[Word; 2]>::new("op", context, SpanId::new(4), 5_000);
    open.set_sampler(1);
    open.tag("refused".into(), "no room".into());
    open.tag("refused too".into(), 2.into());
    open.finish(5_040);
    let mut out = [0; 300];
    let mut encode = |context: &EncodeContext<'_>| {
        let mut encoder = ThriftCompact::new();
        assert!(encoder.begin(&mut out, &batch(&SVC)));
        assert_eq!(encoder.push(&mut out, &open.record(), context), Push::Taken);
        let place = encoder.finish(&mut out);
        out[place].to_vec()
    };
    let samplers = |code| Const(true).description(code);
    let found = encode(&EncodeContext {
        samplers: &samplers,
        ..UNKNOWN
    });
    assert!(hex(&found).contains("250216904e1650195c"));
    assert_eq!(count(&found, "sampler.type\x15\x00\x18\x05const\x00"), 1);
    assert_eq!(count(&found, "sampler.param\x15\x04\x31\x00"), 1);
    assert_eq!(count(&found, "picojaeger.dropped\x15\x06\x46\x04\x00"), 1);
    assert_eq!(count(&found, "clock.unsynced\x15\x04\x31\x00"), 1);

    let anchors = [Anchor {
        ticks: 5_000,
        unix_micros: 1_000_000,
        uncertainty_micros: 1,
    }];
    let segments = [ClockSegment {
        rate: Rate::new(1_000_000),
        anchors: &anchors,
    }];
    let found = encode(&EncodeContext {
        timeline: Timeline {
            segments: &segments,
        },
        ..UNKNOWN
    });
    assert!(hex(&found).contains("25021680897a1650193c"));
    assert_eq!(count(&found, "clock.uncertainty_us\x15\x06\x46\x02\x00"), 1);
    assert_eq!(count(&found, "sampler.type"), 0);
}

#[test]
fn unsigned_numbers_that_are_too_large_are_text() {
    let numbers = [
        (i64::MAX as u64, None),
        (1 << 63, Some("9223372036854775808")),
        (9_999_999_999_999_999_999, Some("9999999999999999999")),
        (10_000_000_000_000_000_000, Some("10000000000000000000")),
        (u64::MAX, Some("18446744073709551615")),
    ];
    for (number, text) in numbers {
        let mut open = span("op");
        open.tag("u".into(), number.into());
        let found = packet(&finished(open), 65_000, &UNKNOWN);
        let as_text = text.map_or(0, |text| {
            let length = char::from(text.len() as u8);
            count(&found, &format!("u\x15\0\x18{length}{text}\0"))
        });
        assert_eq!(as_text, usize::from(text.is_some()));
        assert_eq!(count(&found, "u\x15\x06\x46"), usize::from(text.is_none()));
    }
}

#[test]
fn process_tags_may_be_characters_or_absent() {
    let packet = |tags: &[(&str, Value<'_>)]| {
        let process = Process {
            service: "svc",
            tags,
        };
        let batch = Batch::new(&process, 1, ClientStats::NONE);
        let (mut encoder, mut buffer) = (ThriftCompact::new(), [0; 128]);
        assert!(encoder.begin(&mut buffer, &batch));
        let place = encoder.finish(&mut buffer);
        buffer[place].to_vec()
    };
    let edges = [
        '\0',
        '\u{7f}',
        '\u{80}',
        '\u{7ff}',
        '\u{800}',
        '\u{ffff}',
        '\u{10000}',
    ];
    for c in edges.into_iter().chain([char::MAX, 'x', '\u{20ac}']) {
        let text = String::from(c);
        let tags = [("k", c.into()), ("none", Value::Absent)];
        assert_eq!(
            packet(&tags),
            packet(&[("k", text.as_str().into())]),
            "{c:?}"
        );
    }
}

/// The only packet of this span in OTLP.
fn request(record: &Record<'_>, context: &EncodeContext<'_>) -> Vec<u8> {
    let (mut encoder, mut out) = (Otlp::new(), [0xee; 600]);
    assert!(encoder.begin(&mut out, &batch(&SVC)));
    assert_eq!(encoder.push(&mut out, record, context), Push::Taken);
    let place = encoder.finish(&mut out);
    out[place].to_vec()
}

/// A field of 64 bits, behind the type that precedes it.
fn fixed64(kind: u8, number: u64) -> Vec<u8> {
    [&[kind][..], &number.to_le_bytes()].concat()
}

#[test]
fn times_of_otlp_are_in_nanoseconds() {
    let anchors = [Anchor::new(5_000, 1_000_000)];
    let rate = Rate::new(25_000_000);
    let segments = [ClockSegment::new(rate, &anchors)];
    let context = EncodeContext {
        timeline: Timeline::new(&segments),
        ..UNKNOWN
    };
    let id = SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED);
    // One tick is 40 ns; the first span starts before the anchor.
    for (start, nanos) in [(4_999, 999_999_960), (5_001, 1_000_000_040)] {
        let mut open = Open::<[Word; 16]>::new("op", id, SpanId::default(), start);
        assert!(open.try_log(Timestamp::Ticks(start + 2)));
        open.finish(start + 3);
        let found = request(&open.record(), &context);
        let times = [fixed64(0x39, nanos), fixed64(0x41, nanos + 120)].concat();
        let log = fixed64(0x09, nanos + 80);
        let has = |bytes: &[u8]| found.windows(bytes.len()).any(|at| at == bytes);
        assert!(has(&times) && has(&log), "from {start}");
    }
}

#[test]
fn otlp_counts_what_was_dropped() {
    let mut open = Open::<[Word; 2]>::new(
        "op",
        SpanContext::new(TraceId::from_parts(0, 1), SpanId::new(2), Flags::SAMPLED),
        SpanId::default(),
        0,
    );
    open.tag("refused".into(), "no room".into());
    open.tag("refused too".into(), 2.into());
    open.finish(1);
    let found = request(&open.record(), &UNKNOWN);
    // Field 10, then the flags, field 16, which end the span.
    assert!(found.ends_with(&[0x50, 2, 0x85, 1, 1, 0, 0, 0]));
}

#[test]
fn the_records_state_is_the_last_of_equal_keys() {
    let mut open = span("op");
    open.set_sampler(1);
    open.tag("sampler.type".into(), "mine".into());
    open.tag("sampler.param".into(), "mine".into());
    open.tag("other".into(), "mine".into());
    let open = finished(open);
    let samplers = |code| Const(true).description(code);
    let context = EncodeContext {
        samplers: &samplers,
        ..UNKNOWN
    };
    let found = request(&open.record(), &context);
    assert_eq!(count(&found, "mine"), 1);
    assert_eq!(count(&found, "sampler.type"), 1);
    assert_eq!(count(&found, "sampler.type\x12\x07\x0a\x05const"), 1);
}
