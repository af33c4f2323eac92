//! Golden packets, broken packets, and packets at the limits.

use picojaeger_core::{SpanId, TraceId};
use thrift::protocol::{
    TCompactOutputProtocol, TFieldIdentifier, TListIdentifier, TMessageIdentifier, TMessageType,
    TOutputProtocol, TStructIdentifier, TType,
};

use super::*;
use crate::collector::reference_encoder::{Encoding, encode};
use crate::model::{Log, RefKind, SpanRef, Tag, TagValue};

/// A packet written by Apache Thrift's Python library from jaeger-idl.
const GOLDEN: &str = "82810009656d697442617463681c1c1803737663191c18017015001801710000191c16\
    0216041606160018026f70191c15001602160416010015021680897a160a194c180173150018017600180164\
    150227000000000000f83f001801621504310018016c1506460100191c160e191c18056576656e7415001801\
    6500000016021c160016001600000000";

fn golden() -> Vec<u8> {
    let digits = GOLDEN.as_bytes().chunks(2);
    digits
        .map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

fn text(value: &str) -> TagValue {
    TagValue::String(value.to_owned())
}

fn golden_batch() -> Batch {
    let mut batch = Batch::new(Process::new("svc"));
    batch.process.tags.push(Tag::new("p", text("q")));
    batch.seq_no = Some(1);
    batch.stats = Some(ClientStats::default());
    batch.spans.push(Span {
        trace_id: TraceId::from_parts(2, 1),
        span_id: SpanId::new(3),
        parent_span_id: SpanId::default(),
        operation_name: "op".to_owned(),
        references: vec![SpanRef {
            kind: RefKind::ChildOf,
            trace_id: TraceId::from_parts(2, 1),
            span_id: SpanId::new(u64::MAX),
        }],
        flags: 1,
        start_time_us: 1_000_000,
        duration_us: 5,
        tags: vec![
            Tag::new("s", text("v")),
            Tag::new("d", TagValue::Double(1.5)),
            Tag::new("b", TagValue::Bool(true)),
            Tag::new("l", TagValue::Long(-1)),
        ],
        logs: vec![Log {
            timestamp_us: 7,
            fields: vec![Tag::new("event", text("e"))],
        }],
    });
    batch
}

#[test]
fn golden_packet_both_ways() {
    assert_eq!(decode(&golden()), Ok(golden_batch()));
    assert_eq!(encode(&golden_batch(), Encoding::default()), Ok(golden()));
}

#[test]
fn go_sends_calls_with_a_sequence_number() {
    let mut packet = golden();
    packet.splice(1..3, [0x21, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    assert_eq!(decode(&packet), Ok(golden_batch()));
    let encoding = Encoding::default().with_call(-1);
    assert_eq!(encode(&golden_batch(), encoding), Ok(packet));
}

#[test]
fn strict_binary_both_ways() {
    let packet = encode(&golden_batch(), Encoding::binary()).unwrap();
    assert_eq!(packet[..8], [0x80, 1, 0, 4, 0, 0, 0, 9]);
    assert_eq!(decode(&packet), Ok(golden_batch()));
}

#[test]
fn replies_other_methods_and_trailing_bytes_are_refused() {
    let mut reply = golden();
    reply[1] = 0x41;
    assert_eq!(decode(&reply), Err(DecodeError::NotARequest));
    let mut other = golden();
    other[4] = b'E';
    let name = "EmitBatch".to_owned();
    assert_eq!(decode(&other), Err(DecodeError::UnknownMethod(name)));
    let mut trailing = golden();
    trailing.push(0);
    assert_eq!(decode(&trailing), Err(DecodeError::TrailingBytes(1)));
    assert_eq!(decode(&[]), Err(DecodeError::UnknownProtocol(None)));
    assert_eq!(decode(&[0; 65_536]), Err(DecodeError::TooLong(65_536)));
}

#[test]
fn every_truncation_is_an_error() {
    let packet = golden();
    for length in 2..packet.len() {
        assert_eq!(
            decode(&packet[..length]),
            Err(DecodeError::Truncated),
            "{length}"
        );
    }
}

type Out<'a> = TCompactOutputProtocol<&'a mut Vec<u8>>;

/// A compact message whose batch has the fields that `fields` writes.
fn packet(fields: impl FnOnce(&mut Out<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut out = TCompactOutputProtocol::new(&mut bytes);
    let name = TMessageIdentifier::new("emitBatch", TMessageType::OneWay, 0);
    out.write_message_begin(&name).unwrap();
    structure(&mut out, |out| {
        begin(out, TType::Struct, 1);
        structure(out, fields);
    });
    bytes
}

fn structure(out: &mut Out<'_>, fields: impl FnOnce(&mut Out<'_>)) {
    out.write_struct_begin(&TStructIdentifier::new("")).unwrap();
    fields(out);
    out.write_field_stop().unwrap();
    out.write_struct_end().unwrap();
}

fn begin(out: &mut Out<'_>, kind: TType, id: i16) {
    let field = TFieldIdentifier::new("", kind, id);
    out.write_field_begin(&field).unwrap();
}

fn list(out: &mut Out<'_>, id: i16, size: i32) {
    begin(out, TType::List, id);
    let header = TListIdentifier::new(TType::Struct, size);
    out.write_list_begin(&header).unwrap();
}

fn string(out: &mut Out<'_>, id: i16, value: &[u8]) {
    begin(out, TType::String, id);
    out.write_bytes(value).unwrap();
}

fn number(out: &mut Out<'_>, id: i16, value: i32) {
    begin(out, TType::I32, id);
    out.write_i32(value).unwrap();
}

#[test]
fn node_writes_every_value_of_a_tag() {
    let packet = packet(|out| {
        begin(out, TType::Struct, 1);
        structure(out, |out| {
            string(out, 1, b"svc");
            list(out, 2, 1);
            structure(out, |out| {
                string(out, 1, b"k");
                number(out, 2, 1);
                string(out, 3, b"");
                begin(out, TType::Double, 4);
                out.write_double(42.0).unwrap();
                begin(out, TType::Bool, 5);
                out.write_bool(false).unwrap();
                begin(out, TType::I64, 6);
                out.write_i64(0).unwrap();
                string(out, 7, b"");
            });
        });
        list(out, 2, 0);
    });
    let tags = decode(&packet).unwrap().process.tags;
    assert_eq!(tags, [Tag::new("k", TagValue::Double(42.0))]);
}

#[test]
fn unknown_fields_and_foreign_types_are_skipped() {
    let packet = packet(|out| {
        begin(out, TType::Struct, 99);
        structure(out, |out| {
            list(out, 1, 1);
            structure(out, |out| string(out, 300, b"deep"));
            begin(out, TType::Bool, 2);
            out.write_bool(true).unwrap();
        });
        begin(out, TType::Struct, 1);
        structure(out, |out| {
            string(out, 1, b"svc");
            number(out, 2, 7);
        });
        list(out, 2, 0);
        string(out, 3, b"not a number");
    });
    assert_eq!(decode(&packet), Ok(Batch::new(Process::new("svc"))));
}

#[test]
fn missing_fields_are_named() {
    let empty = packet(|_| {});
    let missing = DecodeError::MissingField("Batch", "process");
    assert_eq!(decode(&empty), Err(missing));
    let nameless = packet(|out| {
        begin(out, TType::Struct, 1);
        structure(out, |_| {});
    });
    let missing = DecodeError::MissingField("Process", "serviceName");
    assert_eq!(decode(&nameless), Err(missing));
}

#[test]
fn unknown_tag_type_is_refused() {
    let packet = packet(|out| {
        begin(out, TType::Struct, 1);
        structure(out, |out| {
            list(out, 2, 1);
            structure(out, |out| {
                string(out, 1, b"k");
                number(out, 2, 5);
            });
        });
    });
    assert_eq!(
        decode(&packet),
        Err(DecodeError::UnknownValue("TagType", 5))
    );
}

#[test]
fn text_cut_within_a_character_is_kept() {
    let packet = packet(|out| {
        begin(out, TType::Struct, 1);
        structure(out, |out| string(out, 1, b"caf\xc3"));
        list(out, 2, 0);
    });
    let batch = decode(&packet).unwrap();
    assert_eq!(batch.process.service_name, "caf\u{fffd}");
}

#[test]
fn nesting_has_an_end() {
    let packet = packet(|out| {
        fn nest(out: &mut Out<'_>, levels: u32) {
            if levels > 0 {
                begin(out, TType::Struct, 9);
                structure(out, |out| nest(out, levels - 1));
            }
        }
        nest(out, 40);
    });
    assert!(matches!(decode(&packet), Err(DecodeError::Malformed(_))));
}

#[test]
fn a_full_packet_of_the_smallest_tags_fits_the_budget() {
    let mut batch = Batch::new(Process::new("s"));
    let tags = (0..9_000).map(|_| Tag::new("k", TagValue::Bool(true)));
    batch.spans.push(Span {
        tags: tags.collect(),
        ..Span::new(1, 1, "op")
    });
    let packet = encode(&batch, Encoding::default()).unwrap();
    assert!((63_000..65_000).contains(&packet.len()), "{}", packet.len());
    assert_eq!(decode(&packet), Ok(batch));
}

#[test]
fn a_full_packet_of_small_spans_fits_the_budget() {
    let mut batch = Batch::new(Process::new("s"));
    let start_time_us = 1_700_000_000_000_000;
    batch.spans.extend((0..2_400).map(|id| Span {
        start_time_us,
        ..Span::new(1, 1_000 + id, "op")
    }));
    let packet = encode(&batch, Encoding::default()).unwrap();
    assert!((63_000..66_000).contains(&packet.len()), "{}", packet.len());
    assert_eq!(decode(&packet), Ok(batch));
}

#[test]
fn a_count_beyond_the_budget_is_refused_before_it_is_believed() {
    let claim = packet(|out| {
        begin(out, TType::Struct, 1);
        structure(out, |out| list(out, 2, 60_000));
    });
    assert_eq!(decode(&claim), Err(DecodeError::Truncated));
}

/// Returns the heap that is charged while a packet is read.
fn charged(packet: &[u8]) -> usize {
    let budget = Budget::new(packet);
    parse_within::<Span>(packet, &budget).expect("it can be read");
    budget.charged()
}

/// Returns what a block of so many bytes costs, with the allocator's overhead.
const fn block(bytes: usize) -> usize {
    bytes + 16
}

const TAG: usize = size_of::<Tag>();

fn tags(count: usize) -> Vec<Tag> {
    vec![Tag::new("", TagValue::Bool(true)); count]
}

/// An addition to a batch, and what it costs.
type Addition = (fn(&mut Batch), usize);

const ADDITIONS: [Addition; 12] = [
    (|it| it.process.service_name = "svc".into(), block(3)),
    (|it| it.process.tags = tags(2), block(2 * TAG)),
    (|it| it.process.tags[0].key = "key".into(), block(3)),
    (|it| it.process.tags[0].value = text("text"), block(4)),
    (
        |it| it.process.tags[1].value = TagValue::Binary([0xff; 5].into()),
        block(5),
    ),
    // For the span itself and the store's books, whatever the span's size.
    (|it| it.spans = vec![Span::new(1, 1, ""); 3], block(3 * 352)),
    (|it| it.spans[2].operation_name = "op".into(), block(2)),
    (|it| it.spans[0].tags = tags(4), block(4 * TAG)),
    (
        |it| it.spans[0].references = vec![SpanRef::new(RefKind::ChildOf, 1, 2); 5],
        block(5 * size_of::<SpanRef>()),
    ),
    (
        |it| it.spans[1].logs = vec![Log::default(); 6],
        block(6 * size_of::<Log>()),
    ),
    (|it| it.spans[1].logs[0].fields = tags(7), block(7 * TAG)),
    (
        |it| it.spans[1].logs[0].fields[6].value = text("event"),
        block(5),
    ),
];

#[test]
fn each_block_of_heap_is_charged() {
    for encoding in [Encoding::default(), Encoding::binary()] {
        let mut batch = Batch::new(Process::new(""));
        let mut expected = 0;
        assert_eq!(charged(&encode(&batch, encoding).unwrap()), 0);
        for (number, (add, cost)) in ADDITIONS.into_iter().enumerate() {
            add(&mut batch);
            expected += cost;
            let packet = encode(&batch, encoding).unwrap();
            assert_eq!(charged(&packet), expected, "addition {number}");
        }
    }
}

#[test]
fn repaired_text_is_charged_at_its_new_length() {
    let packet = packet(|out| {
        begin(out, TType::Struct, 1);
        structure(out, |out| string(out, 1, b"caf\xc3"));
        list(out, 2, 0);
    });
    assert_eq!(charged(&packet), block("caf\u{fffd}".len()));
}
