//! Spans of the crates that speak `tracing`, in one process-wide subscriber with one tracer.

use std::fmt;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::get;
use picojaeger_std::config::Sampler;
use picojaeger_std::model::{Span as Finished, TagValue};
use picojaeger_std::reporters::{FinishedSpan, InMemoryReporter, Reporter};
use picojaeger_std::tracing::{DefaultFilter, JaegerLayer, SpanExt as _};
use picojaeger_std::{
    Config, CurrentSpan, SpanContext, TraceId, Tracer, current, current_ids, tags,
};
use tokio::net::TcpListener;
use tower_http::trace::TraceLayer;
use tracing::level_filters::LevelFilter;
use tracing::{Instrument as _, Span, info, info_span, instrument};
use tracing_subscriber::layer::SubscriberExt as _;

const SOON: Duration = Duration::from_secs(20);

/// The tracer of this process and what it sends; the first call sets the subscriber, and the bridge from `log`.
fn tracer() -> &'static (Tracer, InMemoryReporter) {
    static TRACER: OnceLock<(Tracer, InMemoryReporter)> = OnceLock::new();
    TRACER.get_or_init(|| {
        let spans = InMemoryReporter::new();
        let config = Config::new("shop").sampler(Sampler::Const(true));
        let config = config.agent(false).reporter(spans.clone());
        let tracer = config.build().unwrap();
        let filter = DefaultFilter::new().with_max_level(LevelFilter::TRACE);
        let layer = JaegerLayer::new(&tracer).filtered(filter);
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))
            .unwrap();
        tracing_log::LogTracer::init().unwrap();
        (tracer, spans)
    })
}

/// The spans of a trace, of which there are so many.
fn trace(id: TraceId, count: usize) -> Vec<Finished> {
    let (tracer, spans) = tracer();
    // The server's span ends after its client has the response.
    for _ in 0..2_000 {
        tracer.flush(SOON).unwrap();
        let found = spans.spans().into_iter().filter(|span| span.trace_id == id);
        let found: Vec<_> = found.collect();
        if found.len() >= count {
            return found;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!(
        "fewer than {count} spans of trace {id}: {:#?}",
        spans.spans()
    );
}

/// `name of the parent > name` of each span, sorted.
fn tree(spans: &[Finished]) -> Vec<String> {
    let line = |span: &Finished| {
        let parent = spans.iter().find(|it| it.span_id == span.parent_span_id);
        let parent = parent.map_or("-", |parent| parent.operation_name.as_str());
        format!("{parent} > {}", span.operation_name)
    };
    let mut lines: Vec<_> = spans.iter().map(line).collect();
    lines.sort();
    lines
}

fn named<'s>(spans: &'s [Finished], name: &str) -> &'s Finished {
    let found = spans.iter().find(|span| span.operation_name == name);
    found.unwrap_or_else(|| panic!("no span {name}"))
}

/// The messages of a span's logs.
fn messages(span: &Finished) -> Vec<String> {
    let of = |log: &picojaeger_std::model::Log| {
        let message = log.fields.iter().find(|field| field.key == tags::EVENT);
        match message.map(|field| &field.value) {
            Some(TagValue::String(text)) => text.clone(),
            other => format!("{other:?}"),
        }
    };
    span.logs.iter().map(of).collect()
}

/// The span of a request: a child of the one in its headers.
fn server_span(request: &Request<Body>) -> Span {
    let span = info_span!(
        "request",
        otel.name = %format_args!("{} {}", request.method(), request.uri().path()),
        otel.kind = "server",
        http.response.status_code = tracing::field::Empty,
    );
    let parent = tracer().0.extract(request.headers());
    span.set_parent(parent).expect("the span is new");
    span
}

async fn serve() -> SocketAddr {
    let trace = TraceLayer::new_for_http()
        .make_span_with(server_span)
        .on_response(
            |response: &axum::http::Response<_>, _: Duration, span: &Span| {
                span.record("http.response.status_code", response.status().as_u16());
            },
        );
    let app = Router::new().route("/stock", get(stock)).layer(trace);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn stock() -> StatusCode {
    current().tag("from", "our interface");
    look_up(7).await;
    let audit = async { tracer().0.start("ours, in a task").finish() };
    let audit = tokio::spawn(audit.instrument(info_span!("audit")));
    audit.await.unwrap();
    StatusCode::NO_CONTENT
}

#[instrument(fields(found = tracing::field::Empty))]
async fn look_up(item: u64) {
    tokio::task::yield_now().await;
    Span::current().record("found", true);
    info!(items = 3, "looked up");
    tracer().0.start("ours").finish();
}

/// axum and tower-http on one side, reqwest on the other, each thread and task where tokio puts it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_one_trace_across_axum_and_reqwest() {
    let (tracer, _) = tracer();
    let address = serve().await;
    let client = info_span!("client", otel.kind = "client");
    let id = client.context().trace_id();
    let call = async {
        let mut headers = HeaderMap::new();
        tracer
            .inject(Span::current().context(), &mut headers)
            .unwrap();
        let request = reqwest::Client::new().get(format!("http://{address}/stock"));
        let response = request.headers(headers).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    };
    call.instrument(client).await;
    let spans = trace(id, 6);
    assert_eq!(
        tree(
            &spans
                .iter()
                .filter(|it| !is_foreign(it))
                .cloned()
                .collect::<Vec<_>>()
        ),
        [
            "- > client",
            "GET /stock > audit",
            "GET /stock > look_up",
            "audit > ours, in a task",
            "client > GET /stock",
            "look_up > ours",
        ]
    );
    let request = named(&spans, "GET /stock");
    assert_eq!(
        request.tag(tags::SPAN_KIND),
        Some(&TagValue::String("server".into()))
    );
    assert_eq!(
        request.tag("http.response.status_code"),
        Some(&TagValue::Long(204))
    );
    assert_eq!(
        request.tag("from"),
        Some(&TagValue::String("our interface".into()))
    );
    let look_up = named(&spans, "look_up");
    assert_eq!(look_up.tag("item"), Some(&TagValue::Long(7)));
    assert_eq!(look_up.tag("found"), Some(&TagValue::Bool(true)));
    assert_eq!(messages(look_up), ["looked up"]);
}

/// Spans that the frameworks' own crates make at levels below INFO.
fn is_foreign(span: &Finished) -> bool {
    ![
        "client",
        "GET /stock",
        "audit",
        "look_up",
        "ours",
        "ours, in a task",
    ]
    .contains(&span.operation_name.as_str())
}

/// Lines of the crate `log` are logs of the active span; this crate's own never are, though the filter passes all
/// levels.
#[test]
fn lines_of_log_are_recorded_and_ours_are_not() {
    let (tracer, _) = tracer();
    let span = info_span!("logging");
    let id = span.context().trace_id();
    span.in_scope(|| {
        log::info!("a line of {}", "log");
        log::error!(target: "picojaeger", "a line of ours");
        log::error!(target: "picojaeger_std::worker", "another");
        let ids = current_ids().unwrap();
        assert_eq!(ids.trace_id, id, "for loggers that add ids to each line");
        // A tracer that has lines to log: there is no agent. It sends on this thread.
        let config = Config::new("lossy").sampler(Sampler::Const(true));
        let config = config
            .agent_host("127.0.0.1")
            .agent_port(1)
            .background(false);
        let lossy = config.new_tracer().unwrap();
        for _ in 0..3 {
            lossy
                .span_builder("lost")
                .ignore_active_span()
                .start()
                .finish();
            let _lost = lossy.flush(SOON);
        }
        assert!(lossy.stats().lost.total() > 0, "{}", lossy.stats());
    });
    drop(span);
    let spans = trace(id, 1);
    assert_eq!(messages(&spans[0]), ["a line of log"]);
    assert_eq!(spans[0].tag(tags::ERROR), None);
    assert_eq!(tracer.stats().lost.total(), 0);
}

/// With a subscriber of the process, unlike with one of a thread, `tracing` calls it within its own calls.
#[test]
fn a_value_may_trace_while_it_is_formatted() {
    struct Tracing;

    impl fmt::Debug for Tracing {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            info_span!("within").in_scope(|| info!("a log of its own"));
            info!("to the span that is being written");
            f.write_str("formatted")
        }
    }

    tracer();
    let span = info_span!("outer");
    let id = span.context().trace_id();
    let before = CurrentSpan::missed_writes();
    span.in_scope(|| info!(value = ?Tracing, "event"));
    let missed = CurrentSpan::missed_writes() - before;
    drop(span);
    let spans = trace(id, 2);
    assert_eq!(missed, 1, "counted");
    assert_eq!(messages(named(&spans, "outer")), ["event"]);
    assert_eq!(messages(named(&spans, "within")), ["a log of its own"]);
    assert!(tree(&spans).contains(&"outer > within".to_owned()));
}

/// What a tracer's worker does is nothing to any layer, whatever its level and target.
#[test]
fn threads_that_send_spans_are_not_traced() {
    struct Traces;

    impl Reporter for Traces {
        fn report(&self, _: &FinishedSpan<'_>) {
            let span = info_span!(parent: None, "on the worker").entered();
            info!("on the worker");
            assert_eq!(span.context(), SpanContext::default());
            REPORTED.fetch_add(1, Relaxed);
        }
    }

    static REPORTED: AtomicUsize = AtomicUsize::new(0);
    let (tracer, spans) = tracer();
    let config = Config::new("other")
        .sampler(Sampler::Const(true))
        .agent(false);
    let other = config.reporter(Traces).build().unwrap();
    (0..3).for_each(|_| drop(other.start("order")));
    other.close(SOON).unwrap();
    assert_eq!(REPORTED.load(Relaxed), 3);
    tracer.flush(SOON).unwrap();
    let spans = spans.spans();
    assert!(
        spans
            .iter()
            .all(|span| span.operation_name != "on the worker")
    );
}
