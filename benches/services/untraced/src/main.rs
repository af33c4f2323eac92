use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
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
    let app = Router::new().route("/orders/{id}", get(order));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, app)
        .with_graceful_shutdown(async { drop(ctrl_c().await) })
        .await?;
    Ok(())
}

async fn order(Path(id): Path<u64>) -> Json<Order> {
    let in_stock = stock(id).await;
    Json(Order { id, in_stock })
}

async fn stock(id: u64) -> u64 {
    yield_now().await;
    id % 7
}
