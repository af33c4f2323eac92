//! Observers, as the user sees them.

use std::sync::{Arc, Mutex};

use crate::config::{Config, Sampler};
use crate::{SpanContext, SpanEvent, SpanObserver, Tracer};

/// The events as text, with the span's id.
#[derive(Default)]
struct Events(Mutex<Vec<(u64, String)>>);

impl SpanObserver for Events {
    fn observe(&self, span: &SpanContext, event: SpanEvent<'_>) {
        let text = match event {
            SpanEvent::Started { operation } => format!("start {operation}"),
            SpanEvent::OperationSet { operation } => format!("name {operation}"),
            SpanEvent::TagSet { key, value } => format!("{key}={value:?}"),
            SpanEvent::Finished => "finish".to_owned(),
        };
        let mut events = self.0.lock().unwrap();
        events.push((span.span_id().get(), text));
    }
}

fn observed(sampled: bool) -> (Tracer, Arc<Events>) {
    let events = Arc::new(Events::default());
    let config = Config::new("shop").sampler(Sampler::Const(sampled));
    let config = config.agent(false).background(false);
    let builder = config.tracer_builder().observer(events.clone());
    (builder.build().unwrap(), events)
}

#[test]
fn each_event_of_a_span_is_observed_once_sampled_or_not() {
    for sampled in [true, false] {
        let (tracer, events) = observed(sampled);
        let mut span = tracer.span_builder("a").tag("before", 1).start();
        let id = span.context().span_id().get();
        span.tag("unit", "celsius")
            .tag_fmt("f", format_args!("{}", 7));
        span.set_operation_name("b");
        span.finish();
        span.tag("late", 1).set_operation_name("late");
        drop(span);
        drop(tracer.start("dropped"));
        let expected = [
            "start a",
            "before=I64(1)",
            "unit=Str(\"celsius\")",
            "f=Str(\"7\")",
            "name b",
            "finish",
            "start dropped",
            "finish",
        ];
        let events = events.0.lock().unwrap();
        let texts: Vec<_> = events.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, expected, "{sampled}");
        assert!(events[..6].iter().all(|(of, _)| *of == id));
    }
}

#[test]
fn a_panic_of_an_observer_harms_no_span() {
    struct Broken;
    impl SpanObserver for Broken {
        fn observe(&self, _: &SpanContext, _: SpanEvent<'_>) {
            panic!("on purpose")
        }
    }
    let config = Config::new("shop").sampler(Sampler::Const(true));
    let config = config.agent(false).background(false);
    let builder = config.tracer_builder().observer(Broken);
    let tracer = builder.build().unwrap();
    tracer.start("order").tag("items", 3);
    tracer.flush(std::time::Duration::from_secs(20)).unwrap();
    assert_eq!(tracer.stats().delivered, 1);
}
