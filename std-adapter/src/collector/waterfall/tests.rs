//! Whole pictures, hostile ones among them.

use std::sync::Arc;

use super::text::MAX_VALUE;
use super::*;
use crate::model::{Log, Process, RefKind, Span, SpanRef, Tag, TagValue};

const TRACE: TraceId = TraceId::from_parts(0, 0xa);

fn trace(spans: impl IntoIterator<Item = Span>) -> Trace {
    let process = Arc::new(Process::new("svc"));
    let spans = spans.into_iter();
    Trace::new(
        TRACE,
        spans
            .map(|span| CollectedSpan::new(Arc::clone(&process), span))
            .collect(),
    )
}

fn span(id: u64, parent: u64, start: i64, duration: i64) -> Span {
    Span {
        parent_span_id: parent.into(),
        start_time_us: start,
        duration_us: duration,
        ..Span::new(TRACE, id, format!("op{id}"))
    }
}

#[test]
fn siblings_are_sorted_and_descendants_follow_their_parent() {
    let spans = [
        span(9, 4, 1_090, 10),
        span(4, 1, 1_050, 50),
        span(1, 0, 1_000, 1_500_000),
        span(2, 1, 1_050, 0),
        span(3, 1, 1_020, 750_000),
    ];
    assert_eq!(
        format!("{:10}", trace(spans)),
        "\
trace 000000000000000a: 5 spans, 1.5s
svc: op1       0us   1.5s |==========|
  svc: op3    20us  750ms |=====     |
  svc: op2    50us    0us |=         |
  svc: op4    50us   50us |=         |
    svc: op9  90us   10us |=         |
"
    );
}

#[test]
fn orphans_and_cycles_stand_at_the_top_with_a_note() {
    let mut follower = span(5, 0, 4, 0);
    follower.references.push(SpanRef {
        kind: RefKind::FollowsFrom,
        trace_id: TRACE,
        span_id: 2.into(),
    });
    let spans = [
        span(1, 0xbad, 0, 8),
        span(2, 3, 1, 1),
        span(3, 2, 2, 1),
        span(4, 4, 3, 1),
        follower,
    ];
    assert_eq!(
        format!("{:8}", trace(spans)),
        "\
trace 000000000000000a: 5 spans, 8us
svc: op1    0us  8us |========| (parent 0000000000000bad is missing)
svc: op2    1us  1us | =      | (its parents form a cycle)
  svc: op3  2us  1us |  =     |
  svc: op5  4us  0us |    =   |
svc: op4    3us  1us |   =    | (its parents form a cycle)
"
    );
}

#[test]
fn values_of_every_type_and_hostile_text() {
    let mut span = span(1, 0, 100, 5);
    span.operation_name = "a\nb\u{1b}[2J\u{202e}".to_owned();
    for value in [
        TagValue::String("say \"\u{e9}\"\0".to_owned()),
        TagValue::Double(1.0),
        TagValue::Bool(false),
        TagValue::Long(i64::MIN),
        TagValue::Binary(Box::new([0, 255])),
        TagValue::String("x".repeat(MAX_VALUE + 1)),
    ] {
        span.tags.push(Tag::new("k", value));
    }
    for timestamp_us in [1_100_100, 99] {
        span.logs.push(Log {
            timestamp_us,
            fields: Vec::new(),
        });
    }
    let long = "x".repeat(MAX_VALUE);
    assert_eq!(
        format!("{:4}", trace([span])),
        format!(
            "\
trace 000000000000000a: 1 span, 5us
svc: a\\nb\\u{{1b}}[2J\\u{{202e}}  0us  5us |====|
    k=\"say \\\"\u{e9}\\\"\\u{{0}}\" k=1.0 k=false k=-9223372036854775808 k=0x00ff k=\"{long}\"... (201 bytes)
    -1us \n    +1.1s \n"
        )
    );
}

#[test]
fn extreme_times_neither_panic_nor_leave_the_bar() {
    let spans = [
        span(1, 0, i64::MIN, i64::MAX),
        span(2, 1, i64::MAX, i64::MAX),
        span(3, 1, 0, i64::MIN),
    ];
    let text = format!("{:6}", trace(spans));
    for line in text.lines().skip(1) {
        let bar = line.split('|').nth(1).unwrap_or_default();
        assert_eq!(bar.len(), 6, "{line}");
    }
    assert_eq!(text.lines().count(), 4);
}

#[test]
fn a_chain_as_deep_as_a_hostile_trace_does_not_overflow_the_stack() {
    let spans = (1..=50_000).map(|id| span(id, id - 1, 0, 1));
    assert_eq!(trace(spans).to_string().lines().count(), 50_001);
}

#[test]
fn an_empty_trace_prints_its_head() {
    let empty = Trace::new(TraceId::from_parts(1, 0), Vec::new());
    assert_eq!(
        empty.to_string(),
        "trace 00000000000000010000000000000000: 0 spans, 0us\n"
    );
}

#[test]
fn durations_take_the_unit_that_suits_them() {
    let text = |micros| Micros(micros).to_string();
    assert_eq!(
        [0, 999, 1_000, 1_050, 999_999, 1_000_000, 59_999_999].map(text),
        [
            "0us",
            "999us",
            "1ms",
            "1.05ms",
            "999.999ms",
            "1s",
            "59.999s"
        ]
    );
    assert_eq!(
        [60_000_000, 3_725_000_000, -1_500].map(text),
        ["1m00s", "62m05s", "-1.5ms"]
    );
}

/// A waterfall with its escape sequences as short words: the colours of services by number.
#[cfg(feature = "collector")]
fn coloured(trace: &Trace) -> String {
    let text = format!("{:10}", trace.coloured());
    let words = [
        ("0", "<>"),
        ("1", "<b>"),
        ("2", "<dim>"),
        ("31", "<red>"),
        ("33", "<yellow>"),
    ];
    let text = words.iter().fold(text, |text, (code, word)| {
        text.replace(&format!("\u{1b}[{code}m"), word)
    });
    text.replace("\u{1b}[38;5;", "<")
}

#[cfg(feature = "collector")]
#[test]
fn colours_mark_services_errors_the_critical_path_and_warnings() {
    let mut failed = span(2, 1, 1_020, 50);
    failed.tags.push(Tag::new("error", true));
    let mut open = span(4, 9, 1_050, 10);
    open.tags.push(Tag::new("picojaeger.unfinished", true));
    let text = coloured(&trace([span(1, 0, 1_000, 100), failed, open]));
    let expected = "\
<b>trace 000000000000000a<>: 3 spans, 100us
<yellow>! 1 parent is missing<>
<COLOURmsvc<>: op1                                 0us  100us |<COLOURm##=====###<>|
  <COLOURmsvc<>: <red>op2<>                              20us   50us |<red>  #####   <>|
      error=true
<dim>(span 0000000000000009 did not arrive)<>  50us   10us |<dim>     =    <>|
  <COLOURmsvc<>: op4                              50us   10us |<COLOURm     =    <>| unfinished
      picojaeger.unfinished=true
";
    let colour = text
        .split("<")
        .find_map(|part| part.split_once("msvc").map(|it| it.0))
        .unwrap();
    assert_eq!(text, expected.replace("COLOUR", colour));
}

#[cfg(feature = "collector")]
#[test]
fn hostile_text_brings_no_escape_sequence_into_the_colours() {
    let mut hostile = span(1, 0xbad, i64::MAX, i64::MAX);
    hostile.operation_name = "a\u{1b}[2J".to_owned();
    hostile.tags.push(Tag::new("\u{1b}[31m", "\u{9b}31m"));
    let text = trace([hostile, span(2, 2, i64::MIN, 1)])
        .coloured()
        .to_string();
    let begins = text.matches('\u{1b}').count();
    let ours = ["[0m", "[1m", "[2m", "[31m", "[33m", "[38;5;"]
        .map(|code| text.matches(&format!("\u{1b}{code}")).count());
    assert_eq!(begins, ours.iter().sum::<usize>());
    assert!(!text.contains("\u{1b}[2J") && !text.contains('\u{9b}'));
    assert!(text.contains("its parents form a cycle"));
}

#[test]
fn plain_text_has_no_escape_sequence() {
    assert!(!trace([span(1, 0, 0, 1)]).to_string().contains('\u{1b}'));
}
