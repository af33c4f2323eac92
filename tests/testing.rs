//! What users' tests have: a tracer in memory, and comparison of traces.

use std::panic::catch_unwind;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use picojaeger_std::testing::{TestTracer, TraceTree};
use picojaeger_std::{
    CurrentSpan, InSpan, assert_trace, current, current_root, global_tracer, traced,
};

#[path = "../examples/testing.rs"]
mod example;

#[test]
fn the_example_prints_what_its_page_shows() {
    let page = include_str!("../examples/README.md");
    let (_, shown) = page
        .split_once("$ cargo run -p picojaeger --example testing\n")
        .unwrap();
    let (shown, _) = shown.split_once("\n```").unwrap();
    assert_eq!(example::report().unwrap(), shown);
}

#[traced(fields(id), err)]
fn look_up(id: u64) -> Result<u64, String> {
    current_root().tag("customer", "c-3");
    if id > 9 {
        return Err(format!("no item {id}"));
    }
    Ok(id)
}

#[traced(fields(id))]
async fn order(id: u64) -> bool {
    async {}.in_span("reserve").await;
    current().tag("express", true);
    look_up(id).is_ok()
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        let polled = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(output) = polled {
            return output;
        }
    }
}

#[test]
fn code_that_starts_spans_by_name_is_traced() {
    let tracer = TestTracer::new();
    assert!(block_on(tracer.in_future(order(7))));
    assert!(!tracer.in_scope(|| block_on(order(12))));
    tracer.in_scope(|| drop(look_up(3)));
    assert_trace!(
        tracer,
        r#"
        order | id=7 express=true customer=c-3
          reserve
          look_up | id=7 !error
        order | id=12
          reserve
          look_up | id=12 error
        look_up | customer="c-3"
        "#
    );
    assert!(!global_tracer().is_enabled());
}

#[test]
fn tests_in_parallel_have_their_own_spans() {
    thread::scope(|scope| {
        for id in 0..8 {
            scope.spawn(move || {
                let tracer = TestTracer::new();
                for _ in 0..20 {
                    tracer.in_scope(|| block_on(order(id)));
                }
                assert_eq!(tracer.take().len(), 60);
                assert_trace!(tracer, "");
            });
        }
    });
}

#[test]
fn ids_and_times_are_the_same_at_each_run() {
    let run = || {
        let tracer = TestTracer::with_seed(7);
        let mut span = tracer.start("order");
        tracer.clock().advance(Duration::from_millis(3));
        span.log().field("event", "packed");
        drop(span);
        thread::scope(|scope| {
            scope.spawn(|| drop(tracer.start("elsewhere")));
        });
        tracer.spans()
    };
    let (one, other) = (run(), run());
    assert_eq!(one, other);
    assert_eq!(one[0].start_time_us, 1_577_836_800_000_000);
    assert_eq!(one[0].duration_us, 3_000);
    assert_eq!(one[1].start_time_us, 1_577_836_800_003_000);
    assert_ne!(one[0].trace_id, one[1].trace_id);
}

/// Nothing is active within a tracer alone: neither to be written to, nor a parent.
#[test]
fn a_tracer_alone_is_no_span() {
    let tracer = TestTracer::new();
    let before = CurrentSpan::missed_writes();
    tracer.in_scope(|| {
        current().tag("nowhere", true);
        current_root().tag("nowhere", true);
        assert_eq!(picojaeger_std::current_ids(), None);
        assert_eq!(current().context(), None);
    });
    assert_eq!(CurrentSpan::missed_writes(), before);
    let other = TestTracer::new();
    other
        .start("outer")
        .in_scope(|| tracer.in_scope(|| drop(look_up(1))));
    assert_trace!(other, "outer");
    assert_trace!(tracer, "look_up");
}

fn message_of(expected: &'static str) -> String {
    let panic = catch_unwind(|| {
        let tracer = TestTracer::new();
        tracer.in_scope(|| block_on(order(12)));
        let _open = tracer.start("open");
        assert_trace!(tracer, expected, "order {}", 12);
    });
    *panic.unwrap_err().downcast::<String>().unwrap()
}

#[test]
fn the_difference_is_shown_where_it_lies() {
    let message = message_of(
        "order | id=12
           pack
             label
           look_up | id=13",
    );
    assert_eq!(
        message,
        "\
the trace is not as expected (- expected, + found): order 12
  order | id=12
+   reserve
-   look_up | id=13
+   look_up | id=12 error=true
-   pack
-     label
one span is still open
"
    );
}

#[test]
fn what_cannot_be_read_is_an_error() {
    for (expected, error) in [
        (
            "a\n    b\n  c",
            "line 3 of the expected trace: it stands between the levels of the lines above: c",
        ),
        (
            "  a\nb",
            "line 2 of the expected trace: it stands between the levels of the lines above: b",
        ),
        (
            "a | =7",
            "line 1 of the expected trace: a tag without a key: a | =7",
        ),
        (
            "a | !",
            "line 1 of the expected trace: a tag without a key: a | !",
        ),
        (
            "a | b=\"c",
            "line 1 of the expected trace: a quotation without its end: a | b=\"c",
        ),
    ] {
        assert_eq!(message_of(expected), error);
    }
}

#[test]
fn quoted_text_is_the_text_within_the_quotation_marks() {
    let long = "x".repeat(300);
    let tracer = TestTracer::new();
    let mut span = tracer.start("order");
    span.tag("bare", "gold").tag("quoted", "\"gold\"");
    span.tag("spaces", "a \"b\" \\").tag("long", long.as_str());
    span.tag("number", 3);
    drop(span);
    let tree = tracer.tree();
    let holds = |tags: &str| {
        tree.difference(&format!("order | {tags}"))
            .unwrap()
            .is_none()
    };
    assert!(holds("bare=gold") && holds(r#"bare="gold""#));
    assert!(holds(r#"quoted="\"gold\"""#));
    assert!(!holds(r#"quoted="gold""#), "its marks are missing");
    assert!(holds(r#"spaces="a \"b\" \\""#));
    assert!(holds(&format!("long={long}")) && holds(&format!("long=\"{long}\" bare")));
    assert!(!holds(&format!("long=\"{long}x\"")));
    assert!(
        holds("number=3") && !holds(r#"number="3""#),
        "it is no text"
    );
    // The text of a tree is what is expected of it, cut text included.
    assert!(tree.to_string().contains("... (300 bytes)"));
    assert_eq!(tree.difference(&tree.to_string()).unwrap(), None);
}

/// An expected line that fits many spans leaves those to the lines that fit few.
#[test]
fn siblings_are_paired_whatever_their_order() {
    let tracer = TestTracer::new();
    tracer.start("batch").in_scope(|| {
        for id in [3, 2, 1] {
            tracer
                .start("item")
                .tag("id", id)
                .tag("text", "two \"words\"");
        }
    });
    assert_trace!(
        tracer,
        "batch\n item\n item | id\n item | id=3 text=\"two \\\"words\\\"\""
    );
    let tree = tracer.tree();
    assert_eq!(tree, TraceTree::of(tracer.spans()));
    assert_eq!(tree.difference(&tree.to_string()), Ok(None));
    let difference = tree
        .difference("batch\n item | id=4\n item | id=3\n item")
        .unwrap()
        .unwrap();
    let lines = [
        "  batch",
        "    item | id=3",
        "    item",
        "-   item | id=4",
        r#"+   item | id=1 text="two \"words\"""#,
        "",
    ];
    assert_eq!(difference, lines.join("\n"));
}
