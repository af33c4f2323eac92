//! Queries of sqlx on SQLite, each in a span: `cargo run --example sqlite`.
//!
//! sqlx has no spans of its own, so a query gets one by `in_span`.

use std::error::Error;
use std::time::Duration;

use picojaeger_std::collector::Collector;
use picojaeger_std::config::{Config, Sampler};
use picojaeger_std::{InSpan as _, IntoSpan as _, Span, current};
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Row as _, SqlitePool};

const PATIENCE: Duration = Duration::from_secs(5);

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let collector = Collector::bind("127.0.0.1:0")?;
    let agent = collector.local_addr();
    let config = Config::new("shop").sampler(Sampler::Const(true));
    let config = config
        .agent_host(agent.ip().to_string())
        .agent_port(agent.port());
    let tracer = config.initialize_tracer()?;

    // One connection, as each one to memory has a database of its own.
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect("sqlite::memory:")
        .await?;
    let root = tracer.start("order");
    let trace = root.context().trace_id();
    let work = async {
        create(&pool).await?;
        println!("stock of item 7: {}", stock(&pool, 7).await?);
        if let Err(error) = stock(&pool, 8).await {
            println!("stock of item 8: {error}");
        }
        Ok::<_, sqlx::Error>(())
    };
    work.in_span(root).await?;

    tracer.close(PATIENCE)?;
    collector.wait_for_spans(4, PATIENCE);
    print!("{}", collector.trace(trace).ok_or("no span arrived")?);
    Ok(())
}

async fn create(pool: &SqlitePool) -> sqlx::Result<()> {
    const CREATE: &str = "CREATE TABLE stock AS SELECT 7 AS item, 42 AS count";
    let created = sqlx::query(CREATE).execute(pool);
    created.in_span(query("CREATE TABLE stock", CREATE)).await?;
    Ok(())
}

async fn stock(pool: &SqlitePool, item: i64) -> sqlx::Result<i64> {
    const SELECT: &str = "SELECT count FROM stock WHERE item = ?";
    let found = async {
        let row = sqlx::query(SELECT).bind(item).fetch_one(pool).await;
        row.and_then(|row| row.try_get("count"))
            .inspect_err(|error| {
                current()
                    .tag("error.type", "sqlx::Error")
                    .record_error(error);
            })
    };
    found.in_span(query("SELECT stock", SELECT)).await
}

/// Starts the span of a query: a child of the active one.
fn query(name: &'static str, text: &'static str) -> Span {
    let mut span = name.into_span();
    span.tag("span.kind", "client")
        .tag("db.system.name", "sqlite")
        .tag("db.query.text", text);
    span
}
