//! A tracer that makes no spans and passes contexts on.

use std::collections::HashMap;
use std::time::Duration;

use crate::config::Config;
use crate::reporters::InMemoryReporter;
use crate::tracer::Tracer;

const INCOMING: &str = "00000000000000ab:00000000000000cd:0:1";

fn tracer(reporter: InMemoryReporter) -> Tracer {
    let config = Config::new("shop").with_variables([("OTEL_SDK_DISABLED", "true")]);
    config.unwrap().reporter(reporter).build().unwrap()
}

fn injected(tracer: &Tracer, span: &crate::Span) -> HashMap<String, String> {
    let mut headers = HashMap::new();
    tracer.inject(span, &mut headers).unwrap();
    headers
}

#[test]
fn contexts_pass_through_unchanged() {
    let reporter = InMemoryReporter::new();
    let tracer = tracer(reporter.clone());
    assert!(!tracer.is_enabled());
    let incoming = HashMap::from([("uber-trace-id", INCOMING), ("uberctx-user", "ann")]);
    let parent = tracer.extract(&incoming);
    for round in 0..3 {
        let builder = tracer.span_builder("handle").child_of(&parent);
        let mut span = match round {
            0 => builder.start(),
            _ => builder.tag("sampling.priority", 1).tag("early", 1).start(),
        };
        span.tag("sampling.priority", 1).tag("late", 1);
        span.set_operation_name(&String::from("renamed"));
        span.log().field("event", "none");
        span.set_baggage_item("zone", "blue").unwrap();
        let inner = {
            let _active = span.activate();
            tracer.start("inner")
        };
        for span in [&span, &inner] {
            let headers = injected(&tracer, span);
            let expected = "00000000000000ab:00000000000000cd:0:1";
            assert_eq!(headers["uber-trace-id"], expected);
            assert_eq!(headers["uberctx-user"], "ann");
            assert_eq!(headers["uberctx-zone"], "blue");
        }
        span.finish();
        assert_eq!(span.remove_baggage_item("zone").as_deref(), Some("blue"));
    }
    tracer.flush(Duration::from_secs(2)).unwrap();
    assert_eq!(tracer.stats(), crate::Stats::default());
    tracer.close(Duration::from_secs(2)).unwrap();
    assert!(reporter.is_empty());
}

#[test]
fn without_a_context_there_is_none_to_pass_on() {
    let tracer = tracer(InMemoryReporter::new());
    drop(
        tracer
            .span_builder("written before")
            .tag("early", 1)
            .start(),
    );
    let mut root = tracer.start("root");
    root.tag("sampling.priority", 1);
    assert!(injected(&tracer, &root).is_empty());
    assert_eq!(root.context(), crate::SpanContext::default());
    drop(root);
    assert_eq!(tracer.stats(), crate::Stats::default());
}
