//! Spans that stay open for long take nothing from short ones.

use picojaeger_std::{Span, Tracer};

use crate::{MIB, SOON, beside_idle_threads, burst, reported};

const SHORT: usize = 10_000;

/// Short spans with two tags, each finished before the next one starts; half of them get a tag
/// before their start.
fn short(tracer: &Tracer, count: usize) {
    for number in 0..count {
        let operation = ["read", "write", "query"][number % 3];
        let builder = tracer.span_builder(operation);
        let mut span = match number % 2 {
            0 => builder.start(),
            _ => builder.tag("early", true).start(),
        };
        span.tag("component", "db").tag("number", number);
    }
}

/// Opens spans of one operation, half of them with a tag before their start.
fn idle(tracer: &Tracer, count: usize) -> Vec<Span> {
    let start = |number| match number % 2 {
        0 => tracer.start("idle"),
        _ => tracer.span_builder("idle").tag("early", true).start(),
    };
    (0..count).map(start).collect()
}

/// Checks that only idle spans were lost, and that each short one arrives whole.
#[track_caller]
fn assert_only_idle_lost(count: usize, work: impl FnOnce(&Tracer)) {
    let (tracer, reporter) = reported(16 * MIB);
    let open = idle(&tracer, count);
    let lost = tracer.stats().lost;
    work(&tracer);
    tracer.flush(SOON).unwrap();
    assert_eq!(tracer.stats().lost.since(&lost).total(), 0);
    let spans = reporter.spans();
    assert_eq!(spans.len(), SHORT);
    for span in &spans {
        assert!(span.tag("component").is_some() && span.tag("number").is_some());
        assert!(span.tag("picojaeger.dropped").is_none(), "{span:?}");
    }
    let stats = tracer.stats();
    assert_eq!(stats.lost.total(), stats.lost.memory, "{stats}");
    assert_eq!(stats.open + stats.lost.memory, count as u64, "{stats}");
    assert!(stats.open > 15_000, "{stats}");
    drop(open);
}

#[test]
fn many_idle_spans_of_one_operation_take_nothing_from_others() {
    for count in [20_000, 100_000] {
        assert_only_idle_lost(count, |tracer| short(tracer, SHORT));
    }
}

#[test]
fn nor_from_those_of_other_threads() {
    assert_only_idle_lost(100_000, |tracer| {
        beside_idle_threads(10, || short(tracer, SHORT / 10), || {});
    });
}

/// The idle spans came first and took what they could; now rings take what they can.
#[test]
fn full_rings_take_nothing_from_short_spans_beside_idle_ones() {
    let (tracer, _) = reported(16 * MIB);
    let open = idle(&tracer, 100_000);
    let memory = tracer.stats().lost.memory;
    burst(&tracer);
    let stats = tracer.stats();
    assert!(stats.lost.full > 0, "{stats}");
    assert_eq!(stats.lost.memory, memory, "{stats}");
    drop(open);
}

/// What a short-lived slot has no room for is marked.
#[test]
fn a_span_that_starts_while_memory_is_scarce_keeps_what_fits() {
    let (tracer, reporter) = reported(16 * MIB);
    let open = idle(&tracer, 20_000);
    let mut span = tracer.start("wide");
    for number in 0..20 {
        span.tag("number", number);
    }
    span.finish();
    tracer.flush(SOON).unwrap();
    let span = &reporter.spans()[0];
    let kept = span.tags.iter().filter(|tag| tag.key == "number").count();
    assert!((2..20).contains(&kept), "{kept}");
    assert!(span.tag("picojaeger.dropped").is_some());
    drop(open);
}
