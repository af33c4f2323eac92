//! What a span records beyond its tags: limits of logs, errors, given ids, unfinished spans.

use std::error::Error;
use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use picojaeger_std::model::{Span as Finished, TagValue};
use picojaeger_std::reporters::InMemoryReporter;
use picojaeger_std::{Config, SpanContext, Tracer, config::Sampler, current_ids};

const SOON: Duration = Duration::from_secs(20);

/// A tracer without a worker, and the spans that it sends.
fn tracer(change: impl FnOnce(Config) -> Config) -> (Tracer, InMemoryReporter) {
    let spans = InMemoryReporter::new();
    let config = Config::new("shop").sampler(Sampler::Const(true));
    let config = change(config.agent(false).background(false));
    let tracer = config.reporter(spans.clone()).build().unwrap();
    (tracer, spans)
}

fn finished(tracer: &Tracer, spans: &InMemoryReporter) -> Vec<Finished> {
    tracer.flush(SOON).unwrap();
    assert!(tracer.stats().adds_up(), "{}", tracer.stats());
    spans.spans()
}

/// The fields of each log, as text.
fn logs(span: &Finished) -> Vec<String> {
    let field = |tag: &picojaeger_std::model::Tag| match &tag.value {
        TagValue::String(text) => format!("{}={text}", tag.key),
        TagValue::Long(number) => format!("{}={number}", tag.key),
        other => format!("{}={other:?}", tag.key),
    };
    let fields =
        |log: &picojaeger_std::model::Log| log.fields.iter().map(field).collect::<Vec<_>>();
    span.logs.iter().map(|log| fields(log).join(" ")).collect()
}

/// The logs that Go's client keeps: the first, a count of those dropped, the last.
fn kept(most: usize, all: usize) -> Vec<String> {
    let log = |number: usize| format!("number={number}");
    if all <= most {
        return (0..all).map(log).collect();
    }
    let first = (most - 1) / 2;
    let last = most - 1 - first;
    let dropped = all - first - last;
    let count =
        format!("event=dropped Span logs dropped_log_count={dropped} component=jaeger-client");
    (0..first)
        .map(log)
        .chain([count])
        .chain((all - last..all).map(log))
        .collect()
}

#[test]
fn logs_beyond_the_limit_are_counted_in_the_middle() {
    for most in [2, 3, 4, 10] {
        for all in [0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 40] {
            let (tracer, spans) = tracer(|config| config.max_logs_per_span(most));
            let mut span = tracer.start("order");
            for number in 0..all {
                let at = UNIX_EPOCH + Duration::from_secs(number as u64);
                span.log_at(at).field("number", number as u64);
                span.tag("tag", number as u64);
            }
            span.finish();
            let span = &finished(&tracer, &spans)[0];
            assert_eq!(logs(span), kept(most, all), "{most} of {all}");
            let times: Vec<_> = span.logs.iter().map(|log| log.timestamp_us).collect();
            assert!(times.is_sorted(), "{times:?}");
            let tags = span.tags.iter().filter(|tag| tag.key == "tag").count();
            assert_eq!(tags, all);
        }
    }
}

#[test]
fn without_a_limit_all_logs_are_kept() {
    let (tracer, spans) = tracer(|config| config);
    let mut span = tracer.start("order");
    for number in 0..300_u64 {
        span.log().field("number", number);
    }
    span.finish();
    assert_eq!(logs(&finished(&tracer, &spans)[0]), kept(usize::MAX, 300));
}

#[derive(Debug)]
struct Failure(&'static str, Option<Box<Failure>>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|cause| cause as _)
    }
}

fn chain() -> Failure {
    let disk = Failure("disk full", None);
    let file = Failure("cannot write", Some(Box::new(disk)));
    Failure("order lost", Some(Box::new(file)))
}

#[test]
fn an_error_is_a_tag_and_a_log_with_its_causes() {
    let (tracer, spans) = tracer(|config| config);
    tracer.start("typed").record_error(&chain());
    let boxed: Box<dyn Error> = "refused".into();
    tracer.start("boxed").record_error(&*boxed);
    tracer.start("plain").finish();
    let [typed, boxed, plain] = &finished(&tracer, &spans)[..] else {
        panic!("three spans")
    };
    let error = |span: &Finished| {
        span.tags
            .iter()
            .any(|tag| tag.key == "error" && tag.value == TagValue::Bool(true))
    };
    assert_eq!([typed, boxed, plain].map(error), [true, true, false]);
    let kind = std::any::type_name::<Failure>();
    let stack = "order lost\ncaused by: cannot write\ncaused by: disk full";
    let expected = format!("event=error error.kind={kind} message=order lost stack={stack}");
    assert_eq!(logs(typed), [expected]);
    assert_eq!(logs(boxed), ["event=error message=refused"]);
}

#[test]
fn the_list_of_causes_has_a_limit_of_its_own() {
    let (tracer, spans) = tracer(|config| config.max_tag_value_length(8).max_traceback_length(31));
    tracer.start("cut").record_error(&chain());
    let log = &logs(&finished(&tracer, &spans)[0])[0];
    assert!(log.contains("message=order lo "), "{log}");
    assert!(
        log.ends_with("stack=order lost\ncaused by: cannot wr"),
        "{log}"
    );
}

const PROMISED: &str = "4b32888b8fb596e9:2bc6e6f59ded8ad0:0:1";

#[test]
fn a_span_may_have_ids_that_are_given() {
    let (tracer, spans) = tracer(|config| config);
    let promised: SpanContext = PROMISED.parse().unwrap();
    let (parent, other) = (tracer.start("parent"), tracer.start("other"));
    let _active = parent.activate();
    let builders = [
        tracer.span_builder("own").self_reference(&promised),
        tracer
            .span_builder("own")
            .child_of(&other)
            .self_reference(&promised),
        tracer
            .span_builder("own")
            .self_reference(&promised)
            .child_of(&other),
        tracer
            .span_builder("own")
            .tag("x", 1)
            .self_reference(&promised),
    ];
    for builder in builders {
        let mut span = builder.start();
        let ids = (span.context().trace_id(), span.context().span_id());
        assert_eq!(ids, (promised.trace_id(), promised.span_id()));
        assert!(span.is_sampled());
        span.finish();
    }
    let none: Option<SpanContext> = None;
    let child = tracer.span_builder("child").self_reference(none).start();
    assert_eq!(child.context().trace_id(), parent.context().trace_id());
    drop(child);
    let sent = finished(&tracer, &spans);
    let own: Vec<_> = sent
        .iter()
        .filter(|span| span.operation_name == "own")
        .collect();
    assert_eq!(own.len(), 4);
    for span in &own {
        assert_eq!(span.trace_id, promised.trace_id());
        assert_eq!(span.parent_span_id, 0.into(), "it is no child of itself");
    }
    let references: Vec<_> = own.iter().map(|span| span.references.len()).collect();
    assert_eq!(references, [0, 1, 1, 0]);
}

#[test]
fn given_ids_keep_their_decision_and_their_baggage() {
    let (tracer, spans) = tracer(|config| config);
    let headers = [("uber-trace-id", "1:2:0:0"), ("uberctx-user", "ann")];
    let unsampled = tracer.extract(&headers[..]).unwrap();
    let span = tracer
        .span_builder("own")
        .self_reference(&unsampled)
        .start();
    assert!(!span.is_sampled());
    assert_eq!(span.baggage_item("user"), Some("ann"));
    drop(span);
    assert!(finished(&tracer, &spans).is_empty());
}

#[test]
fn the_ids_of_the_active_span_are_current() {
    let (tracer, _) = tracer(|config| config);
    assert_eq!(current_ids(), None);
    let (outer, inner) = (tracer.start("outer"), tracer.start("inner"));
    let _outer = outer.activate();
    {
        let _inner = inner.activate();
        assert_eq!(current_ids().unwrap().span_id, inner.context().span_id());
    }
    let ids = current_ids().unwrap();
    let context = outer.context();
    assert_eq!(
        (ids.trace_id, ids.span_id, ids.sampled),
        (context.trace_id(), context.span_id(), true)
    );
    let _disabled = Tracer::disabled().start("none").activate();
    assert_eq!(
        current_ids(),
        Some(ids),
        "a disabled tracer's span is not active"
    );
}

/// Names of spans, and whether they are marked as unfinished.
fn names(spans: &[Finished]) -> Vec<(&str, bool)> {
    let marked = |span: &Finished| {
        span.tags
            .iter()
            .any(|tag| tag.key == "picojaeger.unfinished")
    };
    spans
        .iter()
        .map(|span| (span.operation_name.as_str(), marked(span)))
        .collect()
}

#[test]
fn active_spans_are_sent_before_they_finish_and_again_when_they_do() {
    let (tracer, spans) = tracer(|config| config.flush_open(true));
    let mut outer = tracer.start("outer");
    outer.tag("before", 1);
    let text = "x".repeat(1_000);
    for _ in 0..3 {
        outer.tag("long", &text);
    }
    let active = outer.activate();
    outer.tag("after", 1);
    let inner = tracer.start("inner");
    let inner_active = inner.activate();
    let _not_active = tracer.start("not active");
    tracer.flush_open(SOON).unwrap();
    let sent = spans.spans();
    assert_eq!(names(&sent), [("outer", true), ("inner", true)]);
    let keys: Vec<_> = sent[0].tags.iter().map(|tag| tag.key.as_str()).collect();
    assert!(
        keys.contains(&"before") && keys.contains(&"long") && !keys.contains(&"after"),
        "{keys:?}"
    );
    let stats = tracer.stats();
    assert_eq!(
        (stats.unfinished, stats.open, stats.sampled),
        (2, 3, 5),
        "{stats}"
    );
    tracer.flush_open(SOON).unwrap();
    assert_eq!(spans.len(), 2, "each copy is sent once");
    drop((inner_active, active, inner, outer));
    let sent = finished(&tracer, &spans);
    assert_eq!(names(&sent)[2..], [("inner", false), ("outer", false)]);
    assert_eq!(sent[0].span_id, sent[3].span_id);
}

#[test]
fn only_active_spans_of_this_tracer_and_thread_are_sent() {
    let (first, first_spans) = tracer(|config| config.flush_open(true));
    let (second, second_spans) = tracer(|config| config.flush_open(true));
    let (without, without_spans) = tracer(|config| config);
    let open = [&first, &second, &without].map(|tracer| tracer.start("open"));
    let _active = open.each_ref().map(|span| span.activate());
    std::thread::scope(|scope| {
        let elsewhere = || {
            let span = first.start("elsewhere");
            let _active = span.activate();
            second.flush_open(SOON).unwrap();
        };
        scope.spawn(elsewhere).join().unwrap();
    });
    first.flush_open(SOON).unwrap();
    without.flush_open(SOON).unwrap();
    let sent = first_spans.spans();
    // In no order: they come from two threads.
    let mut sent = names(&sent);
    sent.sort_unstable();
    assert_eq!(sent, [("elsewhere", false), ("open", true)]);
    assert!(second_spans.is_empty() && without_spans.is_empty());
}
