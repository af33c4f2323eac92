use std::env;
use std::time::Duration;

use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use fastrace::collector::Config;
use fastrace::prelude::*;
use fastrace_axum::FastraceLayer;
use fastrace_jaeger::JaegerReporter;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::signal::ctrl_c;
use tokio::task::yield_now;

#[derive(Serialize)]
struct Order {
    id: u64,
    in_stock: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let agent = format!(
        "{}:{}",
        env::var("JAEGER_AGENT_HOST")?,
        env::var("JAEGER_AGENT_PORT")?
    );
    let reporter = JaegerReporter::new(agent.parse()?, "shop").expect("the socket is bound");
    // In its reports of a second, the reporter halves batches until they fit a packet.
    fastrace::set_reporter(
        reporter,
        Config::default().report_interval(Duration::from_millis(10)),
    );
    let app = Router::new()
        .route("/orders/{id}", get(order))
        .layer(FastraceLayer::default());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, app)
        .with_graceful_shutdown(async { drop(ctrl_c().await) })
        .await?;
    fastrace::flush();
    Ok(())
}

#[fastrace::trace(short_name = true)]
async fn order(Path(id): Path<u64>) -> Json<Order> {
    LocalSpan::add_property(|| ("order.id", id.to_string()));
    let in_stock = stock(id).await;
    Json(Order { id, in_stock })
}

#[fastrace::trace(short_name = true)]
async fn stock(id: u64) -> u64 {
    LocalSpan::add_property(|| ("stock.id", id.to_string()));
    yield_now().await;
    LocalSpan::add_event(Event::new("looked up"));
    id % 7
}
