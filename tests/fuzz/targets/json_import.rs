//! Any file is traces, or an error that prints; its memory has a limit. What is read can be written in both formats, and
//! what Jaeger's format holds is read back as it was.
#![no_main]

#[path = "../../common/heap.rs"]
mod heap;

use heap::peak_of;
use libfuzzer_sys::fuzz_target;
use picojaeger_fuzz::{assert_body_heap, assert_prints};
use picojaeger_std::collector::fuzzing::{export_jaeger, export_otlp, import};

fuzz_target!(|file: &[u8]| {
    let (peak, read) = peak_of(|| import(file));
    assert_body_heap(peak, file);
    let batches = match read {
        Ok(batches) => batches,
        Err(error) => return assert_prints(&error),
    };
    let again = import(export_otlp(&batches).as_bytes()).expect("it was written");
    assert_eq!(count(&again), count(&batches));
    let written = export_jaeger(&batches);
    let again = import(written.as_bytes()).expect("it was written");
    assert_eq!(count(&again), count(&batches));
    // A link to the span that the first reading made the parent is merged with it, and spans are ordered by process: from the
    // second time on nothing moves.
    let again = import(export_jaeger(&again).as_bytes()).expect("it was written");
    let written = export_jaeger(&again);
    let third = import(written.as_bytes()).expect("it was written");
    // As text, since NaN is not equal to itself.
    assert_eq!(sorted(&third), sorted(&again));
});

fn count(batches: &[picojaeger_std::model::Batch]) -> usize {
    batches.iter().map(|batch| batch.spans.len()).sum()
}

fn sorted(batches: &[picojaeger_std::model::Batch]) -> Vec<String> {
    let spans = batches
        .iter()
        .flat_map(|batch| batch.spans.iter().map(|span| (&batch.process, span)));
    let mut shown: Vec<_> = spans.map(|span| format!("{span:?}")).collect();
    shown.sort();
    shown
}
