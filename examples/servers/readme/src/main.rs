use std::env;
use std::sync::LazyLock;
use std::time::Duration;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use picojaeger_std::prelude::*;
use serde::Serialize;
use tokio::net::TcpListener;

static ADDRESS: LazyLock<String> =
    LazyLock::new(|| env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:3000".into()));
static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(reqwest::Client::new);

#[derive(Serialize)]
struct Order {
    id: u64,
    in_stock: u32,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    env_logger::init();
    let tracer = picojaeger_std::init("shop")?;
    let app = Router::new()
        .route("/orders/{id}", get(order))
        .route("/stock/{id}", get(stock))
        .layer(picojaeger_std::tower::server());
    let listener = TcpListener::bind(&*ADDRESS).await?;
    axum::serve(listener, app)
        .with_graceful_shutdown(shutdown_signal())
        .await?;
    println!("{}", tracer.drain(Duration::from_secs(5)).await);
    Ok(())
}

#[picojaeger_std::traced(err)]
async fn order(Path(id): Path<u64>) -> Result<Json<Order>, Failed> {
    current().tag("order.id", id);
    let url = format!("http://{}/stock/{id}", *ADDRESS);
    let stock = CLIENT.get(url).traced().send().await?;
    let in_stock = stock.error_for_status()?.json().await?;
    tokio::spawn(audit(id).in_span("audit"));
    Ok(Json(Order { id, in_stock }))
}

async fn stock(Path(id): Path<u64>) -> Result<Json<u32>, StatusCode> {
    match id {
        13 => Err(StatusCode::NOT_FOUND),
        _ => Ok(Json(3)),
    }
}

async fn audit(id: u64) {
    current()
        .log()
        .field("event", "audited")
        .field("order.id", id);
}

/// A failure of the stock service, which answers with 502.
#[derive(Debug)]
struct Failed(reqwest::Error);

impl From<reqwest::Error> for Failed {
    fn from(error: reqwest::Error) -> Self {
        Failed(error)
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl axum::response::IntoResponse for Failed {
    fn into_response(self) -> axum::response::Response {
        StatusCode::BAD_GATEWAY.into_response()
    }
}
