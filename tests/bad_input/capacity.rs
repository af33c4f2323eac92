//! Full rings and exhausted memory.

use picojaeger_std::model::{Span, TagValue};
use picojaeger_std::{LossCause, Lost};

use crate::{MIB, Pair};

#[test]
fn full_rings_drop_the_newest_and_count() {
    let pair = Pair::with(|config| config.memory_limit(MIB));
    let mut made = 0_u64;
    while pair.tracer.stats().lost.total() < 10 {
        pair.tracer.start("fill").tag("n", made);
        made += 1;
        assert!(made < 1_000_000, "a limit of 1 MiB has no end");
    }
    let stats = pair.tracer.stats();
    assert!(stats.adds_up(), "{stats}");
    assert_eq!(stats.lost, Lost::default().with(LossCause::Full, 10));
    assert_eq!((stats.sampled, stats.queued), (made, made - 10));

    // The earliest spans arrive, whichever ring they were in, and there is free space again.
    let mut numbers: Vec<_> = pair.arrived().iter().map(|span| number(span)).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..(made - 10) as i64));
    pair.tracer.start("after").finish();
    assert_eq!(pair.arrived().len() as u64, made - 9);
}

#[test]
fn open_spans_beyond_the_memory_limit_are_counted() {
    let pair = Pair::with(|config| config.memory_limit(MIB));
    let mut open = Vec::new();
    while pair.tracer.stats().lost.total() < 10 {
        let mut span = pair.tracer.start("open");
        span.tag("n", open.len() as u64);
        open.push(span);
        assert!(open.len() < 1_000_000, "a pool of 1 MiB has no end");
    }
    let stats = pair.tracer.stats();
    assert!(stats.adds_up(), "{stats}");
    assert_eq!(stats.lost, Lost::default().with(LossCause::Memory, 10));
    // A span that found no memory still has ids for its children.
    let last = open.last().unwrap().context();
    assert!(!last.trace_id().is_zero() && !last.span_id().is_zero());

    // In groups with a flush after each, so that the ring does not overflow.
    let made = open.len();
    for some in open.chunks_mut(50) {
        some.iter_mut().for_each(|span| span.finish());
        pair.arrived();
    }
    drop(open);
    assert_eq!(pair.arrived().len(), made - 10);
    pair.tracer.start("after").finish();
    assert_eq!(pair.arrived().len(), made - 9);
}

#[test]
fn wide_spans_beyond_the_memory_limit_keep_what_fits() {
    let pair = Pair::with(|config| config.memory_limit(MIB));
    let mut open: Vec<_> = (0..64).map(|_| pair.tracer.start("wide")).collect();
    let text = "x".repeat(1000);
    for span in &mut open {
        (0..60).for_each(|_| {
            span.tag("text", text.as_str());
        });
    }
    let made = open.len();
    for mut span in open {
        span.finish();
        pair.arrived();
    }
    let spans = pair.arrived();
    assert_eq!(spans.len(), made);
    for span in &spans {
        let kept = span.tags.iter().filter(|tag| tag.key == "text").count();
        let whole = span.tag("picojaeger.truncated").is_none();
        assert_eq!(whole, kept == 60, "{kept}");
    }
    let whole = spans
        .iter()
        .filter(|span| span.tag("picojaeger.truncated").is_none())
        .count();
    assert!((1..made).contains(&whole), "{whole} of {made} are whole");
}

/// The value of the tag `n`.
fn number(span: &Span) -> i64 {
    match span.tag("n") {
        Some(TagValue::Long(number)) => *number,
        other => panic!("{other:?}"),
    }
}
