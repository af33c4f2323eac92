//! Limits of the number of a span's entries.

use std::time::{Duration, SystemTime};

use crate::config::{ClockSource, Config, Sampler};
use crate::reporters::InMemoryReporter;
use crate::{Span, SpanContext};

/// On the fast path's clock and on the slow path's.
#[test]
fn limits_hold_however_a_span_ends() {
    type End = fn(Span);
    let ends: [End; 4] = [
        drop,
        |mut span| span.finish(),
        |mut span| span.finish_at(SystemTime::now()),
        |mut span| {
            span.set_baggage_item("user", "ann").unwrap();
        },
    ];
    for clock in [ClockSource::Auto, ClockSource::System] {
        let spans = InMemoryReporter::new();
        let tracer = Config::new("shop")
            .sampler(Sampler::Const(true))
            .agent(false)
            .clock(clock)
            .max_tags_per_span(3)
            .max_references_per_span(1)
            .max_fields_per_log(2)
            .reporter(spans.clone())
            .build()
            .unwrap();
        let other: SpanContext = "ab:cd:0:1".parse().unwrap();
        for end in ends {
            let builder = tracer.span_builder("order").follows_from(&other);
            let mut span = builder.follows_from(&other).tag("early", 1).start();
            for number in 0..4 {
                span.tag("late", number);
            }
            span.log().field("a", 1).field("b", 2).field("c", 3);
            end(span);
        }
        tracer.start("small").tag("only", 1);
        tracer.flush(Duration::from_secs(2)).unwrap();
        let spans = spans.spans();
        assert_eq!(spans.len(), 5);
        for span in &spans[..4] {
            let keys: Vec<_> = span.tags.iter().map(|tag| tag.key.as_str()).collect();
            let own = ["early", "late", "late"];
            assert_eq!(keys[..3], own, "{keys:?}");
            assert!(!keys[3..].contains(&"late"), "{keys:?}");
            assert!(keys.contains(&"picojaeger.truncated"), "{keys:?}");
            assert_eq!(span.references.len(), 1);
            assert_eq!(span.logs[0].fields.len(), 2);
        }
        let keys: Vec<_> = spans[4].tags.iter().map(|tag| tag.key.as_str()).collect();
        assert!(!keys.contains(&"picojaeger.truncated"), "{keys:?}");
    }
}
