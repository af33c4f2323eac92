//! The frames for the relay that a firmware sends.

use std::path::Path;

use super::pump::{BEATS, ROUNDS, board};
use super::relay::{Entry, Hello, Id, Span, Status, Value, frames, read, spans};

/// Panics unless the frames are numbered, begin with a hello and hold the spans that the firmware
/// made, and the last status closes the accounts.
pub fn check(file: &str, bytes: &[u8]) -> String {
    let frames = frames(bytes);
    let numbers: Vec<u32> = frames.iter().map(|frame| frame.number).collect();
    assert_eq!(numbers, (0..frames.len() as u32).collect::<Vec<_>>());
    let (Some(first), Some(last)) = (frames.first(), frames.last()) else {
        panic!("no frames");
    };
    assert_eq!((first.kind, last.kind), (1, 2));
    let hello = read::<Hello<'_>>(&first.payload);
    assert_eq!((hello.service, hello.frequency), ("pump-7", 25_000_000));
    let board = Value::Str(board(Path::new(file)));
    assert_eq!(hello.tags, [("board", board)]);
    let samplers = [(1, "const", Value::Bool(true))];
    assert_eq!(hello.samplers, samplers);

    let of_spans = frames.iter().filter(|frame| frame.kind == 3);
    let spans: Vec<_> = of_spans
        .flat_map(|frame| spans::<&str>(&frame.payload))
        .collect();
    for (span, number) in spans.iter().zip(0..) {
        assert_eq!(span.start.sequence, number, "nothing is missing");
        check_span(span, &spans);
    }
    let named = |name| {
        spans
            .iter()
            .filter(|span| span.start.operation == name)
            .count() as i64
    };
    let counts = ["round", "sample", "beat"].map(named);
    assert_eq!(counts, [ROUNDS, ROUNDS, BEATS]);

    let status = read::<Status>(&last.payload);
    let all = spans.len() as u64;
    assert_eq!(
        (status.sampled, status.delivered, status.queued),
        (all, all, 0)
    );
    assert_eq!(status.lost.iter().sum::<u64>(), 0);
    format!("{all} spans in {} frames, as made", frames.len())
}

fn check_span(span: &Span<'_, &str>, spans: &[Span<'_, &str>]) {
    let Span { start, entries } = span;
    assert!(start.finish >= 0 && start.flags == 1, "{span:?}");
    let is_root = start.operation != "sample";
    assert_eq!(
        start.state,
        u8::from(is_root),
        "sampled here, whole, in ticks"
    );
    match (&start.parent, is_root) {
        (Id::None, true) => assert_eq!(start.span, Id::Trace),
        (Id::Trace, false) => {
            let parent = |other: &&Span<'_, &str>| {
                other.start.trace_low == start.trace_low && other.start.operation == "round"
            };
            assert_eq!(spans.iter().filter(parent).count(), 1);
        }
        other => panic!("{other:?} of {span:?}"),
    }
    let kinds: Vec<u8> = entries.iter().map(kind).collect();
    let expected: &[u8] = match start.operation {
        "round" => &[4, 1],
        "sample" => &[2, 3, 8, 9, 12],
        _ => &[4],
    };
    assert_eq!(kinds, expected);
}

/// Returns the number of an entry's kind.
fn kind(entry: &Entry<'_, &str>) -> u8 {
    match entry {
        Entry::TagStr("mode", "fast") => 1,
        Entry::TagF64("celsius", _) => 2,
        Entry::TagBool("error", _) => 3,
        Entry::TagI64("number", _) => 4,
        Entry::Log(_, false) => 8,
        Entry::FieldStr("event", "read") => 9,
        Entry::FieldI64("channel", 3) => 12,
        other => panic!("{other:?}"),
    }
}
