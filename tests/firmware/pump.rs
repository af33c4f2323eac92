//! What the pump makes, in `examples/cortex-m` and `examples/riscv32`.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;

use picojaeger_std::model::{Span, Tag, TagValue};
use picojaeger_std::{SpanId, TraceId};

/// The same as in `examples/common/work.rs`.
pub const ROUNDS: i64 = 40;
pub const BEATS: i64 = 25;
/// All spans.
pub const SPANS: usize = (BEATS + 2 * ROUNDS) as usize;

/// Returns the board that runs the program of a file for Cortex-M, or that its bytes are from.
pub fn board(file: &Path) -> &'static str {
    match file.to_string_lossy().contains("thumbv6m") {
        true => "mps2-an385",
        false => "mps2-an386",
    }
}

/// Panics unless these are the spans that the pump made, those of one name in the order of their starts, at
/// times within these, in Unix microseconds.
pub fn check(spans: &[&Span], times: Range<i64>) {
    assert_eq!(spans.len(), SPANS);
    let ids: HashSet<SpanId> = spans.iter().map(|span| span.span_id).collect();
    assert_eq!(ids.len(), spans.len(), "span ids differ");
    for span in spans {
        check_times(span, &times);
    }

    let named = |name: &str| -> Vec<&Span> {
        let spans = spans.iter().copied();
        spans.filter(|span| span.operation_name == name).collect()
    };
    let (rounds, samples, beats) = (named("round"), named("sample"), named("beat"));
    check_roots(
        &rounds,
        ROUNDS,
        &[("mode", TagValue::String("fast".into()))],
    );
    check_roots(&beats, BEATS, &[]);
    check_samples(&samples, &rounds);
}

/// Panics unless the span lies within these times, and is whole.
pub fn check_times(span: &Span, times: &Range<i64>) {
    let end = span.start_time_us + span.duration_us;
    assert!(
        times.contains(&span.start_time_us) && end <= times.end,
        "{span:?}"
    );
    assert!(span.duration_us >= 0 && span.flags == 1, "{span:?}");
    assert!(span.tag("clock.unsynced").is_none() && span.tag("picojaeger.truncated").is_none());
}

/// Returns the roots, numbered from 0, with these tags and the sampler's.
fn check_roots(spans: &[&Span], count: i64, tags: &[(&str, TagValue)]) {
    assert_eq!(spans.len() as i64, count);
    for (span, number) in spans.iter().zip(0..) {
        assert_eq!(
            (span.trace_id, span.parent_span_id),
            (
                TraceId::from_parts(0, span.span_id.get()),
                SpanId::default()
            )
        );
        assert_eq!(span.tag("number"), Some(&TagValue::Long(number)));
        for (key, value) in tags {
            assert_eq!(span.tag(key), Some(value));
        }
        assert_eq!(
            span.tag("sampler.type"),
            Some(&TagValue::String("const".into()))
        );
        assert_eq!(span.tag("sampler.param"), Some(&TagValue::Bool(true)));
        assert_eq!(span.tags.len(), 3 + tags.len());
        assert!(span.references.is_empty() && span.logs.is_empty());
    }
    let order = spans.is_sorted_by_key(|span| span.start_time_us);
    assert!(order, "in the order of their starts");
}

/// A child for each round, within its time.
fn check_samples(samples: &[&Span], rounds: &[&Span]) {
    let rounds: HashMap<SpanId, &Span> =
        rounds.iter().map(|round| (round.span_id, *round)).collect();
    let mut parents = HashSet::new();
    for sample in samples {
        let round = rounds[&sample.parent_span_id];
        assert!(parents.insert(round.span_id), "one for each round");
        assert_eq!(sample.trace_id, round.trace_id);
        let Some(TagValue::Long(number)) = round.tag("number") else {
            panic!("{round:?}");
        };
        let celsius = TagValue::Double(20.5 + *number as f64);
        let failed = TagValue::Bool(number % 10 == 9);
        assert_eq!(
            sample.tags,
            [Tag::new("celsius", celsius), Tag::new("error", failed)]
        );
        let fields = [
            Tag::new("event", TagValue::String("read".into())),
            Tag::new("channel", TagValue::Long(3)),
        ];
        assert_eq!(
            (sample.logs.len(), &sample.logs[0].fields[..]),
            (1, &fields[..])
        );
        let logged = sample.logs[0].timestamp_us;
        assert!(round.start_time_us <= sample.start_time_us && sample.start_time_us <= logged);
        // Each time is rounded down separately.
        let (end, parents_end) = (
            sample.start_time_us + sample.duration_us,
            round.start_time_us + round.duration_us,
        );
        assert!(logged <= end + 1 && end <= parents_end + 1);
    }
    assert_eq!(parents.len(), rounds.len());
}
