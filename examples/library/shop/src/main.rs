//! Traces an order, and what a library does for it, and prints the trace.

use std::error::Error;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use example_stock::{Missing, take};
use picojaeger_std::collector::Collector;
use picojaeger_std::config::Sampler;
use picojaeger_std::{Config, InSpan, traced};

const SOON: Duration = Duration::from_secs(5);

#[traced(err, fields(order.items = items.len()))]
async fn order(items: &[u64]) -> Result<u32, Missing> {
    let mut least = u32::MAX;
    for item in items {
        least = least.min(take(*item).await?);
    }
    Ok(least)
}

fn main() -> Result<(), Box<dyn Error>> {
    let collector = Collector::bind("127.0.0.1:0")?;
    let tracer = Config::new("shop")
        .sampler(Sampler::Const(true))
        .agent_host("127.0.0.1")
        .agent_port(collector.local_addr().port())
        .new_tracer()?;
    let outcome = run(order(&[7, 12]).in_span(tracer.start("request")));
    println!("{outcome:?}");
    tracer.close(SOON)?;
    assert!(collector.wait_for_spans(6, SOON));
    for trace in collector.traces() {
        print!("{trace}");
    }
    Ok(())
}

/// Stands in for a runtime: nothing here waits.
fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        let polled = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(output) = polled {
            return output;
        }
    }
}
