use std::time::Duration;

use axum::extract::{MatchedPath, Path, Request};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::signal::ctrl_c;
use tokio::task::yield_now;
use tower_http::trace::TraceLayer;
use tracing::field::Empty;
use tracing::level_filters::LevelFilter;
use tracing::{Span, info, info_span, instrument};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[derive(Serialize)]
struct Order {
    id: u64,
    in_stock: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let provider = provider()?;
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("shop"))
        .with_location(false)
        .with_threads(false)
        .with_level(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_context_activation(false);
    tracing_subscriber::registry()
        .with(LevelFilter::INFO)
        .with(layer)
        .init();
    let requests = TraceLayer::new_for_http()
        .make_span_with(server_span)
        .on_request(())
        .on_response(|response: &Response, _: Duration, span: &Span| {
            span.record(
                "http.response.status_code",
                i64::from(response.status().as_u16()),
            );
        })
        .on_body_chunk(())
        .on_eos(())
        .on_failure(());
    let app = Router::new()
        .route("/orders/{id}", get(order))
        .layer(requests);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, app)
        .with_graceful_shutdown(async { drop(ctrl_c().await) })
        .await?;
    provider.shutdown()?;
    Ok(())
}

fn provider() -> Result<SdkTracerProvider, Box<dyn std::error::Error>> {
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(16 * 1024)
        .with_max_export_batch_size(4096)
        .with_scheduled_delay(Duration::from_secs(1));
    let processor = BatchSpanProcessor::builder(SpanExporter::builder().with_http().build()?)
        .with_batch_config(batches.build())
        .build();
    Ok(SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("shop").build())
        .with_span_processor(processor)
        .build())
}

fn server_span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("", MatchedPath::as_str);
    let span = info_span!(
        "request",
        otel.name = %format_args!("{} {route}", request.method()),
        otel.kind = "server",
        http.request.method = request.method().as_str(),
        http.route = route,
        http.response.status_code = Empty,
        url.path = request.uri().path(),
        url.scheme = "http",
    );
    let parent = TraceContextPropagator::new().extract(&HeaderExtractor(request.headers()));
    // It fails where no layer listens.
    let _ = span.set_parent(parent);
    span
}

#[instrument(skip_all, fields(order.id = id as i64))]
async fn order(Path(id): Path<u64>) -> Json<Order> {
    let in_stock = stock(id).await;
    Json(Order { id, in_stock })
}

#[instrument(skip_all, fields(stock.id = id as i64))]
async fn stock(id: u64) -> u64 {
    yield_now().await;
    info!("looked up");
    id % 7
}
