//! Spans of futures on the runtimes of others: every parent right, every sum exact.

use std::collections::HashMap;
use std::future::pending;
use std::thread;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use picojaeger_std::config::Sampler;
use picojaeger_std::model::{Span as Finished, TagValue};
use picojaeger_std::reporters::InMemoryReporter;
use picojaeger_std::{
    Config, InSpan, SpanId, StreamInSpan, Tracer, current, current_ids, in_current_span,
};
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_blocking, spawn_local, yield_now};

const SOON: Duration = Duration::from_secs(20);
/// Requests at a time, and the steps of each.
const REQUESTS: u64 = 64;
const STEPS: u64 = 5;

fn tracer() -> (Tracer, InMemoryReporter) {
    let spans = InMemoryReporter::new();
    let config = Config::new("shop")
        .sampler(Sampler::Const(true))
        .agent(false);
    let tracer = config.reporter(spans.clone()).build().unwrap();
    (tracer, spans)
}

fn finished(tracer: &Tracer, spans: &InMemoryReporter) -> Vec<Finished> {
    tracer.flush(SOON).unwrap();
    let (stats, spans) = (tracer.stats(), spans.spans());
    assert!(stats.adds_up() && stats.open == 0, "{stats}");
    assert_eq!(stats.sampled, spans.len() as u64);
    spans
}

fn number(span: &Finished) -> u64 {
    match span.tag("request") {
        Some(TagValue::Long(number)) => *number as u64,
        other => panic!("{}: {other:?}", span.operation_name),
    }
}

/// Checks that each span has the parent that its name says (`parent/name`), of the same request; returns how many
/// there are of each name.
fn checked(spans: &[Finished]) -> HashMap<&str, u64> {
    let by_id: HashMap<SpanId, &Finished> = spans.iter().map(|span| (span.span_id, span)).collect();
    let mut counts = HashMap::new();
    for span in spans {
        *counts.entry(span.operation_name.as_str()).or_default() += 1;
        let expected = span
            .operation_name
            .rsplit_once('/')
            .map(|(parent, _)| parent);
        let parent = by_id.get(&span.parent_span_id);
        assert_eq!(
            parent.map(|it| it.operation_name.as_str()),
            expected,
            "{span:?}"
        );
        if let Some(parent) = parent {
            assert_eq!(
                (number(span), span.trace_id),
                (number(parent), parent.trace_id)
            );
        }
    }
    counts
}

/// A request: steps that wait, one of which begins its own span.
async fn request(request: u64) {
    current().tag("request", request);
    for _ in 0..STEPS {
        yield_now().await;
        step(request).in_span("request/step").await;
    }
    yield_now().await;
}

async fn step(request: u64) {
    yield_now().await;
    current().tag("request", request);
    yield_now().await;
}

#[test]
fn tasks_of_many_threads() {
    let (tracer, spans) = tracer();
    let runtime = Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .unwrap();
    runtime.block_on(async {
        let tasks = (0..REQUESTS).map(|number| {
            let work = async move {
                request(number).await;
                let spawned = async move {
                    yield_now().await;
                    step(number).in_span("request/spawned").await;
                };
                let spawned = tokio::spawn(spawned.in_current_span());
                let blocking = in_current_span(move || {
                    let tag = async move {
                        current().tag("request", number);
                    };
                    smol::block_on(tag.in_span("request/blocking"));
                });
                spawn_blocking(blocking).await.unwrap();
                spawned.await.unwrap();
                let (left, right) = (step(number), step(number));
                tokio::join!(left.in_span("request/left"), right.in_span("request/right"));
            };
            tokio::spawn(work.in_span(tracer.start("request")))
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
    let found = finished(&tracer, &spans);
    let counts = checked(&found);
    let mut expected = HashMap::from([("request", REQUESTS), ("request/step", REQUESTS * STEPS)]);
    let once = ["spawned", "blocking", "left", "right"];
    let once = once.map(|name| format!("request/{name}"));
    expected.extend(once.iter().map(|name| (name.as_str(), REQUESTS)));
    assert_eq!(counts, expected);
}

#[test]
#[expect(
    clippy::await_holding_invalid_type,
    reason = "what Clippy finds by `clippy.toml` is what this test does"
)]
fn one_thread_whose_tasks_hold_scopes() {
    let (tracer, spans) = tracer();
    let runtime = Builder::new_current_thread().build().unwrap();
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let tasks = (0..REQUESTS).map(|number| {
            let tracer = tracer.clone();
            let root = tracer.start("request");
            let work = async move {
                current().tag("request", number);
                let mut held = tracer.start("request/held");
                held.tag("request", number);
                let active = held.activate();
                for _ in 0..STEPS {
                    yield_now().await;
                    tracer.start("request/held/child").tag("request", number);
                }
                drop(active);
                yield_now().await;
                tracer.start("request/after").tag("request", number);
            };
            spawn_local(work.in_span(root))
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
            assert_eq!(current_ids(), None);
        }
    });
    let found = finished(&tracer, &spans);
    let expected = [
        ("request", REQUESTS),
        ("request/held", REQUESTS),
        ("request/held/child", REQUESTS * STEPS),
        ("request/after", REQUESTS),
    ];
    assert_eq!(checked(&found), HashMap::from(expected));
}

#[test]
fn the_loser_of_a_race_is_cancelled() {
    let (tracer, spans) = tracer();
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(
        async {
            tokio::select! {
                () = yield_now().in_span("winner") => {}
                () = pending().in_span("loser") => {}
            }
        }
        .in_span(tracer.start("race")),
    );
    let aborted = runtime.block_on(async {
        let task = tokio::spawn(pending::<()>().in_span(tracer.start("aborted")));
        yield_now().await;
        task.abort();
        task.await
    });
    assert!(aborted.unwrap_err().is_cancelled());
    let found = finished(&tracer, &spans);
    let is_cancelled = |name: &str| {
        let span = found
            .iter()
            .find(|span| span.operation_name == name)
            .unwrap();
        assert_eq!(span.tag("error"), None);
        span.tag("cancelled") == Some(&TagValue::Bool(true))
    };
    let cancelled = ["race", "winner", "loser", "aborted"].map(is_cancelled);
    assert_eq!(cancelled, [false, false, true, true]);
}

#[test]
fn a_task_that_panics_is_an_error() {
    let (tracer, spans) = tracer();
    let runtime = Builder::new_current_thread().build().unwrap();
    let ended = runtime.block_on(async {
        let work = async {
            yield_now().await;
            panic!("out of stock");
        };
        tokio::spawn(work.in_span(tracer.start("order"))).await
    });
    assert!(ended.unwrap_err().is_panic());
    let found = finished(&tracer, &spans);
    assert_eq!(found[0].tag("error"), Some(&TagValue::Bool(true)));
    assert_eq!(found[0].tag("cancelled"), None);
}

#[test]
fn streams() {
    let (tracer, spans) = tracer();
    let rows = |number: u64| {
        let rows = stream::iter(0..STEPS).then(move |row| async move {
            step(number).in_span("rows/row").await;
            row
        });
        let span = tracer.span_builder("rows").tag("request", number).start();
        rows.in_span(span)
    };
    smol::block_on(async {
        let all: Vec<_> = rows(0).collect().await;
        assert_eq!(all.len() as u64, STEPS);
        let some: Vec<_> = rows(1).take(2).collect().await;
        assert_eq!(some, [0, 1]);
    });
    let found = finished(&tracer, &spans);
    assert_eq!(
        checked(&found),
        HashMap::from([("rows", 2), ("rows/row", STEPS + 2)])
    );
    for span in found.iter().filter(|span| span.operation_name == "rows") {
        let is_cancelled = span.tag("cancelled").is_some();
        assert_eq!(
            is_cancelled,
            number(span) == 1,
            "one was left before its end"
        );
    }
}

#[test]
fn smol_on_several_threads() {
    let (tracer, spans) = tracer();
    let executor = smol::Executor::new();
    let (stop, stopped) = smol::channel::unbounded::<()>();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| smol::block_on(executor.run(stopped.recv())));
        }
        smol::block_on(async {
            let tasks = (0..REQUESTS).map(|number| {
                let span = tracer.start("request");
                executor.spawn(request_of_smol(number).in_span(span))
            });
            for task in tasks.collect::<Vec<_>>() {
                task.await;
            }
        });
        drop(stop);
    });
    let found = finished(&tracer, &spans);
    let expected = [("request", REQUESTS), ("request/step", REQUESTS * STEPS)];
    assert_eq!(checked(&found), HashMap::from(expected));
}

async fn request_of_smol(request: u64) {
    current().tag("request", request);
    for _ in 0..STEPS {
        smol::future::yield_now().await;
        let step = async move {
            smol::future::yield_now().await;
            current().tag("request", request);
        };
        step.in_span("request/step").await;
    }
}

#[test]
fn a_runtime_for_each_thread() {
    let (tracer, spans) = tracer();
    thread::scope(|scope| {
        for thread in 0..4 {
            let tracer = &tracer;
            scope.spawn(move || {
                let runtime = Builder::new_current_thread().build().unwrap();
                let of_thread = |number| request(number).in_span(tracer.start("request"));
                let requests =
                    (0..REQUESTS / 4).map(|number| of_thread(thread * REQUESTS + number));
                runtime.block_on(futures_util::future::join_all(requests));
            });
        }
    });
    let found = finished(&tracer, &spans);
    let expected = [("request", REQUESTS), ("request/step", REQUESTS * STEPS)];
    assert_eq!(checked(&found), HashMap::from(expected));
}
