//! Panics as logs of spans. In a process of its own, since the hook stays.

use std::panic::{catch_unwind, panic_any, set_hook, take_hook};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use picojaeger_std::config::{Config, Sampler};
use picojaeger_std::model::{Span, TagValue};
use picojaeger_std::reporters::InMemoryReporter;
use picojaeger_std::{InSpan, Tracer, install_panic_hook};

/// Calls of the hook that was there before.
static BEFORE: AtomicU64 = AtomicU64::new(0);

fn tracer() -> (Tracer, InMemoryReporter) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |panic| {
            BEFORE.fetch_add(1, Ordering::Relaxed);
            print(panic);
        }));
        install_panic_hook();
    });
    let spans = InMemoryReporter::new();
    let config = Config::new("shop").sampler(Sampler::Const(true));
    let config = config.agent(false).background(false);
    (config.reporter(spans.clone()).build().unwrap(), spans)
}

fn only(tracer: &Tracer, spans: &InMemoryReporter) -> Span {
    tracer.flush(Duration::from_secs(20)).unwrap();
    let [span] = spans.spans().try_into().unwrap();
    span
}

/// The fields of the only log.
fn log(span: &Span) -> Vec<(&str, &str)> {
    let [log] = span.logs.as_slice() else {
        panic!("one log: {span:?}")
    };
    let fields = log.fields.iter().map(|field| match &field.value {
        TagValue::String(text) => (field.key.as_str(), text.as_str()),
        other => panic!("{other:?}"),
    });
    fields.collect()
}

fn errors(span: &Span) -> usize {
    let is_error = |tag: &&picojaeger_std::model::Tag| tag.key == "error";
    span.tags.iter().filter(is_error).count()
}

#[test]
fn the_text_and_the_place_are_logged_and_the_hook_before_is_called() {
    let (tracer, spans) = tracer();
    let before = BEFORE.load(Ordering::Relaxed);
    let line = line!() + 1;
    let caught = catch_unwind(|| tracer.start("order").in_scope(|| panic!("{} left", 0)));
    assert!(caught.is_err());
    assert!(BEFORE.load(Ordering::Relaxed) > before);
    let span = only(&tracer, &spans);
    let place = format!("{}:{line}:68", file!());
    let expected = [
        ("event", "error"),
        ("error.kind", "panic"),
        ("message", "0 left"),
        ("stack", place.as_str()),
    ];
    assert_eq!(log(&span), expected);
    assert_eq!(errors(&span), 1, "unwinding marks the span too");
}

#[test]
fn a_value_that_is_no_text_and_a_future_that_unwinds() {
    let (tracer, spans) = tracer();
    let mut future = Box::pin(async { panic_any(7) }.in_span(tracer.start("order")));
    let caught = catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let _: std::task::Poll<()> = future.as_mut().poll(&mut context);
    }));
    assert!(caught.is_err());
    let span = only(&tracer, &spans);
    assert_eq!(log(&span)[2], ("message", "a value that is no text"));
    assert_eq!(errors(&span), 1);
}

#[test]
fn a_context_takes_no_log_and_a_thread_without_a_span_nothing() {
    let (tracer, spans) = tracer();
    let mut order = tracer.start("order");
    let active = order.activate();
    assert!(catch_unwind(|| panic!("under a context")).is_err());
    drop(active);
    assert!(catch_unwind(|| panic!("nowhere")).is_err());
    order.finish();
    let span = only(&tracer, &spans);
    assert!(span.logs.is_empty(), "{span:?}");
    assert_eq!(errors(&span), 0);
}
