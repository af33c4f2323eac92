//! Spans that have finished leave nothing behind that later ones miss.

use picojaeger_std::model::TagValue;
use picojaeger_std::{Span, Tracer};

use crate::{MIB, beside_idle_threads, fill, fill_by_many, reported, settled, tracer};

/// Opens this many spans at once, one after another on the calling thread.
fn open(tracer: &Tracer, count: usize) -> Vec<Span> {
    (0..count).map(|_| tracer.start("open")).collect()
}

#[test]
fn large_spans_leave_room_for_small_ones() {
    let (tracer, text) = (tracer(16 * MIB), "x".repeat(1_000));
    for _ in 0..200 {
        let mut span = tracer.start("large");
        for _ in 0..60 {
            span.tag("text", &text);
        }
    }
    let spans = open(&tracer, 5_000);
    assert_eq!(tracer.stats().lost.memory, 0);
    drop(spans);
    // And when as many as possible are open at once.
    let mut large = open(&tracer, 200);
    for span in &mut large {
        for _ in 0..60 {
            span.tag("text", &text);
        }
    }
    drop(large);
    let spans = open(&tracer, 5_000);
    assert_eq!(tracer.stats().lost.memory, 0);
    drop(spans);
    settled(&tracer);
}

#[test]
fn small_spans_leave_room_for_large_ones() {
    let (tracer, reporter) = reported(16 * MIB);
    drop(open(&tracer, 13_982));
    tracer.flush(crate::SOON).unwrap();
    reporter.clear();
    for _ in 0..10 {
        let mut span = tracer.start("with logs");
        for number in 0..40 {
            span.log().field("event", "step").field("number", number);
        }
    }
    tracer.flush(crate::SOON).unwrap();
    let logs: Vec<_> = reporter
        .spans()
        .iter()
        .map(|span| span.logs.len())
        .collect();
    assert_eq!(logs, [40; 10]);
    assert_eq!(settled(&tracer).lost.total(), 0);
}

/// An idle thread keeps 16 slots at most.
#[test]
fn idle_threads_do_not_starve_a_new_one() {
    let tracer = tracer(16 * MIB);
    let most = fill_by_many(&tracer).len();
    let work = || drop(open(&tracer, 64));
    let (one, all) = beside_idle_threads(250, work, || {
        let one = fill(&tracer, "new").len();
        (one, fill_by_many(&tracer).len())
    });
    assert!(one >= 12_000, "{one}");
    assert!(most - all <= 250 * 16 * 600 / 216, "{all} of {most}");
}

#[test]
fn each_of_many_threads_may_have_an_open_span() {
    let tracer = tracer(16 * MIB);
    let spans = std::sync::Mutex::new(Vec::new());
    let start = || spans.lock().unwrap().push(tracer.start("one"));
    let stats = beside_idle_threads(600, start, || tracer.stats());
    assert_eq!((stats.open, stats.lost.total()), (600, 0), "{stats}");
}

#[test]
fn unsampled_spans_take_no_memory_from_sampled_ones() {
    let sampled = |tracer: &Tracer| {
        let parent = tracer.start("sampled").context();
        let lost = tracer.stats().lost.memory;
        let open: Vec<_> = (0..30_000)
            .map(|_| tracer.span_builder("child").child_of(&parent).start())
            .collect();
        open.len() as u64 - (tracer.stats().lost.memory - lost)
    };
    let alone = sampled(&tracer(16 * MIB));
    let tracer = tracer(16 * MIB);
    let mut parent = tracer.start("unsampled");
    parent.tag("sampling.priority", 0);
    let name = String::from("copied");
    let unsampled: Vec<_> = (0..50_000)
        .map(|_| tracer.span_builder(&name).child_of(&parent).start())
        .collect();
    assert!(!unsampled[0].is_sampled());
    // One slot less: the parent was sampled at first.
    assert!(alone - sampled(&tracer) <= 1);
}

/// 112 bytes: 120 for an area, less a word that describes the entry.
#[test]
fn a_span_that_is_sampled_late_keeps_its_copied_name() {
    let (tracer, reporter) = reported(16 * MIB);
    let mut parent = tracer.start("unsampled");
    parent.tag("sampling.priority", 0);
    for length in [1, 50, 112, 113] {
        let name = "n".repeat(length);
        let mut span = tracer.span_builder(&name).child_of(&parent).start();
        // The name that a span gets last counts, however many it had.
        for other in ["o", "p", "q", "r"] {
            span.set_operation_name(&other.repeat(length));
        }
        span.set_operation_name(&name);
        span.tag("sampling.priority", 1);
        drop(span);
        tracer.flush(crate::SOON).unwrap();
        let span = &reporter.spans()[0];
        reporter.clear();
        assert_eq!(span.operation_name, name[..length.min(112)]);
        assert_eq!(span.tag("picojaeger.truncated").is_some(), length > 112);
        let dropped = span.tag("picojaeger.dropped");
        assert!(dropped.is_none_or(|count| *count == TagValue::Long(0)));
        assert!(span.tag("picojaeger.sampled_late").is_some());
    }
}
