use std::time::Duration;

use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use picojaeger_std::prelude::*;
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
    let tracer = picojaeger_std::init("shop")?;
    let app = Router::new()
        .route("/orders/{id}", get(order))
        .layer(picojaeger_std::tower::server());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, app)
        .with_graceful_shutdown(async { drop(ctrl_c().await) })
        .await?;
    println!("{}", tracer.drain(Duration::from_secs(5)).await);
    Ok(())
}

#[picojaeger_std::traced]
async fn order(Path(id): Path<u64>) -> Json<Order> {
    current().tag("order.id", id);
    let in_stock = stock(id).await;
    Json(Order { id, in_stock })
}

#[picojaeger_std::traced]
async fn stock(id: u64) -> u64 {
    current().tag("stock.id", id);
    yield_now().await;
    current().log().field("event", "looked up");
    id % 7
}
