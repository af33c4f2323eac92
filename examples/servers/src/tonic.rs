//! Calls of tonic, traced on both sides: `cargo run --example tonic` serves gRPC's health service, asks it, and
//! prints the traces that a collector received.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use ::tower::Layer as _;
use picojaeger_std::collector::Collector;
use picojaeger_std::config::{Config, Sampler};
use picojaeger_std::{InSpan as _, Tracer, tower};
use tokio::net::TcpListener;
use tonic::Status;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

const PATIENCE: Duration = Duration::from_secs(5);

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let collector = Collector::bind("127.0.0.1:0")?;
    let tracer = |service| -> Outcome<Tracer> {
        let agent = collector.local_addr();
        let config = Config::new(service).sampler(Sampler::Const(true));
        let config = config
            .agent_host(agent.ip().to_string())
            .agent_port(agent.port());
        Ok(config.new_tracer()?)
    };
    let (shop, stock) = (tracer("shop")?, tracer("stock")?);
    let address = serve(&stock).await?;
    for (service, spans) in [("", 3), ("unknown", 6)] {
        let root = shop.start("watch over");
        let trace = root.context().trace_id();
        match ask(address, service).in_span(root).await {
            Ok(()) => println!("{service:?} serves"),
            Err(status) => println!("{service:?}: {}", status.message()),
        }
        shop.flush(PATIENCE)?;
        stock.flush(PATIENCE)?;
        collector.wait_for_spans(spans, PATIENCE);
        print!("{}", collector.trace(trace).ok_or("no span arrived")?);
    }
    Ok(())
}

/// The server: one line traces it.
async fn serve(tracer: &Tracer) -> Outcome<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (_reporter, health) = tonic_health::server::health_reporter();
    let server = Server::builder()
        .layer(tower::server().tracer(tracer.clone()))
        .add_service(health)
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);
    Ok(address)
}

/// The client: a layer around its channel, which knows the address.
async fn ask(address: SocketAddr, service: &str) -> Result<(), Status> {
    let endpoint = Channel::from_shared(format!("http://{address}"));
    let endpoint = endpoint.map_err(|error| Status::internal(error.to_string()))?;
    let layer = tower::client().server_address(address.ip().to_string(), address.port());
    let mut client = HealthClient::new(layer.layer(endpoint.connect_lazy()));
    let service = service.to_owned();
    client.check(HealthCheckRequest { service }).await?;
    Ok(())
}
