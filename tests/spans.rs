//! What a span records beyond its tags: limits of logs, errors, given ids, unfinished spans.

use std::error::Error;
use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use picojaeger_std::model::{Span as Finished, TagValue};
use picojaeger_std::reporters::InMemoryReporter;
use picojaeger_std::{Config, Tracer, config::Sampler};

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
