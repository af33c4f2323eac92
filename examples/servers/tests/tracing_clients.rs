//! gRPC by tonic and SQL by sqlx, whose spans and events come by way of `tracing`.

use std::time::Duration;

use axum::http::{HeaderMap, Request};
use picojaeger_std::config::Sampler;
use picojaeger_std::model::{Span as Finished, TagValue};
use picojaeger_std::reporters::InMemoryReporter;
use picojaeger_std::tracing::{SpanExt as _, layer};
use picojaeger_std::{Config, Tracer};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, sqlite::SqliteConnectOptions};
use tokio::net::TcpListener;
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower_http::trace::TraceLayer;
use tracing::{Instrument as _, Span, info_span, subscriber};
use tracing_subscriber::layer::SubscriberExt as _;

const SOON: Duration = Duration::from_secs(20);

fn tracer() -> (Tracer, InMemoryReporter) {
    let spans = InMemoryReporter::new();
    let config = Config::new("shop")
        .sampler(Sampler::Const(true))
        .agent(false);
    let tracer = config.reporter(spans.clone()).build().unwrap();
    (tracer, spans)
}

fn finished(tracer: &Tracer, spans: &InMemoryReporter) -> Vec<Finished> {
    tracer.close(SOON).unwrap();
    let (stats, spans) = (tracer.stats(), spans.spans());
    assert!(stats.adds_up() && stats.open == 0, "{stats}");
    spans
}

fn named<'s>(spans: &'s [Finished], name: &str) -> &'s Finished {
    let found = spans.iter().find(|span| span.operation_name == name);
    found.unwrap_or_else(|| panic!("no span {name} in {spans:#?}"))
}

/// The span of a call, named by its path, which is its method's name.
fn server_span<B>(tracer: &Tracer, request: &Request<B>) -> Span {
    let name = request.uri().path().trim_start_matches('/');
    let span = info_span!("grpc", otel.name = name, otel.kind = "server");
    span.set_parent(tracer.extract(request.headers()))
        .expect("the span is new");
    span
}

#[tokio::test]
async fn a_call_by_tonic_is_one_trace() {
    let (tracer, spans) = tracer();
    let _default = subscriber::set_default(tracing_subscriber::registry().with(layer(&tracer)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let in_server = tracer.clone();
    let make_span = move |request: &Request<_>| server_span(&in_server, request);
    let (_, health) = tonic_health::server::health_reporter();
    let server = Server::builder()
        .layer(TraceLayer::new_for_grpc().make_span_with(make_span))
        .add_service(health)
        .serve_with_incoming(TcpIncoming::from(listener));
    let server = tokio::spawn(server);

    let client = info_span!("client", otel.kind = "client");
    async {
        let channel = tonic::transport::Endpoint::from_shared(format!("http://{address}"));
        let channel = channel.unwrap().connect().await.unwrap();
        let mut headers = HeaderMap::new();
        tracer
            .inject(Span::current().context(), &mut headers)
            .unwrap();
        let mut request = tonic::Request::new(HealthCheckRequest::default());
        *request.metadata_mut() = MetadataMap::from_headers(headers);
        HealthClient::new(channel).check(request).await.unwrap();
    }
    .instrument(client)
    .await;
    server.abort();
    assert!(server.await.unwrap_err().is_cancelled());

    let spans = finished(&tracer, &spans);
    let (client, call) = (
        named(&spans, "client"),
        named(&spans, "grpc.health.v1.Health/Check"),
    );
    assert_eq!(call.parent_span_id, client.span_id);
    assert_eq!(call.trace_id, client.trace_id);
    assert_eq!(
        call.tag("span.kind"),
        Some(&TagValue::String("server".into()))
    );
}

/// sqlx makes no spans. Its events are logs of the span around the query, though it runs on a thread of its own.
#[tokio::test]
async fn a_query_by_sqlx_is_a_log() {
    let (tracer, spans) = tracer();
    // Of the process: sqlx runs SQLite on a thread of its own.
    subscriber::set_global_default(tracing_subscriber::registry().with(layer(&tracer))).unwrap();
    let options = SqliteConnectOptions::new()
        .in_memory(true)
        .log_statements(log::LevelFilter::Info);
    let mut connection = options.connect().await.unwrap();
    let query = async {
        let row = sqlx::query("SELECT 3 AS items")
            .fetch_one(&mut connection)
            .await;
        assert_eq!(row.unwrap().get::<i64, _>("items"), 3);
    };
    query.instrument(info_span!("stock")).await;
    // The thread of SQLite has a reference to the span until it takes its next command.
    connection.close().await.unwrap();

    let spans = finished(&tracer, &spans);
    assert_eq!(spans.len(), 1, "{spans:#?}");
    let fields: Vec<_> = spans[0].logs.iter().flat_map(|log| &log.fields).collect();
    let summary = fields.iter().find(|field| field.key == "summary");
    let text = TagValue::String("SELECT 3 AS items".into());
    assert_eq!(summary.map(|field| &field.value), Some(&text), "{fields:?}");
}
