//! The spans of a sweep, in packets of programs that were interrupted somewhere.

use picojaeger_std::model::{Batch, Span, Tag, TagValue};

use super::relay::{self, Entry};

/// A span's name and number, its other tags, and whether it has a parent, and a log; as in
/// `examples/cortex-m/src/made.rs`.
type Made = (&'static str, i64, &'static [&'static str], bool, bool);
const MADE: [Made; 4] = [
    ("outer", 2, &["mode"], false, false),
    ("inner", 3, &[], true, true),
    ("whole", 4, &["mode", "celsius"], true, true),
    ("interrupt", 5, &[], false, false),
];
/// Each sweep has more points than this, of which one of 16 sends its packets by the UART.
const RUNS: usize = 14_000 / 16;

/// Panics unless each span of the batches is as made, and there are some of each name.
pub(crate) fn check(batches: &[Batch]) -> String {
    let spans = batches.iter().flat_map(|batch| &batch.spans);
    check_counts(spans.map(check_span).collect())
}

/// The same for frames, of which a hello begins each run.
pub(crate) fn check_frames(bytes: &[u8]) -> String {
    let (mut runs, mut names) = (0, Vec::new());
    for frame in relay::frames(bytes) {
        assert_eq!(frame.kind == 1, frame.number == 0);
        runs += usize::from(frame.kind == 1);
        if frame.kind == 3 {
            let spans = relay::spans::<&str>(&frame.payload);
            names.extend(spans.iter().map(check_frame));
        }
    }
    assert!(runs > RUNS, "{runs} runs");
    check_counts(names)
}

fn check_counts(names: Vec<&str>) -> String {
    for (name, ..) in MADE {
        let count = names.iter().filter(|other| **other == name).count();
        assert!(count > RUNS / 8, "{count} spans {name}");
    }
    format!("{} spans of interrupted programs, as made", names.len())
}

/// Returns the name of a span, which has what spans of that name have.
fn check_span(span: &Span) -> &'static str {
    let (name, number, others, is_child, is_logged) = made(&span.operation_name);
    assert_eq!(span.tag("n"), Some(&TagValue::Long(number)), "{span:?}");
    for (key, value) in [
        ("mode", TagValue::String("fast".into())),
        ("celsius", TagValue::Double(20.5)),
    ] {
        assert_eq!(span.tag(key), others.contains(&key).then_some(&value));
    }
    let event = [Tag::new("event", TagValue::String("e".into()))];
    let logs = span.logs.iter().map(|log| &log.fields[..]);
    assert!(logs.eq(is_logged.then_some(&event[..])), "{span:?}");
    assert_eq!(span.parent_span_id.is_zero(), !is_child);
    name
}

/// The same for a span in a frame.
fn check_frame(span: &relay::Span<'_, &str>) -> &'static str {
    let (name, number, others, is_child, is_logged) = made(span.start.operation);
    let (tags, log): (Vec<_>, Vec<_>) = span.entries.iter().partition(|entry| {
        matches!(
            entry,
            Entry::TagI64(..) | Entry::TagStr(..) | Entry::TagF64(..)
        )
    });
    let mut expected = vec![Entry::TagI64("n", number)];
    expected.extend(others.iter().map(|key| match *key {
        "mode" => Entry::TagStr("mode", "fast"),
        key => Entry::TagF64(key, 20.5),
    }));
    assert!(tags.into_iter().eq(&expected), "{span:?}");
    match log[..] {
        [Entry::Log(_, false), Entry::FieldStr("event", "e")] => assert!(is_logged),
        _ => assert!(log.is_empty() && !is_logged, "{span:?}"),
    }
    assert_eq!(span.start.parent == relay::Id::None, !is_child);
    name
}

fn made(name: &str) -> Made {
    let made = MADE.into_iter().find(|made| made.0 == name);
    made.unwrap_or_else(|| panic!("{name}"))
}
