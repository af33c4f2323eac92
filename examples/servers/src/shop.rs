//! One trace of two processes: a client that uses reqwest, and a service that uses axum.
//!
//! `cargo run --example shop` starts a collector, starts itself once more as the service `stock`, asks it
//! for an item, and prints the trace that arrived.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use picojaeger_std::collector::Collector;
use picojaeger_std::config::{Config, Sampler};
use picojaeger_std::reqwest::Traced as _;
use picojaeger_std::{InSpan as _, current, tower};
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(5);
/// The argument that makes the program the service.
const SERVICE: &str = "stock";

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    match std::env::args().nth(1).as_deref() {
        Some(SERVICE) => serve().await,
        _ => order().await,
    }
}

/// The client: starts the service, and asks it in a span.
async fn order() -> Outcome<()> {
    let collector = Collector::bind("127.0.0.1:0")?;
    let agent = collector.local_addr();
    let (mut service, address) = start_service(agent)?;
    let config = Config::new("shop").sampler(Sampler::Const(true));
    let config = config
        .agent_host(agent.ip().to_string())
        .agent_port(agent.port());
    let tracer = config.initialize_tracer()?;

    let root = tracer.start("order");
    let trace = root.context().trace_id();
    let client = reqwest::Client::new();
    let work = async {
        let url = format!("http://{address}/stock/7");
        let request = client.get(url).traced().template("/stock/{item}");
        request.send().await?.text().await
    };
    println!("stock of item 7: {}", work.in_span(root).await?);

    drop(service.stdin.take()); // which ends it
    service.wait()?;
    tracer.close(PATIENCE)?;
    collector.wait_for_spans(4, PATIENCE);
    print!("{}", collector.trace(trace).ok_or("no span arrived")?);
    Ok(())
}

/// Starts this program as the service, and reads the address that it listens at.
fn start_service(agent: SocketAddr) -> Outcome<(Child, SocketAddr)> {
    let mut service = Command::new(std::env::current_exe()?)
        .arg(SERVICE)
        .env("JAEGER_AGENT_HOST", agent.ip().to_string())
        .env("JAEGER_AGENT_PORT", agent.port().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = service.stdout.take().ok_or("no standard output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    Ok((service, line.trim().parse()?))
}

/// The service: listens until its standard input ends.
async fn serve() -> Outcome<()> {
    let config = Config::new(SERVICE)
        .sampler(Sampler::Const(true))
        .with_env()?;
    let tracer = config.initialize_tracer()?;
    let app = Router::new()
        .route("/stock/{item}", get(stock))
        .layer(tower::server());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, app)
        .with_graceful_shutdown(end_of_input())
        .await?;
    tracer.close(PATIENCE)?;
    Ok(())
}

async fn stock(Path(item): Path<u64>) -> String {
    current().tag("item", item);
    let count = async {
        current().tag("db.system.name", "sqlite");
        42
    };
    count.in_span("look up").await.to_string()
}

async fn end_of_input() {
    let read = || std::io::stdin().read_to_end(&mut Vec::new());
    // An error is an end too.
    let _ended = tokio::task::spawn_blocking(read).await;
}
