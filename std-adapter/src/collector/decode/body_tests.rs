//! Bodies of requests with Thrift.

use super::{DecodeError, decode_body};
use crate::collector::{Encoding, encode};
use crate::model::{Batch, Log, Process, Span, Tag};

/// Bytes around the batch in a binary packet: version, name, sequence number and the field's begin, and a stop.
const BEFORE: usize = 4 + 4 + "emitBatch".len() + 4 + 3;

/// Returns a batch as clients send it over HTTP.
fn body_of(batch: &Batch) -> Vec<u8> {
    let packet = encode(batch, Encoding::binary()).unwrap();
    packet[BEFORE..packet.len() - 1].to_vec()
}

fn batch(spans: u64) -> Batch {
    let mut batch = Batch::new(Process::new("shop"));
    batch.process.tags.push(Tag::new("hostname", "h1"));
    batch.seq_no = Some(3);
    for id in 0..spans {
        let mut span = Span::new(7, id + 1, "a");
        span.tags.push(Tag::new("k", 1));
        span.logs.push(Log::new(5, vec![Tag::new("event", "e")]));
        batch.spans.push(span);
    }
    batch
}

#[test]
fn a_body_is_read_as_it_was_sent_however_long_it_is() {
    for spans in [0, 1, 300] {
        assert_eq!(decode_body(&body_of(&batch(spans))), Ok(batch(spans)));
    }
    // More than a packet has room for: the list of spans is the last field but two.
    let mut long = Vec::new();
    let one = body_of(&batch(1));
    let two = body_of(&batch(2));
    let length = two.len() - one.len();
    let end = one.len() - 11 - 1; // the sequence number and the stop
    long.extend(&one[..end - length - 4]);
    long.extend(20_000_i32.to_be_bytes());
    for _ in 0..20_000 {
        long.extend(&one[end - length..end]);
    }
    long.extend(&one[end..]);
    assert_eq!(
        decode_body(&long).map(|batch| batch.spans.len()),
        Ok(20_000)
    );
}

#[test]
fn what_is_no_batch_is_refused_with_its_reason() {
    let whole = body_of(&batch(2));
    for length in 0..whole.len() {
        let error = decode_body(&whole[..length]).unwrap_err();
        assert!(!error.to_string().is_empty());
    }
    let longer = [&whole[..], &[0, 0]].concat();
    assert_eq!(decode_body(&longer), Err(DecodeError::TrailingBytes(2)));
}

#[test]
fn a_body_of_claims_is_refused_before_it_takes_memory() {
    // Field 2, a list of structures; the count alone is 2^31 - 1.
    let claim = [&[15, 0, 2, 12][..], &i32::MAX.to_be_bytes()].concat();
    assert_eq!(decode_body(&claim), Err(DecodeError::Truncated));
    // Each list within the last claims all that is left.
    const LENGTH: i32 = 4 << 20;
    let mut nested = [&[15, 0, 2, 12][..], &(LENGTH / 40).to_be_bytes()].concat();
    for _ in 0..100 {
        // Field 11, logs, with one whose fields are a list, which has tags that are no tags.
        nested.extend([&[15, 0, 10, 12][..], &(LENGTH / 6).to_be_bytes(), &[0]].concat());
    }
    nested.resize(LENGTH as usize, 0);
    assert!(decode_body(&nested).is_err());
    // The same field again and again, each with a list as long as all that is left.
    let mut again = Vec::new();
    for _ in 0..1_000 {
        again.extend([&[15, 0, 2, 12][..], &0_i32.to_be_bytes()].concat());
    }
    assert!(decode_body(&again).is_err());
}
