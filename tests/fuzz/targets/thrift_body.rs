//! Any body of a request with Thrift is a batch, or an error that prints; its memory has a limit.
#![no_main]

#[path = "../../common/heap.rs"]
mod heap;

use heap::peak_of;
use libfuzzer_sys::fuzz_target;
use picojaeger_fuzz::{assert_body_heap, assert_prints};
use picojaeger_std::collector::fuzzing::decode_thrift_body;

fuzz_target!(|body: &[u8]| {
    let (peak, read) = peak_of(|| decode_thrift_body(body));
    assert_body_heap(peak, body);
    if let Err(error) = read {
        assert_prints(&error);
    }
});
