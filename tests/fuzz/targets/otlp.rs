//! Any body of a request of OTLP, in protobuf or JSON, is batches, or an error that prints; its memory has a limit.
#![no_main]

#[path = "../../common/heap.rs"]
mod heap;

use heap::peak_of;
use libfuzzer_sys::fuzz_target;
use picojaeger_fuzz::{assert_body_heap, assert_prints};
use picojaeger_std::collector::DecodeError;
use picojaeger_std::collector::fuzzing::{decode_otlp_json, decode_otlp_protobuf};
use picojaeger_std::model::Batch;

fuzz_target!(|body: &[u8]| {
    check(body, decode_otlp_protobuf);
    check(body, decode_otlp_json);
});

fn check(body: &[u8], decode: fn(&[u8]) -> Result<Vec<Batch>, DecodeError>) {
    let (peak, read) = peak_of(|| decode(body));
    assert_body_heap(peak, body);
    match read {
        Ok(batches) => {
            // OTLP has no times before 1970; an end may come before its start.
            for span in batches.iter().flat_map(|batch| &batch.spans) {
                let end = span.start_time_us.checked_add(span.duration_us);
                assert!(span.start_time_us >= 0 && end.is_some_and(|end| end >= 0));
            }
        }
        Err(error) => assert_prints(&error),
    }
}
