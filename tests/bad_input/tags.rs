//! Invalid and extreme tags, logs, names and times.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use picojaeger_std::Key;
use picojaeger_std::model::{Span, TagValue};

use crate::{MIB, Pair, text};

/// Length of the longest key, and by default of the longest value or copied name.
const LONGEST_KEY: usize = 255;
const LONGEST_VALUE: usize = 1024;
/// A character of two bytes, which an odd limit would split.
const WIDE: &str = "š";

/// Returns the spans made between a span `before` and one `after`, which must arrive unharmed.
#[track_caller]
fn between(pair: &Pair, make: impl FnOnce(&Pair)) -> Vec<Arc<Span>> {
    pair.tracer.start("before").tag("n", 1);
    make(pair);
    pair.tracer.start("after").tag("n", 2);
    let mut spans = pair.arrived();
    for (name, n) in [("before", 1), ("after", 2)] {
        let at = spans
            .iter()
            .position(|span| span.operation_name == name)
            .unwrap();
        let span = spans.remove(at);
        assert_eq!(span.tag("n"), Some(&TagValue::Long(n)));
        assert_eq!(span.tag("picojaeger.truncated"), None);
    }
    spans
}

#[track_caller]
fn is_marked(span: &Span, dropped: i64) {
    assert_eq!(
        span.tag("picojaeger.truncated"),
        Some(&TagValue::Bool(true))
    );
    assert_eq!(
        span.tag("picojaeger.dropped"),
        Some(&TagValue::Long(dropped))
    );
}

#[test]
fn empty_keys_values_and_names() {
    let pair = Pair::new();
    let spans = between(&pair, |pair| {
        let mut span = pair.tracer.span_builder("").tag("", "early").start();
        span.tag("text", "").tag("bytes", b"").tag("", "late");
        span.log().field("", "").field("event", "");
        span.log();
    });
    let span = &spans[0];
    assert_eq!(span.operation_name, "");
    assert_eq!(span.tag("text"), Some(&text("")));
    assert_eq!(span.tag("bytes"), Some(&TagValue::Binary([].into())));
    let nameless: Vec<_> = span.tags.iter().filter(|tag| tag.key.is_empty()).collect();
    assert_eq!(nameless.len(), 2);
    assert_eq!(
        (&nameless[0].value, &nameless[1].value),
        (&text("early"), &text("late"))
    );
    assert_eq!(span.logs.len(), 2);
    assert_eq!(
        (span.logs[0].fields.len(), span.logs[1].fields.len()),
        (2, 0)
    );
    assert_eq!(span.tag("picojaeger.truncated"), None);
}

#[test]
fn a_mebibyte_is_cut() {
    let pair = Pair::new();
    let long = "x".repeat(MIB);
    let spans = between(&pair, |pair| {
        let mut span = pair
            .tracer
            .span_builder(Key::copied(&long))
            .tag("early", long.as_str())
            .start();
        span.tag("text", long.as_str())
            .tag("bytes", long.as_bytes());
        span.tag(Key::copied(&long), 7);
        span.log()
            .field("text", long.as_str())
            .field(Key::copied(&long), 8);
    });
    let span = &spans[0];
    let (key, value) = (&long[..LONGEST_KEY], &long[..LONGEST_VALUE]);
    assert_eq!(span.operation_name, value);
    assert_eq!(span.tag("early"), Some(&text(value)));
    assert_eq!(span.tag("text"), Some(&text(value)));
    assert_eq!(
        span.tag("bytes"),
        Some(&TagValue::Binary(value.as_bytes().into()))
    );
    assert_eq!(span.tag(key), Some(&TagValue::Long(7)));
    assert_eq!(span.logs[0].field("text"), Some(&text(value)));
    assert_eq!(span.logs[0].field(key), Some(&TagValue::Long(8)));
    is_marked(span, 0);
}

#[test]
fn static_keys_and_names_are_cut_too() {
    let pair = Pair::new();
    let long: &'static str = Box::leak("x".repeat(MIB).into_boxed_str());
    let spans = between(&pair, |pair| {
        let mut span = pair.tracer.start(long);
        span.tag(long, 7);
    });
    let span = &spans[0];
    assert!(long.starts_with(&span.operation_name) && span.operation_name.len() > LONGEST_VALUE);
    assert_eq!(span.tag(&long[..LONGEST_KEY]), Some(&TagValue::Long(7)));
    is_marked(span, 0);
}

#[test]
fn characters_are_removed_whole() {
    let pair = Pair::with(|config| config.max_tag_value_length(LONGEST_VALUE - 1));
    let long = WIDE.repeat(MIB / 2);
    let spans = between(&pair, |pair| {
        let mut span = pair.tracer.start(Key::copied(&long));
        span.tag(Key::copied(&long), long.as_str());
        span.tag("bytes", long.as_bytes());
        span.log().field(Key::copied(&long), long.as_str());
    });
    let span = &spans[0];
    let (key, value) = (&long[..LONGEST_KEY - 1], &long[..LONGEST_VALUE - 2]);
    assert_eq!(span.operation_name, value);
    assert_eq!(span.tag(key), Some(&text(value)));
    assert_eq!(span.logs[0].field(key), Some(&text(value)));
    // Bytes are not cut at character boundaries.
    let bytes = &long.as_bytes()[..LONGEST_VALUE - 1];
    assert_eq!(span.tag("bytes"), Some(&TagValue::Binary(bytes.into())));
    is_marked(span, 0);
}

#[test]
fn a_configured_limit_holds_whatever_the_key() {
    let pair = Pair::with(|config| config.max_tag_value_length(5));
    let long = "123456";
    let spans = between(&pair, |pair| {
        let builder = pair.tracer.span_builder(Key::copied(long));
        let mut span = builder.tag("early", long).start();
        span.tag("static", long)
            .tag(Key::copied("copied"), long)
            .tag("bytes", long.as_bytes())
            .tag_fmt("formatted", format_args!("{long}"));
        span.log()
            .field("static", long)
            .field(Key::copied("copied"), long)
            .field_fmt("formatted", format_args!("{long}"));
    });
    let (span, cut) = (&spans[0], text("12345"));
    assert_eq!(span.operation_name, "12345");
    for key in ["early", "static", "copied", "formatted"] {
        assert_eq!(span.tag(key), Some(&cut), "{key}");
    }
    let bytes = TagValue::Binary(b"12345"[..].into());
    assert_eq!(span.tag("bytes"), Some(&bytes));
    for key in ["static", "copied", "formatted"] {
        assert_eq!(span.logs[0].field(key), Some(&cut), "{key}");
    }
    is_marked(span, 0);
}

#[test]
fn one_character_more_or_less() {
    let pair = Pair::new();
    let (fits, spills) = (
        "x".repeat(LONGEST_VALUE),
        "x".repeat(LONGEST_VALUE - 1) + WIDE,
    );
    let spans = between(&pair, |pair| {
        pair.tracer.start("fits").tag("text", fits.as_str());
        pair.tracer.start("spills").tag("text", spills.as_str());
    });
    assert_eq!(spans[0].tag("text"), Some(&text(fits)));
    assert_eq!(spans[0].tag("picojaeger.truncated"), None);
    assert_eq!(
        spans[1].tag("text"),
        Some(&text(&spills[..LONGEST_VALUE - 1]))
    );
    is_marked(&spans[1], 0);
}

#[test]
fn numbers_at_their_ends() {
    let pair = Pair::new();
    let spans = between(&pair, |pair| {
        let mut span = pair.tracer.start("numbers");
        span.tag("nan", f64::NAN).tag("infinite", f64::NEG_INFINITY);
        span.tag("least", i64::MIN).tag("most", u64::MAX);
    });
    let Some(TagValue::Double(nan)) = spans[0].tag("nan") else {
        panic!("{:?}", spans[0].tags);
    };
    assert!(nan.is_nan());
    assert_eq!(
        spans[0].tag("infinite"),
        Some(&TagValue::Double(f64::NEG_INFINITY))
    );
    assert_eq!(spans[0].tag("least"), Some(&TagValue::Long(i64::MIN)));
    assert_eq!(spans[0].tag("most"), Some(&text(u64::MAX.to_string())));
}

/// Counts the kept tags `0`, `1`, … in order, and checks that the missing ones are accounted for.
#[track_caller]
fn keeps_the_first_tags(span: &Span, value: &TagValue, made: usize) -> usize {
    let tags = span
        .tags
        .iter()
        .filter(|tag| tag.key.bytes().all(|b| b.is_ascii_digit()));
    let kept = tags
        .enumerate()
        .inspect(|(index, tag)| assert_eq!((&tag.key, &tag.value), (&index.to_string(), value)))
        .count();
    is_marked(span, (made - kept) as i64);
    kept
}

#[test]
fn ten_thousand_tags() {
    const TAGS: usize = 10_000;
    let pair = Pair::new();
    let spans = between(&pair, |pair| {
        let mut span = pair.tracer.start("numbers");
        (0..TAGS).for_each(|n| {
            span.tag(Key::copied(&n.to_string()), 7);
        });
        span.finish();
        let mut span = pair.tracer.start("fields");
        let mut log = span.log();
        (0..TAGS).for_each(|n| {
            log.field(Key::copied(&n.to_string()), "seven");
        });
    });
    let kept = keeps_the_first_tags(&spans[0], &TagValue::Long(7), TAGS);
    assert!(kept > 1000, "{kept}");
    let fields = spans[1].logs[0].fields.len();
    assert!(fields > 1000, "{fields}");
    assert_eq!(
        spans[1].logs[0].fields[fields - 1].key,
        (fields - 1).to_string()
    );
    is_marked(&spans[1], (TAGS - fields) as i64);
}

#[test]
fn ten_thousand_logs() {
    const LOGS: usize = 10_000;
    let pair = Pair::new();
    let spans = between(&pair, |pair| {
        let mut span = pair.tracer.start("logs");
        (0..LOGS).for_each(|n| {
            span.log().field("event", n.to_string().as_str());
        });
    });
    // The field of the last log may not have fitted.
    let events = spans[0].logs.iter().map_while(|log| log.field("event"));
    let kept = events
        .zip(0..)
        .inspect(|(event, n)| assert_eq!(**event, text(n.to_string())))
        .count();
    assert!(kept > 1000, "{kept}");
    assert!(spans[0].logs.len() <= kept + 1, "{kept}");
    is_marked(&spans[0], (LOGS - kept) as i64);
}

#[test]
fn a_finish_before_the_start() {
    let pair = Pair::new();
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let spans = between(&pair, |pair| {
        let mut span = pair
            .tracer
            .span_builder("backwards")
            .start_time(start)
            .start();
        span.log_at(start - Duration::from_secs(5))
            .field("event", "too early");
        span.finish_at(start - Duration::from_secs(1));
    });
    let span = &spans[0];
    assert_eq!(
        (span.start_time_us, span.duration_us),
        (1_700_000_000_000_000, 0)
    );
    assert_eq!(span.logs[0].timestamp_us, 1_699_999_995_000_000);
}

#[test]
fn extreme_times() {
    let pair = Pair::new();
    let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    let late = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 50);
    let spans = between(&pair, |pair| {
        let mut span = pair.tracer.span_builder("early").start_time(before).start();
        span.finish_at(before);
        let mut span = pair.tracer.span_builder("late").start_time(late).start();
        span.finish_at(late);
        let mut span = pair.tracer.span_builder("all").start_time(before).start();
        span.finish_at(late);
        drop(
            pair.tracer
                .span_builder("since 1970")
                .start_time(before)
                .start(),
        );
        drop(pair.tracer.span_builder("to come").start_time(late).start());
    });
    let times: Vec<_> = spans
        .iter()
        .map(|span| (span.start_time_us, span.duration_us))
        .collect();
    assert_eq!(times[..3], [(0, 0), (i64::MAX, 0), (0, i64::MAX)]);
    assert!(
        times[3].0 == 0 && times[3].1 > 1_700_000_000_000_000,
        "{:?}",
        times[3]
    );
    assert_eq!(times[4], (i64::MAX, 0));
}
