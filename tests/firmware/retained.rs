//! The spans that boots send for those before them.

use picojaeger_std::model::{Batch, Span, TagValue};

/// The same as in `examples/cortex-m/src/bin/retained.rs`.
const UNIX_MICROS_AT_START: i64 = 1_700_000_000_000_000;
/// Each sweep has more points than this, of which two of 32 send their spans by the UART.
const BOOTS: usize = 2 * 1_000 / 32;

/// Panics unless each boot's spans are as made, in order, and marked as recovered from that boot.
pub(crate) fn check(batches: &[Batch]) -> String {
    let mut boots: Vec<Vec<&Span>> = Vec::new();
    for span in batches.iter().flat_map(|batch| &batch.spans) {
        check_span(span);
        match boots.last_mut() {
            Some(boot) if number(boot[0], "recovered.boot") == number(span, "recovered.boot") => {
                boot.push(span);
            }
            _ => boots.push(vec![span]),
        }
    }
    for boot in &boots {
        let numbers: Vec<i64> = boot.iter().map(|span| number(span, "n")).collect();
        let consecutive = numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        assert!(consecutive, "nothing is missing between: {numbers:?}");
        assert!(boot.iter().all(|span| is_dated(span) == is_dated(boot[0])));
    }
    let dated = boots.iter().filter(|boot| is_dated(boot[0])).count();
    assert!(boots.len() > BOOTS, "{} boots", boots.len());
    assert!((1..boots.len()).contains(&dated), "dated or not");
    format!("spans of {} boots, {dated} of them dated", boots.len())
}

fn check_span(span: &Span) {
    assert_eq!(span.tag("recovered"), Some(&TagValue::Bool(true)));
    let (is_outer, number) = (span.operation_name == "outer", number(span, "n"));
    assert!(is_outer || span.operation_name == "inner", "{span:?}");
    assert_eq!(
        is_outer,
        number % 2 == 1,
        "an outer span ends behind its inner one"
    );
    assert_eq!(is_outer, span.parent_span_id.is_zero());
    let fast = TagValue::String("fast".into());
    assert_eq!(span.tag("mode"), Some(&fast).filter(|_| is_outer));
    let base = if is_dated(span) {
        UNIX_MICROS_AT_START
    } else {
        0
    };
    assert!(
        (base..base + 1_000_000).contains(&span.start_time_us),
        "{span:?}"
    );
}

fn is_dated(span: &Span) -> bool {
    span.tag("clock.unsynced").is_none()
}

fn number(span: &Span, key: &str) -> i64 {
    match span.tag(key) {
        Some(TagValue::Long(number)) => *number,
        other => panic!("{key} is {other:?}"),
    }
}
