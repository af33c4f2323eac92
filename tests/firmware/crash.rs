//! The spans that a handler of faults sends.

use picojaeger_std::model::{Batch, Span, TagValue};

/// The same as in `examples/cortex-m/src/bin/crash.rs`.
const SAMPLES: i64 = 20;

/// Panics unless the batches hold what had finished before the fault, and the handler's own span.
pub(crate) fn check(batches: &[Batch]) -> String {
    let spans: Vec<&Span> = batches.iter().flat_map(|batch| &batch.spans).collect();
    let (fault, samples) = spans.split_last().expect("some spans");
    for (span, number) in samples.iter().zip(0..) {
        assert_eq!(span.operation_name, "sample");
        assert_eq!(span.tag("number"), Some(&TagValue::Long(number)));
    }
    assert_eq!(samples.len() as i64, SAMPLES);
    assert_eq!(fault.operation_name, "hard fault");
    let Some(TagValue::Long(at)) = fault.tag("at") else {
        panic!("{fault:?}")
    };
    assert!((0..256 << 10).contains(at), "in flash: {at:#x}");
    assert_eq!(fault.tag("error"), Some(&TagValue::Bool(true)));
    format!("{} spans in {} packets", spans.len(), batches.len())
}
