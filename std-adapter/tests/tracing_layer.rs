//! Spans and events of `tracing` as spans of a tracer, beside spans of our own API.

use std::fmt;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use picojaeger_std::config::Sampler;
use picojaeger_std::model::Span as Finished;
use picojaeger_std::reporters::InMemoryReporter;
use picojaeger_std::sampling::{self, Decision, Description, Query};
use picojaeger_std::tracing::{DefaultFilter, JaegerLayer, SetParentError, SpanExt, layer};
use picojaeger_std::{
    Config, CurrentSpan, InSpan, SpanContext, Tracer, current, current_ids, tags,
};
use tracing::field::Empty;
use tracing::{
    Dispatch, Span, dispatcher, error, error_span, event, info, info_span, span, trace, trace_span,
};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;

#[path = "../../tests/common/spans.rs"]
mod spans;
use spans::{finished_but, named, tree};

/// A tracer without a worker, and the spans that it sends.
fn tracer() -> (Tracer, InMemoryReporter) {
    sampled_by(Sampler::Const(true))
}

fn sampled_by(sampler: Sampler) -> (Tracer, InMemoryReporter) {
    let spans = InMemoryReporter::new();
    let config = Config::new("shop").sampler(sampler);
    let config = config.agent(false).background(false);
    let tracer = config.reporter(spans.clone()).build().unwrap();
    (tracer, spans)
}

/// Runs `work` under the default layer; returns the spans, all of which have ended.
fn spans_of(work: impl FnOnce(&Tracer)) -> Vec<Finished> {
    let (tracer, spans) = tracer();
    let subscriber = tracing_subscriber::registry().with(layer(&tracer));
    tracing::subscriber::with_default(subscriber, || work(&tracer));
    finished(&tracer, &spans)
}

fn finished(tracer: &Tracer, spans: &InMemoryReporter) -> Vec<Finished> {
    let finished = finished_but(tracer, spans, 0);
    assert_eq!(current_ids(), None, "nothing is active");
    finished
}

/// `key=value` of each tag but the sampler's.
fn tags_of(span: &Finished) -> Vec<String> {
    let tags = span
        .tags
        .iter()
        .filter(|tag| !tag.key.starts_with("sampler."));
    tags.map(|tag| format!("{}={:?}", tag.key, tag.value))
        .collect()
}

/// `key=value, …` of each log.
fn logs_of(span: &Finished) -> Vec<String> {
    let fields = |log: &picojaeger_std::model::Log| {
        let fields = log
            .fields
            .iter()
            .map(|field| format!("{}={:?}", field.key, field.value));
        fields.collect::<Vec<_>>().join(", ")
    };
    span.logs.iter().map(fields).collect()
}

#[derive(Debug)]
struct Failure(&'static str, Option<Box<Failure>>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

fn failure() -> Failure {
    Failure("no stock", Some(Box::new(Failure("timeout", None))))
}

#[test]
fn fields_are_tags_of_their_types() {
    let spans = spans_of(|_| {
        let failure = failure();
        let cause = &failure as &(dyn std::error::Error + 'static);
        let span = info_span!(
            "order",
            signed = -3,
            unsigned = u64::MAX,
            float = 1.5,
            on = true,
            text = "abc",
            debug = ?Some(7),
            display = %failure,
            cause,
            bytes = &b"ab"[..],
            late = Empty,
            never = Empty,
        );
        span.record("late", 4);
    });
    assert_eq!(
        tags_of(&spans[0]),
        [
            "signed=Long(-3)",
            "unsigned=String(\"18446744073709551615\")",
            "float=Double(1.5)",
            "on=Bool(true)",
            "text=String(\"abc\")",
            "debug=String(\"Some(7)\")",
            "display=String(\"no stock\")",
            "cause=String(\"no stock: timeout\")",
            "bytes=Binary([97, 98])",
            "late=Long(4)",
        ]
    );
}

#[test]
fn parents_are_explicit_contextual_or_none() {
    let spans = spans_of(|_| {
        let request = info_span!("request");
        let explicit = info_span!(parent: &request, "explicit");
        let _entered = request.enter();
        info_span!("contextual").in_scope(|| info_span!("grandchild"));
        info_span!(parent: None, "root");
        drop(explicit);
    });
    assert_eq!(
        tree(&spans),
        [
            "- > request",
            "- > root",
            "contextual > grandchild",
            "request > contextual",
            "request > explicit"
        ]
    );
}

#[test]
fn both_interfaces_make_one_trace() {
    let spans = spans_of(|tracer| {
        let mut ours = tracer.start("ours");
        ours.in_scope(|| {
            info!("to ours");
            let theirs = info_span!("theirs").entered();
            current().tag("from", "current");
            current().log().field("event", "by hand").field("more", 1);
            let ids = current_ids().unwrap();
            assert_eq!(ids.span_id, theirs.context().span_id());
            let inner = tracer.start("inner");
            let _active = inner.activate();
            let _leaf = info_span!("leaf");
        });
    });
    assert_eq!(
        tree(&spans),
        [
            "- > ours",
            "inner > leaf",
            "ours > theirs",
            "theirs > inner"
        ]
    );
    let theirs = named(&spans, "theirs");
    assert_eq!(tags_of(theirs), ["from=String(\"current\")"]);
    assert_eq!(logs_of(theirs), ["event=String(\"by hand\"), more=Long(1)"]);
    let ours = named(&spans, "ours");
    assert_eq!(
        logs_of(ours),
        ["level=String(\"INFO\"), event=String(\"to ours\")"]
    );
}

#[test]
fn events_are_logs_with_level_and_fields() {
    let spans = spans_of(|_| {
        let request = info_span!("request");
        let other = info_span!("other");
        let _entered = request.enter();
        info!(items = 3, "packed {}", "all");
        let cause = failure();
        event!(
            tracing::Level::WARN,
            cause = &cause as &(dyn std::error::Error + 'static)
        );
        info!(parent: &other, "elsewhere");
        info!(parent: None, "nowhere");
        error!("lost");
        error!("again");
    });
    let request = named(&spans, "request");
    assert_eq!(
        logs_of(request),
        [
            "level=String(\"INFO\"), event=String(\"packed all\"), items=Long(3)",
            "level=String(\"WARN\"), cause=String(\"no stock: timeout\")",
            "level=String(\"ERROR\"), event=String(\"lost\")",
            "level=String(\"ERROR\"), event=String(\"again\")",
        ]
    );
    assert_eq!(tags_of(request), ["error=Bool(true)"], "once");
    let other = named(&spans, "other");
    assert_eq!(
        logs_of(other),
        ["level=String(\"INFO\"), event=String(\"elsewhere\")"]
    );
    assert_eq!(tags_of(other), [""; 0]);
}

#[test]
fn fields_of_otel_set_name_kind_and_status() {
    let spans = spans_of(|_| {
        let id = 7;
        let span = info_span!(
            "request",
            otel.name = %format_args!("GET /orders/{id}"),
            otel.kind = ?Kind::Server,
            otel.status_code = Empty,
            otel.status_message = Empty,
        );
        span.record("otel.status_code", "ERROR");
        span.record("otel.status_message", "no stock");
        let late = info_span!("late", otel.name = Empty, otel.status_code = "ok");
        late.record("otel.name", "renamed");
        info_span!("unset", otel.status_code = "unset", otel.other = 1);
    });
    assert_eq!(
        tags_of(named(&spans, "GET /orders/7")),
        [
            "span.kind=String(\"server\")",
            "otel.status_code=String(\"ERROR\")",
            "error=Bool(true)",
            "otel.status_description=String(\"no stock\")",
        ]
    );
    assert_eq!(
        tags_of(named(&spans, "renamed")),
        ["otel.status_code=String(\"OK\")"]
    );
    assert_eq!(tags_of(named(&spans, "unset")), ["otel.other=Long(1)"]);
}

#[derive(Debug)]
enum Kind {
    Server,
}

#[test]
fn follows_from_and_links_are_references() {
    let remote: SpanContext = "1f:2f:0:1".parse().unwrap();
    let spans = spans_of(|_| {
        let before = info_span!("before");
        let after = info_span!("after");
        after.follows_from(&before);
        after.add_link(&remote);
        after.add_link(None::<SpanContext>);
    });
    let after = named(&spans, "after");
    let ids: Vec<_> = after.references.iter().map(|it| it.span_id).collect();
    assert_eq!(ids, [named(&spans, "before").span_id, remote.span_id()]);
}

#[test]
fn a_parent_is_set_until_the_first_child() {
    let remote: SpanContext = "1f:2f:0:1".parse().unwrap();
    let spans = spans_of(|tracer| {
        let request = info_span!("request", early = 1);
        let entered = request.enter();
        request.set_parent(&remote).unwrap();
        request.set_parent(None::<SpanContext>).unwrap();
        tracer.start("child").finish();
        assert_eq!(
            request.set_parent(&remote),
            Err(SetParentError::AlreadyUsed)
        );
        drop(entered);
        assert_eq!(
            request.set_parent(&remote),
            Err(SetParentError::AlreadyUsed)
        );
        let read = info_span!("read");
        assert!(read.context().is_sampled());
        assert_eq!(read.set_parent(&remote), Err(SetParentError::AlreadyUsed));
        assert_eq!(
            Span::none().set_parent(&remote),
            Err(SetParentError::NotRecorded)
        );
        assert_eq!(Span::none().context(), SpanContext::default());
    });
    let request = named(&spans, "request");
    assert_eq!(request.trace_id, remote.trace_id());
    assert_eq!(request.parent_span_id, remote.span_id());
    assert_eq!(tags_of(request), ["early=Long(1)"]);
    assert_eq!(named(&spans, "child").trace_id, remote.trace_id());
    assert_eq!(named(&spans, "child").parent_span_id, request.span_id);
    assert_ne!(named(&spans, "read").trace_id, remote.trace_id());
}

#[test]
fn a_late_parent_decides_whether_the_span_is_sampled() {
    let of = |flags| -> SpanContext { format!("1f:2f:0:{flags}").parse().unwrap() };
    let under = |sampler, parent: SpanContext| {
        let (tracer, spans) = sampled_by(sampler);
        let subscriber = tracing_subscriber::registry().with(layer(&tracer));
        tracing::subscriber::with_default(subscriber, || {
            let request = info_span!("request", early = 1, late = Empty);
            request.set_parent(&parent).unwrap();
            request.record("late", 2);
            request.in_scope(|| info_span!("child"));
        });
        let spans = finished(&tracer, &spans);
        assert!(spans.iter().all(|span| span.trace_id == parent.trace_id()));
        (spans, tracer.stats())
    };
    let (spans, stats) = under(Sampler::Const(false), of(1));
    assert_eq!(tree(&spans), ["- > request", "request > child"]);
    let request = named(&spans, "request");
    assert_eq!(tags_of(request), ["early=Long(1)", "late=Long(2)"]);
    assert_eq!((stats.sampled, stats.unsampled), (2, 0));
    let (spans, stats) = under(Sampler::Const(true), of(0));
    assert!(spans.is_empty());
    assert_eq!((stats.sampled, stats.unsampled), (0, 2));
}

/// Another layer wants it, so it exists, and is entered.
#[test]
fn a_span_that_the_filter_leaves_out_is_as_if_it_were_not_there() {
    struct Other;

    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Other {}

    let remote: SpanContext = "1f:2f:0:1".parse().unwrap();
    let (tracer, spans) = sampled_by(Sampler::Const(false));
    let subscriber = tracing_subscriber::registry()
        .with(layer(&tracer))
        .with(Other);
    tracing::subscriber::with_default(subscriber, || {
        let fine = trace_span!("fine").entered();
        assert!(!fine.is_disabled());
        assert_eq!(current_ids(), None);
        assert_eq!(fine.set_parent(&remote), Err(SetParentError::NotRecorded));
        let request = info_span!("request", early = 1).entered();
        request.set_parent(&remote).unwrap();
        let finer = trace_span!("finer").entered();
        info!("to request");
        tracer.start("ours").finish();
        drop((finer, request, fine));
    });
    let found = finished(&tracer, &spans);
    assert_eq!(tree(&found), ["- > request", "request > ours"]);
    let request = named(&found, "request");
    assert_eq!(request.parent_span_id, remote.span_id());
    assert_eq!(tags_of(request), ["early=Long(1)"]);
    assert_eq!(
        logs_of(request),
        ["level=String(\"INFO\"), event=String(\"to request\")"]
    );
}

/// An event needs the decision of its span, which a later parent changes.
#[test]
fn a_parent_that_comes_after_an_event_changes_the_decision() {
    let of = |flags| -> SpanContext { format!("1f:2f:0:{flags}").parse().unwrap() };
    let under = |sampler, parent: SpanContext| {
        let (tracer, spans) = sampled_by(sampler);
        let subscriber = tracing_subscriber::registry().with(layer(&tracer));
        tracing::subscriber::with_default(subscriber, || {
            let request = info_span!("request", late = Empty);
            request.in_scope(|| info!("early"));
            request.set_parent(&parent).unwrap();
            request.record("late", 2);
            request.in_scope(|| info_span!("child"));
        });
        let spans = finished(&tracer, &spans);
        assert!(spans.iter().all(|span| span.trace_id == parent.trace_id()));
        (spans, tracer.stats())
    };
    let (spans, _) = under(Sampler::Const(false), of(1));
    assert_eq!(tree(&spans), ["- > request", "request > child"]);
    let late = format!("{}=Bool(true)", tags::SAMPLED_LATE);
    assert_eq!(
        tags_of(named(&spans, "request")),
        [late, "late=Long(2)".to_owned()]
    );
    let (spans, stats) = under(Sampler::Const(true), of(0));
    assert!(spans.is_empty());
    assert_eq!((stats.cleared, stats.unsampled), (1, 1));
}

/// The sampler sees the name that a span has when it is asked.
#[test]
fn a_root_is_decided_upon_when_its_context_is_needed() {
    struct ByName;

    impl sampling::Sampler for ByName {
        fn sample(&self, query: &Query<'_>) -> Decision {
            match query.operation {
                "GET /orders" => Decision::Sample { code: 0 },
                _ => Decision::Drop,
            }
        }

        fn description(&self, _: u8) -> Option<Description> {
            None
        }
    }

    let spans = InMemoryReporter::new();
    let config = Config::new("shop").agent(false).background(false);
    let tracer = config
        .reporter(spans.clone())
        .sampler(ByName)
        .build()
        .unwrap();
    let subscriber = tracing_subscriber::registry().with(layer(&tracer));
    tracing::subscriber::with_default(subscriber, || {
        let route = info_span!("request", otel.name = "GET /orders").entered();
        info_span!("child");
        drop(route);
        info_span!("request").in_scope(|| info_span!("not a child"));
    });
    let found = finished(&tracer, &spans);
    assert_eq!(tree(&found), ["- > GET /orders", "GET /orders > child"]);
    assert_eq!(tracer.stats().unsampled, 2);
}

#[test]
fn a_span_is_entered_on_many_threads_at_once() {
    const THREADS: usize = 8;
    const EACH: usize = 50;
    let (tracer, spans) = tracer();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer(&tracer)));
    let span = dispatcher::with_default(&dispatch, || info_span!("shared", late = Empty));
    let start = Arc::new(Barrier::new(THREADS));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (span, start, tracer, dispatch) = (&span, &start, &tracer, &dispatch);
            scope.spawn(move || {
                let _default = dispatcher::set_default(dispatch);
                start.wait();
                for index in 0..EACH {
                    let entered = span.enter();
                    let again = span.enter();
                    info!(thread, index, "at work");
                    current().tag("by", "current");
                    drop(again);
                    span.record("late", thread as u64);
                    tracer.start("ours").finish();
                    drop(entered);
                }
            });
        }
    });
    let (closes, last) = (dispatch.clone(), span);
    thread::spawn(move || dispatcher::with_default(&closes, || drop(last)))
        .join()
        .unwrap();
    let spans = finished(&tracer, &spans);
    let shared = named(&spans, "shared");
    assert_eq!(shared.logs.len(), THREADS * EACH);
    let count = |key| shared.tags.iter().filter(|tag| tag.key == key).count();
    assert_eq!(
        (count("by"), count("late")),
        (THREADS * EACH, THREADS * EACH)
    );
    let ours = spans.iter().filter(|span| span.operation_name == "ours");
    let children = ours.filter(|span| span.parent_span_id == shared.span_id);
    assert_eq!(children.count(), THREADS * EACH);
}

#[test]
fn guards_that_end_in_any_order_leave_nothing_active() {
    let spans = spans_of(|tracer| {
        let (a, b) = (
            info_span!("a").entered(),
            info_span!(parent: None, "b").entered(),
        );
        drop(a);
        tracer.start("under b").finish();
        drop(b);
        tracer.start("root").finish();
    });
    assert_eq!(tree(&spans), ["- > a", "- > b", "- > root", "b > under b"]);
}

#[test]
fn a_span_of_tracing_in_a_future_of_ours_follows_it() {
    use std::future::poll_fn;
    use std::task::{Context, Poll, Waker};

    let spans = spans_of(|tracer| {
        let mut first = true;
        let mut task = Box::pin(
            async {
                // Held across an await: set aside with the future.
                let _held = info_span!("held").entered();
                poll_fn(|_| match std::mem::replace(&mut first, false) {
                    true => Poll::Pending,
                    false => Poll::Ready(()),
                })
                .await;
                info_span!("inner");
            }
            .in_span(tracer.start("task")),
        );
        let mut context = Context::from_waker(Waker::noop());
        assert!(task.as_mut().poll(&mut context).is_pending());
        info_span!("between");
        assert!(task.as_mut().poll(&mut context).is_ready());
    });
    assert_eq!(
        tree(&spans),
        ["- > between", "- > task", "held > inner", "task > held"]
    );
}

#[test]
fn only_info_passes_the_default_filter() {
    let spans = spans_of(|_| {
        let _request = info_span!("request").entered();
        trace_span!("too fine").in_scope(|| info!("to request"));
        trace!("too fine");
        for_each_target();
    });
    assert_eq!(tree(&spans), ["- > request", "request > hyperbole"]);
    assert_eq!(spans.iter().map(|span| span.logs.len()).sum::<usize>(), 1);
}

fn for_each_target() {
    info_span!(target: "h2", "h2");
    info_span!(target: "h2::proto", "h2::proto");
    info_span!(target: "hyper", "hyper");
    info_span!(target: "hyper_util::client", "hyper_util");
    info_span!(target: "ureq", "ureq");
    info_span!(target: "rustls::client", "rustls");
    info_span!(target: "picojaeger", "picojaeger");
    info_span!(target: "picojaeger_std::worker", "picojaeger_std");
    info!(target: "rustls", "rustls");
    info!(target: "picojaeger", "picojaeger");
    info_span!(target: "hyperbole", "hyperbole");
}

#[test]
fn another_filter_may_pass_more_but_never_ourselves() {
    let (tracer, spans) = tracer();
    let filter = DefaultFilter::new().with_max_level(LevelFilter::TRACE);
    let layer = JaegerLayer::new(&tracer)
        .with_target(true)
        .with_location(true);
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter));
    tracing::subscriber::with_default(subscriber, || {
        trace_span!("fine").in_scope(|| trace!("too"))
    });
    let found = finished(&tracer, &spans);
    let tags = tags_of(&found[0]);
    assert_eq!(tags[0], "target=String(\"tracing_layer\")");
    assert!(tags[1].starts_with("code.filepath=") && tags[1].contains("tracing_layer.rs"));
    assert!(tags[2].starts_with("code.lineno=Long("));
    assert!(logs_of(&found[0])[0].contains("target=String(\"tracing_layer\")"));

    let subscriber = tracing_subscriber::registry().with(JaegerLayer::new(&tracer));
    tracing::subscriber::with_default(subscriber, for_each_target);
    let found = finished(&tracer, &spans);
    assert_eq!(found.len(), 1 + 7, "all but ourselves without a filter");
}

#[test]
fn a_value_may_trace_while_it_is_formatted() {
    struct Tracing<'t>(&'t Tracer);

    impl fmt::Debug for Tracing<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.start("ours").finish();
            current().tag("lost", "as the span is being written to");
            f.write_str("formatted")
        }
    }

    let before = CurrentSpan::missed_writes();
    let spans = spans_of(|tracer| {
        let _request = info_span!("request").entered();
        info!(value = ?Tracing(tracer), "event");
    });
    assert!(CurrentSpan::missed_writes() > before, "counted");
    let request = named(&spans, "request");
    let event = "level=String(\"INFO\"), event=String(\"event\"), value=String(\"formatted\")";
    assert_eq!(logs_of(request), [event]);
    assert_eq!(tree(&spans), ["- > request", "request > ours"]);
}

#[test]
fn two_layers_do_not_mix_their_spans() {
    let (first, first_spans) = tracer();
    let (second, second_spans) = tracer();
    let in_first = Dispatch::new(tracing_subscriber::registry().with(layer(&first)));
    let in_second = Dispatch::new(tracing_subscriber::registry().with(layer(&second)));
    let a = dispatcher::with_default(&in_first, || info_span!("a"));
    let b = dispatcher::with_default(&in_second, || info_span!("b"));
    assert_eq!(a.id(), b.id(), "registries number alike");
    drop((a, b));
    assert_eq!(tree(&finished(&first, &first_spans)), ["- > a"]);
    assert_eq!(tree(&finished(&second, &second_spans)), ["- > b"]);
}

/// Its decision waits for a parent that may yet come.
#[test]
fn a_drain_waits_for_a_root_without_a_child_and_names_it() {
    let (tracer, spans) = tracer();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer(&tracer)));
    let request = dispatcher::with_default(&dispatch, || info_span!("request"));
    let report = tracer.drain_blocking(Duration::from_millis(50));
    assert_eq!(report.open().to_string(), "1 span open (1 request)");
    assert!(!report.is_complete(), "{report}");
    drop(request);
    let stats = tracer.stats();
    assert!(stats.adds_up() && stats.lost.closed == 1, "{stats}");
    assert!(spans.is_empty());
}

/// A debug assertion finds a name that is open twice.
#[test]
fn a_slot_whose_span_was_cleared_has_no_name() {
    let (tracer, spans) = tracer();
    let subscriber = tracing_subscriber::registry().with(layer(&tracer));
    tracing::subscriber::with_default(subscriber, || {
        let request = info_span!("a request with a long name");
        request.in_scope(|| info!("begun"));
        let parent: SpanContext = "1f:2f:0:0".parse().unwrap();
        request.set_parent(&parent).unwrap();
    });
    tracer.start("next").finish();
    assert_eq!(tree(&finished(&tracer, &spans)), ["- > next"]);
    assert_eq!(tracer.stats().cleared, 1);
}

#[test]
fn a_field_that_panics_leaves_the_counts_as_they_were() {
    struct Panics;
    impl fmt::Display for Panics {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("of a field")
        }
    }
    /// Formats nothing, without a panic.
    struct Fails;
    impl fmt::Display for Fails {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }
    let spans = spans_of(|tracer| {
        let panics = || drop(info_span!("half", value = %Panics));
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics));
        assert!(caught.is_err());
        assert_eq!(tracer.stats().open, 0);
        drop(info_span!("whole", otel.name = %Fails));
    });
    assert_eq!(spans.len(), 1, "{spans:?}");
}

#[test]
fn a_layer_that_is_dropped_ends_its_spans() {
    let (tracer, spans) = tracer();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer(&tracer)));
    let span = dispatcher::with_default(&dispatch, || info_span!("never closed"));
    dispatch.clone_span(&span.id().unwrap());
    drop(span);
    drop(dispatch);
    assert_eq!(tree(&finished(&tracer, &spans)), ["- > never closed"]);
}

#[test]
fn unsampled_spans_are_counted_and_disabled_ones_are_not() {
    let (tracer, spans) = sampled_by(Sampler::Const(false));
    let subscriber = tracing_subscriber::registry().with(layer(&tracer));
    tracing::subscriber::with_default(subscriber, || {
        let _request = info_span!("request", field = 1).entered();
        info!("event");
        info_span!("child");
    });
    assert!(finished(&tracer, &spans).is_empty());
    assert_eq!(tracer.stats().unsampled, 2);
    let subscriber = tracing_subscriber::registry().with(layer(&Tracer::disabled()));
    tracing::subscriber::with_default(subscriber, || {
        let request = error_span!("request", field = 1).entered();
        info!("event");
        assert_eq!(request.context(), SpanContext::default());
        assert_eq!(current_ids(), None);
        let _unused = span!(tracing::Level::INFO, "child");
    });
}

#[test]
fn a_field_forces_a_trace() {
    let (tracer, spans) = sampled_by(Sampler::Const(false));
    let subscriber = tracing_subscriber::registry().with(layer(&tracer));
    tracing::subscriber::with_default(subscriber, || {
        info_span!("request", sampling.priority = 1).in_scope(|| info_span!("child"));
    });
    assert_eq!(
        tree(&finished(&tracer, &spans)),
        ["- > request", "request > child"]
    );
}
