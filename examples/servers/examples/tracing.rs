//! A program that speaks `tracing`: its spans and events as a trace, beside one of our own interface, and its lines with the
//! ids of their spans.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use picojaeger_std::collector::Collector;
use picojaeger_std::config::Sampler;
use picojaeger_std::tracing::{SpanExt as _, TextWithIds, layer};
use picojaeger_std::{Config, Tracer};
use tracing::{Span, info, info_span, instrument};
use tracing_subscriber::fmt::{format, layer as lines};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

const PATIENCE: Duration = Duration::from_secs(2);

fn main() -> Result<(), Box<dyn Error>> {
    let collector = Collector::bind("127.0.0.1:0")?; // stands in for Jaeger's agent
    let tracer = Config::new("shop")
        .sampler(Sampler::Const(true))
        .agent_host("127.0.0.1")
        .agent_port(collector.local_addr().port())
        .new_tracer()?;
    let format = TextWithIds::new(format().without_time().with_target(false));
    tracing_subscriber::registry()
        .with(layer(&tracer)) // levels up to INFO, without hyper and the like
        .with(lines().with_ansi(false).event_format(format))
        .init();

    let trace = order(&tracer, 7);
    tracer.close(PATIENCE)?;
    collector.wait_for_spans(4, PATIENCE);
    print!(
        "{}",
        collector
            .trace(trace.trace_id())
            .ok_or("no trace arrived")?
    );
    Ok(())
}

/// Returns the context of its span.
fn order(tracer: &Tracer, id: u64) -> picojaeger_std::SpanContext {
    let span = info_span!("order", otel.kind = "server", id).entered();
    info!("received");
    let _late = pack(3);
    let _short = pack(8);
    tracer.start("ours").tag("kind", "by the tracer");
    span.context()
}

#[instrument(err, fields(left))]
fn pack(items: u32) -> Result<u32, OutOfStock> {
    let left = 5_u32.checked_sub(items).ok_or(OutOfStock)?;
    Span::current().record("left", left);
    Ok(left)
}

#[derive(Debug)]
struct OutOfStock;

impl fmt::Display for OutOfStock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of stock")
    }
}

impl Error for OutOfStock {}
