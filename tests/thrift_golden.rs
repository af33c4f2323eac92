//! The core's Thrift encoders write the same bytes as the `thrift` crate, and they are read back as
//! the spans that were made. Spans are drawn from fixed seeds.

use picojaeger_core::wire::{Encoder, ThriftBatch, ThriftBinary, ThriftCompact};
use picojaeger_std::collector::{Encoding, decode, encode};
use picojaeger_std::model::{Batch, Tag, TagValue};

mod common;

use common::SplitMix64;
use common::draw::{Draw, FLOATS, LENGTHS};
use common::encode::{TRUNCATED, assert_cut, packets};

#[test]
fn generated_batches_are_the_bytes_of_thrift() {
    let mut drawn = 0;
    for seed in 0..1_500 {
        let batch = Draw(SplitMix64(seed)).batch();
        drawn += batch.spans.len();
        assert_same(&batch, &format!("seed {seed}"));
    }
    assert!(drawn > 2_000, "{drawn} spans");
}

#[test]
fn lists_of_every_length_are_the_bytes_of_thrift() {
    for length in LENGTHS {
        for list in 0..6 {
            let mut draw = Draw(SplitMix64(length as u64));
            let span = draw.bare_span();
            let mut batch = draw.empty_batch();
            batch.spans.push(span);
            let span = &mut batch.spans[0];
            match list {
                0 => span.tags = draw.list(length, Draw::tag),
                1 => span.references = draw.list(length, Draw::reference),
                2 => span.logs = draw.list(length, |draw| draw.log(1)),
                3 => span.logs = vec![draw.log(length)],
                4 => batch.process.tags = draw.list(length, Draw::tag),
                _ => batch.spans = draw.list(length, Draw::bare_span),
            }
            assert_same(&batch, &format!("list {list} of {length}"));
        }
    }
}

/// The count of spans stands before them, and takes more bytes from these numbers on.
#[test]
fn packets_of_very_many_spans_are_the_bytes_of_thrift() {
    for length in [127, 128, 129, 16_383, 16_384, 16_385] {
        let mut draw = Draw(SplitMix64(1));
        let mut batch = draw.empty_batch();
        batch.spans = vec![draw.bare_span(); length];
        assert_same_bytes(&batch, &format!("{length} spans"));
    }
}

#[test]
fn extreme_values_are_the_bytes_of_thrift() {
    let mut numbers = vec![0, 1, -1, i64::MIN, i64::MAX];
    for bit in 0..63 {
        numbers.extend([1 << bit, (1 << bit) - 1, -(1 << bit), -(1 << bit) - 1]);
    }
    let mut values: Vec<TagValue> = numbers.into_iter().map(TagValue::Long).collect();
    values.extend(FLOATS.map(TagValue::Double));
    values.extend([true, false].map(TagValue::Bool));
    for length in [0, 1, 3, 4, 7, 8, 16, 17, 127, 128, 16_383, 16_384, 20_000] {
        values.push(TagValue::String("x".repeat(length)));
        values.push(TagValue::Binary(vec![0xff; length].into()));
    }
    for value in values {
        let mut draw = Draw(SplitMix64(1));
        let mut span = draw.bare_span();
        span.tags = vec![Tag::new("value", value)];
        let mut batch = draw.empty_batch();
        batch.spans.push(span);
        assert_same(&batch, "one value");
    }
}

#[test]
fn small_packets_hold_every_span_whole_or_marked() {
    small_packets_hold::<ThriftCompact>(400);
    small_packets_hold::<ThriftBinary>(600);
}

fn small_packets_hold<E: Encoder + Default>(least: usize) {
    let (mut whole, mut cut, mut too_large) = (0, 0, 0);
    for seed in 0..800 {
        let mut draw = Draw(SplitMix64(seed));
        let batch = draw.batch();
        let limit = least + draw.below(3_000);
        let (packets, lost) = packets::<E>(&batch, limit);
        too_large += lost.iter().filter(|lost| **lost).count();
        let mut made = batch.spans.iter().zip(&lost).filter(|(_, lost)| !**lost);
        for packet in packets {
            assert!(packet.len() <= limit);
            for found in decode(&packet).expect("a packet").spans {
                let (made, _) = made.next().expect("no more spans than were made");
                if found.tag(TRUNCATED).is_some() {
                    assert_cut(&found, made);
                    cut += 1;
                } else {
                    assert_eq!(format!("{found:?}"), format!("{made:?}"), "seed {seed}");
                    whole += 1;
                }
            }
        }
        assert!(made.next().is_none(), "each span that was taken arrived");
    }
    assert!(
        whole > 50 && cut > 50 && too_large > 0,
        "{whole} {cut} {too_large}"
    );
}

/// Checks that all encoders agree with `thrift`, and that the decoded spans are those that were made.
fn assert_same(batch: &Batch, which: &str) {
    for packet in assert_same_bytes(batch, which) {
        // Compared as text, since NaN is not equal to itself; its bits are compared in the bytes.
        let read = decode(&packet).expect("what was written can be read");
        assert_eq!(format!("{read:?}"), format!("{batch:?}"), "{which}");
    }
}

/// Checks that all encoders agree with `thrift`, and returns the messages.
fn assert_same_bytes(batch: &Batch, which: &str) -> [Vec<u8>; 2] {
    let written = |encoding| encode(batch, encoding).expect("Thrift can carry it");
    let (compact, binary) = (written(Encoding::default()), written(Encoding::binary()));
    assert_packet::<ThriftCompact>(batch, &compact, which);
    assert_packet::<ThriftBinary>(batch, &binary, which);
    let bare = &binary[BEFORE_BATCH..binary.len() - 1];
    assert_packet::<ThriftBatch>(batch, bare, which);
    [compact, binary]
}

/// Bytes of a binary message before its batch: the message's header and that of its only argument.
/// Behind the batch the arguments end with one byte.
const BEFORE_BATCH: usize = 4 + 4 + "emitBatch".len() + 4 + 3;

/// Checks that the encoder makes this packet where there is just room for it.
fn assert_packet<E: Encoder + Default>(batch: &Batch, expected: &[u8], which: &str) {
    let (packets, lost) = packets::<E>(batch, expected.len());
    assert!(!lost.contains(&true), "{which}");
    let [packet] = &packets[..] else {
        panic!("{which}: {} packets", packets.len());
    };
    assert!(*packet == expected, "{which}: other bytes");
}
