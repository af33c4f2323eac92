//! Commands of redis, each in a span: `cargo run --example redis`.
//!
//! Starts a `redis-server`, as Debian has it, on a socket in a folder of its own.

use std::error::Error;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use picojaeger_std::collector::Collector;
use picojaeger_std::config::{Config, Sampler};
use picojaeger_std::{InSpan as _, IntoSpan as _, Span, current};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, RedisResult};

const PATIENCE: Duration = Duration::from_secs(5);

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A server that ends with this.
struct Server(Child);

#[tokio::main]
async fn main() -> Outcome<()> {
    let collector = Collector::bind("127.0.0.1:0")?;
    let agent = collector.local_addr();
    let config = Config::new("shop").sampler(Sampler::Const(true));
    let config = config
        .agent_host(agent.ip().to_string())
        .agent_port(agent.port());
    let tracer = config.initialize_tracer()?;

    let folder = std::env::temp_dir().join(format!("picojaeger-redis-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let outcome = async {
        let socket = folder.join("socket");
        let _server = Server::start(&folder, &socket)?;
        let mut connection = connect(&socket).await?;
        let root = tracer.start("order");
        let trace = root.context().trace_id();
        order(&mut connection).in_span(root).await?;
        Ok::<_, Box<dyn Error>>(trace)
    };
    let outcome = outcome.await;
    std::fs::remove_dir_all(&folder)?;
    let trace = outcome?;

    tracer.close(PATIENCE)?;
    collector.wait_for_spans(4, PATIENCE);
    print!("{}", collector.trace(trace).ok_or("no span arrived")?);
    Ok(())
}

async fn order(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    connection
        .set::<_, _, ()>("stock:7", "many")
        .in_span(command("SET"))
        .await?;
    let count: String = connection.get("stock:7").in_span(command("GET")).await?;
    println!("stock of item 7: {count}");
    let refused = async {
        let refused = connection.incr::<_, _, i64>("stock:7", 1).await;
        refused.inspect_err(|error| {
            current()
                .tag("error.type", error.code())
                .record_error(error);
        })
    };
    if let Err(error) = refused.in_span(command("INCR")).await {
        println!("stock of item 7: {error}");
    }
    Ok(())
}

/// Starts the span of a command: a child of the active one.
fn command(name: &'static str) -> Span {
    let mut span = name.into_span();
    span.tag("span.kind", "client")
        .tag("db.system.name", "redis")
        .tag("db.operation.name", name);
    span
}

async fn connect(socket: &Path) -> Outcome<MultiplexedConnection> {
    let client = redis::Client::open(format!("redis+unix://{}", socket.display()))?;
    let start = Instant::now();
    loop {
        match client.get_multiplexed_async_connection().await {
            Err(_) if start.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(10)).await
            }
            connected => return Ok(connected?),
        }
    }
}

impl Server {
    fn start(folder: &Path, socket: &Path) -> Outcome<Self> {
        let mut server = Command::new("redis-server");
        server
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(socket);
        let started = server.current_dir(folder).stdout(Stdio::null()).spawn();
        let started = started.map_err(|error| {
            format!("redis-server: {error}; Debian has it as the package redis-server")
        });
        Ok(Server(started?))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, or ends now.
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}
